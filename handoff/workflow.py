"""What a rep decides about a handoff: accept, reject, return, defer, and taking that back.

A decision counts at the click: the offer's status changes at once and the deadline is judged then. What
follows from it (stage, next path, notices) waits for `LEADFLOW_UNDO_SECONDS` and is done by `settle_due`.
Every change is a conditional update under the lead's lock; who loses a race gets HandoffConflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import DateField, F, Q

from handoff import outcomes, sentences
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.locks import atomic, lock_lead
from handoff.models import OPEN, Handoff, HandoffStatus, NextPath, RejectionReason
from handoff.pausing import go_on
from handoff.promises import Promises
from handoff.reassigning import reassign, reassign_many, release_to_sales
from handoff.settling import settle, settle_due
from leads import clock
from leads.models import Organisation, User

__all__ = [
    "accept", "accept_many", "defer", "reassign", "reassign_many", "reject", "release_to_sales", "return_to_marketing",
    "settle_due", "undo",
]  # fmt: skip

OFFERED, ACCEPTED = HandoffStatus.OFFERED, HandoffStatus.ACCEPTED
# After this a lead is better nurtured.
FARTHEST_DEFERRAL = timedelta(days=365)
FARTHEST_WAKING = timedelta(days=730)
NO_CONTACT_CLOCK: dict[str, Any] = {
    "contact_by": None, "contact_warn_at": None, "contact_warned_at": None, "contact_escalated_at": None,
    "contact_reroute_at": None, "clock_spans": [],
}  # fmt: skip


@atomic
def accept(
    handoff: Handoff, by: User, at: datetime, next_step: str = "", next_step_at: datetime | None = None
) -> Handoff:
    """Take the offer; first contact is due some hours later. Where accepting means SQL, the stage follows."""
    _must_be_assignee(handoff, by)
    changes: dict[str, Any] = {
        "status": ACCEPTED,
        "decided_at": at,
        "decided_by_id": by.pk,
        **Promises.read().contacting(_reread(handoff), at),
    }
    if next_step or next_step_at:
        changes |= {"next_step": _text("next_step", next_step, 300), "next_step_at": next_step_at}
    return _decide("accept", handoff, by, at, Q(status=OFFERED, accept_by__gte=at), changes)


def accept_many(
    handoffs: Iterable[Handoff], by: User, at: datetime
) -> tuple[list[Handoff], list[tuple[Handoff, str]]]:
    """Accept several offers, each in its own transaction; return those accepted and the others with why not."""
    accepted, refused = [], []
    for handoff in sorted(handoffs, key=lambda one: one.lead_id):
        try:
            accepted.append(accept(handoff, by, at))
        except (HandoffConflict, NotAllowed) as problem:
            refused.append((handoff, str(problem)))
    return accepted, refused


@atomic
def reject(
    handoff: Handoff,
    by: User,
    reason: RejectionReason,
    note: str = "",
    missing: Sequence[str] = (),
    *,
    at: datetime,
    wake_on: date | None = None,
) -> Handoff:
    """Turn the lead down, offered or accepted; the reason decides what happens to it next.

    `wake_on` is the day to look again, where the next path is nurture. One that was accepted stays accepted
    in the reports and closes with the reason.
    """
    _must_be_assignee(handoff, by)
    note, missing = _text("note", note, 2000), _missing(missing)
    _check_rejection(reason, note, missing, wake_on, clock.day_of(at))
    changes = {"reason_id": reason.pk, "note": note, "missing": missing}
    more = {"wake_on": wake_on} if wake_on and reason.next_path == NextPath.NURTURE else {}
    return _turn_down("reject", HandoffStatus.REJECTED, handoff, by, at, changes, more)


def _check_rejection(
    reason: RejectionReason, note: str, missing: Sequence[str], wake_on: date | None, today: date
) -> None:
    problems = {}
    if not reason.is_active:
        problems["reason"] = "This reason is no longer used. Choose another one."
    if reason.needs_note and not note:
        problems["note"] = f"“{reason.label}” needs a sentence on what you found."
    if reason.next_path == NextPath.FIX_DATA and not (missing or note):
        problems["missing"] = "Name what has to be mended, so that marketing can do it."
    if wake_on and not today < wake_on <= today + FARTHEST_WAKING:
        problems["wake_on"] = "Pick a day after today and within two years."
    if problems:
        raise Invalid(problems)


@atomic
def return_to_marketing(
    handoff: Handoff, by: User, missing: Sequence[str] = (), note: str = "", *, at: datetime
) -> Handoff:
    """Give the lead back, offered or accepted, saying what is missing; it stays an MQL of the same cycle."""
    _must_be_assignee(handoff, by)
    changes = {"note": _text("note", note, 2000), "missing": _missing(missing)}
    if not (changes["note"] or changes["missing"]):
        raise Invalid({"missing": "Say what is missing, so that marketing can find it."})
    return _turn_down("return", HandoffStatus.RETURNED, handoff, by, at, changes)


@atomic
def defer(handoff: Handoff, by: User, until: date, next_step: str, at: datetime) -> Handoff:
    """Put an accepted lead off to a day, with a soft next step: the contact clock stops, the seat is free."""
    _must_be_assignee(handoff, by)
    today = clock.day_of(at)
    if not today < until <= today + FARTHEST_DEFERRAL:
        raise Invalid({"until": "Pick a day after today and within a year. Later than that is for nurture."})
    next_step = _text("next_step", next_step, 300)
    if not next_step:
        raise Invalid({"next_step": "Say what happens next, however small."})
    changes = {"deferred_until": until, "next_step": next_step, "next_step_at": None, **NO_CONTACT_CLOCK}
    return _decide("defer", handoff, by, at, Q(status=ACCEPTED), changes)


@atomic
def undo(handoff: Handoff, by: User, at: datetime) -> Handoff:
    """Take back one's last decision while its consequences have not followed; the offer's deadline stays."""
    lock_lead(handoff.lead_id)
    now = _reread(handoff)
    if not now.pending or now.settle_at is None or now.settle_at <= at or now.closed_at:
        raise HandoffConflict(
            "settled", "It is too late to undo this: it has taken effect.", when=now.settle_at
        )
    if now.pending["by"] != by.pk:
        raise NotAllowed("Only who decided can undo it.")
    before = {name: _restored(name, value) for name, value in now.pending["before"].items()}
    pending = Handoff.objects.filter(pk=now.pk, version=now.version, settle_at__gt=at)
    if not pending.update(**before, version=F("version") + 1, settle_at=None, pending={}):
        raise conflict(handoff, now, at)
    return _reread(handoff)


def _turn_down(
    kind: str,
    status: HandoffStatus,
    handoff: Handoff,
    by: User,
    at: datetime,
    changes: dict[str, Any],
    more: dict[str, Any] | None = None,
) -> Handoff:
    if handoff.status == ACCEPTED:
        # The offer had its one outcome; this ends what came of it.
        return _decide(kind, handoff, by, at, Q(status=ACCEPTED), changes, more)
    changes |= {"status": status, "decided_at": at, "decided_by_id": by.pk}
    return _decide(kind, handoff, by, at, Q(status=OFFERED, accept_by__gte=at), changes, more)


def _decide(
    kind: str,
    handoff: Handoff,
    by: User,
    at: datetime,
    guard: Q,
    changes: dict[str, Any],
    more: dict[str, Any] | None = None,
) -> Handoff:
    """Write a decision if the handoff is as the caller saw it; settle it if there is no time to undo.

    `more` is what settling has to know and the handoff does not keep.
    """
    lead = lock_lead(handoff.lead_id)
    now = _reread(handoff)
    if now.version == handoff.version and now.paused_at and now.paused_until:
        # Whoever decides needs no pause any more; what it gave them counts.
        go_on(now, min(at, now.paused_until), Promises.read())
        now = _reread(handoff)
    if now.version == handoff.version and now.pending:
        # A second decision in quick succession builds on the first, which then cannot be undone any more.
        settle(now, lead, at)
    wait = timedelta(seconds=settings.LEADFLOW_UNDO_SECONDS)
    before = {name: getattr(now, name) for name in changes}
    pending = {"kind": kind, "by": by.pk, "at": at, "before": before, **(more or {})}
    unchanged = Handoff.objects.filter(guard, pk=handoff.pk, version=handoff.version, closed_at=None)
    changes |= {"settle_at": at + wait, "pending": _plain(pending)}
    if not unchanged.update(**changes, version=F("version") + 1):
        raise conflict(handoff, now, at)
    for name, value in changes.items():
        setattr(now, name, value)
    now.version = handoff.version + 1
    if not wait:
        settle(now, lead, at)
    return now


def conflict(handoff: Handoff, now: Handoff, at: datetime) -> HandoffConflict:
    """Say who was faster, when, and what the handoff is now."""
    zone = Organisation.current().time_zone
    lapsed = now.status == HandoffStatus.EXPIRED or (
        now.status == OFFERED and now.accept_by and now.accept_by < at
    )
    if lapsed and now.accept_by:
        when = sentences.moment(now.accept_by, zone)
        return HandoffConflict(
            "expired", f"The offer lapsed at {when}; the lead is routed again.", when=now.accept_by
        )
    if now.status in OPEN and now.version == handoff.version:
        return HandoffConflict(
            now.status, f"It is {now.get_status_display().lower()}; that cannot be done now."
        )
    what = outcomes.became(now, zone)
    return HandoffConflict(now.status, what.sentence, who=what.who, when=what.when)


def _must_be_assignee(handoff: Handoff, by: User) -> None:
    if not (by.is_active and by.is_rep and handoff.rep and handoff.rep.user_id == by.pk):
        raise NotAllowed("Only the rep it was handed to can decide this.")


def _reread(handoff: Handoff) -> Handoff:
    return Handoff.objects.select_related("cycle", "reason", "decided_by", "rep__user", "lead").get(
        pk=handoff.pk
    )


def _text(field: str, text: str, limit: int) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > limit:
        raise Invalid({field: f"That is {len(text):,} characters long; {limit:,} fit here."})
    return text


def _missing(entries: Sequence[str]) -> list[str]:
    if len(entries) > 20:
        raise Invalid({"missing": "Name at most 20 things."})
    return [entry for given in entries if (entry := _text("missing", str(given), 200))]


def _plain(value: Any) -> Any:
    """Make values fit for JSON, to the microsecond."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value.isoformat() if isinstance(value, date) else value


def _restored(name: str, value: Any) -> Any:
    if not value or not isinstance(value, str):
        return value
    field = Handoff._meta.get_field(name)
    return field.to_python(value) if isinstance(field, DateField) else value
