"""Median and 90th percentile as database aggregates, the same on both databases as in leads.statistics."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Greatest

from leads import statistics

ALL = Q()


class _Percentile(Aggregate):
    """Lengths of time only. PostgreSQL has it built in; SQLite is lent the functions of leads.statistics."""

    output_field = DurationField()
    allow_distinct = False
    postgresql: str

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        ours = self.copy()
        ours.template = self.postgresql
        return ours.as_sql(compiler, connection, **context)


class Median(_Percentile):
    function = "LEADFLOW_MEDIAN"
    postgresql = "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


class P90(_Percentile):
    function = "LEADFLOW_P90"
    postgresql = "PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY %(expressions)s)"


def time_between(earlier: str, later: str, where: Q = ALL) -> dict[str, Aggregate]:
    """Return the aggregates `median` and `p90` of the time from one column to another, over rows that have both.

    Where the later step came first, as a contact may before a second offer, the time is none.
    """
    both = Q(**{f"{earlier}__isnull": False, f"{later}__isnull": False})
    took = ExpressionWrapper(Greatest(F(later), F(earlier)) - F(earlier), output_field=DurationField())
    return {"median": Median(took, filter=both & where), "p90": P90(took, filter=both & where)}


def install(connection: Any, **kwargs: Any) -> None:
    """Teach a new SQLite connection the aggregates."""
    if connection.vendor == "sqlite":
        connection.connection.create_aggregate("LEADFLOW_MEDIAN", 1, _MedianOfRows)
        connection.connection.create_aggregate("LEADFLOW_P90", 1, _P90OfRows)


class _OfRows:
    def __init__(self) -> None:
        self.values: list[int] = []

    def step(self, value: int | None) -> None:
        if value is not None:
            self.values.append(value)


class _MedianOfRows(_OfRows):
    def finalize(self) -> float | None:
        return statistics.median(self.values)


class _P90OfRows(_OfRows):
    def finalize(self) -> float | None:
        return statistics.p90(self.values)
