from collections import Counter
from datetime import timedelta

import pytest

from handoff import routing
from handoff.models import Handoff, RoutingDecision
from tests.factories import AT, make_lead, make_mql, make_pool, make_rep

pytestmark = pytest.mark.django_db


def test_an_mql_goes_to_a_rep_with_everything_recorded(at):
    jonas = make_rep("Jonas Lind")
    make_pool(jonas)
    waiting = make_mql()

    assert routing.drain(at) == 1

    handoff = Handoff.objects.get()
    assert (handoff.status, handoff.rep, handoff.queue_reason) == ("offered", jonas, "")
    assert handoff.lead.owner == jonas.user
