"""Time that counts: the working hours of a weekly pattern in a time zone, without days off. No Django in here.

A moment counts if the wall clock of the zone then shows working time on a day that is worked. So an hour
that daylight saving skips does not count, and one that it repeats counts twice.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]
DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60
# No promise reaches further; without the limit a calendar of days off alone would be searched for ever.
HORIZON = timedelta(days=1000)


class NoWorkingTime(Exception):
    """The calendar has no working time within the horizon."""


@dataclass(frozen=True)
class WorkHours:
    """When somebody works. `week` holds, Monday first, each day's intervals in minutes after midnight."""

    zone: ZoneInfo
    week: Sequence[Sequence[tuple[int, int]]]
    days_off: Container[date] = frozenset()

    def is_off(self, day: date) -> bool:
        """Tell whether nobody works on this day."""
        return not self.week[day.weekday()] or day in self.days_off


ROUND_THE_CLOCK = WorkHours(ZoneInfo("UTC"), ((((0, MINUTES_A_DAY)),),) * 7)


def add_working(start: datetime, duration: timedelta, hours: WorkHours) -> datetime:
    """Return the first moment by which `duration` of working time has passed since `start`.

    What ends with a working day is due at its end, not on the next morning.
    """
    left = duration
    if left <= timedelta(0):
        return start
    # Not joined to spans: where all time is working time, that would walk to the horizon.
    for begin, end in _pieces(start.astimezone(UTC), (start + HORIZON).astimezone(UTC), hours):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise NoWorkingTime(f"There is no working time in the {HORIZON.days} days after {start:%Y-%m-%d}.")


def working_between(start: datetime, end: datetime, hours: WorkHours) -> timedelta:
    """Return how much working time lies between two moments; none if the second is the earlier."""
    return sum((until - since for since, until in spans(start, end, hours)), timedelta(0))


def is_working(at: datetime, hours: WorkHours) -> bool:
    """Tell whether the moment is working time."""
    return any(True for _ in spans(at, at + timedelta(microseconds=1), hours))


def spans(start: datetime, end: datetime, hours: WorkHours) -> Iterator[Span]:
    """Yield the stretches of working time between two moments, in order and in UTC, none touching the next."""
    open_since: datetime | None = None
    open_until = start
    for since, until in _pieces(start.astimezone(UTC), end.astimezone(UTC), hours):
        if open_since is not None and since > open_until:
            yield open_since, open_until
            open_since = None
        open_since = open_since or since
        open_until = until
    if open_since is not None:
        yield open_since, open_until


def _pieces(start: datetime, end: datetime, hours: WorkHours) -> Iterator[Span]:
    """Yield working time in pieces that may touch: one for each interval, day and offset from UTC."""
    for since, until, offset in _steady(start, end, hours.zone):
        first, last = since + offset, until + offset  # as the wall clock shows them
        day = first.date()
        while datetime.combine(day, time(), UTC) < last:
            if not hours.is_off(day):
                midnight = datetime.combine(day, time(), UTC)
                for begin, finish in hours.week[day.weekday()]:
                    opens = max(first, midnight + timedelta(minutes=begin))
                    closes = min(last, midnight + timedelta(minutes=finish))
                    if opens < closes:
                        yield opens - offset, closes - offset
            day += DAY


def _steady(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut the time between two moments where the zone's offset from UTC changes, and at most a day long."""
    while start < end:
        until, offset = min(start + DAY, end), _offset(start, zone)
        if _offset(until, zone) != offset:
            until = _change(start, until, zone)
        yield start, until, offset
        start = until


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first whole second with another offset than `before` has."""
    offset, low, high = _offset(before, zone), 0, int((after - before) / timedelta(seconds=1)) + 1
    base = before.replace(microsecond=0)
    while high - low > 1:
        middle = (low + high) // 2
        same = _offset(base + timedelta(seconds=middle), zone) == offset
        low, high = (middle, high) if same else (low, middle)
    return base + timedelta(seconds=high)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def problems_in(week: Sequence[Sequence[tuple[int, int]]]) -> str:
    """Say what is wrong with a weekly pattern; empty if nothing is."""
    if not any(week):
        return "Give at least one day some working hours."
    for intervals in week:
        if any(not 0 <= begin < end <= MINUTES_A_DAY for begin, end in intervals):
            return "Working hours end after they begin, on the same day."
        if any(end > begin for (_, end), (begin, _) in pairwise(sorted(intervals))):
            return "Working hours of one day do not overlap."
    return ""
