import datetime as dt
import logging

import pytest
import time_machine
from django.db import connection  # noqa: F401 - read by skipif

from leads import clock
from leads.models import Organisation


@pytest.mark.django_db
def test_now_is_the_present_in_utc() -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)

    now = clock.now()

    assert before < now < before + dt.timedelta(minutes=2)
    assert now.utcoffset() == dt.timedelta(0)


@pytest.mark.django_db
def test_now_moves_on_within_a_transaction() -> None:
    first = clock.now()

    assert clock.now() >= first


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no clock of its own")
def test_a_wrong_clock_on_this_machine_does_not_move_the_present() -> None:
    before = clock.now()

    with time_machine.travel(before + dt.timedelta(hours=2)):
        now = clock.now()

    assert before < now < before + dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Auckland", dt.date(2025, 7, 1)), ("America/New_York", dt.date(2025, 6, 30))],
)
def test_day_of_depends_on_the_zone(zone: str, day: dt.date) -> None:
    assert clock.day_of(dt.datetime(2025, 6, 30, 20, tzinfo=dt.UTC), zone) == day


@pytest.mark.django_db
def test_today_is_the_organisations_day(monkeypatch: pytest.MonkeyPatch) -> None:
    Organisation.objects.update_or_create(id=1, defaults={"time_zone": "Pacific/Auckland"})
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2025, 6, 30, 20, tzinfo=dt.UTC))

    assert clock.today() == dt.date(2025, 7, 1)
    assert clock.today("UTC") == dt.date(2025, 6, 30)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine's clock, to be set by hand."""
    times = [1000.0]
    monkeypatch.setattr(clock.time, "time", lambda: times[0])
    return times


def test_steady_clock_rides_out_a_small_step_back(
    wall: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    steady = clock._SteadyClock()
    steady.read()
    wall[0] -= 0.5

    assert steady.read() == 1000.0
    assert not caplog.records


def test_steady_clock_logs_a_large_step_back(wall: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    steady = clock._SteadyClock()
    steady.read()
    wall[0] -= 7200

    assert [steady.read(), steady.read()] == [wall[0], wall[0]]
    assert [record.getMessage() for record in caplog.records] == ["the clock went back by 7200.0 s"]
