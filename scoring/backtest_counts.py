"""One lead's net day counts as they grew, row by row, in the shape a replay reads them. Days are ordinals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol


class Units(Protocol):
    """What of an engagement rule decides its units."""

    @property
    def signal(self) -> str: ...
    @property
    def distinct(self) -> str: ...
    @property
    def window_days(self) -> int: ...
    @property
    def max_per_day(self) -> int | None: ...


class Row(NamedTuple):
    """A day count with ordinals for its days; `there` is the first day on which it counts."""

    there: int
    signal: str
    object_key: str
    occurred: int
    times: int


class Counts:
    """What counts of the rows added so far. Every row added must have happened by the day that is asked about.

    `daily` has the net events of each signal and day, `by_object` the number of objects whose latest day it is.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, int], int] = {}
        self._clear()

    def _clear(self) -> None:
        self.daily: dict[str, dict[int, int]] = {}
        self.by_object: dict[str, dict[int, int]] = {}
        self.latest: dict[str, dict[str, int]] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Take in rows that became known; corrections have everything counted anew."""
        stale = False
        for row in rows:
            if not row.times:  # given and taken back within one day
                continue
            key = (row.signal, row.object_key, row.occurred)
            before = self._sums.get(key, 0)
            self._sums[key] = before + row.times
            if row.times < 0 or before < 0:
                stale = True
            elif not stale:
                self._count(*key, row.times)
        if stale:
            self._clear()
            for key, count in self._sums.items():
                if count > 0:
                    self._count(*key, count)

    def _count(self, signal: str, object_key: str, occurred: int, count: int) -> None:
        daily = self.daily.get(signal)
        if daily is None:
            daily = self.daily[signal] = {}
            self.by_object[signal], self.latest[signal] = {}, {}
        daily[occurred] = daily.get(occurred, 0) + count
        latest, by_object = self.latest[signal], self.by_object[signal]
        last = latest.get(object_key)
        if last is None or occurred > last:
            latest[object_key] = occurred
            by_object[occurred] = by_object.get(occurred, 0) + 1
            if last is not None:
                by_object[last] -= 1

    def times(self, signals: Collection[str], after: int) -> int:
        """Return how many events of these signals lie after a day."""
        given = (self.daily.get(signal) for signal in signals)
        return sum(count for daily in given if daily for day, count in daily.items() if day > after)

    def days(self, signals: Collection[str], after: int) -> int:
        """Return on how many days after a day one of these signals was given."""
        given = (self.daily.get(signal) for signal in signals)
        return len({day for daily in given if daily for day in daily if day > after})

    def objects(self, signals: Collection[str], after: int) -> int:
        """Return how many objects these signals were given on after a day."""
        given = (self.latest.get(signal) for signal in signals)
        return sum(day > after for latest in given if latest for day in latest.values())

    def has_product_form(self, after: int) -> bool:
        forms = self.latest.get("form", {})
        return any(day > after and key.partition("#")[2] for key, day in forms.items())

    def came_back(self, engaging: Collection[str], within_days: int) -> bool:
        """Tell whether engagement on a later day followed the first within so many days."""
        days = {day for signal, daily in self.daily.items() if signal in engaging for day in daily}
        first = min(days, default=0)
        return any(first < day <= first + within_days for day in days)

    def trend(self, spec: Units, day: int, span: int) -> int:
        """Return the rule's units of the last `span` days less those of as many days before."""
        units: Mapping[int, int] = (
            self.by_object.get(spec.signal, {})
            if spec.distinct == "object"
            else self.daily.get(spec.signal, {})
        )
        total: dict[bool, int] = defaultdict(int)
        for occurred, count in units.items():
            age = day - occurred
            if age < min(spec.window_days, 2 * span):
                times = 1 if spec.distinct == "day" else count
                if spec.max_per_day is not None:
                    times = min(times, spec.max_per_day)
                total[age < span] += times
        return total[True] - total[False]
