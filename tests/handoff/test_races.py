"""Two at once, for real: threads, a barrier and a database server. Each round, exactly one wins."""

from datetime import timedelta
from functools import partial

import pytest

from handoff import clocks, routing, workflow
from handoff.models import Handoff, Opportunity
from handoff.opportunities import open_opportunity
from leads import clock
from leads.lifecycle import move_to_stage
from tests.factories import make_mql, make_pool, make_rep, make_team, make_user
from tests.handoff.racing import REFUSALS, at_once, one_won
from tests.handoff.support import current, findings, work

pytestmark = pytest.mark.usefixtures("needs_postgresql")


@pytest.fixture
def rounds():
    """How often each race is run."""
    return 12


@pytest.fixture
def rep():
    return make_rep("Jonas Lind", capacity=1000)


@pytest.fixture
def pool(rep):
    return make_pool(rep)


def accept(handoff, rep):
    return workflow.accept(handoff, rep.user, clock.now())


def offer(at=None):
    now = clock.now()
    handoff = make_mql(at=at or now)
    routing.drain(at or now)
    return current(handoff.lead)


def test_accept_against_a_marketer_who_disqualifies(rep, pool, rounds):
    for _ in range(rounds):
        handoff = offer()
        lead = current(handoff.lead).lead
        disqualify = partial(
            move_to_stage, lead, "lead", at=clock.now(), status="disqualified", reason="Competitor"
        )

        results = at_once(partial(accept, handoff, rep), disqualify)

        assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, REFUSALS)]
        last = current(handoff.lead)
        assert (last.lead.stage, last.closed_at is not None) == ("lead", True)
    assert findings(clock.now()) == []


def test_two_sweeps_and_two_settlements_have_the_effect_of_one(rep, pool, rounds, settings):
    for _ in range(rounds):
        offer()
    late = clock.now() + timedelta(hours=5)

    counts = at_once(lambda: clocks.sweep(late), lambda: clocks.sweep(late))

    assert sum(counts) == rounds
    assert Handoff.objects.filter(attempt=2).count() == rounds
    settings.LEADFLOW_UNDO_SECONDS = 1
    work(late)


def test_reassigning_to_the_last_seat_gives_it_once(rep, pool):
    manager, narrow = make_user("manager", team=make_team()), make_rep("Narrow", capacity=1)
    first, second = offer(), offer()

    results = at_once(
        *[partial(workflow.reassign, one, manager, narrow, "Fits", clock.now()) for one in (first, second)]
    )

    assert sum(isinstance(result, Handoff) for result in results) == 1
    assert Handoff.objects.seats().filter(rep=narrow).count() == 1
    assert findings(clock.now()) == []


def test_an_opportunity_is_opened_once(rep, pool):
    handoff = workflow.accept(offer(), rep.user, clock.now())
    move_to_stage(current(handoff.lead).lead, "sql", at=clock.now(), by=rep.user)
    close_on = clock.today() + timedelta(days=30)

    terms = {"by": rep.user, "at": clock.now(), "name": "Pilot", "close_on": close_on}

    one_won(at_once(*[partial(open_opportunity, current(handoff.lead), **terms) for _ in range(2)]))

    assert Opportunity.objects.count() == 1
