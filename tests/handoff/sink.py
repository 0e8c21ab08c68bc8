"""A web server that takes webhooks, well or badly, and remembers what came."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Call"], None]


class Call(BaseHTTPRequestHandler):
    """One request; `answer`, `reset` and `hang` are what a behaviour may do with it."""

    protocol_version = "HTTP/1.1"
    server: Sink
    body = b""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.calls[self.path].append((dict(self.headers), self.body, time.monotonic()))
            number = len(self.server.calls[self.path])
        self.number = number
        self.server.behaviours.get(self.path, ok)(self)

    do_GET = do_POST

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """Cut the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def hang(self, seconds: float) -> None:
        self.server.closing.wait(seconds)

    def log_message(self, *args: Any) -> None:
        pass


class Sink(ThreadingHTTPServer):
    """`calls[path]` holds (headers, body, when) of each request; `behaviours[path]` says how to answer."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.calls: dict[str, list[tuple[dict[str, str], bytes, float]]] = defaultdict(list)
        self.behaviours: dict[str, Behaviour] = {}
        self.lock, self.closing = threading.Lock(), threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *args: Any) -> None:
        pass


def ok(call: Call) -> None:
    call.answer(200, b"thanks")


@contextlib.contextmanager
def running() -> Iterator[Sink]:
    sink = Sink()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        sink.closing.set()
        sink.shutdown()
        sink.server_close()
