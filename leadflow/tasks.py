from typing import Any

from celery import shared_task

from leadflow import heartbeat as life
from leads import clock


@shared_task(name="leadflow.tasks.heartbeat")
def heartbeat(**kwargs: Any) -> None:
    """Show that messages reach a worker; the beat itself is recorded after every task."""
    life.forget_gone(at=clock.now())
