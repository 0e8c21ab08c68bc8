from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handoff import routing, sentences
from handoff.models import Handoff, Notice, Pool, PoolMember, RotationState, RoutingDecision, RoutingRule
from handoff.rules import rules_changed
from leads.models import Company
from tests.factories import AT, make_lead, make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import LATER, current, findings

pytestmark = pytest.mark.django_db


def taken():
    return Counter(Handoff.objects.filter(rep__isnull=False).values_list("rep__user__name", flat=True))


def test_drain_offers_with_owner_deadline_turn_decision_and_notice(at):
    jonas = make_rep("Jonas Lind", capacity=8)
    pool = make_pool(jonas)
    make_mql()

    assert routing.drain(at) == 1

    handoff = Handoff.objects.get()
    decision = handoff.decisions.get()
    assert (handoff.status, handoff.rep, handoff.queue_reason) == ("offered", jonas, "")
    assert (handoff.offered_at, handoff.accept_by) == (at, at + timedelta(hours=4))
    assert (handoff.lead.owner, handoff.lead.pool_team) == (jonas.user, pool.team)
    assert (decision.outcome, decision.way, decision.rule_name, decision.rep) == (
        "assigned", "rotation", "Nordics", jonas,
    )  # fmt: skip
    assert RotationState.objects.get().turns == {str(jonas.pk): 1}
    assert Notice.objects.get().user == jonas.user
    assert findings() == []


def test_drain_again_changes_nothing(at):
    make_pool(make_rep(capacity=1))
    make_mql()
    make_mql()

    assert routing.drain(at) == 2
    assert routing.drain(LATER) == 0
    assert RoutingDecision.objects.count() == 2


def test_hand_raisers_have_their_own_deadline_and_go_first(at):
    make_pool(make_rep(capacity=1))
    earlier = make_mql(at=at - timedelta(hours=3))
    raised = make_mql(hand_raiser=True)

    routing.drain(at)

    raised.refresh_from_db()
    assert (raised.status, raised.accept_by) == ("offered", at + timedelta(hours=1))
    assert current(earlier.lead).queue_reason == "at_capacity"


def test_the_decision_names_every_candidate_and_why(at):
    team = make_team()
    reps = {
        "Away": make_rep("Away", away_until=at.date() + timedelta(days=1)),
        "Back": make_rep("Back", away_until=at.date()),
        "Elsewhere": make_rep("Elsewhere", territories=["de", "DACH"]),
        "Full": make_rep("Full", capacity=0),
        "Gone": make_rep("Gone", is_active=False),
        "Next": make_rep("Next", territories=["Nordics"]),
        "Paused": make_rep("Paused", is_available=False),
    }
    make_pool(*reps.values())
    make_mql(country="DK", region="nordics")

    routing.drain(at)

    verdicts = {one["name"]: one["verdict"] for one in RoutingDecision.objects.get().candidates}
    assert verdicts == {
        "Away": "away", "Back": "chosen", "Elsewhere": "territory", "Full": "full", "Gone": "inactive",
        "Next": "not_next", "Paused": "unavailable",
    }  # fmt: skip
    assert team.pk


def test_an_unknown_country_fits_every_territory(at):
    make_pool(make_rep(territories=["dach"]))
    make_mql()

    routing.drain(at)

    assert Handoff.objects.get().status == "offered"


@pytest.mark.parametrize(
    ("reps", "expected"),
    [
        ([], "no_eligible_rep"),
        ([{"is_available": False}], "no_eligible_rep"),
        ([{"capacity": 0}, {"is_available": False}], "at_capacity"),
    ],
)
def test_a_lead_nobody_can_take_waits_with_its_reason(at, reps, expected):
    manager = make_user("manager", team=make_team())
    pool = make_pool(*[make_rep(**fields) for fields in reps])
    make_mql()

    routing.drain(at)

    handoff = Handoff.objects.get()
    assert (handoff.status, handoff.queue_reason, handoff.pool) == ("queued", expected, pool)
    assert (handoff.lead.owner, handoff.lead.pool_team) == (None, pool.team)
    assert RoutingDecision.objects.get().outcome == expected
    told = list(Notice.objects.values_list("user", flat=True))
    assert told == ([] if expected == "at_capacity" else [manager.pk])


