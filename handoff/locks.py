"""One order of locks, so that nothing waits crosswise: pools, reps, leads, handoffs; each by id.

On SQLite a transaction that writes holds the whole file from its start, so the row locks say nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

from handoff.models import Pool, Rep
from leads.models import Lead

P = ParamSpec("P")
R = TypeVar("R")
# Deadlock and serialization failure: the same transaction, tried again, goes through.
_PASSING = ("40P01", "40001")
ATTEMPTS = 3


def atomic(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction, again if it lost a deadlock; inside an outer one only once."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(1 if connection.in_atomic_block else ATTEMPTS - 1):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", None) not in _PASSING or connection.in_atomic_block:
                    raise
        with transaction.atomic():
            return function(*args, **kwargs)

    return run


def lock_pools() -> list[Pool]:
    """Lock every pool: one router at a time, and seats and turns counted by nobody else meanwhile."""
    return list(Pool.objects.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def lock_reps(ids: Iterable[int] | None = None) -> list[Rep]:
    """Lock these reps, or all, so that nobody else gives them a seat; their users come along."""
    reps = Rep.objects.select_for_update(no_key=True, of=("self",)).select_related("user").order_by("pk")
    return list(reps if ids is None else reps.filter(pk__in=list(ids)))


def lock_lead(lead_id: int) -> Lead:
    """Lock one lead as the stage door does, so that the door may be used afterwards."""
    return Lead.objects.select_for_update(of=("self",)).get(pk=lead_id)


def lock_leads(ids: Iterable[int]) -> dict[int, str]:
    """Lock leads, but not against new events, and return the stage of each; not for use before the door."""
    rows = Lead.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=list(ids)).order_by("pk")
    return dict(rows.values_list("pk", "stage"))
