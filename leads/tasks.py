from typing import Any

from celery import shared_task

from leads import nurture


@shared_task(name="leads.tasks.wake_nurture")
def wake_nurture(**kwargs: Any) -> None:
    """Tell owners which of their nurtured leads woke up."""
    nurture.announce_woken()
