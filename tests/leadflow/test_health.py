import datetime as dt

import pytest
from django.db import OperationalError
from django.test import Client

from leadflow import backlog, health, heartbeat
from leads import clock

LONG_AGO = -1e6


@pytest.fixture
def long_running(monkeypatch: pytest.MonkeyPatch, settings: pytest.FixtureRequest) -> None:
    """A web process that expects a worker and no longer makes allowance for a start."""
    monkeypatch.setattr(health, "_started", LONG_AGO)
    settings.LEADFLOW_EXPECT_WORKER = True


def test_healthz_asks_nothing_of_the_database(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json()["status"] == "alive"


@pytest.mark.django_db
def test_readyz_is_ready_with_a_migrated_database(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["reasons"] == []


@pytest.mark.django_db
def test_readyz_misses_a_worker_only_where_one_is_expected(client: Client, long_running: None) -> None:
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reasons"] == ["no worker was ever seen"]


@pytest.mark.django_db
@pytest.mark.parametrize(("age", "status"), [(5, 200), (200, 503)])
def test_readyz_judges_the_worker_by_its_last_sign_of_life(
    client: Client, long_running: None, age: int, status: int
) -> None:
    heartbeat.beat("worker@here", at=clock.now() - dt.timedelta(seconds=age))

    response = client.get("/readyz")

    assert response.status_code == status
    assert response.json()["worker_seen_seconds_ago"] >= age


@pytest.mark.django_db
def test_readyz_allows_for_a_start(client: Client, settings: pytest.FixtureRequest) -> None:
    settings.LEADFLOW_EXPECT_WORKER = True
    settings.LEADFLOW_WORKER_SILENT_SECONDS = 1e9

    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_readyz_reports_what_waits_too_long(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "oldest", lambda at: {"scores": 1000.4, "routing": 3.0})

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["reasons"] == ["scores wait for 1000 s"]
    assert response.json()["oldest_waiting_seconds"] == {"scores": 1000, "routing": 3}


@pytest.mark.django_db
def test_readyz_names_unapplied_migrations(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "migrations_applied", lambda: False)

    assert client.get("/readyz").json()["reasons"] == ["migrations are not applied: run manage.py migrate"]


def test_readyz_without_a_database_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("could not connect to server: secret-host")

    monkeypatch.setattr(clock, "now", away)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response.json()["database"] == "away"
    assert b"secret-host" not in response.content


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_health_is_read_only(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405
