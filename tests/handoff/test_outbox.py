from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from handoff import clocks, opportunities, outbox, outbox_checks, standing, workflow
from handoff.destinations import slack
from handoff.destinations.base import Message
from handoff.models import Handoff
from handoff.outgoing import CHOICES, Delivery, Destination, Fact, What
from leads.lifecycle import move_to_stage
from leads.models import Definition
from scoring.documents import standard_document
from scoring.publishing import publish
from tests.factories import AT, make_mql, make_offer, make_pool, make_rep, make_user
from tests.handoff.support import LATER, current, reason, work

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
ALL = [kind for kind, _ in CHOICES]


def make_destination(name="CRM", events=ALL, *, at=AT - timedelta(hours=1), **fields):
    made = standing.create(
        name, fields.pop("kind", "webhook"), fields.pop("url", "https://crm.example/"), events,
        by=make_user("admin"), at=at,
    )  # fmt: skip
    Destination.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    return made


def told():
    return list(Fact.objects.order_by("pk").values_list("kind", flat=True))


def findings(at=LATER):
    return [found for _, _, check in outbox_checks.CHECKS for found in check(at)]


def test_nobody_listening_costs_nothing(django_assert_max_num_queries):
    make_offer()

    assert not Fact.objects.exists()


def test_a_story_is_told_in_order_to_everyone_who_wants_it():
    make_destination()
    make_destination("Deals", [What.WON, What.SQL])
    rep = make_rep()
    offer = make_offer(rep, first_name="Maren")
    accepted = workflow.accept(offer, by=rep.user, at=AT)
    accepted.lead.refresh_from_db()
    move_to_stage(accepted.lead, "sql", at=LATER, by=rep.user)
    deal = opportunities.open_opportunity(
        current(offer.lead), by=rep.user, at=LATER, name="Pilot", close_on=LATER.date(), amount=Decimal(5)
    )
    opportunities.close_opportunity(deal, by=rep.user, at=LATER, outcome="won")

    assert told() == [
        "lead.mql", "handoff.offered", "handoff.accepted", "lead.sql", "lead.opportunity", "lead.won",
    ]  # fmt: skip
    assert Delivery.objects.count() == 6 + 2
    assert findings() == []


def test_what_a_fact_says_of_a_handoff():
    make_destination()
    offer = make_offer(make_rep("Jonas Lind", email="jonas@x.test"), first_name="Maren", email="m@y.test")

    data = Fact.objects.get(kind=What.OFFERED).data

    assert data["handoff"]["rep"] == {"name": "Jonas Lind", "email": "jonas@x.test"}
    assert data["handoff"]["url"].endswith(f"/handoffs/{offer.pk}/")
    assert (data["lead"]["email"], data["lead"]["name"], data["lead"]["stage"]) == (
        "m@y.test",
        "Maren",
        "mql",
    )


def test_a_fact_tells_the_computed_score_and_the_one_set_by_hand():
    make_destination()
    make_offer(score=48, override_score=90)

    lead = Fact.objects.get(kind=What.OFFERED).data["lead"]

    assert (lead["score"], lead["override_score"], lead["shown_score"]) == (48, 90, 90)


def test_turning_down_lapsing_and_taking_away_are_told():
    make_destination()
    one, other = make_rep(), make_rep()
    make_pool(one, other)
    boss = make_user("admin")
    rejected, returned = make_offer(one), make_offer(one)
    for handoff, decide in ((rejected, "reject"), (returned, "return")):
        by = handoff.rep.user
        if decide == "reject":
            workflow.reject(handoff, by, reason("no_fit", next_path="disqualify"), at=AT)
        else:
            workflow.return_to_marketing(handoff, by, ["phone"], at=AT)
    moved = make_offer(one)
    to = other if moved.rep == one else one
    workflow.reassign(moved, boss, to, "Knows them", LATER)
    clocks.sweep(AT + timedelta(hours=6))

    assert {"handoff.rejected", "handoff.returned", "handoff.reassigned", "handoff.expired"} <= set(told())
    assert findings(AT + timedelta(hours=6)) == []


def test_warning_and_escalating_are_told_once_for_each_clock():
    make_destination()
    offer = make_offer(first_name="Maren")
    warned, late = offer.accept_warn_at + SECOND, offer.accept_escalate_at + SECOND
    for at in (warned, warned + SECOND, late, late + SECOND):
        clocks.sweep(at)
    accepted = workflow.accept(offer, by=offer.rep.user, at=late + 2 * SECOND)
    for at in (accepted.contact_warn_at + SECOND, accepted.contact_by + SECOND):
        clocks.sweep(at)

    facts = Fact.objects.filter(kind__in=[What.WARNED, What.ESCALATED]).order_by("pk")
    assert [(fact.kind, fact.data["clock"], fact.at) for fact in facts] == [
        ("handoff.warned", "accept", warned), ("handoff.escalated", "accept", late),
        ("handoff.warned", "contact", accepted.contact_warn_at + SECOND),
        ("handoff.escalated", "contact", accepted.contact_by + SECOND),
    ]  # fmt: skip
    assert facts[0].data["due"] == offer.accept_by.isoformat()
    assert facts[0].data["handoff"]["id"] == offer.pk
    assert findings(accepted.contact_by + SECOND) == []


