"""Whether this process lives (/healthz), and whether this installation can serve (/readyz)."""

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from leadflow import backlog, heartbeat
from leads import clock

_started = time.monotonic()
_migrated = False


@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the process runs; asks nothing of the database."""
    return JsonResponse({"status": "alive", "version": settings.LEADFLOW_VERSION})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when everything is in order, else 503 with the reasons."""
    report, reasons = check()
    status = "not ready" if reasons else "ready"
    answer = JsonResponse({"status": status, "reasons": reasons, **report}, status=503 if reasons else 200)
    if reasons:
        answer["Retry-After"] = "5"
    return answer


def check() -> tuple[dict[str, Any], list[str]]:
    """Return what was looked at, and the reasons not to be ready; empty when all is well."""
    try:
        at = clock.now()
        if not migrations_applied():
            return {"database": "ok"}, ["migrations are not applied: run manage.py migrate"]
        worker, worker_reasons = _worker(at)
        waiting, waiting_reasons = _backlog(at)
    except (DatabaseError, InterfaceError) as error:
        return {"database": "away"}, [f"the database does not answer: {type(error).__name__}"]
    report = {"database": "ok", "worker_seen_seconds_ago": worker, "oldest_waiting_seconds": waiting}
    return report, worker_reasons + waiting_reasons


def migrations_applied() -> bool:
    """Whether the database has every migration of this code; asked until it once was so."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _worker(at: dt.datetime) -> tuple[int | None, list[str]]:
    silent = heartbeat.age(at=at)
    seen = None if silent is None else round(silent)
    patience = settings.LEADFLOW_WORKER_SILENT_SECONDS
    # Started together with this process, a worker needs a moment; not being there yet is not a fault.
    if not settings.LEADFLOW_EXPECT_WORKER or time.monotonic() - _started < patience:
        return seen, []
    if silent is None:
        return seen, ["no worker was ever seen"]
    return seen, [f"no worker was seen for {seen} s"] if silent > patience else []


def _backlog(at: dt.datetime) -> tuple[dict[str, int], list[str]]:
    waiting = {name: round(seconds) for name, seconds in backlog.oldest(at=at).items()}
    late = settings.LEADFLOW_BACKLOG_SECONDS
    return waiting, [f"{name} wait for {age} s" for name, age in waiting.items() if age > late]
