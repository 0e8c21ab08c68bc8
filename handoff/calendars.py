"""Calendars as people write them, made into working hours to count by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from handoff.models import WorkCalendar
from handoff.workhours import MINUTES_A_DAY, ROUND_THE_CLOCK, WorkHours, problems_in

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_INTERVAL = re.compile(r"^(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?$")
MAX_DAYS_OFF = 400

Week = tuple[tuple[tuple[int, int], ...], ...]
Calendars = Mapping[int | None, WorkHours]


@dataclass(frozen=True)
class DaysOff:
    """The public holidays of a place, of which there is no end, and the days the organisation closes."""

    public: Any
    own: frozenset[date]

    def __contains__(self, day: object) -> bool:
        return day in self.own or day in self.public


def read_calendars() -> Calendars:
    """Return the working hours of every calendar by its id, and under None those of reps without one."""
    rows = list(WorkCalendar.objects.all())
    default = next((row for row in rows if row.is_default), None)
    everybody = default.days_off if default else {}
    ready: dict[int | None, WorkHours] = {row.pk: _work_hours(row, everybody) for row in rows}
    ready[None] = ready[default.pk] if default else ROUND_THE_CLOCK
    return ready


def _work_hours(row: WorkCalendar, everybody: Mapping[str, str]) -> WorkHours:
    own = frozenset(date.fromisoformat(day) for day in {**everybody, **row.days_off})
    week = tuple(tuple(read_day(", ".join(row.hours.get(day, [])))) for day in DAYS)
    if not any(week):
        return ROUND_THE_CLOCK  # written past the form
    return WorkHours(
        ZoneInfo(row.time_zone), week, DaysOff(public_holidays(row.country, row.subdivision), own)
    )


@cache
def public_holidays(country: str, subdivision: str) -> Any:
    """Return the days a place has off, whatever the year; none for no place. KeyError for one nobody knows."""
    if not country:
        return frozenset()
    try:
        return holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as unknown:
        raise KeyError(f"{country} {subdivision}".strip()) from unknown


def read_day(text: str) -> list[tuple[int, int]]:
    """Read "09:00-12:30, 13-17" as minutes after midnight; nothing for no work. Raises ValueError."""
    return sorted(_read_interval(part.strip()) for part in text.split(",") if part.strip())


def _read_interval(text: str) -> tuple[int, int]:
    found = _INTERVAL.match(text)
    if not found:
        raise ValueError(f"“{text}” is no time of work. Write 09:00-12:30, 13:00-17:00.")
    hour, minute, end_hour, end_minute = (int(part or 0) for part in found.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if minute > 59 or end_minute > 59 or end > MINUTES_A_DAY:
        raise ValueError(f"“{text}” is no time of day.")
    if end <= begin:
        raise ValueError(f"“{text}” ends before it begins. Work past midnight belongs to two days.")
    return begin, end


def read_week(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the hours of a week as a calendar stores them; raises ValueError with what is wrong."""
    week = {day: read_day(texts.get(day, "")) for day in DAYS}
    if problem := problems_in(list(week.values())):
        raise ValueError(problem)
    return {day: [_interval_text(*one) for one in intervals] for day, intervals in week.items() if intervals}


def _interval_text(begin: int, end: int) -> str:
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


def week_sentence(hours: Mapping[str, list[str]]) -> str:
    """Say a week in a line, like days together: "Mon to Thu 09:00-17:00; Fri 09:00-13:00"."""
    parts: list[tuple[str, str, str]] = []
    for day in DAYS:
        text = ", ".join(hours.get(day, []))
        if parts and parts[-1][2] == text:
            parts[-1] = (parts[-1][0], day, text)
        else:
            parts.append((day, day, text))
    named = [
        (first.title() if first == last else f"{first.title()} to {last.title()}", text)
        for first, last, text in parts
    ]
    return "; ".join(f"{days} {text}" for days, text in named if text).replace("-", "–")


def read_days_off(text: str) -> dict[str, str]:
    """Read a day with its name on each line, "2026-12-24 Christmas Eve"; raises ValueError."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        day, _, name = line.partition(" ")
        try:
            found[date.fromisoformat(day).isoformat()] = name.strip()[:100] or "Day off"
        except ValueError:
            raise ValueError(
                f"“{line[:40]}” does not begin with a day. Write 2026-12-24 Christmas Eve."
            ) from None
    if len(found) > MAX_DAYS_OFF:
        raise ValueError(f"That is more than {MAX_DAYS_OFF} days. Public holidays come by the country.")
    return found
