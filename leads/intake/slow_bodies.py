"""Cut off clients that send their body a byte at a time, so that they hold no thread (bad-input row 17).

gunicorn's threaded worker waits for a body as long as bytes keep coming. One thread per process knows the
sockets that are being read and shuts those down whose time is over; the reader then sees the end of the stream.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

BODY_SECONDS = 30.0
_TICK = 1.0


class _Watchdog:
    def __init__(self) -> None:
        self._reading: dict[int, tuple[float, socket.socket]] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="slow-bodies", daemon=True).start()

    def add(self, sock: socket.socket, deadline: float) -> int:
        with self._changed:
            self._reading[id(sock)] = (deadline, sock)
            self._changed.notify()
        return id(sock)

    def remove(self, token: int) -> None:
        with self._changed:
            self._reading.pop(token, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._reading)
                for deadline, sock in self._reading.values():
                    if deadline < time.monotonic():
                        _shut(sock)
            time.sleep(_TICK)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # gone already
        sock.shutdown(socket.SHUT_RD)


_current: _Watchdog | None = None
_lock = threading.Lock()


def _watchdog() -> _Watchdog:
    global _current
    with _lock:
        if _current is None:
            _current = _Watchdog()
        return _current


def _forget() -> None:
    # A forked child has no threads but this one, and a lock may have been held meanwhile.
    global _current, _lock
    _current, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


@contextmanager
def watched(environ: dict[str, Any]) -> Iterator[None]:
    """Give the block BODY_SECONDS to read the request's body; servers other than gunicorn are left alone."""
    sock = environ.get("gunicorn.socket")
    if sock is None:
        yield
        return
    watchdog = _watchdog()
    token = watchdog.add(sock, time.monotonic() + BODY_SECONDS)
    try:
        yield
    finally:
        watchdog.remove(token)
