"""What all tests share: which directories run when, and an honest word on what did not run."""

import importlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from segment.analytics import request as segment_request

from leadflow import embedded
from leadflow.configuration import missing_services
from leads import ledger
from tests.factories import AT

TESTS = Path(__file__).parent
# Slow, or in need of a browser: each has its own make target.
APART = {TESTS / "faults": "make test-faults", TESTS / "browser": "make test-browser"}
REQUIRE_SERVICES = os.environ.get("LEADFLOW_REQUIRE_SERVICES") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a run that promised the production services and does not have them."""
    missing = missing_services(os.environ)
    if REQUIRE_SERVICES and missing:
        raise pytest.UsageError(f"LEADFLOW_REQUIRE_SERVICES=1, but missing: {', '.join(missing)}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the directories in APART out, unless the command line names something in them."""
    if collection_path not in APART:
        return None
    asked = [Path(config.invocation_params.dir, arg.partition("::")[0]).resolve() for arg in config.args]
    return None if any(path.is_relative_to(collection_path) for path in asked) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in APART by their directory, so that none is forgotten."""
    for item in items:
        for directory in APART:
            if item.path.is_relative_to(directory):
                item.add_marker(directory.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Count a skipped test as failed where everything was promised to run."""
    report = yield
    if REQUIRE_SERVICES and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although LEADFLOW_REQUIRE_SERVICES=1: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what this run left out."""
    left_out = missing_services(os.environ)
    left_out += [f"tests/{directory.name} ({target})" for directory, target in APART.items()]
    if config.args == [str(TESTS.name)] or not config.option.file_or_dir:
        terminalreporter.write_line("Left out: " + "; ".join(left_out))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A broker that answers: the one in REDIS_URL, else an embedded one for this session."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    server = embedded.find_server()
    if server is None:
        pytest.skip("needs a Valkey or Redis server")
    with embedded.running(server) as url:
        yield url


@pytest.fixture
def hang_up() -> Iterator[None]:
    """Close what the SDK keeps open, or the live server's thread keeps its connection to the database, too."""
    yield
    segment_request._session.close()


@pytest.fixture
def at() -> datetime:
    """The moment most tests play at."""
    return AT


@pytest.fixture(autouse=True)
def _decisions_settle_at_once(settings: Any) -> None:
    settings.LEADFLOW_UNDO_SECONDS = 0


@pytest.fixture(autouse=True, scope="session")
def _flush_gets_past_the_append_only_triggers() -> Iterator[None]:
    # SQLite empties tables with DELETE, which the triggers refuse; PostgreSQL truncates.
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_without_triggers(self: Any, sql_list: list[str]) -> None:
        if connection.vendor == "sqlite":
            ledger.remove(connection)
        flush(self, sql_list)
        if connection.vendor == "sqlite":
            ledger.install(connection)
        # What migrations put in is gone, too, and the next test counts on it.
        catalogue = importlib.import_module("leads.migrations.0007_signal_catalogue")
        reasons = importlib.import_module("handoff.migrations.0004_rejection_reasons")
        tracks = importlib.import_module("leads.migrations.0016_standard_tracks")
        catalogue.load(apps, None)
        reasons.add_reasons(apps, None)
        tracks.add_tracks(apps, None)

    BaseDatabaseOperations.execute_sql_flush = flush_without_triggers
    yield
    BaseDatabaseOperations.execute_sql_flush = flush
