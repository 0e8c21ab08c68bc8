"""What would make a lead an MQL, and when it falls below the line: pure, by the functions that promote.

The search is bounded: the most promising `MOST_CANDIDATES` single actions, in sets of up to `MOST_ACTIONS`. Sets
are tried from small to large and those that contain a set already found are left out; so no strict subset of a
suggestion is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from scoring.conditions import Boundary, gather, signal_name
from scoring.curves import engagement_curve
from scoring.engine import DayCount, Profile, SignalFacts, fit_points, is_unknown, matches
from scoring.qualification import judge
from scoring.rulebook import FLAG_FIELDS, FitRule, Rulebook

MOST_CANDIDATES = 12
MOST_ACTIONS = 3
MOST_SUGGESTIONS = 6
HORIZON = 400
NEW_OBJECT = "next"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to happen today: a signal on an object not met before, or a field that becomes known."""

    label: str
    signal: str = ""
    object_key: str = ""
    field: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A smallest set of actions that makes the lead an MQL, by which rule set and with what score."""

    actions: tuple[Action, ...]
    score: int
    rule_set: str

    @property
    def text(self) -> str:
        *first, last = [action.label for action in self.actions]
        text = f"{', '.join(first)} and {last}" if first else last
        return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Case:
    """One lead on one day, and the rules it is asked about under."""

    profile: Profile
    counts: Sequence[DayCount]
    boundary: Boundary | None
    day: date
    rulebook: Rulebook
    signals: Mapping[str, SignalFacts]
    is_suspect: bool = False

    def after(self, actions: Sequence[Action]) -> Case:
        """Return the case as it is once the actions have happened."""
        given = [
            DayCount(action.signal, action.object_key, self.day, self.day, 1)
            for action in actions
            if action.signal
        ]
        known = {action.field: action.value for action in actions if action.field}
        is_suspect = self.is_suspect and not any(
            self.signals[action.signal].is_engagement for action in actions if action.signal
        )
        return Case(
            {**self.profile, **known},
            [*self.counts, *given],
            self.boundary,
            self.day,
            self.rulebook,
            self.signals,
            is_suspect,
        )

    def promoted_by(self) -> tuple[str, int]:
        """Return the label of the rule set that promotes, "" if none does, and the score."""
        facts = gather(self.profile, self.counts, self.rulebook, self.day, self.signals, self.boundary)
        met = None if self.is_suspect else judge(facts, self.rulebook).promoted_by
        return (met.rule_set.label if met else ""), facts.breakdown.score


def suggestions(case: Case) -> list[Suggestion]:
    """Return the smallest sets of next actions that would make the lead an MQL, the shortest first.

    Empty if it is one by the rules already, or if nothing within the bounds of the search is enough.
    """
    if case.promoted_by()[0]:
        return []
    candidates = _candidates(case)
    found: list[Suggestion] = []
    for size in range(1, MOST_ACTIONS + 1):
        for actions in combinations(candidates, size):
            if len(found) == MOST_SUGGESTIONS:
                return found
            if any(set(known.actions) <= set(actions) for known in found):
                continue
            if len({action.field for action in actions if action.field}) < sum(
                bool(a.field) for a in actions
            ):
                continue
            label, points = case.after(actions).promoted_by()
            if label:
                found.append(Suggestion(actions, points, label))
    return found


def _candidates(case: Case) -> list[Action]:
    """Return the most promising actions: what rule sets name first, then by the points they give."""
    before = case.promoted_by()[1]
    named = _named(case.rulebook)
    worth = {
        action: (action.signal in named, case.after([action]).promoted_by()[1] - before)
        for action in (*_signals(case), *_fields(case))
    }
    useful = [action for action, (is_named, points) in worth.items() if is_named or points > 0]
    ranked = sorted(useful, key=lambda action: (worth[action], action.label), reverse=True)
    # Fields keep their place among signals that rule sets name: knowing who it is is often all that lacks.
    fields = [action for action in ranked if action.field][: MOST_CANDIDATES // 3]
    signals = [action for action in ranked if action.signal][: MOST_CANDIDATES - len(fields)]
    return [*signals, *fields]


def _named(rulebook: Rulebook) -> set[str]:
    asked = [condition for rule_set in rulebook.mql for condition in rule_set.all]
    named = {signal for condition in asked for signal in condition.signals}
    return named | ({"form"} if any(one.kind == "form_with_product" for one in asked) else set())


def _signals(case: Case) -> Iterator[Action]:
    giving = {rule.signal for rule in case.rulebook.engagement_rules if rule.points > 0}
    taking = {rule.signal for rule in case.rulebook.engagement_rules if rule.points < 0}
    for signal in sorted((giving | _named(case.rulebook)) - taking):
        if signal in case.signals:
            product = "#product" if signal == "form" else ""
            extra = " with a product" if product else ""
            yield Action(
                f"{signal_name(signal, case.signals)}{extra}", signal, _new_object(case, signal) + product
            )


def _new_object(case: Case, signal: str) -> str:
    keys = {row.object_key.partition("#")[0] for row in case.counts if row.signal == signal}
    name, number = NEW_OBJECT, 2
    while name in keys:
        name, number = f"{NEW_OBJECT}-{number}", number + 1
    return name


def _fields(case: Case) -> Iterator[Action]:
    """Yield for each unknown field the value that gives most fit; flags are not asked for."""
    for name in sorted({rule.field for rule in case.rulebook.fit_rules} - FLAG_FIELDS):
        if is_unknown(case.profile.get(name)):
            rules = [rule for rule in case.rulebook.fit_rules if rule.field == name]
            values = [value for rule in rules if rule.points > 0 for value in _values(rule)]
            best = max(values, key=lambda value: _fit_of(rules, name, value), default=None)
            if best is not None:
                yield Action(f"{name.replace('_', ' ')} {best} known", field=name, value=best)


def _values(rule: FitRule) -> list[Any]:
    if rule.op == "between":
        low, high = rule.value
        return [low if low is not None else high]
    return list(rule.value) if rule.op in ("in", "contains_any") else []


def _fit_of(rules: Sequence[FitRule], name: str, value: Any) -> int:
    return sum(rule.points for rule in rules if matches(rule, {name: value}))


@dataclass(frozen=True, slots=True)
class Fall:
    """Until when a score holds the line: `on` is the first day below it, None if there is none by `until`."""

    line: int
    on: date | None
    until: date

    @property
    def last(self) -> date | None:
        """The last day on the line or above it."""
        return self.on - timedelta(days=1) if self.on else None


def falls_below(
    profile: Profile, counts: Sequence[DayCount], rulebook: Rulebook, day: date, line: int
) -> Fall | None:
    """Return when the score falls below `line` if nothing happens; None where it is below already."""
    span = [day + timedelta(days=age) for age in range(HORIZON + 1)]
    fit = fit_points(profile, rulebook)
    known = [row for row in counts if row.known_on <= day and row.occurred_on <= day]
    curve = [fit + points for points in engagement_curve(known, rulebook, span)]
    if curve[0] < line:
        return None
    return Fall(
        line, next((on for on, points in zip(span, curve, strict=True) if points < line), None), span[-1]
    )


def lowest_line(rulebook: Rulebook) -> int | None:
    """Return the lowest score an MQL rule set asks for."""
    lines = [one.value for rs in rulebook.mql for one in rs.all if one.kind == "score_at_least"]
    return min(lines, default=None)
