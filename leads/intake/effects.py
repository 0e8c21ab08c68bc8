"""What new events mean for their leads: last seen, touches, suspects who become leads; and the batch's own row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leads.capture import Touch
from leads.enums import Outcome, Stage
from leads.intake import identities, storage
from leads.intake.catalogue import Entry
from leads.intake.events import IncomingEvent, ItemResult, Rejection, Run
from leads.intake.identities import Owners
from leads.intake.setting import Setting
from leads.intake.storage import Account, LeadRow
from leads.intake.touches import touch_of
from leads.lifecycle import Move, move_many
from leads.models import DeadLetter, IntakeBatch, Lead
from leads.signals import activity_recorded
from leads.wakeup import wake

_UNSUBSCRIBE = "unsubscribe"
SEEN_TASK = "leads.tasks.update_seen"


Seen = list[tuple[int, str, int]]  # lead, moment, signal


def will_change(
    events: Iterable[IncomingEvent], carriers: Iterable[IncomingEvent], owners: Owners
) -> set[int]:
    """Return the known leads whose rows a batch may write, to be locked beforehand."""
    changed = {owners.of(event) for event in carriers}
    for event in events:
        pk = event.owner_id
        if pk is None or event.outcome != Outcome.COUNTED:
            continue
        entry = event.entry
        engages = entry is not None and entry.is_engagement and owners.leads[pk].stage == Stage.SUSPECT
        leaves = entry is not None and entry.slug == _UNSUBSCRIBE
        if engages or leaves or event.touch or not owners.unknown.isdisjoint(identities.ids_of(event)):
            changed.add(pk)
    return {pk for pk in changed if pk}


def apply(new: Sequence[IncomingEvent], owners: Owners, run: Run, now: Setting) -> None:
    """Bring the leads of newly recorded events up to date and announce them."""
    counted = _counted(new)
    storage.update_touches(_touch_rows(counted, owners))
    promote_engaged(_reasons_to_promote(counted, owners, now), run.received_at)
    changed = {event.owner_id for event in counted if event.owner_id}
    changed |= {pk for pk, signal in owners.joined if signal}
    if changed:
        activity_recorded.send(
            sender=Lead, lead_ids=sorted(changed), day=now.day_of(run.received_at), at=run.received_at
        )


def _counted(events: Iterable[IncomingEvent]) -> list[IncomingEvent]:
    return [event for event in events if event.owner_id and event.entry and event.outcome == Outcome.COUNTED]


def seen_by(events: Iterable[IncomingEvent], owners: Owners) -> Seen:
    """Return when the leads of these events were seen last.

    `leads.seen` writes it on the leads later: in every request that cost as much as recording the events.
    """
    return _seen(_counted(events), owners)


def _seen(counted: Iterable[IncomingEvent], owners: Owners) -> Seen:
    latest: dict[int, IncomingEvent] = {}
    for event in counted:
        pk = event.owner_id
        assert pk is not None
        if pk not in latest or event.occurred_at >= latest[pk].occurred_at:
            latest[pk] = event
    seen = [
        (pk, event.occurred_at.isoformat(), event.entry.id) for pk, event in latest.items() if event.entry
    ]
    joined = {pk for pk, signal in owners.joined if signal} - latest.keys()
    if joined:
        seen += [(pk, at.isoformat(), signal) for pk, at, signal in storage.last_signals(joined)]
    return seen


def _touch_rows(counted: Iterable[IncomingEvent], owners: Owners) -> list[tuple[Any, ...]]:
    """Return rows for `storage.update_touches`; most batches have none."""
    touches: dict[int, tuple[IncomingEvent, Touch]] = {}
    unsubscribed: dict[int, datetime] = {}
    for event in counted:
        pk = event.owner_id
        assert pk is not None
        if event.entry and event.entry.slug == _UNSUBSCRIBE and owners.leads[pk].unsubscribed_at is None:
            unsubscribed[pk] = event.occurred_at
        touch = event.touch
        if touch and (pk not in touches or event.occurred_at >= touches[pk][0].occurred_at):
            touches[pk] = (event, touch)
    first = _first_touches(owners)
    rows = []
    for pk in sorted(touches.keys() | first.keys() | unsubscribed.keys()):
        last, begun = _touches_of(owners.leads[pk], touches.get(pk), first.get(pk))
        rows.append((pk, *_columns(last), *_columns(begun), unsubscribed.get(pk)))
    return rows


def _touches_of(
    lead: LeadRow, touched: tuple[IncomingEvent, Touch] | None, first: Touch | None
) -> tuple[Touch | None, Touch | None]:
    """Return the last and the first touch to write on a lead, None for what stays."""
    if touched is None:
        return None, first
    event, touch = touched
    is_last = lead.last_seen_at is None or event.occurred_at >= lead.last_seen_at
    return touch if is_last else None, first or (None if lead.has_first_touch else touch)


def _columns(touch: Touch | None) -> tuple[str | None, str | None, str | None]:
    return (touch.source[:100], touch.medium[:100], touch.campaign[:150]) if touch else (None, None, None)


def _first_touches(owners: Owners) -> dict[int, Touch]:
    """Return where leads came from whose anonymous past has just been joined: it is older than what they had."""
    joined = {pk for pk, _ in owners.joined}
    found: dict[int, Touch] = {}
    if joined:
        for pk, properties, context in storage.first_pages(sorted(joined)):
            if pk not in found and (touch := touch_of(properties, context)):
                found[pk] = touch
    return found


def _reasons_to_promote(counted: Iterable[IncomingEvent], owners: Owners, now: Setting) -> dict[int, Entry]:
    """Return the suspects who engaged, now or while nobody knew who they were, with the signal (R2)."""
    because: dict[int, Entry] = {}
    for pk, signal_id in sorted(owners.joined, key=lambda pair: (pair[0], pair[1] or 0)):
        entry = now.catalogue.by_id.get(signal_id or 0)
        if entry and entry.is_engagement and owners.leads[pk].stage == Stage.SUSPECT:
            because.setdefault(pk, entry)
    for event in counted:
        owner, signal = event.owner_id, event.entry
        if owner and signal and signal.is_engagement and owners.leads[owner].stage == Stage.SUSPECT:
            because.setdefault(owner, signal)
    return because


def promote_engaged(because: Mapping[int, Entry], at: datetime) -> None:
    """Make leads of the suspects among these, each because of a signal."""
    if not because:
        return
    leads = Lead.objects.filter(pk__in=because, stage=Stage.SUSPECT).order_by("pk")
    move_many([_promotion(lead, because[lead.pk]) for lead in leads], at=at, skip_refused=True)


def _promotion(lead: Lead, entry: Entry) -> Move:
    # The status stays: engaging does not undo a disqualification, and waking from nurture has rules of its own.
    return Move(
        lead, Stage.LEAD, lead.status, actor=f"signal:{entry.slug}", reason=f"First engagement: {entry.label}",
        evidence={"signal": entry.slug}, wake_on=lead.wake_on, wake_signal=lead.wake_signal,
        nurture_reason=lead.nurture_reason, from_stage=Stage.SUSPECT,
    )  # fmt: skip


def account_of(results: Sequence[ItemResult], origin: str, seen: Seen) -> Account:
    """Return how a batch ended (I25)."""
    outcomes = Counter(str(result.outcome) for result in results)
    reasons = Counter(f"{result.outcome}:{result.reason}" for result in results if result.reason)
    return Account(origin[:30], len(results), outcomes, reasons, seen)


def write_account(account: Account, run: Run) -> int:
    """Write a batch's row where that was not done with its events; returns its id."""
    batch = IntakeBatch.objects.create(
        source_id=run.source_id,
        origin=account.origin,
        received_at=run.received_at,
        received=account.received,
        reasons=dict(account.reasons),
        seen=account.seen or None,
        **{outcome: account.outcomes.get(outcome, 0) for outcome in Outcome.values},
    )
    return batch.pk


def finish(batch_id: int, rejected: Sequence[Rejection], *, seen: Sequence[object]) -> None:
    """Write a dead letter for each item that was turned away, and have the leads brought up to date."""
    DeadLetter.objects.bulk_create(_dead_letter(batch_id, one) for one in rejected)
    if seen:
        wake(SEEN_TASK)


def _dead_letter(batch_id: int, one: Rejection) -> DeadLetter:
    return DeadLetter(
        batch_id=batch_id,
        index=one.index,
        code=one.code[:50],
        pointer=one.pointer[:200],
        detail=one.detail[:500],
        item=one.item,
    )
