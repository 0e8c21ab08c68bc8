"""Writes scores into the leads' own columns, many at a time: the only place that does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from leads import clock
from leads.models import Lead, Organisation
from scoring.live import Catalogue, Rules, live_rules
from scoring.sql import BY_IDS, BY_RANGE


@dataclass(frozen=True)
class Chosen:
    """Leads by id, or a range of ids open below: as a lock, as a condition and as parameters of the SQL."""

    ids: Sequence[int] = ()
    after: int = 0
    upto: int | None = None

    @property
    def kind(self) -> str:
        return BY_IDS if self.upto is None else BY_RANGE

    @property
    def condition(self) -> Q:
        return self.on("pk")

    def on(self, field: str) -> Q:
        """Return the condition on a field that holds a lead's id."""
        if self.upto is None:
            return Q(**{f"{field}__in": self.ids})
        return Q(**{f"{field}__gt": self.after, f"{field}__lte": self.upto})

    @property
    def params(self) -> dict[str, Any]:
        if self.upto is not None:
            return {"after": self.after, "upto": self.upto}
        # One text: the statement names the ids a dozen times, and reading each as an expression took longer.
        ids = ",".join(map(str, self.ids))
        return {"ids": f"{{{ids}}}" if connection.vendor == "postgresql" else f"[{ids}]"}

    def lock(self) -> int:
        """Hold the lead rows, in id order, until the transaction ends; return how many there are.

        To be called before anything about the leads is read: what a later statement reads is then newer than
        any score another worker wrote, so a stale one can never overwrite it. Leaves the key free, so that
        events can be inserted meanwhile. SQLite holds its one write lock already.
        """
        rows = Lead.objects.filter(self.condition)
        if connection.vendor != "postgresql":
            return rows.count()
        locked = rows.select_for_update(no_key=True).order_by("pk").values("pk")
        sql, params = locked.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({sql}) AS locked", params)
            return int(cursor.fetchone()[0])


@dataclass(frozen=True)
class Present:
    """What holds at this moment of a transaction: to be read after the leads were locked."""

    at: datetime
    zone: str
    rules: Rules | None
    catalogue: Catalogue

    @classmethod
    def read(cls, at: datetime | None) -> Present:
        """Read clock, time zone, rules and catalogue; four statements at most."""
        zone = Organisation.current().time_zone
        return cls(at or clock.now(), zone, live_rules(), Catalogue.load())

    @property
    def today(self) -> date:
        return clock.day_of(self.at, self.zone)


def store_scores(chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue) -> int:
    """Score the chosen leads as of `day` in one statement; return how many rows changed and were written."""
    statements = rules.compiled(catalogue)
    params = statements.params(day, version=rules.version, **chosen.params)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Until the end of this transaction only: enough to group a chunk's day counts in memory, and no
            # compiling, which took a third of the time for a chunk and gained nothing.
            cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
        cursor.execute(statements.update[chosen.kind], params)
        return cursor.rowcount
