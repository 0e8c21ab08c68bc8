"""Cohorts, with every expected number counted by hand from the rows each test makes."""

from datetime import UTC, date, datetime

import pytest

from leadflow.dashboard import cohorts
from leadflow.dashboard.period import Period
from leads.models import Cycle
from tests.factories import make_cycle

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 12)


def on(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def span(first: str, last: str, zone: str = "UTC") -> Period:
    return Period(date.fromisoformat(first), date.fromisoformat(last), zone)


def counted(first: str, last: str, zone: str = "UTC", today: date = TODAY) -> cohorts.Cohort:
    period = span(first, last, zone)
    return cohorts.cohort(cohorts.count_days(Cycle.objects.all(), period), period, today)


def test_cohort_follows_its_mqls_for_so_many_days():
    make_cycle(on("2025-11-03"), decision="accepted", sql_at=7)  # to the second within 7 days
    make_cycle(on("2025-11-04"), decision="accepted", sql_at=7.5)
    make_cycle(on("2025-11-05"), decision="accepted", sql_at=29)
    make_cycle(on("2025-11-06"), decision="accepted", sql_at=89)
    make_cycle(on("2025-11-07"), decision="accepted", sql_at=91)
    make_cycle(on("2025-11-30"), decision="rejected", ended_at=2)
    make_cycle(on("2025-12-01"), sql_at=1)  # the next cohort

    november = counted("2025-11-01", "2025-11-30")

    assert (november.mqls, november.decided, november.accepted, november.converted) == (6, 6, 5, 5)
    assert november.within == {7: 1, 14: 2, 30: 3, 60: 3, 90: 4}


def test_each_cycle_of_a_person_is_an_mql_of_its_own():
    first = make_cycle(on("2025-11-03"), decision="rejected", ended_at=1)
    make_cycle(on("2025-11-20"), lead=first.lead, decision="accepted", sql_at=1)

    november = counted("2025-11-01", "2025-11-30")

    assert (november.mqls, november.converted) == (2, 1)


def test_what_happens_after_the_sql_takes_nothing_back():
    make_cycle(on("2025-11-03"), decision="accepted", sql_at=5, ended_at=6, end_reason="disqualified")

    assert counted("2025-11-01", "2025-11-30").within[7] == 1


def test_cohort_ripens_column_by_column_with_age():
    # 12 March: for an MQL of 9 February 30 days are over, for one of the 10th they end today.
    make_cycle(on("2026-02-09"))
    make_cycle(on("2026-02-10"), sql_at=3)

    early = counted("2026-02-01", "2026-02-09")
    february = counted("2026-02-01", "2026-02-28")

    assert [early.is_ripe(days) for days in cohorts.WITHIN] == [True, True, True, False, False]
    assert february.unripe == {7: 0, 14: 0, 30: 0, 60: 1, 90: 1}
    assert february.is_ripe(30)  # the one of the 10th has become an SQL: nothing of it is open
    assert [february.has_begun(days) for days in cohorts.WITHIN] == [True, True, True, False, False]


def test_cohort_is_ripe_at_any_age_once_all_is_decided():
    make_cycle(on("2026-03-02"), decision="rejected", ended_at=1)
    make_cycle(on("2026-03-03"), decision="accepted", sql_at=2)

    over = counted("2026-03-01", "2026-03-11")
    running = counted("2026-03-01", "2026-03-31")

    assert all(over.is_ripe(days) for days in cohorts.WITHIN)
    assert not any(running.is_ripe(days) for days in cohorts.WITHIN)


def test_rejected_mql_whose_cycle_goes_on_is_not_decided_for_conversion():
    make_cycle(on("2026-03-02"), decision="rejected")

    assert not counted("2026-03-01", "2026-03-11").is_ripe(30)


def test_unripe_conversion_speaks_only_of_those_old_enough():
    make_cycle(on("2026-01-10"), sql_at=10)
    make_cycle(on("2026-01-11"), sql_at=40)
    make_cycle(on("2026-03-01"), sql_at=1)  # quick, but 30 days are not over: it would flatter
    make_cycle(on("2026-03-02"))

    cohort = counted("2025-12-13", "2026-03-12")

    assert cohort.conversion(30) == (1, 2)
    assert cohort.conversion_period(30) == span("2025-12-13", "2026-02-09")


def test_days_are_those_of_the_organisation():
    make_cycle(datetime(2026, 1, 31, 23, 30, tzinfo=UTC))  # 1 February in Berlin

    assert counted("2026-01-01", "2026-01-31", "Europe/Berlin").mqls == 0
    assert counted("2026-02-01", "2026-02-28", "Europe/Berlin").mqls == 1
    assert counted("2026-01-01", "2026-01-31", "UTC").mqls == 1


def test_cohort_of_nothing_has_no_share():
    cohort = counted("2026-01-01", "2026-01-31")

    assert cohort.conversion(30) == (0, 0)
    assert cohort.mqls == 0


def test_months_and_weeks_of_a_period_cover_it():
    quarter = span("2025-12-13", "2026-03-12")

    months = [month.first.isoformat() for month in cohorts.history(quarter).months()]
    weeks = list(cohorts.weeks_shown(quarter).weeks())

    assert months == [
        "2025-09-01",
        "2025-10-01",
        "2025-11-01",
        "2025-12-01",
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    assert (len(weeks), weeks[0].first, weeks[-1].last) == (26, date(2025, 9, 15), date(2026, 3, 12))


def test_long_period_shows_thirteen_months():
    year = span("2025-03-13", "2026-03-12")

    assert cohorts.history(year).first == date(2025, 3, 1)
    assert len(list(cohorts.weeks_shown(year).weeks())) == 53


def test_days_take_one_query(django_assert_num_queries):
    make_cycle(on("2026-01-10"))
    make_cycle(on("2026-02-10"))

    with django_assert_num_queries(1):
        cohorts.count_days(Cycle.objects.all(), span("2025-01-01", "2026-03-12"))
