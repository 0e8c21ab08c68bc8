"""From what was learned to a draft: which points to change to what. Nothing here goes live by itself."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.learning.lift import FIT, RULE, SIGNAL, Lift
from scoring.learning.opinion import Opinion
from scoring.rulebook import Rulebook

LARGEST = 1000
NEW_RULE = {"half_life_days": 30, "window_days": 90, "distinct": "day", "max_per_day": 1, "group": None}
NEW_POINTS = 3


@dataclass(frozen=True)
class Change:
    """Points of one rule, from `old` to `new`. Old 0 adds a rule for a signal, new 0 takes one out."""

    kind: str
    key: str
    rule: str
    old: int
    new: int


def by_lift(lift: Lift, rulebook: Rulebook) -> Change | None:
    """Suggest points for a signal or fit rule whose leads clearly fare otherwise than the others; else None.

    By SQLs where there are enough, else by acceptance; at most doubled or halved, at least one point.
    """
    if lift.kind == RULE:
        return None
    share = next(
        (lift.shares[name] for name in ("converted", "accepted") if lift.shares[name].verdict != "few"), None
    )
    if share is None or share.verdict == "same":
        return None
    rule, old = _rule_of(lift.kind, lift.key, rulebook)
    if not rule and share.verdict == "down":
        return None
    times = min(max(share.lift or 1.0, 0.5), 2.0)
    step = max(1, int(abs(old) * abs(times - 1) + 0.5)) if old else NEW_POINTS
    new = _bounded(old + step if share.verdict == "up" else old - step)
    return Change(lift.kind, lift.key, rule, old, new) if new != old else None


def by_opinion(opinion: Opinion, rulebook: Rulebook) -> list[Change]:
    """Suggest points for every feature with a clear effect, on the scale of the points there are.

    Only where the opinion is better than the score on leads it had not seen.
    """
    if opinion.status != "yes":
        return []
    known = [(weight, *_rule_of(weight.kind, weight.key, rulebook)) for weight in opinion.weights]
    effects = sum(abs(weight.effect) for weight, rule, _ in known if rule)
    scale = sum(abs(old) for _, rule, old in known if rule) / effects if effects else 0.0
    changes = []
    for weight, rule, old in known:
        size = max(1, int(abs(weight.effect) * scale + 0.5))
        new = _bounded(size if weight.effect > 0 else -size)
        if weight.is_clear and new != old:
            changes.append(Change(weight.kind, weight.key, rule, old, new))
    return changes


def _rule_of(kind: str, key: str, rulebook: Rulebook) -> tuple[str, int]:
    """Return id and points of the rule a signal is scored by (the first of several), or of a fit rule."""
    rules: Iterable[Any] = rulebook.fit_rules if kind == FIT else rulebook.rules_by_signal.get(key, ())
    found = next((rule for rule in rules if kind == SIGNAL or rule.id == key), None)
    return (found.id, found.points) if found else ("", 0)


def _bounded(points: int) -> int:
    return max(-LARGEST, min(LARGEST, points))


def changed(
    document: Mapping[str, Any], changes: Sequence[Change], labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return a copy of a document with these changes made; `labels` name signals for rules to add."""
    made: dict[str, Any] = copy.deepcopy(dict(document))
    for change in changes:
        section = made["fit"] if change.kind == FIT else made["engagement"]
        if not change.rule:
            section["rules"].append(_new_rule(change, section["rules"], labels))
        elif change.new == 0:
            section["rules"] = [rule for rule in section["rules"] if rule["id"] != change.rule]
        else:
            _set_points(section["rules"], change)
    return made


def _set_points(rules: list[dict[str, Any]], change: Change) -> None:
    for rule in rules:
        if rule["id"] == change.rule:
            rule["points"] = change.new
            if "max_points" in rule:
                rule["max_points"] = max(rule["max_points"], abs(change.new))


def _new_rule(change: Change, rules: list[dict[str, Any]], labels: Mapping[str, str]) -> dict[str, Any]:
    taken = {rule["id"] for rule in rules}
    name = change.key.replace("-", "_")
    return {
        "id": next(f"{name}{end}" for end in ("", *(f"_{n}" for n in range(2, 999))) if f"{name}{end}" not in taken),
        "label": labels.get(change.key) or change.key, "signal": change.key, "points": change.new,
        "max_points": min(LARGEST, 3 * abs(change.new)), **NEW_RULE,
    }  # fmt: skip
