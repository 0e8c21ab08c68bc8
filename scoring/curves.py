"""The engagement score on each of several days in a row: the engine's numbers, for a page full of spark lines.

Where everything became known on the day it happened, or before the span began, the net counts are the same on
every day of it, and only ages change; so they are put in order once. Else the engine is asked day by day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from scoring.engine import DayCount, engagement_points, net_counts, points_of, weights
from scoring.rulebook import EngagementRule, Rulebook

Given = Sequence[tuple[str, int, int]]  # object, ordinal of the day, count


def engagement_curve(counts: Sequence[DayCount], definition: Rulebook, span: Sequence[date]) -> list[int]:
    """Return the engagement score at the end of each day of `span`, which runs forward without gaps."""
    if not all(row.known_on <= max(row.occurred_on, span[0]) for row in counts):
        return [engagement_points(net_counts(counts, day), definition, day) for day in span]
    given: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for (signal, object_key, occurred_on), count in net_counts(counts, span[-1]).items():
        given[signal].append((object_key, occurred_on.toordinal(), count))
    days = [day.toordinal() for day in span]
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0] * len(days))
    for signal, rows in given.items():
        for rule in definition.rules_by_signal.get(signal, ()):
            line = _line_curve(rule, rows, days)
            sums[rule.group] = [a + b for a, b in zip(sums[rule.group], line, strict=True)]
    return _clipped(sums, definition, len(days))


def _clipped(sums: Mapping[str | None, list[int]], definition: Rulebook, length: int) -> list[int]:
    caps = {group.id: group.max_points for group in definition.groups}
    totals = [0] * length
    for group, line in sums.items():
        top = caps.get(group) if group else None
        totals = [a + (b if top is None else min(b, top)) for a, b in zip(totals, line, strict=True)]
    return [max(0, min(definition.engagement_max, total)) for total in totals]


def _line_curve(rule: EngagementRule, rows: Given, days: Sequence[int]) -> list[int]:
    table = weights(rule.half_life_days)[: rule.window_days]
    if rule.distinct == "object":
        units = _latest_objects(rows, days)
    else:
        daily: dict[int, int] = defaultdict(int)
        for _, occurred, count in rows:
            daily[occurred] = 1 if rule.distinct == "day" else daily[occurred] + count
        units = [daily] * len(days)
    top = rule.max_per_day
    return [
        points_of(
            rule,
            sum(
                (count if top is None else min(count, top)) * table[day - occurred]
                for occurred, count in of_day.items()
                if 0 <= day - occurred < rule.window_days
            ),
        )
        for day, of_day in zip(days, units, strict=True)
    ]


def _latest_objects(rows: Given, days: Sequence[int]) -> list[dict[int, int]]:
    """Return for each day how many objects had their latest day, as of then, on which day."""
    by_object: dict[str, list[int]] = defaultdict(list)
    for object_key, occurred, _ in rows:
        by_object[object_key].append(occurred)
    units: list[dict[int, int]] = [defaultdict(int) for _ in days]
    for occurrences in by_object.values():
        occurrences.sort()
        for number, day in enumerate(days):
            if seen := bisect_right(occurrences, day):
                units[number][occurrences[seen - 1]] += 1
    return units
