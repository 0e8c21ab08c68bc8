"""A lead goes to a rep a second time only when nobody else can take it, and to each only once more."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff import reassigning, routing, sentences, workflow
from handoff.checks import deadlines_kept
from handoff.models import Absence, Handoff, Notice, PoolMember, Rep, RoutingDecision, RoutingRule
from handoff.planning import Planner, Way
from handoff.roster import PoolCard, RepCard, Roster
from handoff.rules import LeadFacts, Rule
from leads.models import Company
from tests.factories import make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current, findings, reason, work

db = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def lapse(lead):
    """Let the offer of the lead lapse, and do what follows."""
    work(current(lead).accept_by + SECOND)
    return current(lead)


def full(rep):
    type(rep).objects.filter(pk=rep.pk).update(capacity=0)


def offered_to(lead):
    """Return who was offered the lead, in order, and how they were chosen."""
    rows = RoutingDecision.objects.filter(handoff__lead=lead, outcome="assigned").order_by("pk")
    return [(row.rep, row.way) for row in rows.select_related("rep")]


@db
def test_it_goes_round_once_more_in_the_same_order_and_then_waits_for_a_manager(at):
    manager = make_user("manager", team=make_team())
    first, second = make_rep("First"), make_rep("Second")
    make_pool(first, second)
    lead = make_offer(first, at=at).lead
    for _ in range(4):
        waiting = lapse(lead)

    assert offered_to(lead) == [
        (first, "rotation"), (second, "rotation"), (first, "again"), (second, "again"),
    ]  # fmt: skip
    assert (waiting.attempt, waiting.status, waiting.queue_reason) == (5, "queued", "all_lapsed")
    assert Notice.objects.get(user=manager, kind="queued").handoff == waiting
    assert findings(waiting.decisions.get().at) == []


@db
def test_the_decision_and_the_notice_say_why(at):
    rep = make_rep("Jonas Lind")
    again = lapse(make_offer(rep, at=at, first_name="Maren", last_name="Solberg").lead)

    assert sentences.decision(again.decisions.get()) == (
        "Jonas Lind: Nordics, 1 of 10 seats, offered again: nobody else could take it"
    )
    assert again.decisions.get().candidates[0]["before"] == "lapsed"
    told = Notice.objects.get(user=rep.user, kind="offered", handoff=again).text
    assert told.startswith("Maren Solberg is yours to take. Offered again: nobody else could take it. Accept")


@db
def test_it_takes_a_seat_but_no_turn_and_no_credit(at):
    rep = make_rep()
    lead = make_offer(rep, at=at).lead
    PoolMember.objects.update(credits=1)

    again = lapse(lead)

    assert (again.status, Handoff.objects.seats().count()) == ("offered", 1)
    assert PoolMember.objects.values_list("turns", "credits").get() == (1, 1)
    assert again.decisions.get().state_key == ""


@db
def test_whoever_has_not_had_it_comes_first(at):
    first, fresh = make_rep("First"), make_rep("Fresh", is_available=False)
    make_pool(first, fresh)
    lead = make_offer(first, at=at).lead
    assert lapse(lead).rep == first
    fresh.is_available = True
    fresh.save()

    assert lapse(lead).rep == fresh
    assert lapse(lead).queue_reason == ""
    assert offered_to(lead)[-1] == (fresh, "again")


@db
def test_a_colleague_without_a_seat_cannot_take_it_and_is_waited_for_afterwards(at):
    first, busy = make_rep("First"), make_rep("Busy", capacity=0)
    make_pool(first, busy)
    lead = make_offer(first, at=at).lead

    again = lapse(lead)
    waiting = lapse(lead)

    assert (again.rep, waiting.queue_reason) == (first, "at_capacity")
    assert findings(waiting.decisions.get().at) == []
    busy.capacity = 1
    busy.save()
    work(waiting.decisions.get().at)
    assert offered_to(lead)[-1] == (busy, "rotation")


@db
def test_without_a_seat_of_their_own_it_waits_for_one(at):
    rep = make_rep(capacity=1)
    offer = make_offer(rep, at=at)
    full(rep)
    waiting = lapse(offer.lead)
    assert waiting.queue_reason == "at_capacity"

    type(rep).objects.update(capacity=1)
    work(offer.accept_by + timedelta(hours=1))

    assert offered_to(offer.lead)[-1] == (rep, "again")
    assert findings(offer.accept_by + timedelta(hours=1)) == []


@db
def test_whoever_let_it_lapse_comes_before_whoever_turned_it_down(at):
    rejecting, lapsing = make_rep("Rejecting"), make_rep("Lapsing")
    make_pool(rejecting, lapsing)
    offer = make_offer(rejecting, at=at)
    workflow.reject(offer, rejecting.user, reason("in_talks", next_path="reroute"), at=at)
    work(at)
    for _ in range(3):
        waiting = lapse(offer.lead)

    assert [rep for rep, _ in offered_to(offer.lead)] == [rejecting, lapsing, lapsing, rejecting]
    assert waiting.queue_reason == "all_lapsed"
    assert findings(waiting.decisions.get().at) == []


@db
def test_whoever_turned_it_down_does_not_get_it_back_while_others_only_miss_a_seat(at):
    manager = make_user("manager", team=make_team())
    lapsing, rejecting = make_rep("Lapsing"), make_rep("Rejecting")
    make_pool(lapsing, rejecting)
    lead = make_offer(lapsing, at=at).lead
    offer = lapse(lead)
    full(lapsing)
    workflow.reject(offer, rejecting.user, reason("in_talks", next_path="reroute"), at=offer.offered_at)
    work(offer.offered_at)
    assert current(lead).queue_reason == "at_capacity"

    Absence.objects.create(
        rep=lapsing, starts_on=at.date(), back_on=at.date() + timedelta(days=9), created_at=at
    )
    work(offer.offered_at)

    assert offered_to(lead)[-1] == (rejecting, "again")
    assert not Notice.objects.filter(user=manager, kind="queued").exists()


@db
@pytest.mark.parametrize(("path", "outcome"), [("reroute", "offered"), ("fix_data", "queued")])
def test_only_a_rejection_that_routes_on_lets_it_come_back(path, outcome, at):
    offer = make_offer(at=at)
    workflow.reject(offer, offer.rep.user, reason("in_doubt", next_path=path), missing=["phone"], at=at)
    work(at)
    if path == "fix_data":
        reassigning.release_to_sales(current(offer.lead), make_user("marketer"), at)
        work(at)

    assert (current(offer.lead).status, current(offer.lead).attempt) == (outcome, 2)


@db
def test_a_rule_that_names_a_rep_offers_it_to_them_again(at):
    rep = make_rep()
    RoutingRule.objects.create(position=1, name="Key account", rep=rep)
    lead = make_mql(at=at).lead
    routing.drain(at)

    lapse(lead)
    waiting = lapse(lead)

    assert offered_to(lead) == [(rep, "direct"), (rep, "again")]
    assert waiting.queue_reason == "all_lapsed"


@db
def test_the_owner_of_the_company_comes_before_others_who_let_it_lapse(at):
    colleague, owner = make_rep("Colleague"), make_rep("Owner")
    make_pool(colleague)
    company = Company.objects.create(name="Acme", domain="acme.test", owner=owner.user, created_at=at)
    lead = make_mql(at=at, company=company).lead
    routing.drain(at)
    for _ in range(3):
        lapse(lead)

    assert offered_to(lead) == [
        (owner, "sticky_company"), (colleague, "rotation"), (owner, "again"), (colleague, "again"),
    ]  # fmt: skip
    assert deadlines_kept(at) == []


@db
def test_one_given_to_them_by_hand_counts_as_the_second_time(at):
    manager = make_user("manager", team=make_team())
    first, second = make_rep("First"), make_rep("Second")
    make_pool(first, second)
    lead = make_offer(first, at=at).lead
    offer = lapse(lead)
    reassigning.reassign(offer, manager, first, "Knows them", offer.offered_at)

    waiting = lapse(lead)

    # The other one's was taken from them, so they have not passed on it.
    assert offered_to(lead)[-1] == (second, "rotation")
    assert findings(waiting.offered_at) == []


@db
def test_a_new_cycle_begins_anew(at):
    rep = make_rep()
    offer = make_offer(rep, at=at)
    workflow.reject(lapse(offer.lead), rep.user, reason(), at=offer.accept_by)
    work(offer.accept_by)
    later = at + timedelta(days=60)
    lead = current(offer.lead).lead
    make_mql(lead=lead, at=later)

    work(later)
    lapse(lead)

    assert [way for _, way in offered_to(lead)] == ["rotation", "again", "sticky_lead", "again"]


@db
def test_i15_finds_a_third_offer_and_one_made_too_early(at):
    rep = make_rep()
    lead = make_offer(rep, at=at).lead
    lapse(lead)
    third = lapse(lead)
    Handoff.objects.filter(pk=third.pk).update(
        status="offered", queue_reason="", rep=rep, offered_at=at, accept_by=third.decisions.get().at
    )
    RoutingDecision.objects.filter(handoff=third).update(
        outcome="assigned", way="again", rep=rep,
        candidates=[
            {"rep": rep.pk, "verdict": "chosen", "before": "lapsed"}, {"rep": 0, "verdict": "not_next"},
        ],
    )  # fmt: skip

    assert deadlines_kept(at) == [
        f"handoff {third.pk} went again to a rep who had passed on it",
        f"handoff {third.pk} was offered again although somebody else could take it",
    ]


@db
@pytest.mark.parametrize(
    ("before", "other", "is_found"),
    [
        ("lapsed", {"verdict": "full"}, False),
        ("lapsed", {"verdict": "full", "before": "lapsed"}, False),
        ("lapsed", {"verdict": "not_next", "before": "lapsed"}, False),
        ("lapsed", {"verdict": "rejected"}, False),
        ("lapsed", {"verdict": "not_owner"}, True),
        ("rejected", {"verdict": "full"}, True),
        ("rejected", {"verdict": "full", "before": "lapsed"}, True),
        ("rejected", {"verdict": "not_next", "before": "rejected"}, False),
        ("rejected", {"verdict": "asked_again"}, False),
        (None, {"verdict": "away"}, True),
    ],
)
def test_i15_knows_who_would_have_come_first(before, other, is_found, at):
    again = lapse(make_offer(at=at).lead)
    chosen = {"rep": again.rep_id, "verdict": "chosen", **({"before": before} if before else {})}
    again.decisions.update(candidates=[chosen, {"rep": 0, **other}])

    early = [f"handoff {again.pk} was offered again although somebody else could take it"]
    assert deadlines_kept(at) == (early if is_found else [])


REPS = st.fixed_dictionaries(
    {"capacity": st.integers(0, 1), "absence": st.sampled_from(["", "", "away"]), "answer": st.booleans()}
)


@given(st.lists(st.lists(REPS, min_size=4, max_size=4), min_size=12, max_size=12))
def test_whatever_comes_and_goes_nobody_is_offered_it_a_third_time(moments):
    """`answer`: they turn it down rather than let it lapse."""
    passed, again, offers = {}, [], []
    rules = [Rule(1, "All", 1, None, (), None)]
    for moment in moments:
        reps = {
            n: RepCard(n, n, f"Rep {n}", 1, one["capacity"], 0, one["absence"], frozenset())
            for n, one in enumerate(moment, 1)
        }
        pool = PoolCard(1, "Pool", 1, True, weights=dict.fromkeys(reps, 1), is_trial=True)
        able = {n for n, rep in reps.items() if not rep.absence and not rep.is_full}
        plan = Planner(Roster(reps, {1: pool}), rules).decide(
            LeadFacts(turned_down_by=passed, may_have_again=tuple(again))
        )
        if plan.rep is None:
            assert not able - passed.keys()
            assert not {n for n in able if n in again and passed[n] == "lapsed"}
            continue
        rep = plan.rep.id
        offers.append(rep)
        assert (plan.way == Way.AGAIN) == (rep in passed)
        assert plan.way != Way.AGAIN or not able - passed.keys()
        if rep in passed:
            passed[rep] = "asked_again"
            again.remove(rep)
        else:
            passed[rep] = "rejected" if moment[rep - 1]["answer"] else "lapsed"
            again.append(rep)
    assert all(offers.count(rep) <= 2 for rep in offers)


@db
@pytest.mark.parametrize("seed", [5, 9])
def test_verify_finds_nothing_whatever_leads_reps_and_managers_do(seed, at):
    dice = random.Random(seed)
    reps = [make_rep(f"Rep {n}", capacity=dice.randint(0, 3)) for n in range(4)]
    make_pool(*reps, weights=[1, 2, 1, 3])
    manager, marketer = make_user("manager", team=make_team()), make_user("marketer")
    reasons = [reason("in_talks", next_path="reroute", gives_turn_back=True)] * 3
    reasons.append(reason("in_doubt", next_path="fix_data"))

    def edit_a_rep(now):
        rep = Rep.objects.filter(pk=dice.choice(reps).pk)
        rep.update(capacity=dice.randint(0, 3), is_available=dice.random() < 0.7)

    def turn_one_down(now):
        if offers := Handoff.objects.filter(status="offered").select_related("rep__user").order_by("pk"):
            offer = dice.choice(offers)
            workflow.reject(offer, offer.rep.user, dice.choice(reasons), missing=["phone"], at=now)

    def give_one_by_hand(now):
        if offers := Handoff.objects.filter(status="offered").order_by("pk"):
            offer = dice.choice(offers)
            rep = dice.choice([one for one in reps if one.pk != offer.rep_id])
            reassigning.reassign(offer, manager, rep, "Knows them", now, override_capacity=True)

    def send_one_to_sales_again(now):
        if returned := Handoff.objects.filter(queue_reason="returned_to_marketing").first():
            reassigning.release_to_sales(returned, marketer, now)

    acts = [lambda now: make_mql(at=now), edit_a_rep, edit_a_rep, turn_one_down, turn_one_down]
    acts += [send_one_to_sales_again, give_one_by_hand]
    now = at
    for _ in range(30):
        now += timedelta(minutes=dice.randint(1, 120))
        work(now)
        dice.choice(acts)(now)
        work(now)
        assert findings(now) == []
    assert RoutingDecision.objects.filter(way="again").count() > 2
