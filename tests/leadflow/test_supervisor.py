import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadflow import supervisor
from leadflow.supervisor import Program, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
]


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program("sleeper", SLEEP)
    yield program
    program.kill()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_program_that_died_is_started_again(program: Program) -> None:
    said: list[str] = []
    watch = Supervisor([program], said.append)
    watch.look_after()
    first = program.pid
    assert first is not None

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not program.running)
    wait_for(lambda: (watch.look_after(), program.running)[1])

    assert program.pid != first
    assert said == ["sleeper stopped (exit -9); starting it again"]


def test_program_that_keeps_dying_waits_longer_each_time() -> None:
    program = Program("broken", [sys.executable, "-c", "raise SystemExit(3)"])
    watch = Supervisor([program], lambda text: None)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        watch.look_after()
        time.sleep(0.05)

    assert 1 <= program._failures <= 3
    program.kill()


@pytest.mark.parametrize(("silent", "hangs"), [(None, True), (100.0, True), (5.0, False)])
def test_program_hangs_when_silent_for_too_long(program: Program, silent: float | None, hangs: bool) -> None:
    program.silent_for = lambda: silent
    program.start()
    program._started -= 1000

    assert program.hangs() is hangs


def test_program_just_started_has_time_for_its_first_sign(program: Program) -> None:
    program.silent_for = lambda: None
    program.start()

    assert not program.hangs()


def test_hanging_program_is_killed_and_started_again(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0)
    program.silence, program.silent_for = 0.2, lambda: 999.0
    said: list[str] = []
    watch = Supervisor([program], said.append)
    watch.look_after()
    first = program.pid
    time.sleep(0.3)

    wait_for(lambda: (watch.look_after(), program.running and program.pid != first)[1])

    assert said[0] == "sleeper gave no sign of life for 0 s; killing it"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_supervisor_stops_everything_on_one_signal(program: Program, number: int) -> None:
    said: list[str] = []
    threading.Timer(0.5, os.kill, (os.getpid(), number)).start()

    Supervisor([program], said.append).run()

    assert not program.running
    assert said == ["stopping"]


def test_supervisor_kills_what_does_not_stop_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.3)
    deaf = Program("deaf", DEAF)
    deaf.start()
    time.sleep(0.3)

    Supervisor([deaf], lambda text: None).stop()

    assert not deaf.running


def test_supervisor_stops_the_broker_last(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep(float(sys.argv[2])); open(sys.argv[3], 'a').write(sys.argv[1] + ' '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "time.sleep(60)\n"
    )

    def command(name: str, pause: str) -> list[str]:
        return [sys.executable, "-c", script, name, pause, str(log)]

    broker = Program("broker", command("broker", "0"), stop_last=True)
    worker = Program("worker", command("worker", "0.4"))
    watch = Supervisor([broker, worker], lambda text: None)
    watch.look_after()
    time.sleep(0.5)

    watch.stop()

    assert log.read_text() == "worker broker "


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_programs_end_with_a_supervisor_that_was_killed() -> None:
    script = (
        "import time; from leadflow.supervisor import Program\n"
        f"p = Program('sleeper', {SLEEP!r}); p.start(); print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.communicate()

    wait_for(lambda: _state(child) in {"gone", "Z"})


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
