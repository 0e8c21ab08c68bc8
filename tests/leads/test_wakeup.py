import time
from typing import Any

import pytest
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from leads import wakeup


class RecordingSender:
    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, task_name: str) -> None:
        self.names.append(task_name)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The wake-ups handed to the sender, with a broker configured."""
    sender = RecordingSender()
    monkeypatch.setattr(wakeup, "_sender", lambda: sender)
    monkeypatch.setattr(current_app.conf, "broker_url", "redis://nowhere")
    return sender.names


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The task names that reached Celery, from a real sender thread."""
    names: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: names.append(name))
    return names


@pytest.mark.django_db(transaction=True)
def test_wake_sends_once_per_transaction_after_the_commit(sent: list[str]) -> None:
    with transaction.atomic():
        for _ in range(3):
            wakeup.wake("scoring.tasks.score_pending")
        wakeup.wake("handoff.tasks.route_waiting")
        before_commit = list(sent)

    assert before_commit == []
    assert sent == ["scoring.tasks.score_pending", "handoff.tasks.route_waiting"]


@pytest.mark.django_db(transaction=True)
def test_wake_sends_nothing_after_a_rollback(sent: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        wakeup.wake("scoring.tasks.score_pending")
        raise ZeroDivisionError

    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_wake_outlives_the_rollback_of_a_savepoint_that_asked_too(sent: list[str]) -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            wakeup.wake("scoring.tasks.score_pending")
            raise ZeroDivisionError
        wakeup.wake("scoring.tasks.score_pending")

    assert sent == ["scoring.tasks.score_pending"]


@pytest.mark.django_db(transaction=True)
def test_wake_without_a_transaction_sends_at_once(sent: list[str]) -> None:
    wakeup.wake("scoring.tasks.score_pending")

    assert sent == ["scoring.tasks.score_pending"]


@pytest.mark.django_db(transaction=True)
def test_wake_without_a_broker_leaves_the_work_to_the_sweeps(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_url", "memory://")

    wakeup.wake("scoring.tasks.score_pending")

    assert sent == []


def test_sender_sends_a_name_asked_for_often_seldom(broker: list[str]) -> None:
    sender = wakeup.Sender()

    for _ in range(200):
        sender.add("scoring.tasks.score_pending")

    assert sender.flush(timeout=5)
    assert 1 <= len(broker) <= 3


def test_sender_leaves_a_failing_broker_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []

    def refuse(name: str, **options: Any) -> None:
        tries.append(name)
        raise OperationalError("connection refused")

    monkeypatch.setattr(current_app, "send_task", refuse)
    sender = wakeup.Sender()

    sender.add("scoring.tasks.score_pending")
    sender.add("handoff.tasks.route_waiting")

    assert sender.flush(timeout=5)
    assert len(tries) == 1
    assert "the next sweep will find its work" in caplog.text


def test_sender_does_not_keep_the_caller_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_app, "send_task", lambda name, **options: time.sleep(0.3))
    sender = wakeup.Sender()
    started = time.monotonic()

    for number in range(50):
        sender.add(f"task {number % 2}")

    assert time.monotonic() - started < 0.15
    assert not sender.flush(timeout=0.01)
    assert sender.flush(timeout=5)
