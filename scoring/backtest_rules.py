"""Rulebooks made ready for replaying history: the engine's numbers and answers, without its words.

A replay asks the same few questions a million times, so everything that can be worked out once per rulebook is
worked out here. `scoring.engine` and `scoring.qualification` stay the reference: property tests hold both equal.
Days are ordinals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from scoring.backtest_counts import Counts
from scoring.engine import SignalFacts, is_unknown, matches, weights
from scoring.rulebook import GRADES, MOMENTUM_LIMIT, Condition, EngagementRule, Rulebook

COLUMNS = {
    "fit_at_least": "fit",
    "engagement_at_least": "engagement",
    "momentum_at_least": "momentum",
    "band_at_least": "band",
}


class Spec(NamedTuple):
    """What makes the points of an engagement rule; rules of several versions often share one."""

    signal: str
    points: int
    half_life_days: int | None
    window_days: int
    distinct: str
    max_per_day: int | None
    max_points: int

    @classmethod
    def of(cls, rule: EngagementRule) -> Spec:
        return cls(
            rule.signal,
            rule.points,
            rule.half_life_days,
            rule.window_days,
            rule.distinct,
            rule.max_per_day,
            rule.max_points,
        )


@dataclass
class Figures:
    """One lead's figures on one day under one rulebook: all that conditions without a boundary read."""

    day: int
    counts: Counts
    profile: Mapping[str, Any]
    fit: int
    engagement: int
    momentum: int
    band: int
    grade: int  # 0 for A

    @property
    def score(self) -> int:
        return self.fit + self.engagement


Test = Callable[[Figures], bool]


@dataclass(frozen=True)
class ReadyRuleSet:
    """A rule set as tests; `line` is the score asked for, the highest of several, None without any."""

    id: str
    hand_raiser: bool
    line: int | None
    columns: tuple[Test, ...]
    others: tuple[Test, ...]

    def margin(self, figures: Figures) -> int | None:
        """By how much the score is over the line; ALWAYS where none is asked; None if something else lacks."""
        if all(test(figures) for test in self.columns) and all(test(figures) for test in self.others):
            return ALWAYS if self.line is None else figures.score - self.line
        return None

    def most(self, figures: Figures) -> int | None:
        """Like `margin`, as far as the score columns can tell: never less."""
        if all(test(figures) for test in self.columns):
            return ALWAYS if self.line is None else figures.score - self.line
        return None


ALWAYS = 1000  # over any line there is


