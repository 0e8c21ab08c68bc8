"""What all tests share: which directories run when, and an honest word on what did not run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadflow import embedded
from leadflow.configuration import missing_services

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
