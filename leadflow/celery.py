"""The Celery application; what it runs and when stands in `settings.CELERY_…`."""

import logging
import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, worker_ready
from django.db import DatabaseError, connections
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")
# The image runs as nobody in particular; on a laptop or in CI, root is nobody's business but theirs.
warnings.filterwarnings("ignore", message=r"(?s).*superuser privileges")
logger = logging.getLogger(__name__)

app = Celery("leadflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Binds the ids of task and request to every line a worker logs.
app.steps["worker"].add(DjangoStructLogInitStep)


@task_postrun.connect
def leave_sign_of_life(**kwargs: Any) -> None:
    """Let the watchdog and /readyz know that this worker takes tasks."""
    from leadflow import heartbeat  # noqa: PLC0415 - models load after the Celery application
    from leads import clock  # noqa: PLC0415

    try:
        heartbeat.beat_now_and_then(heartbeat.worker_name(), at=clock.now())
    except DatabaseError as error:
        logger.warning("no sign of life left: %s", error)


@worker_ready.connect
def look_through_everything(**kwargs: Any) -> None:
    """Run every sweep at the start: nobody knows how long no worker was there."""
    leave_sign_of_life()
    # Children started later must not inherit a connection.
    connections.close_all()
    for entry in app.conf.beat_schedule.values():
        app.send_task(entry["task"], expires=60)


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Keep Django's logging as it is; a receiver is how Celery is told not to set up its own."""
