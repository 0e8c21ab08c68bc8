"""F15: reps leave, capacities drop, weights change and the pool empties in the middle of routing, 50 times."""

import random
from collections import Counter
from functools import partial

import pytest

from handoff import routing, workflow
from handoff.models import Handoff, Notice, PoolMember, Rep
from leads import clock
from leads.models import User
from tests.factories import make_mqls, make_pool, make_rep, make_team, make_user
from tests.handoff.racing import at_once
from tests.handoff.support import current, findings, reason

ROUNDS, REPS = 50, 5


pytestmark = pytest.mark.usefixtures("needs_postgresql")


class Edits:
    """What managers do to a pool meanwhile. `empty` and `leave` last until the round after."""

    def __init__(self, pool, reps):
        self.pool, self.reps, self.rng = pool, reps, random.Random(15)

    def leave(self):
        User.objects.filter(rep=self.rng.choice(self.reps)).update(is_active=False)

    def be_away(self):
        Rep.objects.filter(pk=self.rng.choice(self.reps).pk).update(is_available=False)

    def change_capacity(self):
        Rep.objects.filter(pk=self.rng.choice(self.reps).pk).update(capacity=self.rng.randrange(0, 7))

    def change_weight(self):
        PoolMember.objects.filter(rep=self.rng.choice(self.reps)).update(weight=self.rng.randrange(1, 4))

    def empty(self):
        PoolMember.objects.filter(pool=self.pool).delete()

    def fill_again(self):
        User.objects.filter(rep__in=self.reps).update(is_active=True)
        Rep.objects.filter(pk__in=[rep.pk for rep in self.reps]).update(is_available=True)
        for rep in self.reps:
            PoolMember.objects.get_or_create(pool=self.pool, rep=rep)


def free_some_seats(rng, at):
    held = list(Handoff.objects.filter(status="offered"))
    for handoff in rng.sample(held, min(6, len(held))):
        now = current(handoff.lead)
        workflow.reject(now, User.objects.get(pk=now.rep.user_id), reason(), at=at)


def assert_nobody_waits_in_vain(pool):
    """Who waits could not have been given to anybody, and says so."""
    eligible = Rep.objects.filter(memberships__pool=pool, user__is_active=True, is_available=True)
    seats = Counter(Handoff.objects.seats().values_list("rep", flat=True))
    free = [rep for rep in eligible if seats[rep.pk] < rep.capacity]
    waiting = Handoff.objects.filter(status="queued")
    assert not (free and waiting.exists())
    expected = "at_capacity" if eligible else "no_eligible_rep"
    assert set(waiting.values_list("queue_reason", flat=True)) <= {expected}


def test_a_roster_edited_while_routers_run_gives_no_seat_too_many():
    manager, reps = make_user("manager", team=make_team()), [make_rep(capacity=6) for _ in range(REPS)]
    pool, rng = make_pool(*reps), random.Random(115)
    edits, emptied = Edits(pool, reps), 0
    acts = [edits.leave, edits.be_away, edits.change_capacity, edits.change_weight, edits.empty]
    for number in range(ROUNDS):
        now = clock.now()
        make_mqls(4, at=now)
        act = acts[number % len(acts)]

        results = at_once(*[partial(routing.drain, now)] * 2, act)

        assert not [one for one in results if isinstance(one, Exception)]
        routing.drain(now)
        assert_nobody_waits_in_vain(pool)
        if act == edits.empty and Handoff.objects.filter(status="queued").exists():
            emptied += 1
            assert Notice.objects.filter(
                user=manager, text__contains="No rep of the pool is eligible"
            ).count()
        edits.fill_again()
        free_some_seats(rng, now)
    routing.drain(clock.now())

    assert emptied > 3
    assert findings(clock.now()) == []
    # Nobody took the turns of all the others, or caught up on those they missed.
    turns = Counter(Handoff.objects.filter(rep__isnull=False).values_list("rep", flat=True))
    assert len(turns) == REPS
    assert max(turns.values()) < sum(turns.values()) / 2