def test_no_rule_tells_the_admins_once_for_all(at):
    admin = make_user("admin")
    for _ in range(3):
        make_mql()

    routing.drain(at)

    assert set(Handoff.objects.values_list("queue_reason", flat=True)) == {"no_rule"}
    notice = Notice.objects.get()
    assert notice.user == admin
    assert "and 2 more waiting: No routing rule matches" in notice.text


def test_the_first_matching_rule_wins_and_a_named_account_goes_to_its_rep(at):
    anna, jonas = make_rep("Anna"), make_rep("Jonas")
    make_pool(jonas)
    RoutingRule.objects.create(
        position=1, name="Key accounts", conditions={"company": ["NordHavn.example"]}, rep=anna
    )
    company = Company.objects.create(name="Nordhavn", domain="nordhavn.example", created_at=AT)
    make_mql(company=company)
    make_mql(email="x@sub.other.example")

    routing.drain(at)

    assert taken() == {"Anna": 1, "Jonas": 1}
    assert set(RoutingDecision.objects.values_list("way", flat=True)) == {"direct", "rotation"}
    assert RotationState.objects.get().total == 1


def test_a_company_sticks_to_its_owner_without_costing_a_turn(at):
    owner, other = make_rep("Owner"), make_rep("Other")
    make_pool(owner, other)
    company = Company.objects.create(name="Nordhavn", owner=owner.user, created_at=AT)
    for _ in range(3):
        make_mql(company=company)

    routing.drain(at)

    assert taken() == {"Owner": 3}
    assert set(RoutingDecision.objects.values_list("way", "state_key")) == {("sticky_company", "")}
    assert not RotationState.objects.exists()


def test_a_company_owner_who_is_full_leaves_it_to_rotation(at):
    owner, other = make_rep("Owner", capacity=0), make_rep("Other")
    make_pool(owner, other)
    make_mql(company=Company.objects.create(name="Nordhavn", owner=owner.user, created_at=AT))

    routing.drain(at)

    assert taken() == {"Other": 1}


def test_freed_seats_go_to_the_longest_waiting(at):
    rep = make_rep(capacity=1)
    make_pool(rep)
    waiting = [make_mql(at=at + timedelta(minutes=n)) for n in range(4)]
    routing.drain(at)

    for expected in waiting[1:]:
        Handoff.objects.filter(status="offered").update(status="withdrawn", closed_at=LATER)
        routing.drain(LATER)
        assert Handoff.objects.get(status="offered") == expected


def test_a_seat_that_frees_during_a_run_is_left_to_the_next_run(at, monkeypatch):
    rep = make_rep(capacity=1)
    make_pool(rep)
    first, second, third = (make_mql(at=at + timedelta(minutes=n)) for n in range(3))
    monkeypatch.setattr(routing, "BATCH", 1)
    original, batches = routing.record, []

    def record_and_free_the_seat(decided, roster, at, organisation):
        batches.append(decided)
        count = original(decided, roster, at, organisation)
        if len(batches) == 2:
            Handoff.objects.filter(pk=first.pk).update(status="withdrawn", closed_at=at)
        return count

    monkeypatch.setattr(routing, "record", record_and_free_the_seat)

    routing.drain(LATER)
    assert Handoff.objects.get(pk=third.pk).queue_reason == "at_capacity"
    routing.drain(LATER)

    assert Handoff.objects.get(status="offered") == second


def test_changed_rules_are_applied_to_what_waits(at):
    full, free = make_rep("Full", capacity=0), make_rep("Free")
    make_pool(full)
    make_mql()
    routing.drain(at)
    make_pool(free, name="DACH", rule=False)
    RoutingRule.objects.create(position=1, name="All to DACH", pool=free.memberships.get().pool)

    assert routing.drain(LATER) == 0
    assert rules_changed() == 1
    routing.drain(LATER)

    assert taken() == {"Free": 1}


def test_an_mql_that_left_in_the_meantime_is_not_routed(at):
    make_pool(make_rep())
    handoff = make_mql()
    Handoff.objects.filter(pk=handoff.pk).update(status="queued")
    type(handoff.lead).objects.filter(pk=handoff.lead_id).update(stage="lead")

    assert routing.drain(at) == 0


