"""What the engine needs to know of leads, read from the database as of a day, for many leads at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, Q

from leads.enums import Status
from leads.models import EngagementDay, Lead, ProfileChange
from scoring.conditions import Boundary, MqlFacts, gather
from scoring.engine import DayCount, Key
from scoring.live import Catalogue
from scoring.models import NewnessBoundary
from scoring.rulebook import PROFILE_FIELDS, Rulebook


@dataclass(frozen=True)
class LeadFacts:
    """One lead as it was known on `day`."""

    lead_id: int
    day: date
    profile: Mapping[str, Any]
    counts: Sequence[DayCount]
    boundary: Boundary | None

    def for_mql(self, rulebook: Rulebook, catalogue: Catalogue) -> MqlFacts:
        """Return what the MQL rule sets ask about."""
        return gather(self.profile, self.counts, rulebook, self.day, catalogue.facts, self.boundary)


def load_facts(leads: Sequence[Lead], day: date, catalogue: Catalogue) -> list[LeadFacts]:
    """Return the facts of these leads in their order; a constant number of statements.

    Counts hold every day there ever was: `re_engagement` asks for the first.
    """
    ids = [lead.pk for lead in leads]
    profiles = load_profiles(leads, day)
    counts = load_counts(ids, day, catalogue)
    boundaries = load_boundaries(leads, day, catalogue)
    return [LeadFacts(pk, day, profiles[pk], counts.get(pk, []), boundaries.get(pk)) for pk in ids]


def load_counts(ids: Collection[int], day: date, catalogue: Catalogue) -> dict[int, list[DayCount]]:
    """Return the day counts known on `day`, per lead."""
    found: dict[int, list[DayCount]] = defaultdict(list)
    rows = EngagementDay.objects.filter(lead_id__in=ids, known_on__lte=day, occurred_on__lte=day)
    for lead_id, signal_id, object_key, occurred_on, known_on, count in rows.values_list(
        "lead_id", "signal_id", "object_key", "occurred_on", "known_on", "count"
    ):
        found[lead_id].append(DayCount(catalogue.slugs[signal_id], object_key, occurred_on, known_on, count))
    return found


def load_profiles(leads: Sequence[Lead], day: date) -> dict[int, dict[str, Any]]:
    """Return the fit fields as they were at the end of `day`.

    A field without a later change is what the lead shows; else the last change up to the day holds, and
    before the first change the field was unknown.
    """
    profiles = {lead.pk: {name: getattr(lead, name) for name in PROFILE_FIELDS} for lead in leads}
    later = ProfileChange.objects.filter(lead_id__in=list(profiles), day__gt=day)
    changed_since = set(later.values_list("lead_id", "field").distinct())
    for lead_id, field in changed_since:
        if field in profiles[lead_id]:
            profiles[lead_id][field] = None
    for lead_id, field, value in _earlier_values({lead_id for lead_id, _ in changed_since}, day):
        if (lead_id, field) in changed_since and field in profiles[lead_id]:
            profiles[lead_id][field] = value
    return profiles


def _earlier_values(ids: Collection[int], day: date) -> list[tuple[int, str, Any]]:
    if not ids:
        return []
    rows = ProfileChange.objects.filter(lead_id__in=ids, day__lte=day).order_by("day", "id")
    return list(rows.values_list("lead_id", "field", "value"))


def load_boundaries(leads: Sequence[Lead], day: date, catalogue: Catalogue) -> dict[int, Boundary]:
    """Return from when on engagement is new, for leads that have such a moment up to `day`.

    A record merged into the lead brings its own along.
    """
    statuses = {lead.pk: lead for lead in leads}
    rows = NewnessBoundary.objects.filter(
        Q(lead_id__in=statuses) | Q(lead__merged_into_id__in=statuses), day__lte=day
    ).annotate(owner_id=F("lead__merged_into_id"))
    ended: dict[int, date] = {}
    latest: dict[int, NewnessBoundary] = {}
    for row in rows.order_by("at", "id"):
        pk = row.lead_id if row.lead_id in statuses else row.owner_id
        latest[pk] = row
        if row.ended_cycle:
            ended[pk] = row.day
    return {
        pk: Boundary(row.day, known_counts(row, catalogue), ended.get(pk), _wake_signal(statuses[pk]))
        for pk, row in latest.items()
    }


def known_counts(row: NewnessBoundary, catalogue: Catalogue) -> dict[Key, int]:
    """Return what was known at the moment the boundary began, of its own day."""
    known: dict[Key, int] = defaultdict(int)
    for signal_id, object_key, occurred_on, count in row.known:
        if signal_id in catalogue.slugs:
            known[(catalogue.slugs[signal_id], object_key, date.fromisoformat(occurred_on))] += count
    return known


def _wake_signal(lead: Lead) -> str | None:
    return lead.wake_signal if lead.status == Status.NURTURE else None
