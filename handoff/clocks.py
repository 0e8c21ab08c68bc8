"""What happens by the clock alone: warn, escalate, re-route, alarm, wake. Safe to run twice and at once.

Each step is judged by the database's clock, taken once by a conditional update, and never before it is due.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q

from handoff import age_alarm, notices, outbox
from handoff.clock_steps import take_steps
from handoff.locks import atomic, lock_leads
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.notices import Kind
from handoff.opening import queue_again
from handoff.outgoing import What
from handoff.pausing import RUNNING, STOPPED, end_pauses
from handoff.promises import Promises
from leads import clock
from leads.enums import Stage

BATCH = 500
# An offer that nobody answered, and an accepted lead that nobody spoke to for longer than was promised.
OFFER_OVER = Q(status=HandoffStatus.OFFERED, paused_at=None)
CONTACT_OVER = RUNNING & Q(status=HandoffStatus.ACCEPTED, closed_at=None, paused_at=None, settle_at=None)


def sweep(at: datetime | None = None) -> int:
    """Do all that is due by the clock; return how many lapsed or came back; routing is woken."""
    at = at or clock.now()
    changed = end_pauses(at)
    take_steps(at)
    for lapse in (_expire_batch, _reroute_batch):
        while (count := lapse(at)) == BATCH:
            changed += count
        changed += count
    age_alarm.sound_due(at)
    return changed + _end_deferrals(at)


@atomic
def _expire_batch(at: datetime) -> int:
    overdue = Handoff.objects.filter(OFFER_OVER, accept_by__lt=at).order_by("accept_by", "pk")
    leads = lock_leads(overdue.values_list("lead_id", flat=True)[:BATCH])
    # Read again: whoever accepted before the lock was there is no longer overdue.
    lapsed = list(overdue.filter(lead_id__in=leads).select_related("lead", "rep"))
    if not lapsed:
        return 0
    ids = [handoff.pk for handoff in lapsed]
    expired = Handoff.objects.filter(OFFER_OVER, pk__in=ids, accept_by__lt=at).update(
        status=HandoffStatus.EXPIRED, closed_at=at, version=F("version") + 1
    )
    if expired != len(ids):
        raise RuntimeError("an offer changed although its lead was locked")
    outbox.announce(What.EXPIRED, ids, at)
    queue_again(lapsed, QueueReason.NEW)
    _tell_former(lapsed, Kind.EXPIRED, "lapsed and is routed again.", at)
    return expired


@atomic
def _reroute_batch(at: datetime) -> int:
    """Take accepted leads without first contact from reps who were warned and whose manager was told."""
    overdue = Handoff.objects.filter(CONTACT_OVER, contact_reroute_at__lt=at, lead__stage=Stage.MQL)
    overdue = overdue.order_by("contact_reroute_at", "pk")
    leads = lock_leads(overdue.values_list("lead_id", flat=True)[:BATCH])
    late = list(overdue.filter(lead_id__in=leads).select_related("lead", "rep"))
    if not late:
        return 0
    Handoff.objects.filter(pk__in=[handoff.pk for handoff in late]).update(
        status=HandoffStatus.REASSIGNED,
        closed_at=at,
        contact_rerouted_at=at,
        version=F("version") + 1,
        **STOPPED,
    )
    outbox.announce(What.REASSIGNED, [handoff.pk for handoff in late], at)
    queue_again(late, QueueReason.NEW)
    _tell_former(late, Kind.CONTACT_LAPSED, "had no first contact in time and is routed again.", at)
    return len(late)


def _tell_former(handoffs: list[Handoff], kind: Kind, what: str, at: datetime) -> None:
    notices.notify(
        Notice(
            user_id=handoff.rep.user_id, kind=kind, handoff=handoff, lead_id=handoff.lead_id,
            text=f"{handoff.lead.name[:200]} {what}", created_at=at,
        )
        for handoff in handoffs if handoff.rep
    )  # fmt: skip


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
    told = (Kind.DEFERRAL_OVER, Kind.CONTACT_WARNING, Kind.CONTACT_LATE)
    Notice.objects.filter(kind__in=told, handoff__in=handoffs).delete()
    promises = Promises.read()
    for handoff in handoffs:
        Handoff.objects.filter(pk=handoff.pk, deferred_until__isnull=False).update(
            deferred_until=None, next_step_at=at, version=F("version") + 1, **promises.contacting(handoff, at)
        )
    notices.notify(
        Notice(
            user_id=handoff.rep.user_id, kind=Kind.DEFERRAL_OVER, handoff=handoff, lead_id=handoff.lead_id,
            text=f"{handoff.lead.name[:100]} is back: {handoff.next_step}"[:300], created_at=at,
        )
        for handoff in handoffs if handoff.rep
    )  # fmt: skip
    return len(handoffs)
