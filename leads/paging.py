"""Keyset pages: the next page starts after the last row seen, so page 10,000 costs what page 1 costs.

All order columns run in the same direction and are never null; the last one is unique (`id`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value

Row = TypeVar("Row", bound=Model)


class BadCursor(ValueError):
    """The cursor was not made by us for this order."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of rows, with cursors to the pages beside it (None where there is none)."""

    rows: list[Row]
    next: str | None
    previous: str | None


class _RowCompare(Func):
    """`(a, b) < (x, y)` as one row comparison, which both databases answer from an index over (a, b)."""

    output_field = BooleanField()

    def __init__(self, columns: Sequence[str], operator: str, values: Sequence[Any]) -> None:
        self.size, self.operator = len(columns), operator
        super().__init__(*[F(column) for column in columns], *[Value(value) for value in values])

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts, params = [], []
        for expression in self.get_source_expressions():
            sql, of_part = compiler.compile(expression)
            parts.append(sql)
            params.extend(of_part)
        left, right = ", ".join(parts[: self.size]), ", ".join(parts[self.size :])
        return f"(({left}) {self.operator} ({right}))", params


def keyset_page(rows: QuerySet[Row], *, order: Sequence[str], cursor: str, size: int) -> Page[Row]:
    """Return the page of `rows` that `cursor` ("" for the first) points to, in the given order.

    Takes one query. Raises BadCursor.
    """
    columns = [column.lstrip("-") for column in order]
    descending = order[0].startswith("-")
    backwards, values = _read_cursor(cursor, rows.model, columns) if cursor else (False, None)
    if values is not None:
        rows = rows.filter(_RowCompare(columns, "<" if descending != backwards else ">", values))
    direction = "-" if descending != backwards else ""
    found = list(rows.order_by(*[direction + column for column in columns])[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_next, has_previous = (bool(found), more) if backwards else (more, values is not None)
    return Page(
        found,
        cursor_at(found[-1], columns, backwards=False) if has_next and found else None,
        cursor_at(found[0], columns, backwards=True) if has_previous and found else None,
    )


def cursor_at(row: Model, order: Sequence[str], *, backwards: bool) -> str:
    """Return the cursor of the page that starts right after `row`, or ends right before it."""
    columns = [column.lstrip("-") for column in order]
    content = [int(backwards), *[getattr(row, column) for column in columns]]
    text = json.dumps(content, cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(cursor: str, model: type[Model], columns: Sequence[str]) -> tuple[bool, list[Any]]:
    try:
        content = json.loads(base64.urlsafe_b64decode(cursor[:500] + "=" * (-len(cursor[:500]) % 4)))
        backwards, *values = content
        if len(values) != len(columns) or backwards not in (0, 1):
            raise BadCursor("This page address is not valid any more.")
        fields = [model._meta.get_field(column) for column in columns]
        return bool(backwards), [_clean(field, value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, binascii.Error, OverflowError) as wrong:
        raise BadCursor("This page address is not valid any more.") from wrong


def _clean(field: Any, value: Any) -> Any:
    if value is None or isinstance(value, list | dict) or (isinstance(value, str) and "\x00" in value):
        raise BadCursor("This page address is not valid any more.")
    try:
        cleaned = field.to_python(value)
    except Exception as wrong:
        raise BadCursor("This page address is not valid any more.") from wrong
    if isinstance(cleaned, int) and abs(cleaned) >= 2**63:
        raise BadCursor("This page address is not valid any more.")
    return cleaned
