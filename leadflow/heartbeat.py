"""Signs of life: workers leave one whenever they finish a task, so one that stopped is noticed."""

import datetime as dt
import os
import socket
import time

from django.db.models import QuerySet

from leadflow.models import Heartbeat

EVERY_SECONDS = 5.0
# No worker: when the demo was last brought up to now.
DEMO = "demo"
_FORGET_AFTER = dt.timedelta(days=1)
_last = 0.0


def worker_name() -> str:
    """Return the name this process's worker is known by."""
    return os.environ.get("LEADFLOW_WORKER_NAME") or socket.gethostname()


def beat(name: str, *, at: dt.datetime) -> None:
    """Record that worker `name` lives."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": at})


def beat_now_and_then(name: str, *, at: dt.datetime) -> None:
    """Record that worker `name` lives, unless this process did so within `EVERY_SECONDS`."""
    global _last
    if time.monotonic() - _last >= EVERY_SECONDS:
        _last = time.monotonic()
        beat(name, at=at)


def of_workers() -> QuerySet[Heartbeat]:
    """Return the workers' last signs of life."""
    return Heartbeat.objects.exclude(name=DEMO)


def age(*, at: dt.datetime, name: str | None = None) -> float | None:
    """Return the seconds since `name`, or else any worker, was last seen; None if never."""
    beats = Heartbeat.objects.filter(name=name) if name else of_workers()
    latest = beats.order_by("-at").first()
    return None if latest is None else (at - latest.at).total_seconds()


def forget_gone(*, at: dt.datetime) -> int:
    """Drop workers not seen for a day; return how many."""
    return Heartbeat.objects.filter(at__lt=at - _FORGET_AFTER).delete()[0]