def test_sentences_say_where_a_lead_went(at):
    jonas, mia = make_rep("Jonas Lind", capacity=8), make_rep("Mia Berg", is_available=False)
    make_pool(jonas, mia)
    for n in range(2):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at)

    said = [sentences.decision(row) for row in RoutingDecision.objects.all()]

    assert said == [
        "Jonas Lind: Nordics, 1 of 8 seats, only one free",
        "Jonas Lind: Nordics, 2 of 8 seats, only one free",
    ]


def test_sentence_of_a_turn_and_of_a_wait(at):
    make_pool(make_rep("Jonas Lind", capacity=8), make_rep("Mia Berg", capacity=8))
    make_mql()
    routing.drain(at)
    make_pool(make_rep("Eva", capacity=0), name="DACH")
    RoutingRule.objects.filter(name="DACH").update(position=1)
    make_mql()
    routing.drain(at)

    assert [sentences.decision(row) for row in RoutingDecision.objects.all()] == [
        "Jonas Lind: Nordics, 1 of 8 seats, fewest turns",
        "DACH: Every eligible rep is at capacity: Eva (at capacity, 0 of 0 seats).",
    ]


def statements(at):
    with CaptureQueriesContext(connection) as queries:
        routing.drain(at)
    return len(queries)


def test_the_number_of_statements_does_not_follow_the_leads(at):
    make_pool(*[make_rep(capacity=100) for _ in range(3)])
    routing.drain(at)
    for _ in range(6):
        make_mql()
    few = statements(at)
    for _ in range(60):
        make_mql()

    assert statements(at) == few
    assert few < 50


def test_the_context_note_is_made_anew_when_something_happened_since(at):
    make_pool(make_rep())
    quiet, active = make_mql(), make_mql()
    type(active.lead).objects.filter(pk=active.lead_id).update(last_seen_at=LATER)

    routing.drain(LATER)

    assert current(quiet.lead).context["built_at"] == at.isoformat()
    assert current(active.lead).context["built_at"] == LATER.isoformat()


def test_make_lead_without_name_is_still_named(at):
    make_pool(make_rep())
    make_mql(lead=make_lead(email="someone@company.test"))

    routing.drain(at)

    assert Notice.objects.get().text.startswith(
        "someone@company.test is yours to take. Accept by 12 Mar 14:00"
    )


@pytest.mark.parametrize(
    ("reps", "leads", "statements"), [(2, 1, 28), (2, 20, 30), (12, 20, 30), (12, 60, 30)]
)
def test_statements_follow_neither_leads_nor_reps(at, reps, leads, statements, django_assert_max_num_queries):
    make_pool(*(make_rep(capacity=99) for _ in range(reps)))
    make_mql()
    routing.drain(at)
    handoffs = [make_mql() for _ in range(leads)]

    with django_assert_max_num_queries(statements):
        routing.drain(at)

    assert Handoff.objects.filter(pk__in=[one.pk for one in handoffs], status="offered").count() == leads


def test_an_idle_run_asks_three_things(at, django_assert_num_queries):
    make_offer()

    with django_assert_num_queries(3):
        routing.drain(at)


def test_each_lead_of_a_batch_gets_what_was_decided_for_it(at):
    south = make_team("South")
    named, pooled, nobody = make_rep("Per Dahl", team=south), make_rep("Jonas Lind"), make_rep(capacity=0)
    make_pool(pooled)
    pool = Pool.objects.create(name="Full", team=south)
    PoolMember.objects.create(pool=pool, rep=nobody)
    RoutingRule.objects.create(position=1, name="Named", rep=named, conditions={"country": ["NO"]})
    RoutingRule.objects.create(position=2, name="Full", pool=pool, conditions={"country": ["SE"]})
    handoffs = [make_mql(country=country) for country in ("NO", "SE", "DK")]

    routing.drain(at)

    found = Handoff.objects.filter(pk__in=[one.pk for one in handoffs]).order_by("pk").values_list(
        "status", "rep__user__name", "rule__name", "pool__name", "lead__owner__name", "lead__pool_team__name",
        "cycle__rep__name", "cycle__team__name",
    )  # fmt: skip
    assert list(found) == [
        ("offered", "Per Dahl", "Named", None, "Per Dahl", "South", "Per Dahl", "South"),
        ("queued", None, "Full", "Full", None, "South", None, "South"),
        ("offered", "Jonas Lind", "Nordics", "Nordics", "Jonas Lind", "Nordics", "Jonas Lind", "Nordics"),
    ]
