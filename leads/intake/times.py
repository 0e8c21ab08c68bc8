"""When something happened: strict ISO 8601, and the sender's clock corrected (I21)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_SKEW = timedelta(hours=24)
# Ahead by no more than this is an honest clock.
TOLERANCE = timedelta(minutes=5)
MAX_AHEAD = timedelta(hours=24)
# The longest window a scoring rule may have.
LOOK_BACK = timedelta(days=400)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d[T ]([01]\d|2[0-3]):?\d\d(:?\d\d([.,]\d+)?)?(Z|z|[+-]\d\d(:?\d\d)?)")
_LEAP = re.compile(r"(:?)60(?:[.,]\d+)?(?=[Zz+-])")


class BadTime(ValueError):
    """A moment that cannot be taken; `code` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Skew:
    """How much a sender's clock is off, and what to note on each event about it."""

    offset: timedelta = timedelta()
    flags: tuple[str, ...] = ()


NO_SKEW = Skew()


def parse_moment(text: object) -> datetime:
    """Return an ISO 8601 text with a zone as UTC; raises BadTime. A leap second becomes the moment before it ends."""
    if not isinstance(text, str):
        raise BadTime(
            "timestamp_not_iso8601", "Write the time as ISO 8601 text, such as 2026-03-12T10:00:00Z."
        )
    if not _ISO.fullmatch(text):
        raise _not_iso(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        leap = _LEAP.sub(r"\g<1>59.999", text, count=1)
        if leap == text:
            raise _not_iso(text) from error
    except OverflowError as error:
        raise BadTime("timestamp_out_of_range", "The time is outside the calendar.") from error
    return parse_moment(leap)


def _not_iso(text: str) -> BadTime:
    if _ISO.fullmatch(text + "Z"):
        return BadTime("timestamp_without_zone", "The time needs a zone: add Z or an offset such as +02:00.")
    return BadTime("timestamp_not_iso8601", "Not an ISO 8601 time, such as 2026-03-12T10:00:00Z.")


def skew_of(sent_at: object, received_at: datetime) -> Skew:
    """Return what to add to a request's times; a clock off by more than a day is not believed at all."""
    if sent_at is None:
        return NO_SKEW
    try:
        offset = received_at - parse_moment(sent_at)
    except BadTime:
        return Skew(flags=("sent_at_ignored",))
    return Skew(offset) if abs(offset) <= MAX_SKEW else Skew(flags=("sent_at_ignored",))


def settle(moment: datetime, received_at: datetime) -> tuple[datetime, bool]:
    """Return when an event counts as having happened, and whether it was clamped; raises BadTime."""
    ahead = moment - received_at
    if ahead > MAX_AHEAD:
        raise BadTime("occurred_at_in_future", "The time is more than 24 hours ahead.")
    if moment < EARLIEST:
        raise BadTime("occurred_at_too_early", "The time is before 2000-01-01.")
    return (received_at, True) if ahead > TOLERANCE else (moment, False)
