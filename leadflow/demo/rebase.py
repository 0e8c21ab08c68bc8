"""Carry a demo that lay idle over to the present, so that nothing in it is stale when it is opened again.

Only for demo data: whole days are added to every date and moment, and what still runs (offers, promises) is moved
by the exact time the installation was down.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import F

from handoff.models import Handoff, HandoffStatus
from leadflow import heartbeat
from leadflow.models import Heartbeat
from leads import ledger
from leads.models import StageChange

APPS = ("leads", "scoring", "handoff")
_DETOUR = 20 * 366  # days; longer than any demo


def mark_present(at: datetime) -> None:
    """Note that the demo is as of this moment."""
    heartbeat.beat(heartbeat.DEMO, at=at)


def idle_since() -> datetime | None:
    """Return when anything of this installation last moved: a worker, or the making of the demo."""
    return Heartbeat.objects.order_by("-at").values_list("at", flat=True).first()


@transaction.atomic
def rebase(now: datetime) -> timedelta:
    """Add the time the installation was down; return it. Less than a quarter of an hour changes nothing."""
    since = idle_since()
    down = now - since if since else timedelta()
    if down < timedelta(minutes=15):
        return timedelta()
    days = timedelta(days=down.days)
    if days:
        ledger.remove(connection)
        _shift_columns(days)
        _shift_notes(days)
        ledger.install(connection)
    _shift_promises(down - days)
    mark_present(now)
    return down


def _shift_columns(days: timedelta) -> None:
    for model in [model for label in APPS for model in apps.get_app_config(label).get_models()]:
        columns = _time_columns(model)
        # A row may move to where another still is; those that must differ take a way round that none is on.
        steps = [_DETOUR + days.days, -_DETOUR] if _must_differ(model, columns) else [days.days]
        for step in steps:
            _add_days(model, columns, step)


def _must_differ(model: type[models.Model], columns: list[models.DateField[Any, Any]]) -> bool:
    unique = [one for one in model._meta.constraints if isinstance(one, models.UniqueConstraint)]
    return any(column.unique or column.name in one.fields for column in columns for one in unique)


def _add_days(model: type[models.Model], columns: list[models.DateField[Any, Any]], days: int) -> None:
    assignments = ", ".join(_assignment(column) for column in columns)
    if assignments:
        sql = f"UPDATE {connection.ops.quote_name(model._meta.db_table)} SET {assignments}"
        with connection.cursor() as cursor:
            cursor.execute(sql, [days] * len(columns))


def _time_columns(model: type[models.Model]) -> list[models.DateField[Any, Any]]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.DateField)]


def _assignment(field: models.DateField[Any, Any]) -> str:
    name = connection.ops.quote_name(field.column)
    is_moment = isinstance(field, models.DateTimeField)
    if connection.vendor == "postgresql":
        return f"{name} = {name} + %s * INTERVAL '1 day'" if is_moment else f"{name} = {name} + %s"
    if is_moment:
        # Moved by their first nineteen characters, so that the fraction of a second stays what it is.
        moved = f"strftime('%%Y-%%m-%%d %%H:%%M:%%S', substr({name}, 1, 19), %s || ' days')"
        return f"{name} = {moved} || substr({name}, 20)"
    return f"{name} = date({name}, %s || ' days')"


def _shift_notes(days: timedelta) -> None:
    """Move the dates within frozen notes and evidence along."""
    for model, column in ((Handoff, "context"), (StageChange, "evidence")):
        for row in model.objects.exclude(**{column: {}}).only("pk", column).iterator(chunk_size=500):
            moved = _moved(getattr(row, column), days)
            model.objects.filter(pk=row.pk).update(**{column: moved})


def _moved(value: Any, days: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _moved(one, days) for key, one in value.items()}
    if isinstance(value, list):
        return [_moved(one, days) for one in value]
    if not isinstance(value, str) or value[:2] != "20":
        return value
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return (read(value) + days).isoformat()
        except ValueError:
            continue
    return value


def _shift_promises(rest: timedelta) -> None:
    offers = Handoff.objects.filter(status=HandoffStatus.OFFERED)
    # Moved by hours, working time falls elsewhere: the clocks of what is open show plain time.
    offers.update(
        clock_spans=[], **_later(rest, "offered_at", "accept_by", "accept_warn_at", "accept_escalate_at")
    )
    taken = Handoff.objects.filter(status=HandoffStatus.ACCEPTED, closed_at=None)
    taken.filter(first_contact_at=None, contact_by__isnull=False).update(
        clock_spans=[], **_later(rest, "contact_by", "contact_warn_at", "contact_reroute_at")
    )


def _later(rest: timedelta, *names: str) -> dict[str, Any]:
    return {name: F(name) + rest for name in names}
