"""Fairness and order over many days, with restarts, people coming and going, and edits in between."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from handoff import routing, workflow
from handoff.models import Handoff, Notice, PoolMember, Rep, RotationState
from leads.models import Lead
from tests.factories import make_mql, make_pool, make_rep, make_team, make_user
from tests.handoff.support import findings, reason, work

pytestmark = pytest.mark.django_db


def held():
    return Counter(Handoff.objects.filter(rep__isnull=False).values_list("rep", flat=True))


def spread(counts):
    return max(counts) - min(counts)


def test_fifty_at_once_to_five_with_eight_seats_each(at):
    reps = [make_rep(capacity=8) for _ in range(5)]
    make_pool(*reps)
    waiting = [make_mql(at=at + timedelta(seconds=n)) for n in range(50)]

    routing.drain(at + timedelta(minutes=1))

    assert held() == {rep.pk: 8 for rep in reps}
    queued = Handoff.objects.filter(status="queued")
    assert set(queued) == set(waiting[40:])
    assert set(queued.values_list("queue_reason", flat=True)) == {"at_capacity"}
    assert findings(at + timedelta(minutes=1)) == []

    for n, freed in enumerate(Handoff.objects.filter(status="offered").order_by("?")[:10]):
        workflow.accept(freed, freed.rep.user, at + timedelta(minutes=2))
        workflow.defer(
            Handoff.objects.select_related("rep__user").get(pk=freed.pk), freed.rep.user,
            (at + timedelta(days=9)).date(), "Later", at + timedelta(minutes=2),
        )  # fmt: skip
        routing.drain(at + timedelta(minutes=2, seconds=n))
        assert set(Handoff.objects.filter(status="queued")) == set(waiting[41 + n :])
    assert findings(at + timedelta(hours=1)) == []


def test_one_lead_at_a_time_over_a_month_stays_even(at):
    reps = [make_rep(capacity=1000) for _ in range(7)]
    make_pool(*reps)
    rng = random.Random(14)
    for day in range(30):
        for n in range(rng.choice([1, 2, 3, 5])):
            moment = at + timedelta(days=day, minutes=n)
            make_mql(at=moment)
            routing.drain(moment)  # each time from what the database holds, as after a restart
            counts = [held()[rep.pk] for rep in reps]
            assert spread(counts) <= 1
    assert [found for found in findings(moment) if "due" not in found and "more" not in found] == []
    state = RotationState.objects.get()
    assert state.total == sum(held().values())


def test_weights_are_kept_to_the_turn(at):
    heavy, light = make_rep(capacity=100), make_rep(capacity=100)
    make_pool(heavy, light, weights=[3, 1])
    for n in range(21):
        make_mql(at=at + timedelta(seconds=n))
        routing.drain(at + timedelta(seconds=n))
        total = n + 1
        assert 4 * abs(held()[heavy.pk] * 4 - total * 3) <= 4 * 2  # within half a turn of three quarters


def test_reps_who_come_and_go_neither_absorb_nor_lose_turns(at):
    reps = [make_rep(capacity=1000) for _ in range(5)]
    make_pool(*reps)
    rng = random.Random(15)
    for day in range(25):
        for rep in reps:
            Rep.objects.filter(pk=rep.pk).update(is_available=rng.random() < 0.7)
        for n in range(4):
            make_mql(at=at + timedelta(days=day, seconds=n))
        routing.drain(at + timedelta(days=day, minutes=1))
    arrears = PoolMember.objects.values_list("arrears", flat=True)
    assert max(map(abs, arrears)) < 3_000_000
    assert spread(list(held().values())) < 20
    assert [found for found in findings(at + timedelta(days=25)) if "share" in found] == []


def test_someone_back_after_a_month_gets_their_share_and_no_more(at):
    reps = [make_rep(capacity=1000) for _ in range(3)]
    make_pool(*reps)
    Rep.objects.filter(pk=reps[0].pk).update(away_until=at.date() + timedelta(days=30))
    for n in range(40):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at + timedelta(hours=1))
    before = held()
    for n in range(9):
        make_mql(at=at + timedelta(days=30, seconds=n))

    routing.drain(at + timedelta(days=30, hours=1))

    assert held() - before == {rep.pk: 3 for rep in reps}


def test_weights_and_capacity_edited_in_between(at):
    first, second = make_rep(capacity=3), make_rep(capacity=100)
    make_pool(first, second)
    for n in range(4):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at + timedelta(minutes=1))
    assert held() == {first.pk: 2, second.pk: 2}

    Rep.objects.filter(pk=first.pk).update(capacity=1)
    PoolMember.objects.filter(rep=second).update(weight=2)
    for n in range(6):
        make_mql(at=at + timedelta(hours=1, seconds=n))
    routing.drain(at + timedelta(hours=2))

    assert held() == {first.pk: 2, second.pk: 8}
    assert findings(at + timedelta(hours=2)) == []


def test_an_emptied_pool_queues_and_tells_the_manager(at):
    manager = make_user("manager", team=make_team())
    pool = make_pool(make_rep())
    pool.members.all().delete()
    make_mql()

    work(at)

    handoff = Handoff.objects.get()
    assert (handoff.queue_reason, Lead.objects.get().pool_team) == ("no_eligible_rep", pool.team)
    assert "No rep of the pool is eligible" in Notice.objects.get(user=manager).text


def test_a_busy_week_of_everything_keeps_every_invariant(at):
    make_user("marketer")
    manager = make_user("manager", team=make_team())
    reps = [make_rep(capacity=2) for _ in range(4)]
    make_pool(*reps)
    reasons = [reason(slug) for slug in ("no_need_now", "in_talks", "wrong_person", "no_fit")]
    rng = random.Random(2)
    for step in range(60):
        now = at + timedelta(minutes=40 * step)
        make_mql(at=now, hand_raiser=rng.random() < 0.2)
        for handoff in Handoff.objects.filter(status="offered").select_related("rep__user", "lead"):
            act = rng.choice(["accept", "accept", "reject", "return", "reassign", "wait"])
            if act == "accept" and handoff.accept_by >= now:
                taken = workflow.accept(handoff, handoff.rep.user, now)
                if rng.random() < 0.8:
                    workflow.defer(taken, handoff.rep.user, (now + timedelta(days=30)).date(), "Later", now)
            elif act == "reject" and handoff.accept_by >= now:
                workflow.reject(handoff, handoff.rep.user, rng.choice(reasons), note="Wrong number", at=now)
            elif act == "return" and handoff.accept_by >= now:
                workflow.return_to_marketing(handoff, handoff.rep.user, note="Who is it?", at=now)
            elif act == "reassign":
                others = [rep for rep in reps if rep != handoff.rep]
                workflow.reassign(
                    handoff, manager, rng.choice(others), "Balance", now, override_capacity=True
                )
        work(now)
        assert findings(now) == []
    assert Handoff.objects.filter(status="accepted").count() > 10
