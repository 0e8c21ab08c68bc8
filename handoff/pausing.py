"""Standing the clock of a handoff still for a reason: a pause gives back the working time it took."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q

from handoff.errors import HandoffConflict, Invalid
from handoff.locks import atomic, lock_lead
from handoff.models import Handoff, HandoffStatus
from handoff.promises import Promises, prolonged
from handoff.reassigning import must_manage
from leads.audit import audit
from leads.models import User

LONGEST = timedelta(days=30)
# With a clock that runs: an offer, or an accepted lead that waits for its first contact.
RUNNING = Q(status=HandoffStatus.OFFERED) | Q(
    status=HandoffStatus.ACCEPTED, first_contact_at=None, deferred_until=None, contact_by__isnull=False
)
STOPPED: dict[str, object] = {
    "paused_at": None, "paused_until": None, "paused_by": None, "pause_reason": "",
}  # fmt: skip


@atomic
def pause(handoff: Handoff, by: User, reason: str, until: datetime, at: datetime) -> Handoff:
    """Stop the running clock until a moment, at which it goes on by itself; the deadline moves accordingly."""
    must_manage(handoff, by)
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid({"reason": "Say why the clock stops; the rep reads it."})
    if not at < until <= at + LONGEST:
        raise Invalid({"until": f"Pick a moment from now to {LONGEST.days} days from now."})
    lock_lead(handoff.lead_id)
    running = Handoff.objects.filter(
        RUNNING, pk=handoff.pk, version=handoff.version, closed_at=None, paused_at=None, settle_at=None
    ).exclude(status=HandoffStatus.OFFERED, accept_by__lt=at)
    if not running.update(
        paused_at=at, paused_until=until, paused_by=by, pause_reason=reason, version=F("version") + 1
    ):
        handoff.refresh_from_db()
        raise HandoffConflict(handoff.status, "No clock of this handoff runs that could be stopped now.")
    audit(
        "handoff.pause", handoff, by=by, at=at, changes={"reason": ["", reason]}, label=str(handoff.lead_id)
    )
    handoff.refresh_from_db()
    return handoff


@atomic
def resume(handoff: Handoff, by: User, at: datetime) -> Handoff:
    """Let a stopped clock go on before its time."""
    must_manage(handoff, by)
    lock_lead(handoff.lead_id)
    now = Handoff.objects.select_related("rep").get(pk=handoff.pk)
    if now.paused_at is None or now.version != handoff.version or now.closed_at:
        raise HandoffConflict(now.status, "The clock goes on already.")
    go_on(now, at, Promises.read())
    audit("handoff.resume", now, by=by, at=at, label=str(now.lead_id))
    now.refresh_from_db()
    return now


def go_on(handoff: Handoff, at: datetime, promises: Promises) -> bool:
    """Let the clock go on at `at`, with what was left of it; call with the lead locked and `rep` loaded."""
    hours = promises.hours(handoff.rep.calendar_id if handoff.rep else None)
    still = Handoff.objects.filter(pk=handoff.pk, version=handoff.version, paused_at=handoff.paused_at)
    return bool(still.exclude(paused_at=None).update(**prolonged(handoff, at, hours), **STOPPED))


def end_pauses(at: datetime) -> int:
    """Let clocks go on whose pause is over; return how many."""
    over = Handoff.objects.filter(paused_until__lte=at, closed_at=None).order_by("paused_until", "pk")
    ids = list(over.values_list("pk", "lead_id")[:500])
    promises = Promises.read() if ids else None
    return sum(_end_one(pk, lead_id, promises) for pk, lead_id in ids if promises)


@atomic
def _end_one(pk: int, lead_id: int, promises: Promises) -> bool:
    lock_lead(lead_id)
    handoff = Handoff.objects.select_related("rep").filter(pk=pk, closed_at=None).first()
    if handoff is None or handoff.paused_until is None:
        return False
    # At the moment that was said, however late the sweep: a pause lasts as long as it was asked for.
    return go_on(handoff, handoff.paused_until, promises)
