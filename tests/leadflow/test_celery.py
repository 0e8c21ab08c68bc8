import importlib
import time

import pytest
from celery import current_app, shared_task
from django.conf import settings

from leadflow import celery, heartbeat, work

ENTRIES = settings.CELERY_BEAT_SCHEDULE.values()


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The signs of life left during a test, instead of rows."""
    left: list[str] = []
    monkeypatch.setattr(heartbeat, "beat_now_and_then", lambda name, at: left.append(name))
    monkeypatch.setattr("leads.clock.now", lambda: None)
    return left


@shared_task(name="tests.nothing")
def nothing() -> None:
    pass


def test_every_task_leaves_a_sign_of_life(signs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADFLOW_WORKER_NAME", "route@here")

    nothing.apply()

    assert signs == ["route@here"]


def test_long_task_leaves_signs_of_life_until_it_ends(signs: list[str]) -> None:
    pulse = celery.Pulse(every=0.02)
    pulse.start()

    pulse.busy.set()
    time.sleep(0.2)
    pulse.busy.clear()
    time.sleep(0.05)
    left = len(signs)
    time.sleep(0.1)

    assert left >= 3
    assert len(signs) == left


@pytest.mark.parametrize("task", sorted({entry["task"] for entry in ENTRIES}))
def test_every_sweep_is_a_task(task: str) -> None:
    current_app.autodiscover_tasks(force=True)

    assert task in current_app.tasks


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["task"])
def test_sweep_goes_to_a_queue_some_worker_reads(entry: dict) -> None:
    options = {"queue": None, **entry["options"]}
    queue = options["queue"] or current_app.amqp.router.route({}, entry["task"])["queue"].name

    assert queue in {"route", "deliver", "score", "bulk"}


@pytest.mark.parametrize("dotted", settings.LEADFLOW_WORK_STEPS)
def test_every_work_step_exists(dotted: str) -> None:
    module, _, name = dotted.rpartition(".")

    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.django_db
def test_work_until_idle_ends_when_nothing_waits() -> None:
    assert set(work.until_idle().values()) == {0}
