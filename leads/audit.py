"""The audit log: who changed what, when, through which key and request (R34)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import models

from leads.models import AuditEntry, User

Changes = dict[str, list[Any]]


def audit(
    action: str,
    obj: models.Model | None = None,
    *,
    by: User | None,
    at: datetime,
    changes: Mapping[str, Iterable[Any]] | None = None,
    label: str = "",
    via: str = "",
) -> AuditEntry:
    """Append one entry; call it in the transaction of the change.

    `changes` maps a field to (before, after) and never holds a secret. Request id and API key are those
    of the request at hand; `via` is for what has none, such as a command.
    """
    context = structlog.contextvars.get_contextvars()
    return AuditEntry.objects.create(
        at=at,
        by=by,
        via=(via or str(context.get("credential", "")))[:80],
        action=action,
        object_type=str(obj._meta.model_name) if obj else "",
        object_id=str(obj.pk) if obj else "",
        label=(label or (str(obj) if obj else ""))[:200],
        changes={field: list(pair) for field, pair in (changes or {}).items()},
        request_id=str(context.get("request_id", ""))[:64],
    )


def snapshot(obj: models.Model, fields: Iterable[str]) -> dict[str, Any]:
    """Return the present values of `fields`, a relation as its id, to compare with later."""
    return {field: obj.serializable_value(field) for field in fields}


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return what differs between two snapshots, as `audit` takes it."""
    return {field: [before.get(field), value] for field, value in after.items() if before.get(field) != value}
