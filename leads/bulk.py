"""Many rows at once: COPY where the database has it, the ORM's bulk insert elsewhere."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)

# Below, one INSERT is as quick, and needs no ids beforehand.
WORTH_COPYING = 50
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"


def bulk_insert(rows: Sequence[Row]) -> None:
    """Insert new rows of one model and give them their ids; call it in a transaction.

    Like `bulk_create`, without signals and defaults other than the model's own; raises IntegrityError likewise.
    """
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql" or len(rows) < WORTH_COPYING:
        model._default_manager.bulk_create(rows)
        return
    columns = _columns(model)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, len(rows)],
        )
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = pk
    names = [name for name, _, _ in columns]
    _copy(model, columns, [[row.__dict__[name] for name in names] for row in rows])
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias


def bulk_insert_values(
    model: type[models.Model], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows given as values of the named attributes (all without a default), where nobody needs the objects."""
    if connection.vendor != "postgresql" or len(rows) < WORTH_COPYING:
        model._default_manager.bulk_create([model(**dict(zip(names, row, strict=True))) for row in rows])
        return
    by_name = {column[0]: column for column in _columns(model)}
    _copy(model, [by_name[name] for name in names], rows)


Writer = Callable[[Any], str]


Column = tuple[str, str, Writer]  # attribute, column, and what writes its value


def _copy(model: type[models.Model], columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    writers = [write for _, _, write in columns]
    lines = [
        "\t".join(
            [_NULL if value is None else write(value) for value, write in zip(row, writers, strict=True)]
        )
        for row in rows
    ]
    lines.append("")
    names = ", ".join(f'"{column}"' for _, column, _ in columns)
    copy = f'COPY "{model._meta.db_table}" ({names}) FROM STDIN'
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.cursor.copy_expert(copy, io.StringIO("\n".join(lines)))


@lru_cache(maxsize=32)
def _columns(model: type[models.Model]) -> list[Column]:
    fields: Sequence[Any] = [field for field in model._meta.concrete_fields if not field.generated]
    return [
        (field.attname, field.column, _writer(field.target_field if field.is_relation else field))
        for field in fields
    ]


def _writer(field: Any) -> Writer:
    if isinstance(field, models.JSONField):
        return _json_writer(field.encoder)
    if isinstance(field, models.BooleanField):
        return _boolean
    if isinstance(field, models.DateTimeField | models.DateField):
        return _moment
    if isinstance(field, models.CharField | models.TextField):
        return _text
    if isinstance(field, models.IntegerField | models.AutoField):
        return str
    raise TypeError(f"{field} cannot be copied yet")


def _text(value: str) -> str:
    # A plain test first: nearly no value needs the escapes.
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


def _boolean(value: bool) -> str:
    return "t" if value else "f"


@lru_cache(maxsize=1024)
def _moment(value: datetime | date) -> str:
    return value.isoformat()


def _json_writer(encoder: type[json.JSONEncoder] | None) -> Writer:
    def write(value: Any) -> str:
        if value == {}:
            return "{}"
        return json.dumps(value, cls=encoder).translate(_ESCAPES)

    return write
