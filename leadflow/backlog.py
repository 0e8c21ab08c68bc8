"""What waits, and since when: the age of the oldest thing says more than the length of a queue."""

import datetime as dt

from django.db.models import Min, Q, QuerySet

from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.outgoing import Delivery
from scoring.models import PendingScore


def oldest(*, at: dt.datetime) -> dict[str, float]:
    """Return, for each kind of work that is due and waits, the seconds its oldest has waited."""
    # What was put off until later is not late before then.
    due = Q(not_before=None) | Q(not_before__lte=at)
    offered = Handoff.objects.filter(status=HandoffStatus.OFFERED, accept_by__lt=at)
    waiting = {
        "scores": _first(PendingScore.objects.filter(due, set_aside=""), "created_at"),
        "routing": _first(
            Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason=QueueReason.NEW), "waiting_since"
        ),
        "deadlines": _first(offered, "accept_by"),
        "decisions": _first(Handoff.objects.filter(settle_at__lt=at), "settle_at"),
        "notices": _first(Notice.objects.to_mail(at), "created_at"),
        "webhooks": _first(Delivery.objects.overdue(at), "due_at"),
    }
    return {name: (at - since).total_seconds() for name, since in waiting.items() if since}


def _first(rows: QuerySet, field: str) -> dt.datetime | None:
    return rows.aggregate(first=Min(field))["first"]
