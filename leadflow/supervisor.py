"""Keeps a handful of programs running: restarts what dies or hangs, and stops them all in order."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

STOP_SECONDS = 20.0
CHECK_SECONDS = 10.0
_SHORT_LIFE = 10.0
_LONGEST_PAUSE = 15.0


@dataclass
class Program:
    """A command to keep running. `stop_last` programs outlive the others, which may need them."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_last: bool = False
    # Seconds since its last sign of life, None if it never gave one; more than `silence` is a hang.
    silent_for: Callable[[], float | None] | None = None
    silence: float = 90.0

    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started: float = 0.0
    _start_at: float = 0.0
    _failures: int = 0

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id, if it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the supervisor alone."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )

    def send(self, signal_number: int) -> None:
        """Ask it to stop; its own children are its business."""
        if self._process and self.running:
            self._process.send_signal(signal_number)

    def kill(self) -> None:
        """Kill it with everything it started."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def revive(self, say: Callable[[str], None]) -> None:
        """Start it again if it died; one that keeps dying waits longer each time."""
        if self.running:
            return
        now = time.monotonic()
        if self._process is not None:
            code = self._process.returncode
            self.kill()  # what it left behind
            self._failures = 0 if now - self._started > _SHORT_LIFE else self._failures + 1
            self._start_at = now + min(_LONGEST_PAUSE, 2.0**self._failures - 1)
            self._process = None
            say(f"{self.name} stopped (exit {code}); starting it again")
        if now >= self._start_at:
            self.start()

    def hangs(self) -> bool:
        """Whether it has had time to give a sign of life, and has not."""
        if self.silent_for is None or time.monotonic() - self._started < self.silence:
            return False
        silent = self.silent_for()
        return silent is None or silent > self.silence


def _die_with_parent() -> None:
    # If the supervisor itself is killed, nobody is left to stop the others.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Supervisor:
    """Runs programs until SIGINT or SIGTERM."""

    def __init__(
        self,
        programs: Sequence[Program],
        say: Callable[[str], None],
        each_round: Callable[[], None] = lambda: None,
    ) -> None:
        self.programs = programs
        self.say = say
        self.each_round = each_round
        self._signals = 0
        self._next_check = 0.0

    def run(self) -> None:
        """Start everything, keep it running, and stop it in order on the first signal."""
        previous = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not self._signals:
                self.look_after()
                self.each_round()
                time.sleep(0.2)
            self.say("stopping")
            self.stop()
        finally:
            for program in self.programs:
                program.kill()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def look_after(self) -> None:
        """Restart what died; now and then kill what hangs, to be restarted next time."""
        for program in self.programs:
            program.revive(self.say)
        if time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + CHECK_SECONDS
        for program in self.programs:
            if program.hangs():
                self.say(f"{program.name} gave no sign of life for {program.silence:.0f} s; killing it")
                program.kill()

    def stop(self) -> None:
        """Ask all to finish what they are doing; a second signal or `STOP_SECONDS` cuts it short."""
        deadline = time.monotonic() + STOP_SECONDS
        for last in (False, True):
            group = [program for program in self.programs if program.stop_last is last]
            for program in group:
                program.send(signal.SIGTERM)
            while any(p.running for p in group) and time.monotonic() < deadline and self._signals < 2:
                time.sleep(0.05)
            for program in group:
                program.kill()

    def _note(self, _number: int, _frame: object) -> None:
        self._signals += 1
