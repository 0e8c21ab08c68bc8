"""A small HTTP client for one purpose: post a body to a public address within 15 seconds, and read little.

It connects to an address it has checked itself (a name may point elsewhere a moment later), follows no
redirect, decodes no compression, and reads 64 KiB at most.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from handoff.destinations import addresses
from handoff.destinations.addresses import NotAllowed, Place
from handoff.destinations.base import Answer, DeliveryError

SECONDS = 15.0
MOST_BYTES = 64 * 1024
EXCERPT = 1000
_AGENT = "Leadflow-Webhooks/1"


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS) -> Answer:
    """Post a body and return the answer, whatever it is; raise DeliveryError if there is none in time."""
    ends = time.monotonic() + seconds
    link = None
    try:
        place = addresses.parse(url)
        link = _connect(place, ends)
        link.settimeout(_left(ends))
        link.sendall(_head(place, body, headers) + body)
        return _read(link, ends)
    except NotAllowed as refused:
        raise DeliveryError(f"Blocked: {refused}", permanent=True) from refused
    except TimeoutError as late:
        raise DeliveryError(f"No answer within {seconds:.0f} seconds.") from late
    except ssl.SSLError as wrong:
        raise DeliveryError(f"No secure connection: {wrong.reason or 'TLS failed'}."[:200]) from wrong
    except (OSError, http.client.HTTPException, ValueError) as broken:
        raise DeliveryError(_said(broken)) from broken
    finally:
        if link is not None:
            link.close()


def _connect(place: Place, ends: float) -> socket.socket:
    """Connect to the first address that answers, having looked where the connection really leads."""
    trouble: OSError | None = None
    for address in addresses.reachable(place, timeout=min(5.0, _left(ends))):
        try:
            link = socket.create_connection((address, place.port), timeout=_left(ends))
        except TimeoutError:
            raise
        except OSError as refused:
            trouble = refused
            continue
        try:
            addresses.require_public(link.getpeername()[0])
            return _secured(link, place, ends)
        except BaseException:
            link.close()
            raise
    raise trouble or OSError("no address")


def _secured(link: socket.socket, place: Place, ends: float) -> socket.socket:
    if place.scheme != "https":
        return link
    link.settimeout(_left(ends))
    return _tls().wrap_socket(link, server_hostname=place.host)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _head(place: Place, body: bytes, headers: Mapping[str, str]) -> bytes:
    every = {
        "Host": place.host_header, "User-Agent": _AGENT, "Accept": "*/*", "Accept-Encoding": "identity",
        "Content-Length": str(len(body)), "Connection": "close", **headers,
    }  # fmt: skip
    lines = [f"POST {place.path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _read(link: socket.socket, ends: float) -> Answer:
    response = http.client.HTTPResponse(cast(socket.socket, _Limited(link, ends)), method="POST")
    response.begin()
    said = response.read(EXCERPT * 4).decode("utf-8", "replace").replace("\x00", "")
    wait = response.headers.get("Retry-After", "")
    asked = min(int(wait), 3600) if wait.isascii() and wait.isdigit() and len(wait) < 10 else 0
    answer = Answer(response.status, said[:EXCERPT], asked)
    # The rest is of no interest, but one that never ends is not an answer.
    while response.read(8192):
        pass
    return answer


class _Limited(io.RawIOBase):
    """A connection to read from until the time or the bytes are used up; stands in for the socket."""

    def __init__(self, link: socket.socket, ends: float) -> None:
        self._link, self._ends, self._left = link, ends, MOST_BYTES

    def makefile(self, *args: Any, **kwargs: Any) -> io.BufferedReader:
        return io.BufferedReader(self, 8192)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise OSError(f"The answer is longer than {MOST_BYTES // 1024} KiB")
        self._link.settimeout(_left(self._ends))
        count = self._link.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _said(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "Connection refused."
    if isinstance(error, ConnectionResetError | http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "The connection was closed before an answer came."
    text = getattr(error, "strerror", "") or str(error) or type(error).__name__
    return f"No usable answer: {text}."[:200]
