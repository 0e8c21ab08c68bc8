"""F13: fifty leads become MQLs at once and eight routers set upon them; seats, turns and order are kept."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from handoff import routing, workflow
from handoff.models import Handoff, RoutingDecision
from leads import clock
from leads.lifecycle import Move, move_many
from leads.models import Lead
from tests.factories import make_mqls, make_pool, make_rep
from tests.handoff.support import current, findings, reason

ROUTERS, LEADS, REPS, SEATS = 8, 50, 5, 8


pytestmark = pytest.mark.usefixtures("needs_postgresql")


@pytest.fixture
def rounds():
    return 20


@contextmanager
def eight_routers():
    """Give a function that has all routers drain at the same moment; each has a connection of its own."""
    barrier = threading.Barrier(ROUTERS)

    def together(act):
        def run(_):
            barrier.wait(30)
            return act()

        return list(threads.map(run, range(ROUTERS)))

    with ThreadPoolExecutor(ROUTERS) as threads:
        try:
            yield lambda at: together(lambda: routing.drain(at))
        finally:
            barrier.reset()
            together(lambda: connection.close())


def fifty_mqls(at, rng):
    """Make them, in one transaction; they have waited for different times, in no order of theirs."""
    handoffs = list(Handoff.objects.filter(lead__in=make_mqls(LEADS, at=at)))
    rng.shuffle(handoffs)
    for minutes, handoff in enumerate(handoffs):
        handoff.waiting_since = at - timedelta(minutes=minutes)
    Handoff.objects.bulk_update(handoffs, ["waiting_since"])


def waiting():
    return list(
        Handoff.objects.filter(status="queued").order_by("waiting_since").values_list("pk", flat=True)
    )


def turn_down(count, rng, at):
    """Free so many seats, of whichever reps."""
    for handoff in rng.sample(list(Handoff.objects.filter(status="offered")), count):
        now = current(handoff.lead)
        workflow.reject(now, now.rep.user, reason(), at=at)


def leave_all(at):
    """End what is left, so that every seat is free again."""
    left = Lead.objects.filter(stage="mql")
    move_many([Move(lead, "lead", status="disqualified", actor="test") for lead in left], at=at)


def test_eight_routers_fill_every_seat_and_then_serve_the_longest_waiting(rounds):
    rng = random.Random(13)
    make_pool(*[make_rep(f"Rep {number}", capacity=SEATS) for number in range(REPS)])
    with eight_routers() as routers:
        for _ in range(rounds):
            at = clock.now()
            fifty_mqls(at, rng)
            routers(at)
            assert_every_seat_is_taken_by_the_longest_waiting()
            queue = waiting()
            for freed in (1, 2, 3, 4):
                turn_down(freed, rng, at)
                last = RoutingDecision.objects.latest("pk").pk
                routers(at)
                served = RoutingDecision.objects.filter(pk__gt=last, outcome="assigned").order_by("pk")
                assert list(served.values_list("handoff", flat=True)) == queue[:freed]
                queue = queue[freed:]
            assert queue == waiting() == []
            leave_all(at)
    assert findings(clock.now()) == []


def assert_every_seat_is_taken_by_the_longest_waiting():
    seats = Handoff.objects.filter(status="offered").values_list("rep__user__name", flat=True)
    assert Counter(seats) == {f"Rep {number}": SEATS for number in range(REPS)}
    queued = Handoff.objects.filter(status="queued", queue_reason="at_capacity")
    assert queued.count() == len(waiting()) == LEADS - REPS * SEATS
    longest = queued.earliest("waiting_since").waiting_since
    assert not Handoff.objects.filter(status="offered", waiting_since__gt=longest).exists()
