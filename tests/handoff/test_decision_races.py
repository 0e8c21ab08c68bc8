"""F12: two decisions about one handoff at the same moment, 200 times each. Exactly one of them comes through."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from handoff import clocks, workflow
from handoff.errors import HandoffConflict
from handoff.models import Handoff, Notice, RoutingDecision
from leads import clock
from leads.models import Cycle, StageChange
from tests.factories import make_key, make_pool, make_rep, make_team, make_user
from tests.handoff.racing import at_once, both_won_some, race, winner
from tests.handoff.support import current, findings, offers, reason, work
from tests.leadflow.api.conftest import Api

PAIRS = 200
# How far from the deadline a decision may fall, in seconds.
AROUND = 0.05
# So many reps wait for their deadline side by side.
LANES = 4


pytestmark = pytest.mark.usefixtures("needs_postgresql")


@pytest.fixture
def rep():
    return make_rep("Jonas Lind", capacity=1000)


@pytest.fixture
def other():
    return make_rep("Mia Berg", capacity=1000)


@pytest.fixture
def manager():
    return make_user("manager", team=make_team())


@pytest.fixture
def pool(rep):
    return make_pool(rep)


def accept(handoff, rep):
    return workflow.accept(handoff, rep.user, clock.now())


def click(api, handoff):
    return api.post(f"handoffs/{handoff.pk}/accept/")


def told(lead):
    return Counter(Notice.objects.filter(lead=lead).values_list("kind", "user"))


def moves(lead):
    return list(StageChange.objects.filter(lead=lead).order_by("seq").values_list("to_stage", "to_status"))


def test_a_double_click_is_answered_200_once_and_409_once(rep, pool):
    first, second = Api(make_key(rep.user)), Api(make_key(rep.user))
    rounds = offers(PAIRS)

    answers = race(rounds, *[partial(click, api) for api in (first, second)])

    for handoff, pair in zip(rounds, answers, strict=True):
        assert sorted(answer.status_code for answer in pair) == [200, 409]
        slower = next(answer.json() for answer in pair if answer.status_code == 409)
        # Who came after all was done is told that it is accepted; who was overtaken, also by whom.
        assert (slower["code"], slower["by"] or "Jonas Lind") == ("accepted", "Jonas Lind")
        assert current(handoff.lead).version == handoff.version + 1
    assert findings(clock.now()) == []


def test_two_reps_accept_what_is_just_being_reassigned(rep, other, pool, manager):
    def take_over(handoff):
        offer = workflow.reassign(handoff, manager, other, "Faster", clock.now())
        return accept(offer, other)

    rounds = offers(PAIRS)

    results = race(rounds, partial(accept, rep=rep), take_over)

    both_won_some(results)
    for handoff, pair in zip(rounds, results, strict=True):
        last = current(handoff.lead)
        assert (last.status, last.rep) == ("accepted", (rep, other)[winner(pair)])
        assert (last.lead.owner, last.cycle.owner) == (last.rep.user, last.rep.user)
    assert findings(clock.now()) == []


def test_accept_against_reassign(rep, other, pool, manager):
    def reassign(handoff):
        return workflow.reassign(handoff, manager, other, "Faster", clock.now())

    rounds = offers(PAIRS)

    results = race(rounds, partial(accept, rep=rep), reassign)

    both_won_some(results)
    for handoff, pair in zip(rounds, results, strict=True):
        last = current(handoff.lead)
        expected = [("accepted", rep), ("offered", other)][winner(pair)]
        assert (last.status, last.rep, last.lead.owner) == (*expected, expected[1].user)
        # The loser left nothing behind: who was told, and what is written down, is of one outcome.
        first = Counter({("offered", rep.user.pk): 1})
        news = Counter({("offered", other.user.pk): 1, ("reassigned", rep.user.pk): 1})
        assert told(last.lead) == (first if last.rep == rep else first + news)
        assert RoutingDecision.objects.filter(handoff__lead=last.lead).count() == last.attempt
    assert Handoff.objects.seats().filter(rep__in=[rep, other]).count() == PAIRS
    assert findings(clock.now()) == []


def test_accept_against_reject_in_two_tabs(rep, pool):
    why = reason()

    def reject(handoff):
        return workflow.reject(handoff, rep.user, why, at=clock.now())

    rounds = offers(PAIRS)

    results = race(rounds, partial(accept, rep=rep), reject)

    both_won_some(results)
    for handoff, pair in zip(rounds, results, strict=True):
        decided = ("accepted", "rejected")[winner(pair)]
        assert Cycle.objects.get(lead=handoff.lead).decision == current(handoff.lead).status == decided
        until_mql = [("lead", "active"), ("mql", "active")]
        nurtured = [("lead", "nurture")] if decided == "rejected" else []
        assert moves(handoff.lead) == until_mql + nurtured
    accepted = Handoff.objects.filter(status="accepted").count()
    assert Handoff.objects.seats().filter(rep=rep).count() == accepted
    assert findings(clock.now()) == []


def test_accept_against_the_deadline(rep, pool):
    rng, rounds = random.Random(12), offers(PAIRS)
    results = {}

    def accept_around_the_deadline(handoff):
        due = clock.now() + timedelta(seconds=AROUND + 0.01)
        Handoff.objects.filter(pk=handoff.pk).update(accept_by=due)
        click = due + timedelta(seconds=rng.uniform(-AROUND, AROUND))
        while (early := (click - clock.now()).total_seconds()) > 0:
            time.sleep(early)
        try:
            results[handoff] = accept(handoff, rep)
        except HandoffConflict as refused:
            results[handoff] = refused

    lanes = [partial(list, map(accept_around_the_deadline, rounds[lane::LANES])) for lane in range(LANES)]
    with sweeping_all_the_while():
        at_once(*lanes, within=120)

    work(clock.now())
    outcomes = Counter()
    for handoff in rounds:
        answer = results[handoff]
        handoff.refresh_from_db()
        outcomes[handoff.status] += 1
        lapsed = Notice.objects.filter(handoff=handoff, kind="expired").count()
        if handoff.status == "accepted":
            assert (type(answer), handoff.decided_at <= handoff.accept_by, lapsed) == (Handoff, True, 0)
        else:
            assert (type(answer), handoff.closed_at > handoff.accept_by, lapsed) == (HandoffConflict, True, 1)
    assert min(outcomes["accepted"], outcomes["expired"]) > PAIRS / 20
    assert findings(clock.now()) == []


@contextmanager
def sweeping_all_the_while():
    over = threading.Event()

    def sweep():
        while not over.wait(0.005):
            clocks.sweep()
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        sweeper = thread.submit(sweep)
        try:
            yield
        finally:
            over.set()
            sweeper.result()
