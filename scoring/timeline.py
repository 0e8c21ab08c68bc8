"""How a score came to be what it is: its curve, and the cause of every change, by the same engine day by day."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from leads import clock
from leads.models import Definition, Lead, Organisation, ProfileChange
from scoring.curves import engagement_curve
from scoring.engine import DayCount, engagement_points, fit_points, net_counts
from scoring.facts import load_counts, load_profiles
from scoring.live import Catalogue, Rules, rules_of
from scoring.models import ScoreOverride
from scoring.rulebook import PROFILE_FIELDS

SPARK_DAYS = 14
TIMELINE_DAYS = 90


@dataclass(frozen=True)
class Cause:
    """Why a score changed: `kind` is event, profile, rules, decay or override; `text` says it in words."""

    kind: str
    text: str


@dataclass(frozen=True)
class ScorePoint:
    """A day on which the score changed, and from what; the first point of a timeline has no causes.

    `shown` is the score set by hand while one is in force, else the computed `score`.
    """

    day: date
    score: int
    shown: int
    fit: int
    engagement: int
    change: int
    causes: tuple[Cause, ...]


class Versions:
    """Which rules were live on which day; before the first publish, the first."""

    def __init__(self) -> None:
        published = Definition.objects.filter(live_from__isnull=False).order_by("live_from", "version")
        zone = Organisation.current().time_zone
        self.rules = [rules_of(definition) for definition in published]
        self.since = [clock.day_of(d.live_from, zone) for d in published if d.live_from]

    def on(self, day: date) -> Rules:
        """Return the rules in force at the end of `day`."""
        return self.rules[max(0, bisect_right(self.since, day) - 1)]

    def __bool__(self) -> bool:
        return bool(self.rules)


def score_timeline(
    lead: Lead, today: date, days: int = TIMELINE_DAYS, *, hindsight: bool = False
) -> list[ScorePoint]:
    """Return the days of the last `days` on which the score changed, oldest first, with the causes.

    Each day's score is of what was known by then; with `hindsight`, of what is known now of that day: late
    arrivals count from the day they happened, and what was taken back never counted. A day on which the score was
    set by hand, or that ended, is a change, too; the computed score need not have moved.
    """
    versions = Versions()
    if not versions:
        return []
    catalogue = Catalogue.load()
    counts = load_counts([lead.pk], today, catalogue).get(lead.pk, [])
    if hindsight:
        counts = [replace(row, known_on=row.occurred_on) for row in counts]
    profiles = _Profiles(lead, today - timedelta(days=days), today)
    overrides = list(lead.score_overrides.select_related("by", "ended_by").order_by("set_at", "id"))
    points: list[ScorePoint] = []
    for age in range(days, -1, -1):
        day = today - timedelta(days=age)
        fit = fit_points(profiles.on(day), versions.on(day).rulebook)
        engagement = engagement_points(net_counts(counts, day), versions.on(day).rulebook, day)
        shown = next((one.score for one in overrides if one.holds_on(day)), fit + engagement)
        last = points[-1] if points else None
        if last is None:
            points.append(ScorePoint(day, fit + engagement, shown, fit, engagement, 0, ()))
            continue
        causes = _override_causes(overrides, day)
        if (fit, engagement) != (last.fit, last.engagement):
            causes = (*_causes(day, counts, profiles, versions, catalogue), *causes)
        if causes:
            change = fit + engagement - last.score
            points.append(ScorePoint(day, fit + engagement, shown, fit, engagement, change, causes))
    return points


def _override_causes(overrides: Sequence[ScoreOverride], day: date) -> tuple[Cause, ...]:
    said = []
    for one in overrides:
        if one.set_on == day:
            said.append(f"{one.in_words()}: {one.reason}")
        if one.over_on == day and one.ending_in_words():
            said.append(one.ending_in_words())
    return tuple(Cause("override", text) for text in said)


def _causes(
    day: date, counts: Sequence[DayCount], profiles: _Profiles, versions: Versions, catalogue: Catalogue
) -> tuple[Cause, ...]:
    causes = []
    signals = dict.fromkeys(row.signal for row in counts if row.known_on == day)
    for signal in signals:
        label = catalogue.facts[signal].label
        corrected = all(row.count < 0 for row in counts if row.known_on == day and row.signal == signal)
        causes.append(Cause("event", f"{label} taken back" if corrected else label))
    for field in profiles.changed_on(day):
        causes.append(Cause("profile", f"{field.replace('_', ' ').capitalize()} changed"))
    before, after = versions.on(day - timedelta(days=1)).version, versions.on(day).version
    if before != after:
        causes.append(Cause("rules", f"Definition {after} went live"))
    return tuple(causes) or (Cause("decay", "Earlier engagement counts less"),)


class _Profiles:
    """One lead's profile on every day of a span; two statements."""

    def __init__(self, lead: Lead, first: date, today: date) -> None:
        self.profile = load_profiles([lead], first)[lead.pk]
        self.first = first
        self.changes: dict[date, dict[str, Any]] = defaultdict(dict)
        changes = ProfileChange.objects.filter(
            lead=lead, day__gt=first, day__lte=today, field__in=PROFILE_FIELDS
        )
        for change in changes.order_by("day", "id"):
            self.changes[change.day][change.field] = change.value

    def on(self, day: date) -> dict[str, Any]:
        profile = dict(self.profile)
        for changed_on in sorted(self.changes):
            if changed_on <= day:
                profile |= self.changes[changed_on]
        return profile

    def changed_on(self, day: date) -> list[str]:
        return list(self.changes.get(day, ()))


def recent_scores(leads: Sequence[Lead], today: date, days: int = SPARK_DAYS) -> dict[int, list[int]]:
    """Return for each lead its score at the end of the last days, today's stored one last; for a page of rows.

    The fit is yesterday's throughout: a spark line shows the course of the engagement. Constant statements.
    """
    versions = Versions()
    if not versions or not leads:
        return {}
    span = [today - timedelta(days=age) for age in range(days - 1, 0, -1)]
    counts = load_counts([lead.pk for lead in leads], span[-1], Catalogue.load())
    profiles = load_profiles(leads, span[-1])
    return {
        lead.pk: [*_curve(profiles[lead.pk], counts.get(lead.pk, []), span, versions), lead.score]
        for lead in leads
    }


def _curve(
    profile: Mapping[str, Any], counts: Sequence[DayCount], span: Sequence[date], versions: Versions
) -> list[int]:
    curve: list[int] = []
    for rules, days in groupby(span, versions.on):
        fit = fit_points(profile, rules.rulebook)
        curve += [fit + points for points in engagement_curve(counts, rules.rulebook, list(days))]
    return curve
