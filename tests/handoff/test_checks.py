from datetime import timedelta

import pytest

from handoff import routing
from handoff.checks import CHECKS
from handoff.models import Handoff, Notice, PoolMember, RoutingDecision
from leads.models import Lead
from tests.factories import make_mql, make_offer, make_pool, make_rep, make_user
from tests.handoff.support import findings

pytestmark = pytest.mark.django_db


def found_by(check_id, at):
    (check,) = [check for name, _, check in CHECKS if name == check_id]
    return check(at)


def test_a_sound_database_has_no_findings(at):
    make_offer()

    assert findings(at) == []
    assert [name for name, _, _ in CHECKS] == [
        "I8",
        "I9",
        "I10",
        "I11",
        "I12",
        "I13",
        "I14",
        "I15",
        "I17",
        "I18",
    ]


def test_i8_finds_an_mql_without_an_outcome(at):
    handoff = make_mql()
    late = at + timedelta(minutes=2)
    assert found_by("I8", late) == [f"handoff {handoff.pk} was not routed in time"]

    Handoff.objects.update(status="withdrawn", closed_at=at)
    assert found_by("I8", late) == [f"lead {handoff.lead_id} is an MQL without a routing outcome"]


def test_i9_finds_an_open_handoff_of_a_lead_that_left(at):
    handoff = make_offer()
    Lead.objects.update(stage="lead")

    assert found_by("I9", at) == [f"handoff {handoff.pk} is open although its lead is no MQL"]


def test_i10_finds_another_owner(at):
    handoff = make_offer()
    for owner in (None, make_user("rep")):
        Lead.objects.update(owner=owner)
        assert found_by("I10", at) == [f"lead {handoff.lead_id} has another owner than its handoff's rep"]


def test_i11_finds_a_lead_given_beyond_capacity(at):
    rep = make_rep("Jonas", capacity=1)
    make_offer(rep)
    RoutingDecision.objects.update(
        candidates=[{"rep": rep.pk, "name": "Jonas", "verdict": "chosen", "seats": 1, "capacity": 1}]
    )

    assert "gave Jonas a lead beyond 1 seats" in found_by("I11", at)[0]


def test_i11_finds_an_offer_without_a_decision(at):
    handoff = make_offer()
    RoutingDecision.objects.all().delete()

    assert found_by("I11", at) == [f"handoff {handoff.pk} is offered without a decision"]


def test_i12_finds_turns_outside_the_bound(at):
    first, second = make_rep(capacity=9), make_rep(capacity=9)
    make_pool(first, second)
    for _ in range(4):
        make_mql()
    routing.drain(at)
    RoutingDecision.objects.update(rep=first)

    assert len(found_by("I12", at)) == 3


def test_i13_finds_a_later_lead_that_went_first(at):
    rep = make_rep(capacity=0)
    make_pool(rep)
    waiting = make_mql()
    routing.drain(at)
    rep.capacity = 1
    rep.save()
    Handoff.objects.filter(pk=waiting.pk).update(queue_reason="returned_to_marketing")
    later = make_mql(at=at + timedelta(minutes=5))
    routing.drain(at + timedelta(minutes=5))
    Handoff.objects.filter(pk=waiting.pk).update(queue_reason="at_capacity")

    assert found_by("I13", at) == [
        f"handoff {waiting.pk} waits since before decision {later.decisions.get().pk}"
    ]


def test_i14_finds_outcomes_that_contradict(at):
    handoff = make_offer()
    Handoff.objects.update(closed_at=at)
    assert found_by("I14", at) == [f"handoff {handoff.pk} is closed without an outcome"]

    Handoff.objects.update(status="withdrawn", closed_at=None)
    assert found_by("I14", at) == [f"handoff {handoff.pk} has an outcome and is not closed"]


def test_i15_finds_deadlines_not_kept(at):
    handoff = make_offer()
    assert found_by("I15", at + timedelta(hours=5)) == [f"handoff {handoff.pk} is overdue"]
    Handoff.objects.update(status="expired", closed_at=at)
    assert found_by("I15", at) == [f"handoff {handoff.pk} lapsed before its deadline"]
    Handoff.objects.update(status="accepted", closed_at=None, decided_at=at + timedelta(hours=5))
    assert found_by("I15", at) == [f"handoff {handoff.pk} was accepted after its deadline"]


def test_i15_finds_an_offer_to_somebody_who_passed_on_it(at):
    rep = make_rep()
    handoff = make_offer(rep)
    Handoff.objects.update(status="expired", closed_at=at + timedelta(hours=5))
    again = Handoff.objects.create(
        lead=handoff.lead, cycle=handoff.cycle, attempt=2, status="offered", waiting_since=at, rep=rep,
        offered_at=at, accept_by=at + timedelta(hours=9),
    )  # fmt: skip

    assert found_by("I15", at) == [f"handoff {again.pk} went again to a rep who had passed on it"]


def test_i17_finds_steps_too_early_too_late_and_forgotten(at):
    handoff = make_offer()
    late = found_by("I17", at + timedelta(hours=3, minutes=30))
    assert late == [
        f"handoff {handoff.pk} is overdue for accept_warned_at",
        f"handoff {handoff.pk} is overdue for accept_escalated_at",
    ]
    Handoff.objects.update(accept_warned_at=at)
    assert found_by("I17", at) == [f"handoff {handoff.pk} has accept_warned_at before accept_warn_at"]
    Handoff.objects.update(
        accept_warned_at=None, paused_at=at, paused_until=at + timedelta(hours=1), pause_reason="x",
        paused_by=make_user(),
    )  # fmt: skip
    assert found_by("I17", at + timedelta(hours=2)) == [f"handoff {handoff.pk} is still paused"]


def test_i12_finds_more_turns_given_back_than_bad_leads(at):
    make_offer()
    PoolMember.objects.update(credits=2)

    assert "2 turns back for 0 bad leads" in found_by("I12", at)[0]


def test_i18_finds_who_was_not_told_and_who_was_told_wrongly(at):
    handoff = make_offer()
    Notice.objects.update(user=make_user("rep"))

    assert found_by("I18", at) == [
        f"handoff {handoff.pk} was offered without a notice",
        f"notice {Notice.objects.get().pk} tells somebody of another's offer",
    ]


def test_a_long_list_of_findings_is_cut(at):
    make_pool(make_rep(capacity=50))
    for _ in range(25):
        make_mql()
    routing.drain(at)
    Notice.objects.all().delete()

    found = found_by("I18", at)

    assert (len(found), found[-1]) == (21, "… and 5 more")
