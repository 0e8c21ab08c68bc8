"""The figures of a period by rule, source, campaign, segment, definition, team or rep, as stamped on the cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, QuerySet

from leadflow.dashboard import measures
from leadflow.dashboard.period import DAY, Period
from leads.models import Cycle

# Dimension → its column, and the column that names the value.
COLUMNS = {
    "rule": ("rule", ""),
    "source": ("source", ""),
    "campaign": ("campaign", ""),
    "segment": ("segment", ""),
    "definition": ("version", ""),
    "team": ("team_id", "team__name"),
    "rep": ("rep_id", "rep__name"),
}
# What groups without a name are called.
LABELS: dict[str, dict[str, str]] = {
    "source": {"": "Unknown"},
    "campaign": {"": "No campaign"},
    "segment": {"": "Unknown"},
    "definition": {"0": "Before the first"},
    "team": {"0": "Not routed"},
    "rep": {"0": "Not routed"},
}
MOST = 500
NOBODY = "0"  # the value in an address for "no team", "no rep"


@dataclass(frozen=True)
class Group:
    """What came of the MQLs of the period with one value. `sqls` are the SQLs of the period, whenever their MQL was."""

    value: str
    name: str
    mqls: int
    open: int
    decided: int
    accepted: int
    converted: int
    within: int
    base: int  # the MQLs that `within` is of
    is_ripe: bool
    sqls: int


def horizon(period: Period) -> int:
    """Return after how many days conversion is judged in a period: one so short knows nothing of 90 days."""
    return 90 if period.days > 180 else 30


def groups(
    cycles: QuerySet[Cycle], by: str, period: Period, today: date, labels: Mapping[str, str]
) -> list[Group]:
    """Return the groups with the most MQLs first. Two queries."""
    columns = [column for column in COLUMNS[by] if column]
    of_period = cycles.filter(period.around("mql_at")).order_by().values(*columns)
    rows = {_key(row, columns): row for row in of_period.annotate(**_counts(period, today))}
    sqls = {
        _key(row, columns): row
        for row in cycles.filter(period.around("sql_at"))
        .order_by()
        .values(*columns)
        .annotate(sqls_=Count("pk"))
    }
    is_over = period.last < today
    found = [
        _group(key, rows.get(key) or {}, sqls.get(key) or {}, columns, labels, is_over=is_over)
        for key in rows.keys() | sqls.keys()
    ]
    return sorted(found, key=lambda group: (-group.mqls, -group.sqls, group.name))[:MOST]


def _counts(period: Period, today: date) -> dict[str, Count]:
    days = horizon(period)
    is_old = Period(period.first, today - timedelta(days=days) - DAY, period.zone).around("mql_at")
    within = measures.converted_within(days)
    named = {
        "open_": measures.OPEN, "decided_": measures.DECIDED, "accepted_": measures.ACCEPTED,
        "converted_": measures.CONVERTED, "within_": within, "aged_": is_old, "aged_within_": is_old & within,
        "aged_open_": is_old & measures.OPEN,
    }  # fmt: skip
    return {"mqls_": Count("pk"), **{name: Count("pk", filter=is_) for name, is_ in named.items()}}


def _key(row: Mapping[str, Any], columns: list[str]) -> str:
    value = row[columns[0]]
    return NOBODY if value is None else str(value)


def _group(
    key: str, row: Mapping[str, Any], sqls: Mapping[str, Any], columns: list[str], labels: Mapping[str, str], *,
    is_over: bool,
) -> Group:  # fmt: skip
    is_ripe = is_over and row.get("open_", 0) == row.get("aged_open_", 0)
    name = (row or sqls)[columns[-1]] if len(columns) > 1 else key
    if columns[0] == "version":
        name = f"Definition {key}"
    return Group(
        value=key,
        name=labels.get(key) or name or labels.get("") or key,
        mqls=row.get("mqls_", 0),
        open=row.get("open_", 0),
        decided=row.get("decided_", 0),
        accepted=row.get("accepted_", 0),
        converted=row.get("converted_", 0),
        within=row.get("within_" if is_ripe else "aged_within_", 0),
        base=row.get("mqls_" if is_ripe else "aged_", 0),
        is_ripe=is_ripe,
        sqls=sqls.get("sqls_", 0),
    )


def of_value(by: str, value: str) -> dict[str, Any]:
    """Return the filter for the cycles of one group. Raises ValueError for a value the dimension cannot have."""
    column = COLUMNS[by][0]
    if column in ("team_id", "rep_id", "version"):
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
        if number is None:
            raise ValueError(f"no {by}: {value[:40]}")
        is_nobody = number == 0 and column != "version"
        return {f"{column}__isnull": True} if is_nobody else {column: number}
    return {column: value}
