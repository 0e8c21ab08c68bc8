"""Two at once, for real: threads, a barrier and a database server. Each round, exactly one wins."""

import random
import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from handoff import clocks, routing, workflow
from handoff.errors import HandoffConflict, NotAllowed
from handoff.models import Handoff, Notice, Opportunity, RoutingDecision
from handoff.opportunities import open_opportunity
from leads import clock
from leads.lifecycle import IllegalMove, StageConflict, move_to_stage
from leads.models import Cycle
from tests.factories import make_mql, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current, findings, reason, work

REFUSALS = (HandoffConflict, IllegalMove, StageConflict, NotAllowed)
# How far from the deadline a decision may fall, in seconds.
AROUND = 0.05


@pytest.fixture(autouse=True)
def _needs_a_server(transactional_db):
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite lets one writer in at a time")


@pytest.fixture
def rounds():
    """How often each race is run; `make test-faults` runs them more often."""
    return 12


def at_once(*acts, within=30):
    """Run the acts at the same moment; return what each returned, or the refusal it met."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place, act):
        try:
            barrier.wait(10)
            results[place] = act()
        except Exception as error:  # noqa: BLE001 - a thread's failure is judged by the test
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=entry) for entry in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
        assert not thread.is_alive()
    return results


def one_won(results):
    refused = [result for result in results if isinstance(result, REFUSALS)]
    broken = [result for result in results if isinstance(result, Exception) and result not in refused]
    assert broken == []
    assert len(results) - len(refused) == 1
    return next(result for result in results if not isinstance(result, Exception))


@pytest.fixture
def rep():
    return make_rep("Jonas Lind", capacity=1000)


@pytest.fixture
def pool(rep):
    return make_pool(rep)


def accept(handoff, rep):
    return workflow.accept(handoff, rep.user, clock.now())


def accept_at(handoff, rep, moment):
    while clock.now() < moment:
        pass
    return accept(handoff, rep)


def sweep_after(due):
    while clock.now() <= due:
        pass
    return clocks.sweep()


def offer(at=None):
    now = clock.now()
    handoff = make_mql(at=at or now)
    routing.drain(at or now)
    return current(handoff.lead)


def test_a_double_click_accepts_once(rep, pool, rounds):
    for _ in range(rounds):
        handoff = offer()

        one_won(at_once(*[partial(accept, current(handoff.lead), rep) for _ in range(2)]))

        assert current(handoff.lead).version == handoff.version + 1
    assert findings(clock.now()) == []


def test_two_reps_accept(rep, pool, rounds):
    other = make_rep("Mia Berg")
    for _ in range(rounds):
        handoff = offer()

        won = one_won(at_once(*[partial(accept, current(handoff.lead), one) for one in (rep, other)]))

        assert (won.rep, current(handoff.lead).lead.owner) == (rep, rep.user)
    assert findings(clock.now()) == []


def test_accept_against_reject_in_two_tabs(rep, pool, rounds):
    why = reason()
    for _ in range(rounds):
        handoff = offer()
        reject = partial(workflow.reject, current(handoff.lead), rep.user, why, at=clock.now())

        won = one_won(at_once(partial(accept, handoff, rep), reject))

        assert Cycle.objects.get(lead=handoff.lead).decision == won.status
    assert findings(clock.now()) == []


def test_accept_against_reassign(rep, pool, rounds):
    manager, other = make_user("manager", team=make_team()), make_rep("Mia Berg", capacity=1000)
    for _ in range(rounds):
        handoff = offer()
        reassign = partial(workflow.reassign, current(handoff.lead), manager, other, "Faster", clock.now())

        one_won(at_once(partial(accept, handoff, rep), reassign))

        last = current(handoff.lead)
        assert (last.status, last.rep) in [("accepted", rep), ("offered", other)]
        assert last.lead.owner == last.rep.user
        # The loser left nothing behind: who was told, and what is written down, is of one outcome.
        told = Notice.objects.filter(lead=last.lead).order_by("pk").values_list("kind", "user")
        assert list(told)[1:] == (
            [] if last.rep == rep else [("offered", other.user.pk), ("reassigned", rep.user.pk)]
        )
        assert RoutingDecision.objects.filter(handoff__lead=last.lead).count() == last.attempt
    assert findings(clock.now()) == []


def test_accept_against_the_deadline(rep, pool, rounds):
    rng = random.Random(12)
    for _ in range(rounds):
        handoff = offer()
        due = clock.now() + timedelta(seconds=AROUND + 0.01)
        Handoff.objects.filter(pk=handoff.pk).update(accept_by=due)
        handoff.refresh_from_db()
        click = partial(accept_at, handoff, rep, due + timedelta(seconds=rng.uniform(-AROUND, AROUND)))

        accepted, _ = at_once(click, partial(sweep_after, due))

        handoff.refresh_from_db()
        assert handoff.status == ("accepted" if isinstance(accepted, Handoff) else "expired")
        assert isinstance(accepted, Handoff | HandoffConflict)
        if handoff.status == "accepted":
            assert handoff.decided_at <= due
        else:
            assert handoff.closed_at > due
        assert Notice.objects.filter(handoff=handoff, kind="expired").exists() == (
            handoff.status == "expired"
        )
        work(clock.now())
    assert findings(clock.now()) == []


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


def test_eight_routers_share_fifty_leads_fairly():
    now = clock.now()
    make_pool(*[make_rep(f"Rep {n}", capacity=8) for n in range(5)])
    for n in range(50):
        make_mql(at=now - timedelta(minutes=60 - n))

    results = at_once(*[lambda: routing.drain(now)] * 8)

    assert all(isinstance(result, int) for result in results), results
    held = Counter(Handoff.objects.filter(status="offered").values_list("rep__user__name", flat=True))
    assert held == {f"Rep {n}": 8 for n in range(5)}
    waiting = Handoff.objects.filter(status="queued")
    assert set(waiting.values_list("queue_reason", flat=True)) == {"at_capacity"}
    oldest_waiting = waiting.earliest("waiting_since").waiting_since
    assert not Handoff.objects.filter(status="offered", waiting_since__gt=oldest_waiting).exists()
    assert findings(now) == []


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
