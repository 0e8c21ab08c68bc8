"""Dates and times as lists write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_ZONES = {
    "utc": 0, "gmt": 0, "z": 0, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "est": -5, "edt": -4, "cst": -6,
    "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "")
_DAYS = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d. %B %Y", "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y")
_SLASHED = {False: ("%m/%d/%Y", "%m/%d/%y"), True: ("%d/%m/%Y", "%d/%m/%y")}
_ZONE_AT_END = re.compile(r"\s+\(?([A-Za-z]{1,4})\)?$")


def parse_when(text: str, zone: tzinfo, *, day_first: bool = False) -> datetime | None:
    """Return the moment a cell names, in `zone` where it names none, a day as its noon; None if it makes no sense.

    `day_first` decides what 03/04/2026 means.
    """
    text = " ".join(text.split())
    if len(text) < 6 or not any(char.isdigit() for char in text):
        return None
    found: datetime | None
    try:
        found = datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text))
    except ValueError:
        found = _by_format(text, day_first)
    else:
        found = found if len(text) > 10 else found.replace(hour=12)
    if found is None or not 1990 <= found.year <= 2100:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _by_format(text: str, day_first: bool) -> datetime | None:
    offset: tzinfo | None = None
    named = _ZONE_AT_END.search(text)
    if named and named[1].lower() in _ZONES:
        offset = timezone(timedelta(hours=_ZONES[named[1].lower()]))
        text = text[: named.start()]
    for day in (*_DAYS, *_SLASHED[day_first]):
        for clock in _CLOCKS:
            try:
                found = datetime.strptime(text, f"{day} {clock}".strip())  # noqa: DTZ007 - the zone follows
            except ValueError:
                continue
            return (found if clock else found.replace(hour=12)).replace(tzinfo=offset)
    return None


def is_day_first(cells: Iterable[str]) -> bool:
    """Tell from a column's values whether 03/04/2026 is in April: some other value then has a day over 12 first."""
    firsts = (re.match(r"\s*(\d{1,2})/(\d{1,2})/", cell) for cell in cells)
    return any(found and int(found[1]) > 12 for found in firsts)
