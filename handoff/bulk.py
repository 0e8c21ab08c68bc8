"""Inserts of many rows in one statement, where the ORM's share of the time is too large (P8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models

Row = tuple[Any, ...]


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Row], *, skip_conflicts: bool = False
) -> None:
    """Insert rows given as tuples of `columns` (attribute names); the other columns get the model's defaults.

    JSON may be given as text. Nobody is told (no signals) and no ids come back.
    """
    if not rows:
        return
    fields = {field.attname: field for field in model._meta.concrete_fields if not field.primary_key}
    others = [field for name, field in fields.items() if name not in columns]
    ordered = [fields[column] for column in columns] + others
    defaults = tuple(field.get_default() for field in others)
    prepare = [_preparation(field) for field in ordered]
    values = [[ready(value) for ready, value in zip(prepare, row + defaults, strict=True)] for row in rows]
    _execute(model, ordered, values, " ON CONFLICT DO NOTHING" if skip_conflicts else "")


def _execute(
    model: type[models.Model], fields: Sequence[models.Field], values: list[list[Any]], conflict: str
) -> None:
    names = ", ".join(f'"{field.column}"' for field in fields)
    into = f'INSERT INTO "{model._meta.db_table}" ({names})'
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{_pg_type(field)}[]" for field in fields)
            by_column = [list(column) for column in zip(*values, strict=True)]
            cursor.execute(f"{into} SELECT * FROM unnest({arrays}){conflict}", by_column)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"{into} VALUES ({marks}){conflict}", values)


def _pg_type(field: models.Field) -> str:
    # Without the length: a cast to varchar(n) would cut what the column itself refuses.
    return str(field.db_type(connection)).partition("(")[0]


def _preparation(field: models.Field) -> Callable[[Any], Any]:
    """Return what makes a value of this column fit for the database."""
    if isinstance(field, models.JSONField):
        return lambda value: value if isinstance(value, str) else json.dumps(value)
    if isinstance(field, models.DateTimeField):
        return lambda value: (
            connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
        )
    return lambda value: value
