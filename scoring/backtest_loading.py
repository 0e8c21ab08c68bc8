"""The histories of many leads, read from the database in a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from leads.enums import Stage, Status
from leads.lifecycle import QUALIFIED
from leads.models import Cycle, EngagementDay, Lead, Organisation, ProfileChange, StageChange
from scoring.backtest_history import History, Outcome, Standing
from scoring.backtest_outcomes import outcome_of
from scoring.conditions import Boundary
from scoring.engine import DayCount
from scoring.facts import known_counts
from scoring.live import Catalogue
from scoring.models import NewnessBoundary
from scoring.rulebook import PROFILE_FIELDS

# Field → from which day on, what, and when that was written.
Changes = dict[str, list[tuple[date, Any, datetime]]]


@dataclass(frozen=True)
class Loader:
    """Reads histories as known at the end of `last`, oldest day that can matter first."""

    zone: ZoneInfo
    catalogue: Catalogue
    last: date

    @classmethod
    def until(cls, last: date) -> Loader:
        return cls(ZoneInfo(Organisation.current().time_zone), Catalogue.load(), last)

    def load(self, after: int, upto: int) -> list[History]:
        """Return the histories of the live leads whose ids lie above `after` and up to `upto`, in id order."""
        chosen = Lead.objects.live().filter(pk__gt=after, pk__lte=upto)
        return self._load(chosen, {"lead_id__gt": after, "lead_id__lte": upto})

    def load_ids(self, ids: Collection[int]) -> list[History]:
        """Return the histories of these live leads, in id order."""
        return self._load(Lead.objects.live().filter(pk__in=ids), {"lead_id__in": list(ids)})

    def _load(self, chosen: Any, of_lead: dict[str, Any]) -> list[History]:
        leads = list(chosen.order_by("pk").values("pk", "status", "wake_signal", *PROFILE_FIELDS))
        counts, changes = self._counts(of_lead), self._changes(of_lead)
        lines, boundaries, cycles = self._lines(of_lead), self._boundaries(of_lead), self._cycles(of_lead)
        return [
            History(
                pk,
                counts.get(pk, []),
                _profiles(lead, changes.get(pk, {})),
                self._standings(lead, lines.get(pk, []), boundaries.get(pk, {}), changes.get(pk, {})),
                cycles.get(pk, {}),
            )
            for lead in leads
            for pk in [lead["pk"]]
        ]

    def _counts(self, of_lead: dict[str, Any]) -> dict[int, list[DayCount]]:
        slugs = self.catalogue.slugs
        found: dict[int, list[DayCount]] = defaultdict(list)
        rows = EngagementDay.objects.filter(known_on__lte=self.last, **of_lead).values_list(
            "lead_id", "signal_id", "object_key", "occurred_on", "known_on", "count"
        )
        for lead, signal, key, occurred, known, count in rows.iterator(chunk_size=5000):
            found[lead].append(DayCount(slugs[signal], key, occurred, known, count))
        return found

    def _changes(self, of_lead: dict[str, Any]) -> dict[int, Changes]:
        found: dict[int, Changes] = defaultdict(lambda: defaultdict(list))
        rows = ProfileChange.objects.filter(field__in=PROFILE_FIELDS, **of_lead).order_by("day", "id")
        for lead, name, value, day, at in rows.values_list("lead_id", "field", "value", "day", "at"):
            found[lead][name].append((day, value, at))
        return found

    def _lines(self, of_lead: dict[str, Any]) -> dict[int, list[StageChange]]:
        found: dict[int, list[StageChange]] = defaultdict(list)
        lines = StageChange.objects.filter(**of_lead).order_by("lead_id", "seq")
        for line in lines.only("lead_id", "seq", "at", "actor", "from_stage", "to_stage", "to_status"):
            found[line.lead_id].append(line)
        return found

    def _boundaries(self, of_lead: dict[str, Any]) -> dict[int, dict[int, NewnessBoundary]]:
        found: dict[int, dict[int, NewnessBoundary]] = defaultdict(dict)
        for row in NewnessBoundary.objects.filter(**of_lead):
            found[row.lead_id][row.seq] = row
        return found

    def _cycles(self, of_lead: dict[str, Any]) -> dict[int, dict[int, Outcome]]:
        found: dict[int, dict[int, Outcome]] = defaultdict(dict)
        for cycle in Cycle.objects.filter(**of_lead):
            found[cycle.lead_id][cycle.number] = outcome_of(cycle, self._day(cycle.mql_at).toordinal())
        return found

    def _day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _standings(
        self,
        lead: Mapping[str, Any],
        lines: Sequence[StageChange],
        boundaries: Mapping[int, NewnessBoundary],
        changes: Changes,
    ) -> list[Standing]:
        """Read the ledger without its rule promotions; see `scoring.backtest_history`."""
        found: list[Standing] = []
        is_open, attempt, ended_on = False, 0, None
        boundary: Boundary | None = None
        wake: str | None = None
        for line in lines:
            day = self._day(line.at)
            begun = boundaries.get(line.seq)
            enters = line.to_stage == Stage.MQL and line.from_stage != Stage.MQL
            if line.to_stage in (Stage.SUSPECT, Stage.LEAD):
                is_open = line.to_stage == Stage.LEAD and line.to_status != Status.DISQUALIFIED
                wake = _wake(line, begun, wake)
                if line.from_stage in QUALIFIED:
                    attempt, ended_on = attempt + 1, day
            elif enters and not line.actor.startswith("rule:"):
                is_open = False
            if begun is not None:
                boundary = Boundary(begun.day, known_counts(begun, self.catalogue), ended_on, wake)
            elif boundary is not None and boundary.wake_signal != wake:
                boundary = Boundary(boundary.day, boundary.known, boundary.cycle_ended_on, wake)
            profile = _profile_at(lead, changes, day, line.at) if begun is not None else None
            found.append(
                Standing(day.toordinal(), is_open, attempt, boundary, begun is not None, enters, profile)
            )
        return _as_it_waits_now(found, lead)


def _as_it_waits_now(found: list[Standing], lead: Mapping[str, Any]) -> list[Standing]:
    """Let a lead now in nurture wait for what it shows: boundaries noted earlier do not say."""
    boundary = found[-1].boundary if found else None
    if lead["status"] == Status.NURTURE and boundary and boundary.wake_signal != lead["wake_signal"]:
        found[-1] = replace(found[-1], boundary=replace(boundary, wake_signal=lead["wake_signal"]))
    return found


def _wake(line: StageChange, begun: NewnessBoundary | None, before: str | None) -> str | None:
    """Return what a nurtured lead waits for; None out of nurture."""
    if line.to_status != Status.NURTURE:
        return None
    return begun.wake_signal if begun is not None else before or ""


def _profiles(lead: Mapping[str, Any], changes: Changes) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the profile from each day on which it changed; `scoring.facts.load_profiles` says by what rule."""
    now = {name: lead[name] for name in PROFILE_FIELDS}
    days = sorted({day for dated in changes.values() for day, _, _ in dated})
    profile = now | dict.fromkeys(changes)
    found: list[tuple[int, Mapping[str, Any]]] = [(0, profile)] if days else [(0, now)]
    for on in days:
        profile = dict(profile)
        for name, dated in changes.items():
            values = [value for day, value, _ in dated if day == on]
            if values:
                profile[name] = now[name] if dated[-1][0] == on else values[-1]
        found.append((on.toordinal(), profile))
    return found


def _profile_at(
    lead: Mapping[str, Any], changes: Changes, on: date, moment: datetime
) -> Mapping[str, Any] | None:
    """Return the profile as it was at a moment of a day, None if it did not change after it on that day."""
    if not any(day == on and at > moment for dated in changes.values() for day, _, at in dated):
        return None
    profile = {name: lead[name] for name in PROFILE_FIELDS}
    for name, dated in changes.items():
        before = [value for day, value, at in dated if day < on or (day == on and at <= moment)]
        if len(before) < len(dated):
            profile[name] = before[-1] if before else None
    return profile
