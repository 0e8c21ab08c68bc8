"""What one definition says differently from another, in plain words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.engine import SignalFacts
from scoring.plain_words import (
    FIELD_NAMES,
    Words,
    condition_words,
    in_words,
    listed,
    points_row,
    profile_test,
)
from scoring.rulebook import FitRule, Rulebook, RuleSet, Scenario
from scoring.scenarios import agreed

Signals = Mapping[str, SignalFacts]
Entry = Mapping[str, str]  # what is said of one rule, by the name of the thing said


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. Added has no `was`, removed no `now`."""

    section: str
    what: str
    was: str
    now: str

    @property
    def kind(self) -> str:
        return "added" if not self.was else "removed" if not self.now else "changed"

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.what}: {self.was} → {self.now}"
        return f"{self.what}: {self.kind}, {self.now or self.was}"


def differences(old: Rulebook, new: Rulebook, signals: Signals) -> list[Change]:
    """Return everything that differs, section by section; empty only for definitions that say the same."""
    found = list(_all(old, new, signals))
    if not found and old != new:
        found.append(Change("Order", "Order of the lines", "as before", "rearranged"))
    return found


def _all(old: Rulebook, new: Rulebook, signals: Signals) -> Iterator[Change]:
    was, now = in_words(old, signals), in_words(new, signals)
    if old.name != new.name:
        yield Change("Name", "Name of the definition", old.name or "none", new.name or "none")
    yield from _rule_sets("MQL rules", old.mql, new.mql, signals)
    yield from _entries("MQL rules", _disqualifiers(old), _disqualifiers(new))
    yield from _sentences("MQL rules", was, now, ("handoff", "again"))
    yield from _entries("Engagement points", _points(old, signals), _points(new, signals))
    yield from _entries("Engagement points", _groups(old), _groups(new))
    yield from _entries("Fit", _fit(old), _fit(new))
    yield from _entries("Grid", _grid(old), _grid(new))
    if was.sql_meaning != now.sql_meaning:
        yield Change("SQL rules", "Meaning of SQL", was.sql_meaning, now.sql_meaning)
    yield from _rule_sets("SQL rules", old.sql, new.sql, signals)
    yield from _sentences("Exits", was, now, ("exits",))
    yield from _entries("Examples", _scenarios(old, signals), _scenarios(new, signals))


def _entries(section: str, old: Mapping[str, Entry], new: Mapping[str, Entry]) -> Iterator[Change]:
    """Compare lines kept under an id; the first thing said of a line is its name."""
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if before is None or after is None:
            name, *rest = (before or after or {}).values()
            said = ", ".join(filter(None, rest))
            yield Change(section, name, said if before else "", said if after else "")
            continue
        name = next(iter(before.values()))
        for aspect in before:
            if before[aspect] != after[aspect]:
                yield Change(section, f"{name}, {aspect}", before[aspect] or "none", after[aspect] or "none")


def _sentences(section: str, was: Words, now: Words, names: Sequence[str]) -> Iterator[Change]:
    for name in names:
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            yield Change(section, _TITLES[name], " ".join(before), " ".join(after))


_TITLES = {"handoff": "Handoff", "again": "Qualifying again", "exits": "Unsubscribing"}


def _rule_sets(
    section: str, old: Sequence[RuleSet], new: Sequence[RuleSet], signals: Signals
) -> Iterator[Change]:
    before, after = ({rule_set.id: rule_set for rule_set in sets} for sets in (old, new))
    for key in {**before, **after}:
        yield from _rule_set(section, before.get(key), after.get(key), signals)
    kept = [key for key in before if key in after]
    order = [key for key in after if key in before]
    if kept != order:
        yield Change(section, "Order in which rules are asked", _labels(kept, before), _labels(order, after))


def _labels(keys: Sequence[str], sets: Mapping[str, RuleSet]) -> str:
    return ", ".join(sets[key].label for key in keys)


