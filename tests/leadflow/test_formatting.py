from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from leadflow import formatting

NOW = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (1240, "1,240"), (-1240, "−1,240"), (999.6, "1,000")]
)
def test_thousands(value, text):
    assert formatting.thousands(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0%"), (0.524, "52%"), (0.125, "13%"), (1, "100%"), (-0.04, "−4%")]
)
def test_percent(value, text):
    assert formatting.percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0, "0"), (5, "+5"), (-2, "−2"), (1500, "+1,500")])
def test_signed(value, text):
    assert formatting.signed(value) == text


def test_interval_says_likely():
    assert formatting.interval((0.4530, 0.5816)) == "likely 45–58%"
    assert formatting.interval(None) == ""


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (None, "–"),
        (0, "under 1 min"),
        (59, "under 1 min"),
        (60, "1 min"),
        (timedelta(minutes=38, seconds=59), "38 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=3, minutes=7), "3 h 07 min"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(hours=24), "1 d"),
        (timedelta(hours=28), "1 d 4 h"),
        (timedelta(days=12, hours=5), "12 d"),
        (timedelta(minutes=-18, seconds=-30), "18 min"),
    ],
)
def test_duration(length, text):
    assert formatting.duration(length) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 12, 8, 38, tzinfo=UTC), "Today 09:38"),
        (datetime(2026, 3, 11, 8, 0, tzinfo=UTC), "Yesterday"),
        (datetime(2026, 3, 11, 23, 30, tzinfo=UTC), "Today 00:30"),
        (datetime(2026, 3, 13, 8, 0, tzinfo=UTC), "Tomorrow 09:00"),
        (datetime(2026, 3, 10, 8, 0, tzinfo=UTC), "10 Mar"),
        (datetime(2025, 3, 10, 8, 0, tzinfo=UTC), "10 Mar 2025"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "1 Jan"),
    ],
)
def test_moment_name_is_in_the_zone_of_the_organisation(moment, text):
    assert formatting.moment_name(moment, NOW, BERLIN) == text


def test_day_name_of_another_year():
    assert formatting.day_name(date(2025, 3, 10), date(2026, 3, 12)) == "10 Mar 2025"


def test_full_moment_names_the_zone():
    assert formatting.full_moment(NOW, BERLIN) == "Thu 12 Mar 2026, 11:00 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Lea Novak", "LN"),
        ("Tomás Reyes Cruz", "TC"),
        ("Cher", "C"),
        ("", ""),
        ("lea@example.test", "LE"),
        ("“", ""),
    ],
)
def test_initials(name, letters):
    assert formatting.initials(name) == letters
