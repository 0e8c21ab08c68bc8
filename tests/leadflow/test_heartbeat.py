import datetime as dt

import pytest

from leadflow import heartbeat
from leadflow.models import Heartbeat

NOON = dt.datetime(2025, 6, 2, 12, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db


def test_age_is_unknown_before_the_first_beat() -> None:
    assert heartbeat.age(at=NOON) is None


def test_age_counts_from_the_latest_beat_of_anyone_or_of_one() -> None:
    heartbeat.beat("slow", at=NOON - dt.timedelta(seconds=60))
    heartbeat.beat("quick", at=NOON - dt.timedelta(seconds=5))

    assert heartbeat.age(at=NOON) == 5
    assert heartbeat.age(at=NOON, name="slow") == 60
    assert heartbeat.age(at=NOON, name="nobody") is None


def test_beat_keeps_one_row_per_worker() -> None:
    heartbeat.beat("quick", at=NOON)
    heartbeat.beat("quick", at=NOON + dt.timedelta(seconds=10))

    assert Heartbeat.objects.get().at == NOON + dt.timedelta(seconds=10)


def test_beat_now_and_then_writes_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_last", -1e6)

    heartbeat.beat_now_and_then("quick", at=NOON)
    heartbeat.beat_now_and_then("quick", at=NOON + dt.timedelta(seconds=1))

    assert Heartbeat.objects.get().at == NOON


def test_forget_gone_keeps_the_living() -> None:
    heartbeat.beat("gone", at=NOON - dt.timedelta(days=2))
    heartbeat.beat("here", at=NOON)

    assert heartbeat.forget_gone(at=NOON) == 1
    assert Heartbeat.objects.get().name == "here"
