import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leadflow import embedded
from leadflow.management.commands.up import Command

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def command() -> Command:
    made = Command(stdout=StringIO(), stderr=StringIO())
    made.host, made.port = "127.0.0.1", 8000
    return made


def names(command: Command, parts: list[str]) -> list[str]:
    with ExitStack() as stack:
        programs = list(command.programs(parts, stack))
        for program in programs:
            program.kill()
        return [program.name for program in programs]


def test_up_refuses_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(CommandError, match=f"Port {port} is taken"):
            call_command("up", port=port)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [(["web"], ["web"]), (["worker"], ["route", "deliver", "score", "bulk"]), (["beat"], ["beat"])],
)
def test_up_runs_the_parts_asked_for(
    command: Command, settings: Any, parts: list[str], expected: list[str]
) -> None:
    settings.REDIS_URL = "redis://redis:6379/0"

    assert names(command, parts) == expected


def test_up_brings_a_broker_where_none_is_given(command: Command, settings: Any) -> None:
    settings.REDIS_URL = ""

    assert names(command, ["web", "worker", "beat"]) == ["broker", "web", "route", "deliver", "score", "bulk"]


def test_up_without_any_server_warns_and_works_in_turns(
    command: Command, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setattr(embedded, "find_server", lambda: None)

    assert names(command, ["web", "worker", "beat"]) == ["web", "worker"]
    assert "NO BROKER" in command.stderr.getvalue()


class Running:
    """Leadflow run by `manage.py up` on a database of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.log = folder / "log"
        own = {"LEADFLOW_VAR": str(folder / "var"), "LEADFLOW_DEMO": "0", "LEADFLOW_LOG_LEVEL": "WARNING"}
        given = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port), *arguments],
                cwd=ROOT,
                env={**given, **own},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask(self) -> dict[str, Any] | None:
        """Return what /readyz says, None if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                said: dict[str, Any] = json.load(answer)
                return said
        except (OSError, urllib.error.URLError):
            return None

    def wait_for(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        return result

    def children(self, of: int | None = None) -> set[int]:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(of or self.process.pid)], capture_output=True, text=True
        )
        return {int(pid) for pid in listed.stdout.split()}

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path)
    yield started
    if started.process.poll() is None:
        started.stop(signal.SIGTERM)


def lives(pid: int) -> bool:
    # Of a process that ended and was not yet waited for, the command line is empty.
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def seen(running: Running) -> bool:
    said = running.ask()
    return bool(said) and said["worker_seen_seconds_ago"] is not None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes the way Linux shows them")
def test_up_serves_works_restarts_what_died_and_stops_cleanly(running: Running) -> None:
    running.wait_for(lambda: seen(running))
    first = running.children()
    assert len(first) == 6

    killed = max(first)
    os.kill(killed, signal.SIGKILL)
    running.wait_for(lambda: len(running.children() - {killed}) == 6)
    everything = {pid for child in running.children() for pid in {child, *running.children(of=child)}}

    assert running.stop(signal.SIGINT) == 0
    running.wait_for(lambda: not any(lives(pid) for pid in everything), seconds=5)
    assert "leadflow: stopped" in running.log.read_text()
    assert "Leadflow is at http://127.0.0.1" in running.log.read_text()


@pytest.mark.slow
def test_up_goes_on_with_the_same_data(tmp_path: Path, running: Running) -> None:
    running.wait_for(running.ask)
    key = (tmp_path / "var" / "secret_key").read_text()
    assert running.stop(signal.SIGTERM) == 0

    again = Running(tmp_path)
    again.wait_for(again.ask)

    assert again.stop(signal.SIGTERM) == 0
    assert (tmp_path / "var" / "secret_key").read_text() == key
    assert (tmp_path / "var" / "leadflow.sqlite3").stat().st_size > 100_000
