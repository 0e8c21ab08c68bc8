"""Numbers, times and lengths of time as people read them on every page (the rules are in docs/pages.md)."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

MINUS = "−"
NOTHING = "–"


def thousands(value: float | None) -> str:
    """Return 1240 as "1,240"; a dash for None."""
    return NOTHING if value is None else f"{value:,.0f}".replace("-", MINUS)


def percent(share: float | None) -> str:
    """Return the fraction 0.524 as "52%"; a dash for None."""
    return NOTHING if share is None else f"{_round(share * 100)}%".replace("-", MINUS)


def signed(value: float | None) -> str:
    """Return 5 as "+5", -2 with a true minus, 0 as "0"; a dash for None."""
    if value is None:
        return NOTHING
    if not value:
        return "0"
    return f"{value:+,}".replace("-", MINUS)


def interval(bounds: tuple[float, float] | None) -> str:
    """Return the fractions (0.45, 0.58) as "likely 45–58%"; empty for None."""
    if bounds is None:
        return ""
    return f"likely {_round(bounds[0] * 100)}–{_round(bounds[1] * 100)}%"


def duration(length: dt.timedelta | float | None) -> str:
    """Return a length of time, or a number of seconds, as "38 min", "3 h 07 min" or "12 d".

    Cut, not rounded: a promise with 59 s left has "under 1 min" left.
    """
    if length is None:
        return NOTHING
    seconds = int(length.total_seconds() if isinstance(length, dt.timedelta) else length)
    minutes = abs(seconds) // 60
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days == 1 and hours else f"{days} d"


def working_duration(length: dt.timedelta) -> str:
    """Return a length of working time: past an hour in hours, as a day of work is no day of the calendar."""
    minutes = int(length.total_seconds()) // 60
    hours, rest = divmod(minutes, 60)
    return duration(length) if hours < 24 else f"{hours} h {rest:02} min" if rest else f"{hours} h"


def time_within(spans: Sequence[Sequence[str]], start: dt.datetime, end: dt.datetime) -> dt.timedelta:
    """Return how much of the time between two moments falls into spans, pairs of ISO moments; all if there are none."""
    if not spans:
        return end - start
    moments = [(dt.datetime.fromisoformat(since), dt.datetime.fromisoformat(until)) for since, until in spans]
    pieces = (min(until, end) - max(since, start) for since, until in moments)
    return sum((piece for piece in pieces if piece > dt.timedelta(0)), dt.timedelta(0))


def day_name(day: dt.date, today: dt.date) -> str:
    """Return a day as "Today", "Yesterday", "Tomorrow", "10 Mar", or "10 Mar 2025" in another year."""
    near = {0: "Today", -1: "Yesterday", 1: "Tomorrow"}.get((day - today).days)
    if near:
        return near
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def moment_name(moment: dt.datetime, now: dt.datetime, zone: dt.tzinfo) -> str:
    """Return a moment in `zone` as "Today 09:38" or "Tomorrow 09:00", farther ones as their day."""
    local = moment.astimezone(zone)
    name = day_name(local.date(), now.astimezone(zone).date())
    return f"{name} {local:%H:%M}" if name in ("Today", "Tomorrow") else name


def full_moment(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """Return a moment in full: "Thu 12 Mar 2026, 09:38 (Europe/Berlin)"."""
    local = moment.astimezone(zone)
    name = zone.key if isinstance(zone, ZoneInfo) else local.tzname()
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} ({name})"


def initials(name: str) -> str:
    """Return the first letters of the first and last word: "Lea Novak" → "LN"."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def _round(value: float) -> int:
    # Half up, as people do: 12.5 % is 13 %.
    return int(value + 0.5) if value >= 0 else -int(-value + 0.5)
