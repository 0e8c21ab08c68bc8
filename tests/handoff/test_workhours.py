import os
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.workhours import (
    ROUND_THE_CLOCK,
    NoWorkingTime,
    WorkHours,
    add_working,
    is_working,
    problems_in,
    spans,
    working_between,
)
from tests.handoff import slow_clock

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = WorkHours(BERLIN, [[(540, 720), (780, 1020)]] * 5 + [[], []], {date(2026, 4, 3), date(2026, 4, 6)})
# How many random cases the comparison takes; `LEADFLOW_CLOCK_CASES=10000` is the whole of it.
CASES = int(os.environ.get("LEADFLOW_CLOCK_CASES", "300"))
# Skipped and repeated hours of a whole and of half an hour, at midnight, in the south, and a skipped day.
ZONES = [
    ("Europe/Berlin", "DE", ["2026-03-29", "2026-10-25"]),
    ("America/New_York", "US", ["2026-03-08", "2026-11-01"]),
    ("Australia/Lord_Howe", "AU", ["2026-04-05", "2026-10-04"]),
    ("America/Santiago", "CL", ["2026-04-05", "2026-09-06"]),
    ("Asia/Kathmandu", "NP", ["2026-01-01"]),
    ("Africa/Casablanca", "MA", ["2026-02-15", "2026-03-22"]),
    ("Pacific/Apia", "WS", ["2011-12-30"]),
    ("Asia/Beirut", "LB", ["2026-03-29", "2026-10-25"]),
    ("UTC", "GB", ["2026-12-25"]),
]


def hours(*, on, at="10:00", zone=BERLIN):
    return datetime.fromisoformat(f"{on}T{at}").replace(tzinfo=zone)


def random_week(rng):
    week = [_intervals(rng) if rng.random() < 0.8 else [] for _ in range(7)]
    return week if any(week) else [_intervals(rng)] * 7


def _intervals(rng):
    marks = sorted(rng.sample(range(1441), rng.choice([2, 2, 4, 6])))
    return list(zip(marks[::2], marks[1::2], strict=True))


def random_case(rng):
    name, country, changes = rng.choice(ZONES)
    zone = ZoneInfo(name)
    near = date.fromisoformat(rng.choice(changes))
    start = datetime(near.year, near.month, near.day, tzinfo=UTC) + timedelta(
        minutes=rng.randrange(-3 * 1440, 2 * 1440)
    )
    public = holidays.country_holidays(country, years=[near.year, near.year + 1])
    days_off = set(public) | {near + timedelta(days=rng.randrange(-3, 5))} if rng.random() < 0.7 else set()
    return start, rng.choice([1, 30, 60, 240, 480, rng.randrange(1, 1500)]), zone, random_week(rng), days_off


@pytest.mark.parametrize("part", range(4))
def test_deadlines_equal_those_counted_minute_by_minute(part):
    rng = random.Random(2400 + part)
    for _ in range(CASES // 4):
        start, minutes, zone, week, days_off = case = random_case(rng)
        work = WorkHours(zone, week, days_off)

        due = add_working(start, timedelta(minutes=minutes), work)

        assert due == slow_clock.due(start, minutes, zone, week, days_off), case
        assert working_between(start, due, work) == timedelta(minutes=minutes), case
        end = start + timedelta(minutes=rng.randrange(3000))
        found = working_between(start, end, work) / timedelta(minutes=1)
        assert found == slow_clock.between(start, end, zone, week, days_off), (end, *case)


@pytest.mark.parametrize(
    ("on", "at", "needed", "due"),
    [
        ("2026-03-12", "10:00", 4, "2026-03-12T15:00+01:00"),  # over lunch
        ("2026-03-12", "16:00", 4, "2026-03-13T12:00+01:00"),  # over night, to the end of the morning
        ("2026-03-13", "16:00", 2, "2026-03-16T10:00+01:00"),  # over the weekend
        ("2026-04-02", "16:00", 2, "2026-04-07T10:00+02:00"),  # over Easter, and from winter to summer time
        ("2026-03-14", "03:00", 7, "2026-03-16T17:00+01:00"),  # from a Saturday night to a day's very end
        ("2026-03-27", "16:30", 1, "2026-03-30T09:30+02:00"),  # the weekend of the skipped hour
        ("2026-10-23", "16:30", 1, "2026-10-26T09:30+01:00"),  # and of the repeated one
    ],
)
def test_office_hours(on, at, needed, due):
    assert add_working(hours(on=on, at=at), timedelta(hours=needed), OFFICE) == datetime.fromisoformat(due)


def test_a_skipped_hour_does_not_count_and_a_repeated_one_counts_twice():
    night = WorkHours(BERLIN, [[(60, 240)]] * 7)  # 01:00 to 04:00

    assert working_between(hours(on="2026-03-29", at="00:00"), hours(on="2026-03-29"), night) == timedelta(
        hours=2
    )
    assert working_between(hours(on="2026-10-25", at="00:00"), hours(on="2026-10-25"), night) == timedelta(
        hours=4
    )


def test_nothing_to_wait_for_is_due_at_once():
    start = hours(on="2026-03-14")  # a Saturday

    assert add_working(start, timedelta(0), OFFICE) == start
    assert working_between(start, start - timedelta(days=9), OFFICE) == timedelta(0)


def test_round_the_clock_is_plain_time():
    start = hours(on="2026-03-28", at="22:13").astimezone(UTC)

    assert add_working(start, timedelta(hours=30), ROUND_THE_CLOCK) == start + timedelta(hours=30)
    assert list(spans(start, start + timedelta(days=9), ROUND_THE_CLOCK)) == [
        (start, start + timedelta(days=9))
    ]


def test_a_calendar_of_days_off_alone_says_so():
    class Always:
        def __contains__(self, day):
            return True

    with pytest.raises(NoWorkingTime):
        add_working(
            hours(on="2026-03-12"), timedelta(hours=1), WorkHours(BERLIN, [[(0, 1440)]] * 7, Always())
        )


def test_working_time_at_a_moment():
    assert is_working(hours(on="2026-03-12", at="09:00"), OFFICE)
    assert not is_working(hours(on="2026-03-12", at="12:00"), OFFICE)
    assert not is_working(hours(on="2026-04-03", at="10:00"), OFFICE)


@given(
    start=st.datetimes(*(datetime(year, 1, 1) for year in (2020, 2030)), timezones=st.timezones()),  # noqa: DTZ001 - naive by their signature
    first=st.integers(0, 5000), second=st.integers(0, 5000),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_waiting_in_two_parts_is_waiting_once(start, first, second):
    """To the microsecond, in any zone there is."""
    work = WorkHours(start.tzinfo, [[(300, 301), (615, 1111)]] * 5 + [[], [(0, 1440)]])

    one = add_working(add_working(start, timedelta(minutes=first), work), timedelta(minutes=second), work)

    assert one == add_working(start, timedelta(minutes=first + second), work)


@pytest.mark.parametrize(
    ("week", "said"),
    [
        ([[]] * 7, "at least one day"),
        ([[(60, 60)]] + [[]] * 6, "end after they begin"),
        ([[(60, 1441)]] + [[]] * 6, "end after they begin"),
        ([[(60, 180), (120, 240)]] + [[]] * 6, "do not overlap"),
        ([[(60, 120), (120, 240)]] + [[]] * 6, ""),
    ],
)
def test_problems_of_a_pattern(week, said):
    assert said in problems_in(week)
    assert bool(said) == bool(problems_in(week))
