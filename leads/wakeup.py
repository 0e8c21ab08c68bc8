"""Wake a worker for work a transaction left behind.

The row is the work and the message only a wake-up: one that gets lost costs a few seconds, until the
next sweep finds the row. So nothing here may fail a request or keep it waiting. Messages leave from a
thread of their own, and many wake-ups for one task within a moment become one message.
"""

import atexit
import logging
import os
import threading
import time
from dataclasses import dataclass

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Wake-ups for one task closer together than this share a message.
GATHER_SECONDS = 0.1
# After a failure Redis is left alone for this long; the sweeps go on meanwhile.
REST_SECONDS = 5.0


def wake(task_name: str) -> None:
    """Send the named task, without arguments, once the current transaction has committed.

    Never raises and never waits; any number of calls in one transaction send one message.
    """
    wake_up = _WakeUp(task_name)
    waiting = (entry[1] for entry in connection.run_on_commit)
    if wake_up not in waiting:
        transaction.on_commit(wake_up, robust=True)


@dataclass(frozen=True)
class _WakeUp:
    task_name: str

    def __call__(self) -> None:
        if not current_app.conf.broker_url.startswith("memory:"):
            _sender().add(self.task_name)


class Sender:
    """A thread that sends the names given to it, each at most once per `GATHER_SECONDS`."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._ready = threading.Condition()
        self._rest_until = 0.0
        self._sending = False
        threading.Thread(target=self._run, name="wake-up", daemon=True).start()

    def add(self, task_name: str) -> None:
        """Have `task_name` sent soon."""
        with self._ready:
            self._names.add(task_name)
            self._ready.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to send, for at most `timeout` seconds; tell whether it is so."""
        with self._ready:
            return self._ready.wait_for(lambda: not (self._names or self._sending), timeout)

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._names)
                names, self._names = sorted(self._names), set()
                self._sending = True
            for name in names:
                self._send(name)
            with self._ready:
                self._sending = False
                self._ready.notify_all()
            time.sleep(GATHER_SECONDS)

    def _send(self, task_name: str) -> None:
        if time.monotonic() < self._rest_until:
            return
        try:
            current_app.send_task(task_name, retry=False, ignore_result=True)
        except (OSError, KombuError, RedisError) as error:
            self._rest_until = time.monotonic() + REST_SECONDS
            logger.warning("no wake-up sent for %s, the next sweep will find its work: %r", task_name, error)


_current: Sender | None = None
_lock = threading.Lock()


def _sender() -> Sender:
    """Return this process's sender, starting it on first use."""
    global _current
    with _lock:
        if _current is None:
            _current = Sender()
        return _current


def _forget() -> None:
    # Threads do not go along into a forked child, and a lock may have been held meanwhile.
    global _current, _lock
    _current, _lock = None, threading.Lock()


def _flush() -> None:
    # A command is gone in a moment, and with it what its thread still had to say.
    if _current is not None:
        _current.flush(timeout=1.0)


os.register_at_fork(after_in_child=_forget)
atexit.register(_flush)
