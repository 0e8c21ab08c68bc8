"""The load generator, a process of its own: sends requests made beforehand over a few connections.

Reads a pickled `Job` from standard input and writes its outcome as JSON. Raw sockets, because the generator
shares the machine with what it measures.
"""

from __future__ import annotations

import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """Whole requests, sent once each, in turn by whichever connection is free."""

    port: int
    requests: list[bytes]
    connections: int = 1


@dataclass(frozen=True)
class Outcome:
    """How long everything took, and each request in seconds; `refused` answers were not 2xx."""

    seconds: float
    took: list[float]
    refused: int
    example: str


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return a whole HTTP request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(job: Job) -> Outcome:
    """Do the job in another process; raises RuntimeError when anything was refused."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=pickle.dumps(job), capture_output=True, check=True
    )
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.refused:
        example = outcome.example or done.stderr.decode()[-500:]
        raise RuntimeError(f"{outcome.refused} of {len(job.requests)} requests failed: {example}")
    return outcome


class _Connection:
    """One keep-alive connection that takes requests from a shared supply until there are no more."""

    def __init__(self, job: Job, supply: Iterator[bytes], lock: threading.Lock) -> None:
        self._job, self._supply, self._lock = job, supply, lock
        self._socket: socket.socket | None = None
        self._rest = b""
        self.took: list[float] = []
        self.refused: list[str] = []

    def run(self) -> None:
        while (wanted := self._next()) is not None:
            started = time.perf_counter()
            head, body = self._exchange(wanted)
            self.took.append(time.perf_counter() - started)
            if not head.startswith(b"HTTP/1.1 2"):
                self.refused.append((head[:200] + body[:400]).decode(errors="replace"))
            if b"connection: close" in head.lower():
                self._close()

    def _next(self) -> bytes | None:
        with self._lock:
            return next(self._supply, None)

    def _exchange(self, wanted: bytes) -> tuple[bytes, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._job.port), timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(wanted)
        received = self._rest
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        length = _length(head)
        while len(body) < length:
            body += self._more()
        self._rest = body[length:]
        return head, body[:length]

    def _more(self) -> bytes:
        assert self._socket is not None
        found = self._socket.recv(262_144)
        if not found:
            raise ConnectionError("The server closed the connection within an answer.")
        return found

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError("The answer does not say how long it is.")


def _work(job: Job) -> Outcome:
    supply, lock = iter(job.requests), threading.Lock()
    connections = [_Connection(job, supply, lock) for _ in range(job.connections)]
    threads = [threading.Thread(target=connection.run) for connection in connections]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    took = [one for connection in connections for one in connection.took]
    refused = [text for connection in connections for text in connection.refused]
    lost = len(job.requests) - len(took)
    return Outcome(seconds, took, len(refused) + lost, refused[0] if refused else "")


if __name__ == "__main__":
    # Plain data of our own parent process.
    sent = pickle.load(sys.stdin.buffer)
    json.dump(vars(_work(Job(sent.port, sent.requests, sent.connections))), sys.stdout)
