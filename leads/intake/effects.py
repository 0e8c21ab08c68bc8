"""What new events mean for their leads: last seen, touches, suspects who become leads; and the batch's own row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leads.capture import Touch
from leads.enums import Outcome, Stage
from leads.intake import storage
from leads.intake.catalogue import Entry
from leads.intake.events import IncomingEvent, ItemResult, Rejection, Run
from leads.intake.identities import Owners
from leads.intake.setting import Setting
from leads.intake.storage import LeadRow
from leads.intake.touches import touch_of
from leads.lifecycle import Move, move_many
from leads.models import DeadLetter, IntakeBatch, Lead
from leads.signals import activity_recorded
from leads.wakeup import wake

_UNSUBSCRIBE = "unsubscribe"
SEEN_TASK = "leads.tasks.update_seen"


Seen = list[tuple[int, str, int]]  # lead, moment, signal


def apply(new: Sequence[IncomingEvent], owners: Owners, run: Run, now: Setting) -> Seen:
    """Bring the leads of newly recorded events up to date and announce them; returns when they were seen last.

    That is written on the leads later (`leads.seen`): in every request it cost as much as recording the events.
    """
    counted = [event for event in new if event.owner_id and event.entry and event.outcome == Outcome.COUNTED]
    because = _reasons_to_promote(counted, owners, now)
    touches = _touch_rows(counted, owners)
    if because or touches:
        storage.lock_leads(because.keys() | {row[0] for row in touches})
    storage.update_touches(touches)
    _promote(because, run)
    changed = {event.owner_id for event in counted if event.owner_id} | {
        pk for pk, signal in owners.joined if signal
    }
    if changed:
        activity_recorded.send(
            sender=Lead, lead_ids=sorted(changed), day=now.day_of(run.received_at), at=run.received_at
        )
    return _seen(counted, owners)


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
        touch = touch_of(event.properties, event.context)
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


def _promote(because: Mapping[int, Entry], run: Run) -> None:
    if not because:
        return
    leads = Lead.objects.filter(pk__in=because, stage=Stage.SUSPECT).order_by("pk")
    move_many([_promotion(lead, because[lead.pk]) for lead in leads], at=run.received_at, skip_refused=True)


def _promotion(lead: Lead, entry: Entry) -> Move:
    # The status stays: engaging does not undo a disqualification, and waking from nurture has rules of its own.
    return Move(
        lead, Stage.LEAD, lead.status, actor=f"signal:{entry.slug}", reason=f"First engagement: {entry.label}",
        evidence={"signal": entry.slug}, wake_on=lead.wake_on, wake_signal=lead.wake_signal,
        nurture_reason=lead.nurture_reason, from_stage=Stage.SUSPECT,
    )  # fmt: skip


def write_batch(
    results: Sequence[ItemResult], rejected: Sequence[Rejection], run: Run, origin: str, seen: Seen
) -> None:
    """Write how the batch ended, and a dead letter for each item that was turned away (I25)."""
    outcomes = Counter(str(result.outcome) for result in results)
    reasons = Counter(f"{result.outcome}:{result.reason}" for result in results if result.reason)
    batch = IntakeBatch.objects.create(
        source_id=run.source_id,
        origin=origin[:30],
        received_at=run.received_at,
        received=len(results),
        reasons=dict(reasons),
        seen=seen or None,
        **{outcome: outcomes[outcome] for outcome in Outcome.values},
    )
    if seen:
        wake(SEEN_TASK)
    DeadLetter.objects.bulk_create(_dead_letter(batch, one) for one in rejected)


def _dead_letter(batch: IntakeBatch, one: Rejection) -> DeadLetter:
    return DeadLetter(
        batch=batch,
        index=one.index,
        code=one.code[:50],
        pointer=one.pointer[:200],
        detail=one.detail[:500],
        item=one.item,
    )