@dataclass
class ReadyRules:
    """One rulebook made ready. `number` tells rulebooks of one replay apart."""

    rulebook: Rulebook
    signals: Mapping[str, SignalFacts]
    version: int = 0
    _field_points: dict[tuple[str, Any], int] = field(default_factory=dict)
    _field_disqualified: dict[tuple[str, Any], bool] = field(default_factory=dict)

    @cached_property
    def lines(self) -> list[tuple[Spec, int]]:
        """Each rule's spec with the index of its group in `caps`."""
        groups = [None, *(group.id for group in self.rulebook.groups)]
        return [(Spec.of(rule), groups.index(rule.group)) for rule in self.rulebook.engagement_rules]

    @cached_property
    def caps(self) -> list[int]:
        return [10**9, *(group.max_points for group in self.rulebook.groups)]

    @cached_property
    def rule_sets(self) -> tuple[ReadyRuleSet, ...]:
        return tuple(self._ready(rule_set) for rule_set in self.rulebook.mql)

    @cached_property
    def asks_momentum(self) -> bool:
        return any(
            asked.kind == "momentum_at_least" for rule_set in self.rulebook.mql for asked in rule_set.all
        )

    @cached_property
    def fit_fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.field for rule in self.rulebook.fit_rules))

    @cached_property
    def disqualifying_fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.field for rule in self.rulebook.disqualifiers))

    def fit(self, profile: Mapping[str, Any]) -> int:
        """Return the fit score; each rule reads one field, so fields are remembered."""
        total = sum(self._points_of(name, profile[name]) for name in self.fit_fields)
        return max(0, min(self.rulebook.fit_max, total))

    def _points_of(self, name: str, value: Any) -> int:
        key = (name, value)
        if (found := self._field_points.get(key)) is None:
            rules = (rule for rule in self.rulebook.fit_rules if rule.field == name)
            found = sum(rule.points for rule in rules if matches(rule, {name: value}))
            self._remember(self._field_points, key, found)
        return found

    def disqualified(self, profile: Mapping[str, Any]) -> bool:
        return any(self._disqualifies(name, profile[name]) for name in self.disqualifying_fields)

    def _disqualifies(self, name: str, value: Any) -> bool:
        key = (name, value)
        if (found := self._field_disqualified.get(key)) is None:
            rules = (rule for rule in self.rulebook.disqualifiers if rule.field == name)
            found = any(matches(rule, {name: value}) for rule in rules)
            self._remember(self._field_disqualified, key, found)
        return found

    @staticmethod
    def _remember(memory: dict[tuple[str, Any], Any], key: tuple[str, Any], found: Any) -> None:
        if len(memory) > 50_000:
            memory.clear()
        memory[key] = found

    def engagement(self, points: Mapping[Spec, int]) -> int:
        """Return the engagement score from the points of each spec that gave some."""
        sums = [0] * len(self.caps)
        for spec, group in self.lines:
            if spec in points:
                sums[group] += points[spec]
        total = sum(map(min, sums, self.caps))
        return max(0, min(self.rulebook.engagement_max, total))

    def figures(
        self, day: int, counts: Counts, profile: Mapping[str, Any], fit: int, points: Mapping[Spec, int]
    ) -> Figures:
        engagement = self.engagement(points)
        grade = GRADES.index(self.rulebook.grade_of(fit))
        momentum = self.momentum(day, counts) if self.asks_momentum else 0
        return Figures(
            day, counts, profile, fit, engagement, momentum, self.rulebook.band_of(engagement), grade
        )

    def momentum(self, day: int, counts: Counts) -> int:
        span = self.rulebook.momentum_days
        total = sum(spec.points * counts.trend(spec, day, span) for spec, _ in self.lines)
        return max(-MOMENTUM_LIMIT, min(MOMENTUM_LIMIT, total))

    def _ready(self, rule_set: Any) -> ReadyRuleSet:
        asked = [condition for condition in rule_set.all if condition.kind != "score_at_least"]
        scores = [condition.value for condition in rule_set.all if condition.kind == "score_at_least"]
        return ReadyRuleSet(
            rule_set.id,
            rule_set.hand_raiser,
            max(scores) if scores else None,
            tuple(self._column(one) for one in asked if one.kind in COLUMNS or one.kind == "grade_at_least"),
            tuple(
                self._other(one) for one in asked if one.kind not in COLUMNS and one.kind != "grade_at_least"
            ),
        )

    def _column(self, asked: Condition) -> Test:
        if asked.kind == "grade_at_least":
            worst = GRADES.index(asked.value)
            return lambda figures: figures.grade <= worst
        name, value = COLUMNS[asked.kind], asked.value
        return lambda figures: int(getattr(figures, name)) >= value

    def _other(self, asked: Condition) -> Test:
        if asked.kind == "signal":
            signals, within, least = asked.signals, asked.within_days, asked.at_least
            times = {"day": Counts.days, "object": Counts.objects}.get(asked.distinct, Counts.times)
            return lambda figures: times(figures.counts, signals, figures.day - within) >= least
        if asked.kind == "form_with_product":
            return lambda figures: figures.counts.has_product_form(figures.day - asked.within_days)
        if asked.kind == "re_engagement":
            engaging = frozenset(slug for slug, facts in self.signals.items() if facts.is_engagement)
            return lambda figures: figures.counts.came_back(engaging, asked.within_days)
        if asked.kind == "hand_raise_fit":
            fields = sorted(self.rulebook.fit_fields)
            return lambda figures: (
                figures.fit >= asked.value or all(is_unknown(figures.profile.get(name)) for name in fields)
            )
        raise KeyError(asked.kind)


@dataclass(frozen=True)
class Scorer:
    """Works out the points of every spec of several rulebooks at once, so that what they share is shared."""

    by_signal: Mapping[str, Sequence[tuple[Spec, tuple[int, ...]]]]

    @classmethod
    def of(cls, rulebooks: Sequence[ReadyRules]) -> Scorer:
        by_signal: dict[str, list[tuple[Spec, tuple[int, ...]]]] = {}
        specs = dict.fromkeys(spec for ready in rulebooks for spec, _ in ready.lines)
        for spec in specs:
            table = weights(spec.half_life_days)[: spec.window_days]
            by_signal.setdefault(spec.signal, []).append((spec, table))
        return cls(by_signal)

    def points(self, counts: Counts, day: int) -> dict[Spec, int]:
        """Return the points of every spec whose signal the lead has given."""
        found: dict[Spec, int] = {}
        for signal, daily in counts.daily.items():
            for spec, table in self.by_signal.get(signal, ()):
                units = counts.by_object[signal] if spec.distinct == "object" else daily
                total = spec.points * _weighted(spec, table, units, day)
                if total:
                    whole = (abs(total) + 500) // 1000
                    found[spec] = min(spec.max_points, whole) * (1 if total > 0 else -1)
        return found


def _weighted(spec: Spec, table: tuple[int, ...], units: Mapping[int, int], day: int) -> int:
    oldest, once, most = day - spec.window_days, spec.distinct == "day", spec.max_per_day
    total = 0
    for occurred, count in units.items():
        if occurred > oldest:
            times = 1 if once else count if most is None or count < most else most
            total += times * table[day - occurred]
    return total
