"""Where facts can be sent, one module per target; a new target is a copied file and a line here."""

from handoff.destinations.base import Answer, DeliveryError, Message, Target
from handoff.destinations.slack import Slack
from handoff.destinations.webhook import Webhook

__all__ = ["TARGETS", "Answer", "DeliveryError", "Message", "Target"]

TARGETS: dict[str, Target] = {"webhook": Webhook(), "slack": Slack()}