def test_a_clock_that_began_anew_is_told_of_again():
    make_destination()
    offer = make_offer()
    accepted = workflow.accept(offer, by=offer.rep.user, at=AT)
    clocks.sweep(accepted.contact_warn_at + SECOND)
    accepted.refresh_from_db()
    until = (accepted.contact_warned_at + timedelta(days=2)).date()
    workflow.defer(accepted, accepted.rep.user, until, "Call again", accepted.contact_warned_at)
    back = AT + timedelta(days=3)
    clocks.sweep(back)
    accepted.refresh_from_db()
    clocks.sweep(accepted.contact_warn_at + SECOND)

    assert told().count("handoff.warned") == 2
    assert findings(back + timedelta(days=1)) == []


def test_verify_misses_a_warning_that_was_not_told():
    offer = make_offer()
    make_destination()
    Handoff.objects.filter(pk=offer.pk).update(accept_warned_at=LATER)

    assert f"CRM was not told: handoff.warned handoff:{offer.pk}" in findings()


def test_a_channel_reads_who_is_late():
    make_destination(kind="slack")
    offer = make_offer(make_rep("Jonas Lind"), first_name="Maren", last_name="Solberg")
    clocks.sweep(offer.accept_warn_at + SECOND)

    fact = Fact.objects.get(kind=What.WARNED)
    said = slack.text_of(Message(fact.uid, fact.kind, fact.pk, fact.at, "", fact.subject, fact.data))
    assert said.startswith(
        "Jonas Lind was reminded of Maren Solberg: an answer is due by 2026-03-12 14:00 UTC."
    )


def test_an_offer_that_becomes_void_is_told():
    make_destination()
    offer = make_offer()

    move_to_stage(offer.lead, "lead", at=LATER, status="disqualified")

    assert told()[-1] == "handoff.withdrawn"
    assert findings() == []


def test_a_decision_is_told_once_it_cannot_be_undone(settings):
    settings.LEADFLOW_UNDO_SECONDS = 8
    make_destination()
    offer = make_offer()
    workflow.accept(offer, by=offer.rep.user, at=AT)
    assert "handoff.accepted" not in told()

    work(AT + timedelta(seconds=9))

    assert "handoff.accepted" in told()


def test_nothing_is_told_of_what_was_rolled_back():
    make_destination()
    with pytest.raises(RuntimeError), transaction.atomic():
        make_offer()
        raise RuntimeError

    assert not Fact.objects.exists()


def test_a_new_definition_is_told():
    make_destination()

    definition = publish(standard_document(), at=AT, note="Stricter")

    fact = Fact.objects.get()
    assert (fact.kind, fact.lead) == ("definition.live", None)
    assert fact.data == {"definition": {"version": definition.version, "note": "Stricter"}}
    assert Definition.objects.get().status == "live"


def test_many_offers_take_as_many_queries_as_one(django_assert_num_queries):
    make_destination()
    rep = make_rep(capacity=100)
    offers = [make_offer(rep).pk for _ in range(3)]
    Fact.objects.all().delete()

    with django_assert_num_queries(4):
        outbox.announce(What.OFFERED, offers[:1], AT)
    Fact.objects.all().delete()
    with django_assert_num_queries(4):
        outbox.announce(What.OFFERED, offers, AT)


def test_verify_misses_a_fact_that_was_not_told_and_one_that_did_not_happen():
    make_destination()
    offer = make_offer()
    Fact.objects.filter(kind=What.OFFERED).update(subject="handoff:999999")

    assert findings() == [
        f"CRM was not told: handoff.offered handoff:{offer.pk}",
        "handoff.offered tells of what did not happen: handoff:999999",
    ]


def test_what_is_off_or_came_later_missed_nothing():
    make_destination(is_active=False, disabled_reason="by hand")
    make_offer()
    make_destination("Late", at=LATER)

    assert findings() == []


def test_old_facts_are_forgotten_except_those_that_wait():
    destination = make_destination()
    make_mql(), make_mql()
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status="delivered", due_at=None)

    assert outbox.forget_old(AT + timedelta(days=29)) == 0
    assert outbox.forget_old(AT + timedelta(days=31)) == 1
    assert list(destination.deliveries.all()) == [second]
