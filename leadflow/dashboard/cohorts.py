"""MQL to SQL by cohort: MQLs are counted on the day they entered, and followed from there.

One query counts every day; months, weeks, the period and the one before are sums of days, so they always agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, QuerySet
from django.db.models.functions import TruncDate

from leadflow.dashboard import measures
from leadflow.dashboard.measures import WITHIN
from leadflow.dashboard.period import DAY, Period
from leads.models import Cycle

Days = Mapping[date, Mapping[str, int]]


@dataclass(frozen=True)
class Cohort:
    """The MQLs of some days and what came of them; `today` decides what is ripe."""

    period: Period
    today: date
    mqls: int
    open: int
    decided: int
    accepted: int
    converted: int
    met: int
    within: Mapping[int, int]  # days → converted within them
    unripe: Mapping[int, int]  # days → still open, and so many days are not over
    aged: Mapping[int, tuple[int, int]]  # days → (converted within, of) among those that old

    @property
    def is_over(self) -> bool:
        """Whether no further MQL can join."""
        return self.period.last < self.today

    def is_ripe(self, days: int) -> bool:
        """Tell whether nothing can change any more in the first `days`: all are decided, or all that old."""
        return self.is_over and not self.unripe[days]

    def has_begun(self, days: int) -> bool:
        """Tell whether the oldest of these days is that long ago, or everything is decided anyway."""
        return (
            days == WITHIN[0] or self.period.first + timedelta(days=days) < self.today or self.is_ripe(days)
        )

    def conversion(self, days: int) -> tuple[int, int]:
        """Return (converted within `days`, of): of all if ripe, else of those that are old enough to tell."""
        return (self.within[days], self.mqls) if self.is_ripe(days) else self.aged[days]

    def conversion_period(self, days: int) -> Period:
        """Return the days on which those that `conversion` speaks of became MQLs."""
        if self.is_ripe(days):
            return self.period
        return Period(self.period.first, self.today - timedelta(days=days) - DAY, self.period.zone)


def counts() -> dict[str, Aggregate]:
    """Return what is counted of every group of cycles."""
    named = {
        "open_": measures.OPEN, "decided_": measures.DECIDED, "accepted_": measures.ACCEPTED,
        "converted_": measures.CONVERTED, "met_": measures.MET,
    }  # fmt: skip
    return {
        "mqls_": Count("pk"),
        **{name: Count("pk", filter=condition) for name, condition in named.items()},
        **{f"within_{days}": Count("pk", filter=measures.converted_within(days)) for days in WITHIN},
    }


def count_days(cycles: QuerySet[Cycle], period: Period) -> Days:
    """Count the MQLs of each day; days without any are left out. One query."""
    day = TruncDate("mql_at", tzinfo=ZoneInfo(period.zone))
    rows = (
        cycles.filter(period.around("mql_at")).annotate(day=day).order_by().values("day").annotate(**counts())
    )
    return {row.pop("day"): row for row in rows}


def cohort(days: Days, period: Period, today: date) -> Cohort:
    """Sum the days of a period."""
    ours = {day: row for day, row in days.items() if period.first <= day <= period.last}

    def total(name: str, keep: Mapping[date, Mapping[str, int]] = ours) -> int:
        return sum(row[name] for row in keep.values())

    def old(length: int) -> dict[date, Mapping[str, int]]:
        return {day: row for day, row in ours.items() if day + timedelta(days=length) < today}

    return Cohort(
        period=period,
        today=today,
        **{name: total(f"{name}_") for name in ("mqls", "open", "decided", "accepted", "converted", "met")},
        within={length: total(f"within_{length}") for length in WITHIN},
        unripe={length: total("open_") - total("open_", old(length)) for length in WITHIN},
        aged={
            length: (total(f"within_{length}", old(length)), total("mqls_", old(length))) for length in WITHIN
        },
    )


def history(period: Period) -> Period:
    """Return the months up to the end of a period that its cohort table shows: seven, or 13 for a long one."""
    first = period.last.replace(day=1)
    for _ in range(12 if period.days > 180 else 6):
        first = (first - DAY).replace(day=1)
    return Period(first, period.last, period.zone)


def weeks_shown(period: Period) -> Period:
    """Return the whole weeks up to the end of a period that its weekly chart shows: 26, or 53 for a long one."""
    monday = period.last - timedelta(days=period.last.weekday())
    return Period(monday - timedelta(weeks=52 if period.days > 180 else 25), period.last, period.zone)
