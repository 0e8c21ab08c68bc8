"""What a request needs to know before it starts, in one statement: the time, the catalogue, the sender."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from leads import clock
from leads.intake import catalogue
from leads.intake.catalogue import Catalogue
from leads.models import Organisation

# The count and sum tell entries loaded in bulk, which save() and so the version never saw.
_SQL = """
SELECT {clock}, o.time_zone, o.catalogue_version, g.entries, g.ids, s.id, s.is_active, s.allowed_origins
FROM leads_organisation o
CROSS JOIN (SELECT count(*) AS entries, coalesce(sum(id), 0) AS ids FROM leads_signal) g
LEFT JOIN leads_source s ON s.key_hash = %s
WHERE o.id = 1
"""


@dataclass(frozen=True, slots=True)
class Sender:
    """The source a write key belongs to."""

    id: int
    is_active: bool
    allowed_origins: tuple[str, ...]

    def allows(self, origin: str) -> bool:
        """Tell whether a browser page of this origin may send."""
        return not self.allowed_origins or origin in self.allowed_origins


@dataclass(frozen=True, slots=True)
class Setting:
    """The database's time, the organisation's zone, the catalogue, and who holds the key asked for."""

    now: datetime
    zone: tzinfo
    catalogue: Catalogue
    sender: Sender | None

    def day_of(self, at: datetime) -> date:
        """Return the organisation's calendar day of a moment."""
        return at.astimezone(self.zone).date()


def read(key_hash: str = "") -> Setting:
    """Read the setting; `sender` is whoever's write key has this hash, revoked or not."""
    row = _row(key_hash)
    if row is None:
        Organisation.current()
        row = _row(key_hash)
        assert row is not None
    now, zone, version, entries, ids, source_id, is_active, origins = row
    return Setting(
        now=now or clock.now(),
        zone=ZoneInfo(zone),
        catalogue=catalogue.current(f"{version}-{entries}-{ids}"),
        sender=Sender(source_id, bool(is_active), tuple(_loaded(origins))) if source_id else None,
    )


def _row(key_hash: str) -> tuple[Any, ...] | None:
    now = "clock_timestamp()" if connection.vendor == "postgresql" else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(_SQL.format(clock=now), [key_hash])
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def _loaded(value: Any) -> list[str]:
    loaded: list[str] = json.loads(value) if isinstance(value, str) else value
    return loaded
