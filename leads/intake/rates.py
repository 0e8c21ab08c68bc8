"""How many events a source may send: a bucket of tokens per source and process, filled as time passes.

Each web process keeps its own, so that neither the database nor Redis is asked; the limit of an installation is
that of a process times their number (docs/tracking.md).
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_MOST_SOURCES = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the events may be taken, and what to tell the sender."""

    allowed: bool
    limit: int
    remaining: int
    retry_after: int  # seconds until there is room for as many; 0 when allowed

    def headers(self) -> dict[str, str]:
        """Return the limit as headers."""
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.retry_after),
        }
        return headers if self.allowed else headers | {"Retry-After": str(self.retry_after)}


class Buckets:
    """The tokens of every source seen lately."""

    def __init__(self) -> None:
        self._levels: dict[int, tuple[float, float]] = {}  # source → tokens, when
        self._lock = threading.Lock()

    def take(self, source_id: int, events: int, *, limit: int, seconds: int, at: float) -> Verdict:
        """Take a token for each event, or none at all if there are too few. A full bucket takes any batch."""
        rate = limit / seconds
        with self._lock:
            level, since = self._levels.get(source_id, (float(limit), at))
            level = min(float(limit), level + max(0.0, at - since) * rate)
            allowed = level >= min(events, limit)
            if allowed:
                level = max(0.0, level - events)
            if len(self._levels) >= _MOST_SOURCES:
                self._levels.clear()
            self._levels[source_id] = (level, at)
        wait = 0 if allowed else max(1, math.ceil((min(events, limit) - level) / rate))
        return Verdict(allowed, limit, int(level), wait)

    def forget(self) -> None:
        """Fill every bucket again."""
        with self._lock:
            self._levels.clear()


_buckets = Buckets()
forget = _buckets.forget


def take(source_id: int, events: int) -> Verdict:
    """Count `events` against what the source may send now (LEADFLOW_RATE_EVENTS)."""
    limit, seconds = _parsed(settings.LEADFLOW_RATE_EVENTS)
    return _buckets.take(source_id, events, limit=limit, seconds=seconds, at=time.monotonic())


@lru_cache(maxsize=8)
def _parsed(rate: str) -> tuple[int, int]:
    count, _, unit = rate.partition("/")
    return max(1, int(count)), _SECONDS[unit.strip() or "min"]