def _rule_set(section: str, old: RuleSet | None, new: RuleSet | None, signals: Signals) -> Iterator[Change]:
    if old is None or new is None:
        one = old or new
        assert one is not None
        said = "when " + listed([condition_words(condition, signals) for condition in one.all], "and")
        yield Change(section, one.label, said if old else "", said if new else "")
        return
    if old.label != new.label:
        yield Change(section, f"{old.label}, name", old.label, new.label)
    if old.hand_raiser != new.hand_raiser:
        words = {True: "whatever the score, without cool-down", False: "like any other rule"}
        yield Change(section, f"{new.label}, asked", words[old.hand_raiser], words[new.hand_raiser])
    yield from _conditions(section, old, new, signals)


def _conditions(section: str, old: RuleSet, new: RuleSet, signals: Signals) -> Iterator[Change]:
    """Pair conditions of a kind in their order, those that stayed the same left out first."""
    before, after = _by_kind(old, signals), _by_kind(new, signals)
    for kind in {**before, **after}:
        gone = [words for words in before[kind] if words not in after[kind]]
        come = [words for words in after[kind] if words not in before[kind]]
        for index in range(max(len(gone), len(come))):
            pair = (gone[index : index + 1] or [""], come[index : index + 1] or [""])
            yield Change(section, new.label, pair[0][0], pair[1][0])


def _by_kind(rule_set: RuleSet, signals: Signals) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for condition in rule_set.all:
        found[condition.kind].append(condition_words(condition, signals))
    return found


def _points(rules: Rulebook, signals: Signals) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for rule in rules.engagement_rules:
        row = points_row(rule, rules)
        known = signals.get(rule.signal)
        found[rule.id] = {
            "name": row.label, "points": f"{row.points:+d}".replace("-", "−"), "counts": row.counts,
            "fading": row.fades, "window": f"within {row.window}", "limit": f"{row.at_most} at most",
            "group": row.group, "signal": known.label if known else rule.signal,
        }  # fmt: skip
    return found


def _groups(rules: Rulebook) -> dict[str, Entry]:
    return {
        group.id: {"name": f"Group {group.label}", "limit": f"{group.max_points} points at most"}
        for group in rules.groups
    }


def _disqualifiers(rules: Rulebook) -> dict[str, Entry]:
    return {
        rule.id: {"name": rule.label, "test": f"never an MQL: {profile_test(rule)}"}
        for rule in rules.disqualifiers
    }


def _fit(rules: Rulebook) -> dict[str, Entry]:
    return {rule.id: _fit_entry(rule) for rule in rules.fit_rules}


def _fit_entry(rule: FitRule) -> Entry:
    points = f"{rule.points:+d}".replace("-", "−")
    return {"name": rule.label, "test": profile_test(rule), "points": points}


def _grid(rules: Rulebook) -> dict[str, Entry]:
    grades, bands = rules.grades, rules.bands
    rows: dict[str, Any] = {
        "Most points for engagement": rules.engagement_max,
        "Most points for fit": rules.fit_max,
        **{f"Fit grade {letter} from": least for letter, least in zip("ABC", grades, strict=True)},
        **{f"Engagement band {number} from": least for number, least in enumerate(bands, start=2)},
        "Days momentum looks back": rules.momentum_days,
    }
    return {name: {"name": name, "value": str(value)} for name, value in rows.items()}


def _scenarios(rules: Rulebook, signals: Signals) -> dict[str, Entry]:
    return {scenario.name: _scenario_entry(scenario, signals) for scenario in rules.scenarios}


def _scenario_entry(scenario: Scenario, signals: Signals) -> Entry:
    profile = ", ".join(
        f"{FIELD_NAMES[name]} {value}" for name, value in scenario.profile.items() if value is not None
    )
    events = ", ".join(
        f"{times} × {signals[signal].label if signal in signals else signal}"
        f"{f' ({obj})' if obj else ''} {days_ago} days ago"
        for signal, obj, days_ago, times in scenario.events
    )
    return {
        "name": f"Example “{scenario.name}”",
        "answer": agreed(scenario),
        "profile": profile,
        "events": events,
    }
