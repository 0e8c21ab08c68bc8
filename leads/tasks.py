from typing import Any

from celery import shared_task

from leads import automation, nurture, reclassify, seen
from leads.imports import runner


@shared_task(name="leads.tasks.wake_nurture")
def wake_nurture(**kwargs: Any) -> None:
    """Tell owners which of their nurtured leads woke up."""
    nurture.announce_woken()


@shared_task(name="leads.tasks.resume_imports")
def resume_imports(**kwargs: Any) -> None:
    """Run imports and undos that wait, also those whose worker is gone."""
    runner.drain()


@shared_task(name="leads.tasks.update_seen")
def update_seen(**kwargs: Any) -> None:
    """Write on leads when they were seen last."""
    seen.drain()


@shared_task(name="leads.tasks.look_for_automation")
def look_for_automation(**kwargs: Any) -> None:
    """Put bursts no person makes into quarantine."""
    automation.drain()


@shared_task(name="leads.tasks.reclassify")
def reclassify_events(**kwargs: Any) -> None:
    """Walk on through the events under a changed catalogue."""
    reclassify.drain()
