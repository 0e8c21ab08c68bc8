"""Work in this process: what waits now, or the sweeps in turn where there is no broker."""

import importlib
import logging
import time
from collections.abc import Callable, Iterator

from celery import current_app
from django.conf import settings
from django.db import close_old_connections

from leadflow.celery import leave_sign_of_life

logger = logging.getLogger(__name__)

Step = Callable[[], int]


def steps() -> dict[str, Step]:
    """Return what `LEADFLOW_WORK_STEPS` names."""
    found = {}
    for dotted in settings.LEADFLOW_WORK_STEPS:
        module, _, name = dotted.rpartition(".")
        found[dotted] = getattr(importlib.import_module(module), name)
    return found


def until_idle() -> dict[str, int]:
    """Call every step in turn until a whole round finds nothing to do; return what each did."""
    todo = steps()
    done = dict.fromkeys(todo, 0)
    while True:
        round_ = {name: step() for name, step in todo.items()}
        if not any(round_.values()):
            return done
        done = {name: done[name] + count for name, count in round_.items()}


class Sweeps:
    """The beat schedule, run by hand: each task when it is due, in this process."""

    def __init__(self) -> None:
        current_app.autodiscover_tasks(force=True)
        self._every: dict[str, float] = {
            entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()
        }
        self._due_at = dict.fromkeys(self._every, 0.0)

    def due(self) -> Iterator[str]:
        """Give the names of the tasks due now, each once until it is due again."""
        for name, at in self._due_at.items():
            if time.monotonic() >= at:
                self._due_at[name] = time.monotonic() + self._every[name]
                yield name

    def run_due(self) -> None:
        """Run what is due. A task that fails is logged and comes again; the others go on."""
        for name in self.due():
            result = current_app.tasks[name].apply()
            if result.failed():
                logger.error("%s failed: %s", name, result.traceback)
        leave_sign_of_life()
        close_old_connections()
