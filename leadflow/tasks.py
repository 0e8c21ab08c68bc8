from typing import Any

from celery import shared_task

from leadflow import heartbeat as life
from leadflow.models import IdempotencyRecord
from leads import clock


@shared_task(name="leadflow.tasks.heartbeat")
def heartbeat(**kwargs: Any) -> None:
    """Show that messages reach a worker; the beat itself is recorded after every task."""
    life.forget_gone(at=clock.now())


@shared_task(name="leadflow.tasks.forget_answers")
def forget_answers(**kwargs: Any) -> None:
    """Drop the answers kept for repeated requests once they need not be kept any more."""
    IdempotencyRecord.objects.outdated(clock.now()).delete()
