"""F14: one lead at a time for a month, the router killed at each, and seven reps who still get the same number."""

import os
import random
import signal
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from handoff import assigning, routing
from handoff.checks import CHECKS
from handoff.models import Handoff, RotationState
from tests.factories import make_mqls, make_pool, make_rep

DAYS, REPS, ASSIGNMENTS = 30, 7, 300


@pytest.fixture(autouse=True)
def _needs_a_server(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: another process does not see the database of a test on SQLite")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def route_and_die(at, *, before_commit):
    """Route in a process of its own that is killed while it does so, or as soon as it has."""
    router = os.fork()
    if router == 0:
        try:
            # Left open, not closed: the server's side of it belongs to the parent.
            connection.connection = None
            if before_commit:
                keep = assigning.save_rotations
                assigning.save_rotations = lambda roster: (keep(roster), die())
            routing.drain(at)
        finally:
            die()
    _, ending = os.waitpid(router, 0)
    assert os.WTERMSIG(ending) == signal.SIGKILL


def test_routers_killed_at_every_lead_keep_the_turns_even(at):
    reps = [make_rep(capacity=1000) for _ in range(REPS)]
    make_pool(*reps)
    rng, held, killed = random.Random(14), Counter({rep.pk: 0 for rep in reps}), 0
    for day in range(DAYS):
        for number in range(ASSIGNMENTS // DAYS):
            moment = at + timedelta(days=day, minutes=number)
            (lead,) = make_mqls(1, at=moment)
            if rng.random() < 0.2:
                route_and_die(moment, before_commit=True)
                assert Handoff.objects.get(lead=lead).status == "queued"
                killed += 1
            route_and_die(moment, before_commit=False)

            held[Handoff.objects.get(lead=lead).rep_id] += 1
            assert max(held.values()) - min(held.values()) <= 1
    assert sum(held.values()) == RotationState.objects.get().total == ASSIGNMENTS
    assert killed > ASSIGNMENTS / 10
    of_routing = [check for name, _, check in CHECKS if name in ("I8", "I9", "I10", "I11", "I12", "I13")]
    assert [found for check in of_routing for found in check(moment)] == []
