"""The one clock: the database's, so that web and workers on several machines agree on a deadline."""

import datetime as dt
import logging
import time
from threading import Lock
from zoneinfo import ZoneInfo

from django.db import connection

logger = logging.getLogger(__name__)


def now() -> dt.datetime:
    """Return the database's present moment, in UTC; for the edges only, domain functions take `at`.

    On PostgreSQL it moves on within a transaction and costs one round trip.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            moment: dt.datetime = cursor.fetchone()[0]
            return moment
    return dt.datetime.fromtimestamp(_guard.read(), tz=dt.UTC)


def day_of(at: dt.datetime, tz_name: str | None = None) -> dt.date:
    """Return the calendar day of `at` in the given time zone, by default the organisation's."""
    return at.astimezone(ZoneInfo(tz_name or _organisation_zone())).date()


def today(tz_name: str | None = None) -> dt.date:
    """Return the present day in the given time zone, by default the organisation's."""
    return day_of(now(), tz_name)


def _organisation_zone() -> str:
    from leads.models import Organisation  # noqa: PLC0415 - models import the clock

    return Organisation.current().time_zone


class _SteadyClock:
    """The machine's clock, for SQLite: small steps back are ridden out, larger ones are logged."""

    def __init__(self) -> None:
        self._last = 0.0
        self._lock = Lock()

    def read(self) -> float:
        with self._lock:
            wall = time.time()
            if wall < self._last - 1:
                # Followed all the same: holding on to a clock that was wrong would be worse.
                logger.warning("the clock went back by %.1f s", self._last - wall)
                self._last = wall
            self._last = max(self._last, wall)
            return self._last


_guard = _SteadyClock()
