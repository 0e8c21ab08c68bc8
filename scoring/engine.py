"""The score of one lead, as a pure function of plain data (docs/scoring.md states the same in words).

No Django and no clock in here: a profile, day counts, a rulebook and a day go in, a breakdown comes out whose
lines are whole numbers that add up to the score. `scoring.sql` computes the same numbers for many leads.

Distinct units, in this order: `none` counts every event, `day` one per day, `object` one per object on the
latest day it has; then `max_per_day` bounds the units of each day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from typing import Any

from scoring.rulebook import MAX_WINDOW_DAYS, MOMENTUM_LIMIT, EngagementRule, FitRule, Rulebook

Profile = Mapping[str, Any]
Key = tuple[str, str, date]  # signal, object, day it happened
Nets = Mapping[Key, int]
_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class DayCount:
    """How often a signal was given on an object on a day, known from `known_on` on; corrections below 0."""

    signal: str
    object_key: str
    occurred_on: date
    known_on: date
    count: int


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """What the catalogue says of a signal; `intent` runs from 0 (none) to 3 (high)."""

    label: str
    intent: int
    is_engagement: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a breakdown. `kind` is fit, engagement, cap or clip; `rule` the id of its rule or group."""

    label: str
    kind: str
    points: int
    detail: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ScoreBreakdown:
    """A score with the lines that add up to it; `version` is the definition's, where the caller knows it."""

    day: date
    fit: int
    engagement: int
    grade: str
    band: int
    momentum: int
    disqualified_by: str
    fit_lines: tuple[Line, ...]
    engagement_lines: tuple[Line, ...]
    version: int | None = None

    @property
    def score(self) -> int:
        return self.fit + self.engagement

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.fit_lines + self.engagement_lines

    def as_dict(self) -> dict[str, Any]:
        """Return the figures and the lines that say something, ready for JSON."""
        lines = [asdict(line) for line in self.lines if line.points or line.detail == "unknown"]
        return {
            "day": self.day.isoformat(), "fit": self.fit, "engagement": self.engagement, "score": self.score,
            "grade": self.grade, "band": self.band, "momentum": self.momentum,
            "disqualified_by": self.disqualified_by, "lines": lines,
        }  # fmt: skip


def score(profile: Profile, counts: Iterable[DayCount], definition: Rulebook, day: date) -> ScoreBreakdown:
    """Return the score of `profile` and `counts` on `day`; counts that became known later are left out."""
    return score_nets(profile, net_counts(counts, day), definition, day)


def score_nets(profile: Profile, nets: Nets, definition: Rulebook, day: date) -> ScoreBreakdown:
    """Like `score`, for counts already netted by `net_counts` for this day."""
    fit_lines = _fit_lines(profile, definition)
    engagement_lines, momentum = _engagement_lines(nets, definition, day)
    fit = sum(line.points for line in fit_lines)
    engagement = sum(line.points for line in engagement_lines)
    return ScoreBreakdown(
        day=day,
        fit=fit,
        engagement=engagement,
        grade=definition.grade_of(fit),
        band=definition.band_of(engagement),
        momentum=momentum,
        disqualified_by=next((rule.id for rule in definition.disqualifiers if matches(rule, profile)), ""),
        fit_lines=tuple(fit_lines),
        engagement_lines=tuple(engagement_lines),
    )


def fit_points(profile: Profile, definition: Rulebook) -> int:
    """Return the fit score alone."""
    return sum(line.points for line in _fit_lines(profile, definition))


def engagement_points(nets: Nets, definition: Rulebook, day: date) -> int:
    """Return the engagement score alone, without its lines: for curves over many days."""
    sums: dict[str | None, int] = defaultdict(int)
    by_signal = _by_signal(nets, day)
    for signal, given in by_signal.items():
        for rule in definition.rules_by_signal.get(signal, ()):
            sums[rule.group] += points_of(rule, _weighted(rule, _units(rule, given)))
    for group in definition.groups:
        sums[group.id] = min(sums[group.id], group.max_points)
    return max(0, min(definition.engagement_max, sum(sums.values())))


def net_counts(counts: Iterable[DayCount], day: date) -> dict[Key, int]:
    """Add up what was known on `day`, per signal, object and day; only sums above 0 remain."""
    sums: dict[Key, int] = defaultdict(int)
    for row in counts:
        if row.known_on <= day and row.occurred_on <= day:
            sums[(row.signal, row.object_key, row.occurred_on)] += row.count
    return {key: count for key, count in sums.items() if count > 0}


@lru_cache(maxsize=512)
def weights(half_life_days: int | None) -> tuple[int, ...]:
    """Return the weight of every age from 0 to 399, in thousandths."""
    if half_life_days is None:
        return (1000,) * MAX_WINDOW_DAYS
    with localcontext() as context:
        context.prec = 40
        half = Decimal(half_life_days)
        return tuple(
            int((1000 * Decimal("0.5") ** (Decimal(age) / half)).quantize(Decimal(1), ROUND_HALF_EVEN))
            for age in range(MAX_WINDOW_DAYS)
        )


def round_thousandths(thousandths: int) -> int:
    """Divide by 1000, rounding half away from zero."""
    whole = (abs(thousandths) + 500) // 1000
    return whole if thousandths >= 0 else -whole


def ascii_lower(text: str) -> str:
    """Fold A-Z only, as both databases do under a byte-wise collation."""
    return text.translate(_ASCII_LOWER)


