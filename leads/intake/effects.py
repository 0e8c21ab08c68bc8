"""What new events mean for their leads: last seen, touches, suspects who become leads; and the batch's own row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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

_UNSUBSCRIBE = "unsubscribe"


def apply(new: Sequence[IncomingEvent], owners: Owners, run: Run, now: Setting) -> None:
    """Bring the leads of newly recorded events up to date and announce them."""
    counted = [event for event in new if event.owner_id and event.entry and event.outcome == Outcome.COUNTED]
    _update_leads(counted, owners)
    _promote_suspects(counted, owners, run, now)
    changed = {event.owner_id for event in counted if event.owner_id} | {
        pk for pk, signal in owners.joined if signal
    }
    if changed:
        activity_recorded.send(
            sender=Lead, lead_ids=sorted(changed), day=now.day_of(run.received_at), at=run.received_at
        )


def _update_leads(counted: Iterable[IncomingEvent], owners: Owners) -> None:
    latest: dict[int, IncomingEvent] = {}
    touches: dict[int, tuple[IncomingEvent, Touch]] = {}
    unsubscribed: dict[int, IncomingEvent] = {}
    for event in counted:
        pk = event.owner_id
        assert pk is not None
        if pk not in latest or event.occurred_at >= latest[pk].occurred_at:
            latest[pk] = event
        if event.entry and event.entry.slug == _UNSUBSCRIBE:
            unsubscribed[pk] = event
        touch = touch_of(event.properties, event.context)
        if touch and (pk not in touches or event.occurred_at >= touches[pk][0].occurred_at):
            touches[pk] = (event, touch)
    first = _first_touches(owners)
    rows = []
    for pk in sorted(latest.keys() | first.keys()):
        row = _seen_row(
            owners.leads[pk], latest.get(pk), touches.get(pk), first.get(pk), unsubscribed.get(pk)
        )
        if any(value is not None for value in row[1:]):
            rows.append(row)
    storage.update_leads(rows)


def _seen_row(
    lead: LeadRow,
    latest: IncomingEvent | None,
    touched: tuple[IncomingEvent, Touch] | None,
    first: Touch | None,
    unsubscribed: IncomingEvent | None,
) -> tuple[object, ...]:
    """Return a row for `storage.update_leads`."""
    seen = lead.last_seen_at
    is_newer = latest is not None and (seen is None or latest.occurred_at > seen)
    last = touched[1] if touched and (seen is None or touched[0].occurred_at >= seen) else None
    if first is None and touched and not lead.has_first_touch:
        first = touched[1]
    return (
        lead.id,
        latest.occurred_at if latest and is_newer else None,
        latest.entry.id if latest and latest.entry and is_newer else None,
        *_columns(last),
        *_columns(first),
        unsubscribed.occurred_at if unsubscribed and lead.unsubscribed_at is None else None,
    )


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


def _promote_suspects(counted: Iterable[IncomingEvent], owners: Owners, run: Run, now: Setting) -> None:
    """Make leads of the suspects who engaged, now or while nobody knew who they were (R2)."""
    because: dict[int, Entry] = {}
    for pk, signal_id in sorted(owners.joined, key=lambda pair: (pair[0], pair[1] or 0)):
        entry = now.catalogue.by_id.get(signal_id or 0)
        if entry and entry.is_engagement:
            because.setdefault(pk, entry)
    for event in counted:
        if event.is_engagement and event.entry and event.owner_id:
            because.setdefault(event.owner_id, event.entry)
    suspects = [pk for pk in because if owners.leads[pk].stage == Stage.SUSPECT]
    if not suspects:
        return
    leads = Lead.objects.filter(pk__in=suspects, stage=Stage.SUSPECT).order_by("pk")
    moves = [_promotion(lead, because[lead.pk]) for lead in leads]
    move_many(moves, at=run.received_at, skip_refused=True)


def _promotion(lead: Lead, entry: Entry) -> Move:
    # The status stays: engaging does not undo a disqualification, and waking from nurture has rules of its own.
    return Move(
        lead, Stage.LEAD, lead.status, actor=f"signal:{entry.slug}", reason=f"First engagement: {entry.label}",
        evidence={"signal": entry.slug}, wake_on=lead.wake_on, wake_signal=lead.wake_signal,
        nurture_reason=lead.nurture_reason, from_stage=Stage.SUSPECT,
    )  # fmt: skip


def write_batch(results: Sequence[ItemResult], rejected: Sequence[Rejection], run: Run, origin: str) -> None:
    """Write how the batch ended, and a dead letter for each item that was turned away (I25)."""
    outcomes = Counter(str(result.outcome) for result in results)
    reasons = Counter(f"{result.outcome}:{result.reason}" for result in results if result.reason)
    batch = IntakeBatch.objects.create(
        source_id=run.source_id,
        origin=origin[:30],
        received_at=run.received_at,
        received=len(results),
        reasons=dict(reasons),
        **{outcome: outcomes[outcome] for outcome in Outcome.values},
    )
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
