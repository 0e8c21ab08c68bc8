from io import StringIO

import pytest
from celery import shared_task
from django.core.management import call_command

from leadflow import work

_left = {"first": 0, "second": 0}


def first() -> int:
    return _do("first")


def second() -> int:
    return _do("second")


def _do(name: str) -> int:
    done = min(_left[name], 2)
    _left[name] -= done
    return done


@pytest.fixture
def some_work(settings: pytest.FixtureRequest) -> None:
    _left.update(first=3, second=1)
    settings.LEADFLOW_WORK_STEPS = [f"{__name__}.first", f"{__name__}.second"]


def test_until_idle_goes_on_until_a_whole_round_does_nothing(some_work: None) -> None:
    assert work.until_idle() == {f"{__name__}.first": 3, f"{__name__}.second": 1}
    assert _left == {"first": 0, "second": 0}


def test_work_until_idle_prints_what_was_done(some_work: None) -> None:
    out = StringIO()

    call_command("work", until_idle=True, stdout=out)

    assert out.getvalue().splitlines() == [f"{__name__}.first: 3", f"{__name__}.second: 1"]


_ran: list[str] = []


@shared_task(name="tests.good")
def good() -> None:
    _ran.append("good")


@shared_task(name="tests.bad")
def bad() -> None:
    raise ValueError("broken")


@pytest.fixture
def schedule(settings: pytest.FixtureRequest) -> None:
    _ran.clear()
    names = ("tests.bad", "tests.good")
    settings.CELERY_BEAT_SCHEDULE = {name: {"task": name, "schedule": 60} for name in names}


@pytest.mark.django_db(transaction=True)
def test_sweeps_run_each_task_when_due_and_survive_one_that_fails(
    schedule: None, caplog: pytest.LogCaptureFixture
) -> None:
    sweeps = work.Sweeps()

    sweeps.run_due()
    sweeps.run_due()

    assert _ran == ["good"]
    assert "tests.bad failed" in caplog.text
