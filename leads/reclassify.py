"""When the catalogue changes: give the events there are the signals it names now, after a look at how many move.

A preview walks through all stored events and counts; a run walks and moves. Both are rows that remember how far
they came, so a killed worker loses a chunk at most. Moving appends signed counts of the day of the correction.
Left alone: what people named by hand or imported, and what stands in quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet

from leads import clock
from leads.audit import audit
from leads.enums import Outcome
from leads.intake import setting
from leads.intake.catalogue import Catalogue
from leads.intake.events import UNMATCHED
from leads.intake.recording import retrying
from leads.models import Event, Organisation, Reclassification, Signal, User
from leads.quarantine import classify, correct, locked, promote
from leads.sources import IMPORTS, MANUAL
from leads.wakeup import wake

CHUNK = 1000
TASK = "leads.tasks.reclassify"
PREVIEW, RUN = Reclassification.PREVIEW, Reclassification.RUN
NOBODY = 0  # in place of a signal: none


class AlreadyRunning(Exception):
    """One walk of this kind is under way."""


def start(kind: str, *, at: datetime, by: User | None) -> Reclassification:
    """Begin a preview or a run for the workers to do. Raises AlreadyRunning."""
    upto = Event.objects.aggregate(last=Max("id"))["last"] or 0
    try:
        with transaction.atomic():
            job = Reclassification.objects.create(
                kind=kind, by=by, created_at=at, upto_event_id=upto, events_total=Event.objects.count(),
                catalogue_version=Organisation.current().catalogue_version,
            )  # fmt: skip
            audit(f"events.reclassify_{kind}", job, by=by, at=at)
    except IntegrityError:
        raise AlreadyRunning from None
    wake(TASK)
    return job


def drain(at: datetime | None = None) -> int:
    """Walk on with everything begun and return how many chunks that took. Safe to run twice, at once or never."""
    steps = 0
    while _step(at):
        steps += 1
    return steps


def _step(at: datetime | None) -> bool:
    return retrying(lambda: _next_chunk(at or clock.now()))


@transaction.atomic
def _next_chunk(at: datetime) -> bool:
    unfinished = Reclassification.objects.filter(finished_at=None).order_by("pk")
    job = unfinished.select_for_update(skip_locked=True).first()
    if job is None:
        return False
    events = Event.objects.filter(pk__gt=job.last_event_id, pk__lte=job.upto_event_id).order_by("pk")
    ids = list(events.values_list("pk", flat=True)[:CHUNK])
    if not ids:
        unfinished.filter(pk=job.pk).update(finished_at=at)
        return True
    moved = _moved(events.filter(pk__lte=ids[-1]), job, at)
    # The guard: of two workers that read the same row on SQLite, one moves on.
    unfinished.filter(pk=job.pk, last_event_id=job.last_event_id).update(
        last_event_id=ids[-1], events_done=F("events_done") + len(ids), moves=_added(job.moves, moved)
    )
    return True


@dataclass(frozen=True)
class Moved:
    """One event that gets another name: signal ids, 0 for none."""

    lead_id: int | None
    before: int
    after: int


def _moved(events: QuerySet[Event], job: Reclassification, at: datetime) -> list[Moved]:
    now = setting.read()
    candidates = events.filter(_MOVABLE).exclude(source__name__in=[IMPORTS, MANUAL])
    if job.kind == PREVIEW:
        return [move for _, move in _changes(candidates.iterator(), now.catalogue)]
    # Looked at twice: first to see which, then, those locked, to be sure.
    found = [event.pk for event, _ in _changes(candidates.iterator(), now.catalogue)]
    return _move(locked(found).values(), now.catalogue, at) if found else []


# Not identify, group and alias: they name no signal. Too old ones stay ignored.
_MOVABLE = Q(type__in=["track", "page", "screen"]) & (
    Q(outcome=Outcome.COUNTED) | Q(outcome=Outcome.IGNORED, outcome_reason=UNMATCHED)
)


def _changes(events: Iterable[Event], known: Catalogue) -> Iterator[tuple[Event, Moved]]:
    """Yield the events that get another signal, with their new name already on them, not yet saved."""
    for event in events:
        entry, key = classify(event, known)
        before, after = event.signal_id or NOBODY, entry.id if entry else NOBODY
        if before == after:
            continue
        event.signal_id, event.object_key = after or None, key
        event.outcome = Outcome.COUNTED if after else Outcome.IGNORED
        if not after:
            event.outcome_reason = UNMATCHED
        elif event.outcome_reason == UNMATCHED:
            event.outcome_reason = ""
        yield event, Moved(event.lead_id, before, after)


def _move(events: Iterable[Event], known: Catalogue, at: datetime) -> list[Moved]:
    rows = [event for event in events if event.outcome in (Outcome.COUNTED, Outcome.IGNORED)]
    counted = {
        event.pk: (event.signal_id, event.object_key) for event in rows if event.outcome == Outcome.COUNTED
    }
    changes = list(_changes(rows, known))
    moved = [event for event, _ in changes]
    Event.objects.bulk_update(moved, ["signal", "object_key", "outcome", "outcome_reason"], batch_size=500)
    promote([event for event in moved if event.outcome == Outcome.COUNTED], at)
    correct(
        [(event, *counted[event.pk], -1) for event in moved if event.pk in counted]
        + [
            (event, event.signal_id, event.object_key, 1)
            for event in moved
            if event.outcome == Outcome.COUNTED
        ],
        at,
    )
    return [move for _, move in changes]


def _added(moves: dict[str, Any], moved: Sequence[Moved]) -> dict[str, Any]:
    for move in moved:
        entry = moves.setdefault(f"{move.before}>{move.after}", {"events": 0, "leads": []})
        entry["events"] += 1
        if move.lead_id:
            entry["leads"].append(move.lead_id)
    for entry in moves.values():
        entry["leads"] = sorted(set(entry["leads"]))[: Reclassification.LEADS_KEPT]
    return moves


# --- As people read it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """How many events, of how many leads, move from one signal to another; "" for no signal."""

    before: str
    after: str
    events: int
    leads: int
    is_capped: bool


def lines(job: Reclassification) -> list[Line]:
    """Return a job's moves, most events first. One query."""
    labels = dict(Signal.objects.values_list("pk", "label"))
    found = []
    for pair, entry in job.moves.items():
        before, after = (int(side) for side in pair.split(">"))
        leads = len(entry["leads"])
        is_capped = leads == Reclassification.LEADS_KEPT
        found.append(Line(labels.get(before, ""), labels.get(after, ""), entry["events"], leads, is_capped))
    return sorted(found, key=lambda line: (-line.events, line.before, line.after))
