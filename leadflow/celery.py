"""The Celery application; what it runs and when stands in `settings.CELERY_…`."""

import logging
import os
import threading
import time
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_process_init, worker_ready
from django.db import DatabaseError, connections
from django_structlog.celery.steps import DjangoStructLogInitStep

from scoring import deaths

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")
# The image runs as nobody in particular; on a laptop or in CI, root is nobody's business but theirs.
warnings.filterwarnings("ignore", message=r"(?s).*superuser privileges")
logger = logging.getLogger(__name__)

app = Celery("leadflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Binds the ids of task and request to every line a worker logs.
app.steps["worker"].add(DjangoStructLogInitStep)


def leave_sign_of_life() -> None:
    """Let the watchdog and /readyz know that this worker takes tasks; a database that is away is no matter."""
    from leadflow import heartbeat  # noqa: PLC0415 - models load after the Celery application
    from leads import clock  # noqa: PLC0415

    try:
        heartbeat.beat_now_and_then(heartbeat.worker_name(), at=clock.now())
    except DatabaseError as error:
        logger.warning("no sign of life left: %s", error)


class Pulse(threading.Thread):
    """Leaves signs of life while a long task runs; the time limits see to it that none runs for ever."""

    def __init__(self, every: float) -> None:
        super().__init__(name="pulse", daemon=True)
        self.every = every
        self.busy = threading.Event()

    def run(self) -> None:
        while self.busy.wait():
            time.sleep(self.every)
            if self.busy.is_set():
                leave_sign_of_life()
                connections.close_all()


_pulse: Pulse | None = None


@task_prerun.connect
def start_pulse(**kwargs: Any) -> None:
    """Begin to leave signs of life, from a thread each worker process makes on its first task."""
    global _pulse
    if _pulse is None or not _pulse.is_alive():
        _pulse = Pulse(every=5.0)
        _pulse.start()
    _pulse.busy.set()


@task_postrun.connect
def rest_pulse(**kwargs: Any) -> None:
    """Leave a last sign of life, and no more until the next task."""
    if _pulse is not None:
        _pulse.busy.clear()
    leave_sign_of_life()


@worker_process_init.connect
def suspect_what_comes_first(**kwargs: Any) -> None:
    """Have a new process be careful: the one before it may have died of its work."""
    deaths.suspect()


@worker_ready.connect
def look_through_everything(**kwargs: Any) -> None:
    """Run every sweep at the start: nobody knows how long no worker was there."""
    leave_sign_of_life()
    # Children started later must not inherit a connection.
    connections.close_all()
    for entry in app.conf.beat_schedule.values():
        app.send_task(entry["task"], **{**entry["options"], "expires": 60})


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Keep Django's logging as it is; a receiver is how Celery is told not to set up its own."""
