"""The steps taken in a period, each counted on the day it was taken, and how far those who took it have come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from django.db.models import Count, FilteredRelation, Q, QuerySet

from leadflow.dashboard import measures
from leadflow.dashboard.measures import BUCKETS
from leadflow.dashboard.percentiles import time_between
from leadflow.dashboard.period import Period, midnight
from leads.models import Cycle


@dataclass(frozen=True)
class Step:
    """`entered` took the step in the period; `moved` of them have gone on since, after `median` and `p90`."""

    entered: int
    moved: int = 0
    median: timedelta | None = None
    p90: timedelta | None = None


@dataclass(frozen=True)
class Contacts:
    """First contacts of the leads accepted in a period: per bucket of time, median and p90.

    `fast` and `slow` are (became SQL, of) those contacted within the promised hours, and later.
    """

    accepted: int
    contacted: int
    buckets: list[int]
    median: timedelta | None
    p90: timedelta | None
    fast: tuple[int, int] = (0, 0)
    slow: tuple[int, int] = (0, 0)


# (opportunities within 30 days, of the SQLs at least that old), in the period and in the one before.
Pursuits = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Deals:
    """What became of the opportunities opened in a period."""

    opened: int
    won: int
    lost: int
    open: int
    won_in_period: int


def new_leads(period: Period) -> Step:
    """Count who became a lead, and who of them an MQL."""
    # An MQL follows its lead, so the second condition changes nothing but the work.
    first = Q(lead__cycles__number=1, lead__cycles__mql_at__gte=period.start)
    first_cycle = FilteredRelation("lead__cycles", condition=first)
    rows = measures.entries().filter(period.around("at")).annotate(first_cycle=first_cycle)
    return Step(
        **rows.aggregate(
            entered=Count("pk"), moved=Count("first_cycle"), **time_between("at", "first_cycle__mql_at")
        )
    )


def decisions(cycles: QuerySet[Cycle], period: Period) -> Step:
    """Count the MQLs, those sales accepted, and how long that took."""
    return Step(
        **cycles.filter(period.around("mql_at")).aggregate(
            entered=Count("pk"),
            moved=Count("pk", filter=measures.ACCEPTED),
            **time_between("mql_at", "decided_at", measures.ACCEPTED),
        )
    )


def acceptances(cycles: QuerySet[Cycle], period: Period, promise_hours: int) -> tuple[Step, Contacts]:
    """Count the leads accepted, those that became SQLs, and how soon they were contacted."""
    in_time = measures.at_most("decided_at", "contacted_at", timedelta(hours=promise_hours))
    fast, slow = measures.CONTACTED & in_time, measures.CONTACTED & ~in_time
    named = {f"under_{below}": measures.contacted_sooner(below) for below, _ in BUCKETS if below}
    named |= {"moved": measures.CONVERTED, "contacted": measures.CONTACTED, "fast": fast, "slow": slow}
    named |= {"fast_moved": fast & measures.CONVERTED, "slow_moved": slow & measures.CONVERTED}
    contact = time_between("decided_at", "contacted_at")
    row = cycles.filter(measures.ACCEPTED, period.around("decided_at")).aggregate(
        entered=Count("pk"),
        contact_median=contact["median"],
        contact_p90=contact["p90"],
        **{name: Count("pk", filter=condition) for name, condition in named.items()},
        **time_between("decided_at", "sql_at"),
    )
    contacts = Contacts(
        accepted=row["entered"],
        contacted=row["contacted"],
        buckets=_buckets([row[f"under_{below}"] for below, _ in BUCKETS if below], row["contacted"]),
        median=row["contact_median"],
        p90=row["contact_p90"],
        fast=(row["fast_moved"], row["fast"]),
        slow=(row["slow_moved"], row["slow"]),
    )
    return Step(row["entered"], row["moved"], row["median"], row["p90"]), contacts


def _buckets(under: list[int], contacted: int) -> list[int]:
    """Turn counts "sooner than each bound" into counts between the bounds."""
    return [upper - lower for lower, upper in pairwise([0, *under, contacted])]


def contact_median(cycles: QuerySet[Cycle], period: Period) -> timedelta | None:
    """Return the median time to first contact alone, to compare with."""
    accepted = cycles.filter(measures.ACCEPTED, period.around("decided_at"))
    found: timedelta | None = accepted.aggregate(took=time_between("decided_at", "contacted_at")["median"])[
        "took"
    ]
    return found


def qualifications(cycles: QuerySet[Cycle], period: Period, today: date) -> tuple[Step, Pursuits]:
    """Count the SQLs and those that became opportunities, and how many did within 30 days, also before."""
    now, before = period.around("sql_at"), period.before.around("sql_at")
    is_old = Q(sql_at__lt=midnight(today - timedelta(days=30), period.zone))
    soon = measures.PURSUED & measures.at_most("sql_at", "opportunity_at", timedelta(days=30))
    row = cycles.filter(now | before).aggregate(
        entered=Count("pk", filter=now),
        moved=Count("pk", filter=now & measures.PURSUED),
        now_old=Count("pk", filter=now & is_old),
        now_soon=Count("pk", filter=now & is_old & soon),
        before_old=Count("pk", filter=before & is_old),
        before_soon=Count("pk", filter=before & is_old & soon),
        **time_between("sql_at", "opportunity_at", now),
    )
    step = Step(row["entered"], row["moved"], row["median"], row["p90"])
    return step, ((row["now_soon"], row["now_old"]), (row["before_soon"], row["before_old"]))


def deals(cycles: QuerySet[Cycle], period: Period) -> Deals:
    """Count the opportunities by what became of them, and the deals won in the period whenever they began."""
    opened, won = period.around("opportunity_at"), period.around("won_at")
    named = {
        "opened": opened, "won": opened & measures.WON, "lost": opened & measures.LOST,
        "open": opened & measures.UNDECIDED_DEAL, "won_in_period": won,
    }  # fmt: skip
    rows = cycles.filter(opened | won)
    return Deals(**rows.aggregate(**{name: Count("pk", filter=is_) for name, is_ in named.items()}))
