import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from leadflow import configuration

ROOT = Path(__file__).parents[2]


def test_database_defaults_to_a_durable_sqlite_file(tmp_path: Path) -> None:
    config = configuration.database("", process="web", sqlite_file=tmp_path / "leadflow.sqlite3")

    assert config["ENGINE"] == "django.db.backends.sqlite3"
    assert config["NAME"] == str(tmp_path / "leadflow.sqlite3")
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert config["OPTIONS"]["timeout"] == 20
    assert "journal_mode=WAL; PRAGMA synchronous=FULL" in config["OPTIONS"]["init_command"]


@pytest.mark.parametrize(("process", "bounded"), [("web", True), ("worker", False), ("", False)])
def test_database_bounds_statements_of_requests_only(process: str, bounded: bool, tmp_path: Path) -> None:
    config = configuration.database("postgres://u@host/leadflow", process=process, sqlite_file=tmp_path)

    options = config["OPTIONS"]["options"]
    assert ("-c statement_timeout=30s" in options) is bounded
    assert "-c lock_timeout=5s" in options
    assert "-c synchronous_commit=on" in options
    assert config["CONN_HEALTH_CHECKS"] is True


def test_database_keeps_options_of_the_url(tmp_path: Path) -> None:
    config = configuration.database("postgres://host/db?sslmode=require", process="", sqlite_file=tmp_path)

    assert config["OPTIONS"]["sslmode"] == "require"


def test_secret_key_is_demanded_in_production(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        configuration.secret_key("", production=True, file=tmp_path / "key")


def test_secret_key_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "var" / "key"

    first = configuration.secret_key("", production=False, file=file)

    assert len(first) > 50
    assert configuration.secret_key("", production=False, file=file) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_secret_key_given_wins(tmp_path: Path) -> None:
    assert configuration.secret_key("mine", production=True, file=tmp_path / "key") == "mine"


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("", "memory://"),
        ("redis://redis:6379/0", "redis://redis:6379/0"),
        ("unix:///tmp/a.sock", "redis+socket:///tmp/a.sock"),
    ],
)
def test_broker_url_is_celerys_form(url: str, broker: str) -> None:
    assert configuration.broker_url(url) == broker


def test_missing_services_names_what_is_not_set() -> None:
    assert configuration.missing_services({"DATABASE_URL": "postgres://h/d", "REDIS_URL": "redis://h"}) == []
    assert configuration.missing_services({"DATABASE_URL": "sqlite:///x"}) == [
        "PostgreSQL (set DATABASE_URL)",
        "Redis (set REDIS_URL)",
    ]


def _settings(tmp_path: Path, show: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", f"from leadflow import settings as s; print({show})"],
        cwd=ROOT,
        env={**kept, "LEADFLOW_VAR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_settings_without_environment_are_local(tmp_path: Path) -> None:
    shown = _settings(tmp_path, "s.PRODUCTION, s.HTTPS, s.LEADFLOW_DEMO, s.SECURE_HSTS_SECONDS")

    assert shown.stdout.strip() == "False False True 0", shown.stderr


def test_settings_with_a_database_are_production(tmp_path: Path) -> None:
    shown = _settings(
        tmp_path,
        "s.PRODUCTION, s.SESSION_COOKIE_SECURE, s.LEADFLOW_DEMO, s.SECURE_HSTS_SECONDS",
        DATABASE_URL="postgres://db/leadflow",
        SECRET_KEY="long-enough",
    )

    assert shown.stdout.strip() == "True True False 31536000", shown.stderr


def test_settings_refuse_production_without_a_key(tmp_path: Path) -> None:
    shown = _settings(tmp_path, "s.SECRET_KEY", DATABASE_URL="postgres://db/leadflow")

    assert shown.returncode != 0
    assert "SECRET_KEY is not set" in shown.stderr
