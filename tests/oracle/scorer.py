"""Score one person the slow way: straight from the list of what they did, following docs/scoring.md line by line.

Plain data in and out, exact fractions within; nothing is shared with the program it checks.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]


class Deed(NamedTuple):
    """Something a person did `times` times: negative for a correction. `known` is the day we came to have it."""

    signal: str
    thing: str
    day: date
    known: date
    times: int = 1


class Verdict(NamedTuple):
    fit: int
    engagement: int
    score: int
    grade: str
    band: int
    momentum: int
    lines: list[
        tuple[str, int]
    ]  # (id, points); caps and clips named "cap:<group>", "clip:fit", "clip:engagement"


def read_json(path: str | Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def weight(half_life: int | None, age: int) -> int:
    """Whole thousandths of 0.5 ** (age / half-life), ties to even.

    Found by comparing h-th powers of exact fractions, so no floating point and no decimal context decides.
    """
    if half_life is None:
        return 1000
    goal = Fraction(1000) ** half_life / Fraction(2) ** age  # (weight)^half_life
    low, high = 0, 1000
    while low < high:  # the greatest k with k^h <= goal
        k = (low + high + 1) // 2
        low, high = (k, high) if Fraction(k) ** half_life <= goal else (low, k - 1)
    middle = Fraction(2 * low + 1, 2) ** half_life
    if goal == middle:
        return low if low % 2 == 0 else low + 1
    return low + 1 if goal > middle else low


def away_from_zero(value: Fraction) -> int:
    """Round to a whole number, halves away from zero."""
    whole = floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def net(deeds: list[Deed], today: date) -> Counter[tuple[str, str, date]]:
    """What counts as having happened, as far as was known at the end of `today`."""
    sums: Counter[tuple[str, str, date]] = Counter()
    for deed in deeds:
        if deed.known <= today and deed.day <= today:
            sums[(deed.signal, deed.thing, deed.day)] += deed.times
    return Counter({key: times for key, times in sums.items() if times > 0})


def units_per_age(rule: Json, happened: Counter[tuple[str, str, date]], today: date) -> dict[int, int]:
    """How many units of the rule fall on each age, after window, `distinct` and `max_per_day`."""
    inside = [
        (thing, (today - day).days, times)
        for (signal, thing, day), times in happened.items()
        if signal == rule["signal"] and 0 <= (today - day).days < rule["window_days"]
    ]
    units: Counter[int] = Counter()
    if rule["distinct"] == "none":
        for _, age, times in inside:
            units[age] += times
    elif rule["distinct"] == "day":
        for age in {age for _, age, _ in inside}:
            units[age] = 1
    else:
        for thing in {thing for thing, _, _ in inside}:
            units[min(age for other, age, _ in inside if other == thing)] += 1
    limit = rule.get("max_per_day")
    return {age: (count if limit is None else min(count, limit)) for age, count in units.items()}


def clipped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def engagement_lines(
    definition: Json, happened: Counter[tuple[str, str, date]], today: date
) -> list[tuple[str, int]]:
    part = definition["engagement"]
    lines: list[tuple[str, int]] = []
    for rule in part["rules"]:
        units = units_per_age(rule, happened, today)
        total = (
            sum(count * weight(rule["half_life_days"], age) for age, count in units.items()) * rule["points"]
        )
        lines.append(
            (
                rule["id"],
                clipped(away_from_zero(Fraction(total, 1000)), -rule["max_points"], rule["max_points"]),
            )
        )
    points = dict(lines)
    for group in part["groups"]:
        together = sum(points[rule["id"]] for rule in part["rules"] if rule.get("group") == group["id"])
        if together > group["max_points"]:
            lines.append((f"cap:{group['id']}", group["max_points"] - together))
    raw = sum(value for _, value in lines)
    return with_clip(lines, raw, part["max"], "engagement")


def with_clip(lines: list[tuple[str, int]], raw: int, most: int, what: str) -> list[tuple[str, int]]:
    final = clipped(raw, 0, most)
    return lines + ([(f"clip:{what}", final - raw)] if final != raw else [])


def lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def matches(rule: Json, profile: Json) -> bool:
    value, wanted = profile.get(rule["field"]), rule["value"]
    if value is None or value == "":
        return False
    if rule["op"] == "between":
        low, high = wanted
        return (low is None or value >= low) and (high is None or value <= high)
    if rule["op"] == "is":
        return bool(value is wanted)
    have = lower(value)
    if rule["op"] == "contains_any":
        return any(word in {lower(one) for one in wanted} for word in have.split(", "))
    found = have in {lower(one) for one in wanted}
    return found if rule["op"] == "in" else not found


def fit_lines(definition: Json, profile: Json) -> list[tuple[str, int]]:
    part = definition["fit"]
    lines = [(rule["id"], rule["points"] if matches(rule, profile) else 0) for rule in part["rules"]]
    return with_clip(lines, sum(points for _, points in lines), part["max"], "fit")


def momentum(definition: Json, happened: Counter[tuple[str, str, date]], today: date) -> int:
    span = definition.get("momentum_days", 14)
    total = 0
    for rule in definition["engagement"]["rules"]:
        units = units_per_age(rule, happened, today)
        recent = sum(count for age, count in units.items() if age < span)
        before = sum(count for age, count in units.items() if span <= age < 2 * span)
        total += rule["points"] * (recent - before)
    return clipped(total, -1_000_000, 1_000_000)


def grade_of(definition: Json, fit: int) -> str:
    limits = definition["fit"]["grades"]
    return next((letter for letter in "ABC" if fit >= limits[letter]), "D")


def judge(profile: Json, deeds: list[Deed], definition: Json, today: date) -> Verdict:
    """Score a person on a day under a definition."""
    happened = net(deeds, today)
    of_fit, of_engagement = fit_lines(definition, profile), engagement_lines(definition, happened, today)
    fit, engagement = (sum(points for _, points in lines) for lines in (of_fit, of_engagement))
    band = 1 + sum(engagement >= limit for limit in definition["engagement"]["bands"])
    return Verdict(
        fit, engagement, fit + engagement, grade_of(definition, fit), band, momentum(definition, happened, today),
        of_fit + of_engagement,
    )  # fmt: skip
