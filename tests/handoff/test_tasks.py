import pytest
from django.conf import settings

import handoff.tasks
import leads.tasks
from handoff.models import Handoff
from leads import clock
from tests.factories import make_mql, make_pool, make_rep

pytestmark = pytest.mark.django_db

OURS = [
    handoff.tasks.route_waiting,
    handoff.tasks.sweep_clocks,
    handoff.tasks.settle_decisions,
    handoff.tasks.deliver_notices,
    leads.tasks.wake_nurture,
]


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_every_task_is_swept_and_safe_to_run_with_nothing_to_do_and_twice(task):
    assert task.name in settings.CELERY_BEAT_SCHEDULE

    task()
    task(anything="ignored")


def test_route_waiting_routes():
    make_pool(make_rep())
    make_mql(at=clock.now())

    handoff.tasks.route_waiting()

    assert Handoff.objects.get().status == "offered"
