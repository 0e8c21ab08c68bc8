"""Quarantine: automated traffic that scores nothing, put there at intake, by the sweep for bursts or by hand.

An event in quarantine has no day count. Putting one there later, or letting it out, never edits what was counted:
it appends signed counts dated the day of the correction (I2), so a past score still shows what was known then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from leads import clock
from leads.audit import audit
from leads.enums import Outcome
from leads.intake import catalogue, effects, setting, storage
from leads.intake.events import UNMATCHED
from leads.intake.recording import retrying
from leads.models import EngagementDay, Event, Lead, User
from leads.signals import activity_recorded

BY_HAND = "by_hand"
RELEASED = "released"  # the reason a counted event was let out: the sweep leaves it alone
MOST = 1000  # events in one call


@dataclass(frozen=True)
class Result:
    """What became of one event; `event` is None where there is none."""

    event_id: int
    event: Event | None
    problem: str = ""


def quarantine(
    ids: Sequence[int], *, at: datetime, reason: str = BY_HAND, by: User | None = None
) -> list[Result]:
    """Take counted events out of the score, with a result for each id in the order given. Safe to repeat."""
    return retrying(lambda: _quarantine(ids, at, reason, by))


@transaction.atomic
def _quarantine(ids: Sequence[int], at: datetime, reason: str, by: User | None) -> list[Result]:
    events = locked(ids)
    chosen = [event for event in events.values() if event.outcome == Outcome.COUNTED]
    Event.objects.filter(pk__in=[event.pk for event in chosen]).update(
        outcome=Outcome.QUARANTINED, outcome_reason=reason
    )
    correct([(event, event.signal_id, event.object_key, -1) for event in chosen], at)
    _note("events.quarantine", chosen, reason, by, at)
    return _results(ids, events, {event.pk for event in chosen}, "counts")


def release(ids: Sequence[int], *, at: datetime, by: User | None = None) -> list[Result]:
    """Let events out of quarantine: each gets its signal by the catalogue and counts from today. Safe to repeat."""
    return retrying(lambda: _release(ids, at, by))


@transaction.atomic
def _release(ids: Sequence[int], at: datetime, by: User | None) -> list[Result]:
    events = locked(ids)
    chosen = [event for event in events.values() if event.outcome == Outcome.QUARANTINED]
    now = setting.read()
    for event in chosen:
        _name(event, now.catalogue)
    Event.objects.bulk_update(chosen, ["signal", "object_key", "outcome", "outcome_reason"], batch_size=500)
    counted = [event for event in chosen if event.outcome == Outcome.COUNTED]
    promote(counted, at)
    correct([(event, event.signal_id, event.object_key, 1) for event in counted], at)
    _note("events.release", chosen, "", by, at)
    return _results(ids, events, {event.pk for event in chosen}, "is in quarantine")


def _name(event: Event, known: catalogue.Catalogue) -> None:
    """Name an event as if no machine had sent it."""
    entry, key = classify(event, known)
    event.signal_id, event.object_key = (entry.id if entry else None), key
    event.outcome = Outcome.COUNTED if entry else Outcome.IGNORED
    event.outcome_reason = RELEASED if entry else UNMATCHED


def classify(event: Event, known: catalogue.Catalogue) -> tuple[catalogue.Entry | None, str]:
    """Return the entry a stored event matches now and its object; what was named by hand keeps its name."""
    path = catalogue.path_of(event.properties, event.context) if event.type == "page" else ""
    # A page view without a name was given its path as name at intake.
    name = event.name
    entry = known.match(event.type, name, path)
    key = catalogue.object_key(entry, name, path, event.properties, event.context) if entry else ""
    return entry, key


def locked(ids: Collection[int]) -> dict[int, Event]:
    """Return events by id, locked after their leads (see `storage.lock_leads`)."""
    events = Event.objects.filter(pk__in=ids)
    storage.lock_leads(sorted(set(events.filter(lead__isnull=False).values_list("lead_id", flat=True))))
    rows = events.select_for_update(of=("self",)).select_related("lead").order_by("pk")
    return {event.pk: event for event in rows}


Change = tuple[
    Event, int | None, str, int
]  # event, its signal and object, and by how much their count changes


def correct(changes: Iterable[Change], at: datetime) -> None:
    """Append the counts that make up for changed events, dated the day of `at`, and have their leads scored."""
    day = clock.day_of(at)
    days: Counter[tuple[object, ...]] = Counter()
    for event, signal_id, object_key, count in changes:
        if event.lead_id and signal_id:
            days[(event.lead_id, signal_id, object_key, event.occurred_on, day)] += count
    storage.add_days(days)
    leads = sorted({int(str(key[0])) for key in days})
    if leads:
        # Corrected on the day it was counted: as if it had never been. Scoring takes every row for something given.
        EngagementDay.objects.filter(lead_id__in=leads, known_on=day, count=0).delete()
        activity_recorded.send(sender=Lead, lead_ids=leads, day=day, at=at)


def promote(events: Sequence[Event], at: datetime) -> None:
    """Make leads of suspects whose engagement was released."""
    now = setting.read()
    because: dict[int, catalogue.Entry] = {}
    for event in events:
        entry = now.catalogue.by_id.get(event.signal_id or 0)
        if event.lead_id and entry and entry.is_engagement:
            because.setdefault(event.lead_id, entry)
    effects.promote_engaged(because, at)


def _note(action: str, events: Sequence[Event], reason: str, by: User | None, at: datetime) -> None:
    if events and by:
        leads = len({event.lead_id for event in events if event.lead_id})
        said = f"{len(events)} events of {leads} leads, {events[0].pk} and others"
        audit(action, by=by, at=at, label=said, changes={"reason": ("", reason)} if reason else None)


def _results(
    ids: Sequence[int], events: Mapping[int, Event], done: Collection[int], needed: str
) -> list[Result]:
    return [
        Result(pk, events.get(pk), _problem(events.get(pk), pk in done, needed)) for pk in dict.fromkeys(ids)
    ]


def _problem(event: Event | None, is_done: bool, needed: str) -> str:
    if event is None:
        return "There is no such event."
    return "" if is_done else f"Nothing to do: only an event that {needed} can be changed this way."
