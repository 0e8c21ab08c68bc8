"""Why a lead has no rep: who was considered, why not each, and what would help."""

from datetime import date, timedelta

import pytest

from handoff import reassigning, routing, waiting, workflow
from handoff.models import Absence, Handoff, Pool, RotationState, RoutingDecision, RoutingRule
from tests.factories import AT, make_definition, make_mql, make_offer, make_pool, make_rep, make_user
from tests.handoff.support import current, reason, work

pytestmark = pytest.mark.django_db
TODAY = AT.date()
SECOND = timedelta(seconds=1)


def why(handoff):
    return waiting.explain([handoff], TODAY)[handoff.pk]


def test_each_candidate_and_what_would_help():
    away, cover = make_rep("Mia Berg"), make_rep("Per Dahl", territories=["se", "fi"])
    make_pool(make_rep("Jonas Lind", capacity=0), away, cover, make_rep("Ida Moe", is_available=False))
    Absence.objects.create(rep=away, starts_on=TODAY, back_on=date(2026, 3, 20), created_at=AT)
    handoff = make_mql(country="DE")
    routing.drain(AT)

    found = why(current(handoff.lead))

    assert found.sentence == "“Nordics” sends it to Nordics: every eligible rep is at capacity."
    assert found.considered == [
        "Mia Berg: away, back 20 Mar 2026", "Per Dahl: other territory, takes FI, SE",
        "Jonas Lind: at capacity, 0 of 0 seats", "Ida Moe: takes no leads at the moment",
    ]  # fmt: skip
    assert found.helps == [
        "A free seat of Jonas Lind: by a first contact, an answer, or more capacity.",
        "Letting Ida Moe take leads again, under Reps and capacity.",
        "Somebody in the pool who takes DE.",
        "Mia Berg is back on 20 Mar 2026.",
    ]
    assert found.brief == (
        "Every eligible rep is at capacity. Mia Berg: away, back 20 Mar 2026; "
        "Per Dahl: other territory, takes FI, SE; Jonas Lind: at capacity, 0 of 0 seats. 1 more."
    )


def test_no_rule_says_what_is_known_of_the_lead():
    make_pool(make_rep(), rule=False)
    RoutingRule.objects.create(
        position=1, name="Sweden", pool=Pool.objects.get(), conditions={"country": ["SE"]}
    )

    found = why(make_mql(country="DE", source="Webinar"))

    assert found.sentence == "The one routing rule does not take it."
    assert (
        found.helps[0]
        == "A rule that fits what is known of it (country DE, source Webinar, account company.test)."
    )


def test_no_rule_at_all_and_a_pool_without_anybody():
    handoff = make_mql()
    assert why(handoff).sentence == "There is no routing rule."

    make_pool()
    assert why(handoff).sentence == "“Nordics” sends it to Nordics, which has nobody in it."
    Pool.objects.update(is_active=False)
    assert why(handoff).sentence == "“Nordics” sends it to Nordics, which is not in use."


def test_who_was_offered_it_twice_is_not_asked_again():
    offer = make_offer(make_rep("Jonas Lind"))
    for _ in range(2):
        work(current(offer.lead).accept_by + SECOND)

    found = why(current(offer.lead))
    assert found.brief == (
        "Every eligible rep let it lapse or turned it down. Jonas Lind: was offered it twice already."
    )
    assert found.helps == ["Reassigning it by hand: whoever was offered it twice is not asked again."]


def test_who_let_it_lapse_and_has_no_seat_is_asked_with_the_next_one():
    rep = make_rep("Jonas Lind", capacity=1)
    offer = make_offer(rep)
    Handoff.objects.filter(pk=offer.pk).update(accept_by=AT)
    rep.capacity = 0
    rep.save()
    work(AT + SECOND)

    found = why(current(offer.lead))
    assert found.sentence == "“Nordics” sends it to Nordics: every eligible rep is at capacity."
    assert found.considered == ["Jonas Lind: at capacity, 0 of 0 seats, let it lapse before"]
    assert found.helps == ["A free seat of Jonas Lind: by a first contact, an answer, or more capacity."]


def test_who_turned_it_down_says_when_they_are_asked_once_more():
    busy, other = make_rep("Mia Berg", capacity=0), make_rep("Jonas Lind")
    make_pool(other, busy)
    offer = make_offer(other)
    workflow.reject(offer, other.user, reason("in_talks", next_path="reroute"), at=AT)
    work(AT)

    found = why(current(offer.lead))
    assert found.considered == [
        "Mia Berg: at capacity, 0 of 0 seats", "Jonas Lind: turned it down before",
    ]  # fmt: skip
    assert found.helps == [
        "A free seat of Mia Berg: by a first contact, an answer, or more capacity.",
        "Jonas Lind, who turned it down, is asked once more if nobody else would take it and a seat is free.",
    ]


def test_who_turned_it_down_for_its_data_is_not_asked_again():
    rep = make_rep("Jonas Lind")
    offer = make_offer(rep)
    workflow.reject(offer, rep.user, reason("no_data", next_path="fix_data"), missing=["phone"], at=AT)
    reassigning.release_to_sales(current(offer.lead), make_user("marketer"), AT)
    work(AT)

    found = why(current(offer.lead))
    assert found.considered == ["Jonas Lind: turned it down before"]
    assert found.helps == ["Reassigning it by hand: whoever turned it down is not asked again."]


def test_a_rule_that_names_a_rep():
    rep = make_rep("Jonas Lind", capacity=0)
    RoutingRule.objects.create(position=1, name="Key account", rep=rep)

    found = why(make_mql())

    assert found.sentence == "“Key account” sends it to Jonas Lind: every eligible rep is at capacity."
    assert found.considered == ["Jonas Lind: at capacity, 0 of 0 seats"]


def test_a_seat_that_came_free_meanwhile_is_seen():
    rep = make_rep(capacity=0)
    make_pool(rep)
    handoff = make_mql()
    routing.drain(AT)
    rep.capacity = 1
    rep.save()

    assert why(current(handoff.lead)).sentence.startswith("Somebody has a free seat for it now")


def test_what_waits_for_marketing_or_the_definition():
    offer = make_offer()
    workflow.return_to_marketing(offer, offer.rep.user, missing=["phone"], at=AT)
    assert why(current(offer.lead)).sentence == "Sales gave it back, so it waits for marketing."

    held = make_mql()
    Handoff.objects.filter(pk=held.pk).update(queue_reason="not_sales_ready")
    held.refresh_from_db()
    assert why(held).sentence == "It is an MQL, but not sales-ready yet."


def test_it_writes_nothing_and_asks_as_often_for_three_as_for_one(django_assert_num_queries):
    make_definition({"mql": {}})
    make_pool(make_rep(capacity=0), make_rep(capacity=0))
    handoffs = [make_mql() for _ in range(3)]
    routing.drain(AT)
    handoffs = list(Handoff.objects.filter(pk__in=[one.pk for one in handoffs]))
    before = (RoutingDecision.objects.count(), RotationState.objects.count())

    with django_assert_num_queries(8):
        waiting.explain(handoffs[:1], TODAY)
    with django_assert_num_queries(8):
        assert len(waiting.explain(handoffs, TODAY)) == 3
    assert (RoutingDecision.objects.count(), RotationState.objects.count()) == before
    with django_assert_num_queries(0):
        waiting.explain([], TODAY)
