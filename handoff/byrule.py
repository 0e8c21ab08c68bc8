"""SQLs that a rule decides (R7): what a rep saves is judged at once; scores, meetings and days by this sweep."""

from __future__ import annotations

from datetime import datetime

from handoff.discovery import qualify_by_rule
from handoff.models import Handoff, HandoffStatus
from leads import clock
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning, Stage, Status


def sweep(at: datetime | None = None) -> int:
    """Make SQLs of the accepted MQLs that meet a rule set by now; return how many. Safe to run at once.

    Only where the organisation chose that a rule decides. An MQL nobody accepted yet is left to its offer.
    """
    if sql_meaning() != SqlMeaning.RULE:
        return 0
    at = at or clock.now()
    worked = Handoff.objects.filter(
        status=HandoffStatus.ACCEPTED, closed_at=None, settle_at=None, cycle__ended_at=None,
        lead__stage=Stage.MQL, lead__status=Status.ACTIVE,
    )  # fmt: skip
    return sum(qualify_by_rule(handoff, at=at) for handoff in worked.order_by("pk"))
