"""A span of whole days in the organisation's time zone; every report counts over one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included, in `zone`."""

    first: date
    last: date
    zone: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return midnight(self.last + DAY, self.zone)

    @property
    def before(self) -> Period:
        """As many days, right before these."""
        return Period(self.first - timedelta(days=self.days), self.first - DAY, self.zone)

    def days_query(self) -> dict[str, str]:
        """Return the period as the parameters that name its days."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}

    def around(self, column: str) -> Q:
        """Return the condition that the moment in `column` lies in this period."""
        return Q(**{f"{column}__gte": self.start, f"{column}__lt": self.end})

    def months(self) -> Iterator[Period]:
        """The calendar months of this period; the last one is cut where the period ends."""
        first = self.first.replace(day=1)
        while first <= self.last:
            following = (first + timedelta(days=32)).replace(day=1)
            yield Period(first, min(following - DAY, self.last), self.zone)
            first = following

    def weeks(self) -> Iterator[Period]:
        """The weeks from Monday on that this period touches; the last one is cut where the period ends."""
        monday = self.first - timedelta(days=self.first.weekday())
        while monday <= self.last:
            yield Period(monday, min(monday + 6 * DAY, self.last), self.zone)
            monday += 7 * DAY


def midnight(day: date, zone: str) -> datetime:
    """Return the moment a day begins in a time zone."""
    return datetime.combine(day, time.min, ZoneInfo(zone))