def is_unknown(value: Any) -> bool:
    """Tell whether a profile value says nothing; unknown is not "no"."""
    return value is None or value == ""


def matches(rule: FitRule, profile: Profile) -> bool:
    """Tell whether the profile's field is known and satisfies the rule."""
    value = profile.get(rule.field)
    if is_unknown(value):
        return False
    if rule.op == "between":
        low, high = rule.value
        return (low is None or value >= low) and (high is None or value <= high)
    if rule.op == "is":
        return bool(value) is rule.value
    text = ascii_lower(str(value))
    if rule.op == "contains_any":
        return any(f", {word}, " in f", {text}, " for word in rule.value)
    return (text in rule.value) is (rule.op == "in")


def units_by_age(rule: EngagementRule, nets: Nets, day: date) -> dict[int, int]:
    """Return the rule's units per age in its window, `distinct` and then `max_per_day` applied."""
    return _units(
        rule, [(key[1], (day - key[2]).days, n) for key, n in nets.items() if key[0] == rule.signal]
    )


def _units(rule: EngagementRule, given: Iterable[tuple[str, int, int]]) -> dict[int, int]:
    """`given` are (object, age, count)."""
    units: dict[int, int] = defaultdict(int)
    inside = [row for row in given if 0 <= row[1] < rule.window_days]
    if rule.distinct == "object":
        latest: dict[str, int] = {}
        for object_key, age, _ in inside:
            latest[object_key] = min(age, latest.get(object_key, age))
        for age in latest.values():
            units[age] += 1
    else:
        for _, age, count in inside:
            units[age] = 1 if rule.distinct == "day" else units[age] + count
    if rule.max_per_day is None:
        return dict(units)
    return {age: min(count, rule.max_per_day) for age, count in units.items()}


def _fit_lines(profile: Profile, definition: Rulebook) -> list[Line]:
    lines = [_fit_line(rule, profile) for rule in definition.fit_rules]
    return lines + _clip_lines(lines, definition.fit_max, "Fit")


def _fit_line(rule: FitRule, profile: Profile) -> Line:
    if is_unknown(profile.get(rule.field)):
        return Line(rule.label, "fit", 0, "unknown", rule.id)
    if matches(rule, profile):
        return Line(rule.label, "fit", rule.points, str(profile[rule.field]), rule.id)
    return Line(rule.label, "fit", 0, "does not match", rule.id)


def _engagement_lines(nets: Nets, definition: Rulebook, day: date) -> tuple[list[Line], int]:
    by_signal = _by_signal(nets, day)
    lines, momentum = [], 0
    for rule in definition.engagement_rules:
        if rule.signal in by_signal and (units := _units(rule, by_signal[rule.signal])):
            lines.append(_engagement_line(rule, units))
            momentum += rule.points * _trend(units, definition.momentum_days)
    lines += _cap_lines(lines, definition)
    lines += _clip_lines(lines, definition.engagement_max, "Engagement")
    return lines, max(-MOMENTUM_LIMIT, min(MOMENTUM_LIMIT, momentum))


def _by_signal(nets: Nets, day: date) -> dict[str, list[tuple[str, int, int]]]:
    by_signal: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for (signal, object_key, occurred_on), count in nets.items():
        by_signal[signal].append((object_key, (day - occurred_on).days, count))
    return by_signal


def _weighted(rule: EngagementRule, units: Mapping[int, int]) -> int:
    table = weights(rule.half_life_days)
    return sum(count * table[age] for age, count in units.items())


def points_of(rule: EngagementRule, weighted: int) -> int:
    """Return a line's points from its weighted units, in thousandths."""
    return max(-rule.max_points, min(rule.max_points, round_thousandths(rule.points * weighted)))


def _engagement_line(rule: EngagementRule, units: Mapping[int, int]) -> Line:
    weighted = _weighted(rule, units)
    points = points_of(rule, weighted)
    bound = "at most" if points > 0 else "no less than"
    clipped = points != round_thousandths(rule.points * weighted)
    label = f"{rule.label}, {bound} {points}" if clipped else rule.label
    return Line(label, "engagement", points, _engagement_detail(rule, units), rule.id)


def _engagement_detail(rule: EngagementRule, units: Mapping[int, int]) -> str:
    age, times = min(units), sum(units.values())
    last = {0: "today", 1: "yesterday"}.get(age, f"{age} days ago")
    worth = "points" if abs(rule.points) != 1 else "point"
    return f"{times} × {rule.points} {worth}, last {last}"


def _trend(units: Mapping[int, int], days: int) -> int:
    """Units of the last `days` days less those of as many days before."""
    return sum(count if age < days else -count for age, count in units.items() if age < 2 * days)


def _cap_lines(lines: Iterable[Line], definition: Rulebook) -> list[Line]:
    group_of = {rule.id: rule.group for rule in definition.engagement_rules}
    sums: dict[str | None, int] = defaultdict(int)
    for line in lines:
        sums[group_of[line.rule]] += line.points
    return [
        Line(
            f"{group.label} counts {group.max_points} at most",
            "cap",
            group.max_points - sums[group.id],
            "",
            group.id,
        )
        for group in definition.groups
        if sums[group.id] > group.max_points
    ]


def _clip_lines(lines: Iterable[Line], maximum: int, what: str) -> list[Line]:
    total = sum(line.points for line in lines)
    if total > maximum:
        return [Line(f"{what} counts {maximum} at most", "clip", maximum - total)]
    if total < 0:
        return [Line(f"{what} never falls below 0", "clip", -total)]
    return []
