"""Invariants of the project itself: append-only tables, one effect per Idempotency-Key, keys and people."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count

from leadflow.models import ApiKey, IdempotencyRecord
from leads import ledger
from leads.enums import Role
from leads.models import User
from leads.permissions import SCOPES

# A record older than this should have been finished or released, and forgotten a day later.
STUCK = timedelta(minutes=10)
KEPT = timedelta(days=8)


def append_only(at: datetime) -> list[str]:
    """The triggers that refuse changes to the ledger and the audit log exist."""
    return [f"the trigger {name} is missing" for name in ledger.missing(connection)]


def one_effect(at: datetime) -> list[str]:
    """No request that named an Idempotency-Key hangs, and no record outlives its use."""
    hanging = IdempotencyRecord.objects.filter(status=None, claimed_at__lt=at - STUCK)
    twice = IdempotencyRecord.objects.values("credential", "key").annotate(n=Count("pk")).filter(n__gt=1)
    forgotten = IdempotencyRecord.objects.filter(claimed_at__lt=at - KEPT).count()
    return (
        [f"idempotency record {pk} never finished" for pk in hanging.values_list("pk", flat=True)[:20]]
        + [f"{row['credential']} used one Idempotency-Key {row['n']} times" for row in twice[:20]]
        + ([f"{forgotten} idempotency records are older than a week"] if forgotten else [])
    )


def keys_are_bounded(at: datetime) -> list[str]:
    """No key has a scope that does not exist."""
    keys = ApiKey.objects.filter(revoked_at=None).values_list("pk", "scopes")
    return [f"API key {pk} has an unknown scope" for pk, scopes in keys if not set(scopes) <= SCOPES.keys()]


def somebody_is_in_charge(at: datetime) -> list[str]:
    """Where there are users, one of them is an active admin."""
    users = User.objects.filter(is_active=True)
    lost = users.exists() and not users.filter(role=Role.ADMIN).exists()
    return ["there is no active admin"] if lost else []


CHECKS = [
    ("I6", "Ledger and audit log are append-only", append_only),
    ("I20", "One effect per Idempotency-Key", one_effect),
    ("I24", "Keys have known scopes only", keys_are_bounded),
    ("R34", "Somebody is in charge", somebody_is_in_charge),
]
