"""What happens by the clock alone: offers lapse, deferred leads come back. Safe to run twice and at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from handoff import notices, outbox
from handoff.locks import atomic, lock_leads
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.notices import Kind
from handoff.opening import queue_again
from handoff.outgoing import What
from leads import clock
from leads.models import Organisation

BATCH = 500


def sweep(at: datetime | None = None) -> int:
    """Let overdue offers lapse and wake deferred leads; return how many changed; routing is woken."""
    at = at or clock.now()
    changed = 0
    while count := _expire_batch(at):
        changed += count
    return changed + _end_deferrals(at)


@atomic
def _expire_batch(at: datetime) -> int:
    overdue = Handoff.objects.filter(status=HandoffStatus.OFFERED, accept_by__lt=at).order_by(
        "accept_by", "pk"
    )
    leads = lock_leads(overdue.values_list("lead_id", flat=True)[:BATCH])
    # Read again: whoever accepted before the lock was there is no longer overdue.
    lapsed = list(overdue.filter(lead_id__in=leads).select_related("lead", "rep"))
    if not lapsed:
        return 0
    ids = [handoff.pk for handoff in lapsed]
    expired = Handoff.objects.filter(pk__in=ids, status=HandoffStatus.OFFERED, accept_by__lt=at).update(
        status=HandoffStatus.EXPIRED, closed_at=at, version=F("version") + 1
    )
    if expired != len(ids):
        raise RuntimeError("an offer changed although its lead was locked")
    outbox.announce(What.EXPIRED, ids, at)
    queue_again(lapsed, QueueReason.NEW)
    notices.notify(
        Notice(
            user_id=handoff.rep.user_id, kind=Kind.EXPIRED, handoff=handoff, lead_id=handoff.lead_id,
            text=f"{handoff.lead.name[:200]} lapsed and goes to somebody else.", created_at=at,
        )
        for handoff in lapsed if handoff.rep
    )  # fmt: skip
    return expired


@atomic
def _end_deferrals(at: datetime) -> int:
    """Put deferred leads whose day has come back on their rep's clock."""
    back = Handoff.objects.filter(
        status=HandoffStatus.ACCEPTED, closed_at=None, deferred_until__lte=clock.day_of(at)
    )
    back = back.filter(settle_at=None)
    leads = lock_leads(back.values_list("lead_id", flat=True)[:BATCH])
    handoffs = list(back.filter(lead_id__in=leads).select_related("lead", "rep"))
    if not handoffs:
        return 0
    # Deferred before: what was said then is over.
    Notice.objects.filter(kind=Kind.DEFERRAL_OVER, handoff__in=handoffs).delete()
    contact_by = at + timedelta(hours=Organisation.current().contact_hours)
    Handoff.objects.filter(pk__in=[h.pk for h in handoffs], deferred_until__isnull=False).update(
        deferred_until=None, contact_by=contact_by, version=F("version") + 1
    )
    notices.notify(
        Notice(
            user_id=handoff.rep.user_id, kind=Kind.DEFERRAL_OVER, handoff=handoff, lead_id=handoff.lead_id,
            text=f"{handoff.lead.name[:100]} is back: {handoff.next_step}"[:300], created_at=at,
        )
        for handoff in handoffs if handoff.rep
    )  # fmt: skip
    return len(handoffs)
