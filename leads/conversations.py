"""Log what was said with a lead: a conversation held is a signal, and makes a suspect a lead (R2)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from leads.intake import setting
from leads.intake.events import IncomingEvent
from leads.intake.recording import record_events
from leads.models import Conversation, Lead, User
from leads.signals import contact_made
from leads.sources import MANUAL, internal_source

SIGNAL = "direct_conversation"
# Kinds in which both sides talk; a mail that was read is no conversation yet.
_SPOKEN = (Conversation.Kind.CALL, Conversation.Kind.MEETING, Conversation.Kind.CHAT)


def log_conversation(
    lead: Lead, kind: str, reached: bool, summary: str, at: datetime, by: User | None
) -> Conversation:
    """Write down a call, meeting, mail or chat at `at`; one in which the lead was reached also counts as a signal.

    Sends `contact_made` in the same transaction, whether the lead was reached or not.
    """
    source = internal_source(MANUAL, at)
    with transaction.atomic():
        conversation = Conversation.objects.create(
            lead=lead, by=by, kind=kind, reached=reached, summary=summary, at=at
        )
        if reached and kind in _SPOKEN:
            record_events([_event(conversation)], source=source, received_at=at, origin="conversation")
        contact_made.send(sender=Conversation, conversation=conversation)
    return conversation


def _event(conversation: Conversation) -> IncomingEvent:
    return IncomingEvent(
        type="track",
        name="Conversation Held",
        message_id=f"conversation-{conversation.pk}",
        occurred_at=conversation.at,
        lead_id=conversation.lead_id,
        properties={"kind": conversation.kind, "conversation": conversation.pk},
        entry=setting.read().catalogue.by_slug.get(SIGNAL),
        object_key=conversation.kind,
        classified=True,
    )
