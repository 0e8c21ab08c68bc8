"""The Celery application; what it runs and when stands in `settings.CELERY_…`."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, worker_ready
from django.db import DatabaseError, connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")
logger = logging.getLogger(__name__)

app = Celery("leadflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


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
def leave_first_sign_of_life(**kwargs: Any) -> None:
    """Do the same once at the start, and leave no connection for later children to inherit."""
    leave_sign_of_life()
    connections.close_all()
