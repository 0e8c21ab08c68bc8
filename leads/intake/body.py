"""Read a request's body under caps, whatever its length header and encoding say, and turn it into text."""

from __future__ import annotations

import zlib
from typing import Any

from django.http import HttpRequest

from leads.intake import slow_bodies
from leads.intake.problems import Refused

MAX_WIRE = 1024 * 1024
MAX_INFLATED = 4 * 1024 * 1024
# Nobody needs more; each costs a copy of what follows it.
MAX_MEMBERS = 64
_CHUNK = 64 * 1024
_BOM = b"\xef\xbb\xbf"


def read_text(request: HttpRequest) -> str:
    """Return the body as text; raises Refused. Never holds more than MAX_WIRE + MAX_INFLATED bytes."""
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise Refused(415, "unsupported_encoding", "Send the body plain or with Content-Encoding: gzip.")
    body = read_wire(request)
    if encoding in ("gzip", "x-gzip"):
        body = inflate(body)
    return decode(body)


def read_wire(request: HttpRequest) -> bytes:
    """Return the bytes as sent, at most MAX_WIRE of them."""
    length = _announced_length(request.META)
    if length > MAX_WIRE:
        raise _too_large()
    stream = request.META["wsgi.input"]
    chunks: list[bytes] = []
    missing = length
    with slow_bodies.watched(request.META):
        while missing and (chunk := _read(stream, min(missing, _CHUNK))):
            chunks.append(chunk)
            missing -= len(chunk)
    if missing:
        raise Refused(
            400, "incomplete_body", "The body is shorter than its Content-Length, or took too long."
        )
    return b"".join(chunks)


def _read(stream: Any, size: int) -> bytes:
    try:
        return stream.read(size)
    except (OSError, ValueError, AssertionError):
        # The connection broke, was cut as too slow, or ended early: each server says it in its own way.
        return b""


def _announced_length(meta: dict[str, Any]) -> int:
    given = meta.get("CONTENT_LENGTH") or ""
    if not given:
        if meta.get("HTTP_TRANSFER_ENCODING"):
            raise Refused(400, "length_required", "Send the body with a Content-Length, not chunked.")
        return 0
    if not (given.isascii() and given.isdigit()):
        raise Refused(400, "invalid_content_length", "Content-Length is not a number.")
    # More digits than any real length: not worth converting.
    return int(given) if len(given) <= 15 else MAX_WIRE + 1


def _too_large() -> Refused:
    return Refused(413, "too_large", "A request has at most 1 MiB. Send fewer events at a time.")


def inflate(body: bytes) -> bytes:
    """Return gzip `body` unpacked, every member of it, stopping at MAX_INFLATED bytes."""
    parts: list[bytes] = []
    room = MAX_INFLATED
    rest = body
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            part = _inflate_some(member, rest, room + 1)
            room -= len(part)
            if room < 0:
                raise Refused(413, "too_large_inflated", "Unpacked, a request has at most 4 MiB.")
            parts.append(part)
            rest = member.unconsumed_tail
            if not (part or rest or member.eof):
                raise _bad_gzip()  # truncated
        rest = member.unused_data
        if not rest:
            return b"".join(parts)
    raise _bad_gzip()


def _inflate_some(member: Any, data: bytes, limit: int) -> bytes:
    try:
        return member.decompress(data, limit)
    except zlib.error as error:
        raise _bad_gzip() from error


def _bad_gzip() -> Refused:
    return Refused(400, "bad_gzip", "The body says it is gzip and cannot be unpacked.")


def decode(body: bytes) -> str:
    """Return UTF-8 bytes as text, without one leading byte-order mark."""
    body = body.removeprefix(_BOM)
    if not body.strip():
        raise Refused(400, "empty_body", "The body is empty.")
    # UTF-16 and UTF-32 without a mark would pass as UTF-8 full of NULs.
    if b"\x00" in body[:4]:
        raise _not_utf8()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8() from error


def _not_utf8() -> Refused:
    return Refused(400, "not_utf8", "The body is not UTF-8.")
