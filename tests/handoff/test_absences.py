from datetime import timedelta

import pytest

from handoff import routing, workflow
from handoff.models import Absence, Handoff, PoolMember, RoutingDecision, RoutingRule
from leads.models import Company
from tests.factories import make_mql, make_pool, make_rep
from tests.handoff.support import current, findings, reason, work

pytestmark = pytest.mark.django_db


def away(rep, at, days=7, **fields):
    start = at.date()
    return Absence.objects.create(
        rep=rep, starts_on=start, back_on=start + timedelta(days=days), created_at=at, **fields
    )


def verdicts(handoff):
    decision = RoutingDecision.objects.filter(handoff=handoff).latest("pk")
    return {one["name"]: one["verdict"] for one in decision.candidates}


def test_who_is_away_gets_nothing_until_they_are_back(at):
    rep, other = make_rep("Away"), make_rep("Here")
    make_pool(rep, other)
    away(rep, at, days=2)
    waiting = []
    for n in range(3):
        waiting.append(make_mql(at=at + timedelta(days=n)))
        routing.drain(waiting[-1].waiting_since)

    first, second, third = (Handoff.objects.get(pk=handoff.pk).rep for handoff in waiting)
    assert (first, second, third) == (other, other, rep)
    assert verdicts(waiting[0]) == {"Away": "away", "Here": "chosen"}


def test_the_cover_takes_the_leads_of_the_accounts_of_whoever_is_away(at):
    owner, cover, third = make_rep("Owner"), make_rep("Cover"), make_rep("Third")
    make_pool(third)
    away(owner, at, cover=cover)
    company = Company.objects.create(name="Nordhavn", owner=owner.user, created_at=at)

    handoff = make_mql(at=at, company=company)
    routing.drain(at)

    assert current(handoff.lead).rep == cover
    assert RoutingDecision.objects.get().way == "cover"
    assert findings(at) == []


def test_a_cover_who_is_away_has_one_too_and_a_circle_ends(at):
    owner, second, third = make_rep("Owner"), make_rep("Second"), make_rep("Third")
    pool = make_pool(make_rep("Pool"))
    away(owner, at, cover=second)
    away(second, at, cover=third)
    RoutingRule.objects.create(position=1, name="Named", rep=owner)
    named = make_mql(at=at)
    routing.drain(at)
    assert current(named.lead).rep == third

    away(third, at, cover=owner)
    waiting = make_mql(at=at)
    routing.drain(at)
    assert current(waiting.lead).queue_reason == "no_eligible_rep"
    assert pool.members.count() == 1


def test_without_a_cover_the_rotation_decides(at):
    owner, other = make_rep("Owner"), make_rep("Other")
    make_pool(owner, other)
    away(owner, at)
    company = Company.objects.create(name="Nordhavn", owner=owner.user, created_at=at)

    handoff = make_mql(at=at, company=company)
    routing.drain(at)

    assert current(handoff.lead).rep == other


def test_a_bad_lead_gives_the_turn_back_beside_the_rotation(at):
    reps = [make_rep("Ann"), make_rep("Bo")]
    make_pool(*reps)
    bad = reason("no_fit", next_path="disqualify", gives_turn_back=True)
    first = make_mql(at=at)
    routing.drain(at)

    workflow.reject(current(first.lead), reps[0].user, bad, at=at)
    work(at)
    assert PoolMember.objects.get(rep=reps[0]).credits == 1
    given = []
    for n in range(1, 6):
        handoff = make_mql(at=at + timedelta(minutes=n))
        routing.drain(handoff.waiting_since)
        decision = RoutingDecision.objects.get(handoff=handoff)
        given.append((decision.rep, decision.way))

    ann, bo = reps
    assert given == [
        (ann, "credit"), (bo, "rotation"), (ann, "rotation"), (bo, "rotation"), (ann, "rotation")
    ]  # fmt: skip
    assert Handoff.objects.get(pk=first.pk).credited_at == at
    assert PoolMember.objects.get(rep=ann).credits == 0
    assert findings(at + timedelta(minutes=6)) == []


@pytest.mark.parametrize("gives_turn_back", [True, False])
def test_only_a_turn_that_was_taken_for_a_bad_lead_comes_back(gives_turn_back, at):
    owner = make_rep()
    make_pool(owner)
    company = Company.objects.create(name="Nordhavn", owner=owner.user, created_at=at)
    sticky, turn = make_mql(at=at, company=company), make_mql(at=at + timedelta(seconds=1))
    routing.drain(at)
    why = reason("no_fit", next_path="disqualify", gives_turn_back=gives_turn_back)

    workflow.reject(current(sticky.lead), owner.user, why, at=at)
    assert PoolMember.objects.get().credits == 0
    workflow.reject(current(turn.lead), owner.user, why, at=at)
    assert PoolMember.objects.get().credits == gives_turn_back


def test_a_turn_given_back_waits_while_the_rep_is_full(at):
    ann, bo = make_rep("Ann", capacity=1), make_rep("Bo")
    make_pool(ann, bo)
    PoolMember.objects.filter(rep=ann).update(credits=2)

    for n in range(3):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at)

    assert list(RoutingDecision.objects.values_list("rep", "way")) == [
        (ann.pk, "credit"), (bo.pk, "rotation"), (bo.pk, "rotation")
    ]  # fmt: skip
    assert PoolMember.objects.get(rep=ann).credits == 1
