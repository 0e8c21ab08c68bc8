from datetime import timedelta

import pytest

from handoff import clocks, routing, workflow
from handoff.models import Handoff, Notice
from tests.factories import make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current, findings, work

pytestmark = pytest.mark.django_db


def test_an_offer_lapses_after_its_deadline_and_goes_to_the_next_rep(at):
    first, second = make_rep("First"), make_rep("Second")
    make_pool(first, second)
    offer = make_mql()
    routing.drain(at)
    due = current(offer.lead).accept_by

    assert clocks.sweep(due) == 0
    assert clocks.sweep(due + timedelta(seconds=1)) == 1
    work(due + timedelta(seconds=2))

    lapsed, again = Handoff.objects.order_by("attempt")
    assert (lapsed.status, lapsed.closed_at, lapsed.rep) == ("expired", due + timedelta(seconds=1), first)
    assert (again.status, again.rep, again.attempt, again.waiting_since) == ("offered", second, 2, at)
    assert again.lead.owner == second.user
    assert Notice.objects.get(kind="expired").user == first.user
    assert findings(due + timedelta(hours=1)) == []


def test_sweeping_twice_does_it_once(at):
    offer = make_offer()
    late = offer.accept_by + timedelta(seconds=1)

    assert (clocks.sweep(late), clocks.sweep(late)) == (1, 0)
    assert Handoff.objects.count() == 2


def test_when_everybody_let_it_lapse_the_manager_is_told(at):
    manager = make_user("manager", team=make_team())
    rep = make_rep()
    offer = make_offer(rep)
    work(offer.accept_by + timedelta(seconds=1))
    again = current(offer.lead)
    work(again.accept_by + timedelta(seconds=1))

    waiting = current(offer.lead)
    assert (again.rep, waiting.attempt) == (rep, 3)
    assert (waiting.status, waiting.queue_reason, waiting.lead.owner) == ("queued", "all_lapsed", None)
    assert "Every eligible rep let it lapse" in Notice.objects.get(user=manager, kind="queued").text

    rep.memberships.get().pool.members.create(rep=make_rep("Fresh"))
    work(again.accept_by + timedelta(hours=1))
    assert current(offer.lead).rep.user.name == "Fresh"


def test_many_lapse_in_a_few_statements(at, django_assert_max_num_queries):
    make_pool(make_rep(capacity=50), make_rep(capacity=50))
    for _ in range(20):
        make_mql()
    routing.drain(at)

    with django_assert_max_num_queries(37):
        assert clocks.sweep(at + timedelta(hours=5)) == 20


def test_a_deferred_lead_comes_back_on_its_day(at):
    rep = make_rep()
    accepted = workflow.accept(make_offer(rep), rep.user, at)
    until = at + timedelta(days=3)
    workflow.defer(accepted, rep.user, until.date(), "Send the benchmark", at)

    assert clocks.sweep(until - timedelta(days=1)) == 0
    assert clocks.sweep(until) == 1
    assert clocks.sweep(until) == 0

    back = current(accepted.lead)
    assert (back.deferred_until, back.contact_by) == (None, until + timedelta(hours=24))
    assert Handoff.objects.seats().count() == 1
    assert Notice.objects.get(kind="deferral_over").text.endswith("is back: Send the benchmark")


def test_a_second_deferral_is_told_again(at):
    rep = make_rep()
    handoff = workflow.accept(make_offer(rep), rep.user, at)
    for days in (3, 6):
        handoff = workflow.defer(handoff, rep.user, (at + timedelta(days=days)).date(), f"Step {days}", at)
        clocks.sweep(at + timedelta(days=days))
        handoff = current(handoff.lead)

    notice = Notice.objects.get(kind="deferral_over")
    assert (notice.text.endswith("Step 6"), notice.created_at) == (True, at + timedelta(days=6))
