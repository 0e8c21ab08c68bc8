from datetime import timedelta
from decimal import Decimal

import pytest

from handoff import discovery, workflow
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import Discovery, Opportunity
from handoff.opportunities import close_opportunity, open_opportunity
from leads.models import Conversation, Cycle, Definition, Event
from leads.signals import contact_made
from tests.factories import (
    make_catalogue,
    make_definition,
    make_lead,
    make_offer,
    make_rep,
    make_source,
    make_team,
    make_user,
)
from tests.handoff.support import LATER, current, findings, reason
from tests.handoff.test_sqlrules import STANDARD

pytestmark = pytest.mark.django_db

CONFIRMED = {"need_problem": "Late feeds", "timing": "2026-06", "next_step": "Demo on their own feed"}


def publish(meaning):
    Definition.objects.all().delete()
    make_definition({**STANDARD, "sql": {**STANDARD["sql"], "meaning": meaning}})


@pytest.fixture
def rep():
    return make_rep("Jonas Lind")


@pytest.fixture
def handoff(rep, at):
    publish("discovery")
    return workflow.accept(make_offer(rep), rep.user, at)


def talk(handoff, rep, at, kind="call"):
    conversation = Conversation.objects.create(lead=handoff.lead, by=rep.user, kind=kind, at=at)
    contact_made.send(sender=Conversation, conversation=conversation)


def deal(handoff, rep, at, **terms):
    terms = {"name": "Pilot", "amount": Decimal(40000), "close_on": at.date() + timedelta(days=60), **terms}
    return open_opportunity(handoff, by=rep.user, at=at, **terms)


def test_answers_are_kept_one_by_one_with_where_they_are_from(handoff, rep, at):
    discovery.save_answers(handoff, {"need_problem": "Late feeds"}, by=rep.user, at=at)
    saved = discovery.save_answers(handoff, {"budget": "25-75k"}, by=rep.user, at=LATER)

    assert {field: (a["from"], a["at"]) for field, a in saved.answers.items()} == {
        "need_problem": ("Jonas Lind", at.isoformat()), "budget": ("Jonas Lind", LATER.isoformat()),
    }  # fmt: skip
    assert (saved.version, saved.updated_by) == (2, rep.user)


def test_what_cannot_be_read_is_said_and_the_rest_is_kept(handoff, rep, at):
    with pytest.raises(Invalid) as wrong:
        discovery.save_answers(handoff, {"need_problem": "Feeds", "meeting": "soon"}, by=rep.user, at=at)

    assert list(wrong.value.problems) == ["meeting"]
    assert list(discovery.saved_answers(handoff.cycle)) == ["need_problem"]


def test_an_empty_answer_is_taken_back(handoff, rep, at):
    discovery.save_answers(handoff, {"need_problem": "Feeds"}, by=rep.user, at=at)
    discovery.save_answers(handoff, {"need_problem": ""}, by=rep.user, at=at)

    assert discovery.saved_answers(handoff.cycle) == {}


def test_two_who_answer_at_once_do_not_overwrite_each_other(handoff, rep, at):
    manager = make_user("manager", team=make_team(), name="Eva Holm")
    discovery.save_answers(handoff, {"buyer": "Kim"}, by=manager, at=at, version=0)

    with pytest.raises(HandoffConflict, match=r"Changed by Eva Holm at 12 Mar 10:00"):
        discovery.save_answers(handoff, {"buyer": "Bo"}, by=rep.user, at=LATER, version=0)
    discovery.save_answers(handoff, {"buyer": "Bo"}, by=rep.user, at=LATER, version=1)


@pytest.mark.parametrize("who", ["marketer", "another rep", "another team's manager"])
def test_discovery_is_for_the_rep_their_manager_and_admins(handoff, at, who):
    people = {
        "marketer": lambda: make_user("marketer"),
        "another rep": lambda: make_rep().user,
        "another team's manager": lambda: make_user("manager", team=make_team("South")),
    }

    with pytest.raises(NotAllowed):
        discovery.save_answers(handoff, {"buyer": "Bo"}, by=people[who](), at=at)
    discovery.save_answers(handoff, {"buyer": "Bo"}, by=make_user("admin"), at=at)


def test_an_offer_is_accepted_before_discovery(at):
    rep = make_rep()
    offer = make_offer(rep)

    with pytest.raises(HandoffConflict, match="has to be accepted first"):
        discovery.save_answers(offer, {"buyer": "Bo"}, by=rep.user, at=at)


def test_the_next_step_and_the_meeting_reach_lead_and_cycle(handoff, rep, at):
    values = {"next_step": "Demo", "next_step_at": "2026-03-20", "meeting": "2026-03-20T14:00"}

    discovery.save_answers(handoff, values, by=rep.user, at=at)

    lead, cycle = current(handoff.lead).lead, Cycle.objects.get()
    assert (lead.next_step, str(lead.next_step_on)) == ("Demo", "2026-03-20")
    assert cycle.meeting_at.isoformat() == "2026-03-20T14:00:00+00:00"


def test_what_a_form_said_is_prefilled_and_the_rep_has_the_last_word(rep, at):
    lead = make_lead(first_name="Maren", seniority="c_level")
    Event.objects.create(
        source=make_source(), message_id="m1", payload_hash="x", type="track", name="Form Submitted", lead=lead,
        signal=make_catalogue()["form"], occurred_at=at, received_at=at, occurred_on=at.date(), known_on=at.date(),
        properties={"form": "Product form", "message": "Late feeds", "product": "Pipelines", "utm_source": "x"},
    )  # fmt: skip
    handoff = workflow.accept(make_offer(rep, lead=lead), rep.user, at)

    assert discovery.answers_of(handoff)["need_problem"] == {
        "value": "Late feeds", "from": "Product form", "at": at.isoformat(),
    }  # fmt: skip
    discovery.save_answers(handoff, {"need_problem": "Feeds since January"}, by=rep.user, at=at)
    assert discovery.answers_of(handoff)["need_problem"]["from"] == "Jonas Lind"
    assert discovery.answers_of(handoff)["decision_maker"]["value"] == "Maren"


def test_discovery_confirmed_makes_an_sql_with_its_evidence(handoff, rep, at):
    with pytest.raises(
        Invalid, match=r"Not an SQL yet\. Call accepted with a next step: 0 of 3|Not an SQL yet"
    ):
        discovery.qualify(handoff, by=rep.user, at=at)
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)

    lead = discovery.qualify(handoff, by=rep.user, at=LATER)

    change, cycle = lead.stage_changes.order_by("-seq").first(), Cycle.objects.get()
    assert (lead.stage, cycle.sql_at, cycle.sql_meaning) == ("sql", LATER, "discovery")
    assert (change.evidence["rule"], change.reason, change.actor) == (
        "discovery",
        "Discovery confirmed",
        "user",
    )
    assert change.evidence["answers"]["timing"] == "2026-06"
    assert (current(lead).status, current(lead).closed_at) == ("accepted", LATER)
    assert findings(LATER) == []


def test_live_evaluation_says_what_is_open(handoff, rep, at):
    discovery.save_answers(handoff, {"need_problem": "x", "next_step": "Call"}, by=rep.user, at=at)

    first = discovery.evaluate_sql(handoff.cycle, at=at)[0]

    assert (first.label, first.sentence) == ("Discovery confirmed", "2 of 3 met: timing is open")


def test_a_rule_is_named_as_the_actor_where_sql_is_a_rule(handoff, rep, at):
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)
    publish("rule")

    lead = discovery.qualify(handoff, by=rep.user, at=at)

    assert lead.stage_changes.order_by("-seq").first().actor == "rule:discovery"


def test_a_conversation_and_the_pipeline_are_one_act_where_that_is_the_sql(handoff, rep, at):
    publish("conversation")
    with pytest.raises(Invalid, match="Open the opportunity instead"):
        discovery.qualify(handoff, by=rep.user, at=at)
    with pytest.raises(Invalid, match="Log the conversation"):
        deal(handoff, rep, at)
    talk(handoff, rep, at)

    deal(handoff, rep, LATER)

    cycle = Cycle.objects.get()
    assert (cycle.sql_at, cycle.opportunity_at, cycle.sql_meaning) == (LATER, LATER, "conversation")
    assert current(handoff.lead).lead.stage == "opportunity"


@pytest.mark.usefixtures("_undoable")
def test_qualifying_within_the_time_to_undo_settles_the_acceptance_first(rep, at):
    publish("discovery")
    handoff = workflow.accept(make_offer(rep), rep.user, at)
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)

    discovery.qualify(handoff, by=rep.user, at=at)

    assert (Cycle.objects.get().decision, Cycle.objects.get().sql_at) == ("accepted", at)
    with pytest.raises(HandoffConflict):
        workflow.undo(handoff, rep.user, at)


@pytest.fixture
def _undoable(settings):
    settings.LEADFLOW_UNDO_SECONDS = 8


def test_an_sql_becomes_an_opportunity_once(handoff, rep, at):
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)
    with pytest.raises(HandoffConflict, match="only an SQL becomes one"):
        deal(handoff, rep, at)
    discovery.qualify(handoff, by=rep.user, at=at)

    opened = deal(current(handoff.lead), rep, LATER, currency="dkk")

    assert (opened.amount, opened.currency, opened.opened_by) == (Decimal(40000), "DKK", rep.user)
    with pytest.raises(HandoffConflict, match="There is an opportunity already: Pilot"):
        deal(current(handoff.lead), rep, LATER)
    assert Opportunity.objects.count() == 1


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"amount": Decimal(-1)}, "amount"),
        ({"amount": Decimal("NaN")}, "amount"),
        ({"amount": Decimal(10**10)}, "amount"),
        ({"currency": "EURO"}, "currency"),
        ({"name": "  "}, "name"),
        ({"close_on": None}, "close_on"),
    ],
)
def test_an_opportunity_with_terms_that_cannot_be(handoff, rep, at, terms, field):
    if "close_on" in terms:
        terms = {"close_on": at.date() - timedelta(days=1)}

    with pytest.raises(Invalid) as wrong:
        deal(handoff, rep, at, **terms)

    assert list(wrong.value.problems) == [field]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_an_opportunity_ends_once(handoff, rep, at, outcome):
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)
    discovery.qualify(handoff, by=rep.user, at=at)
    opened = deal(current(handoff.lead), rep, at)
    with pytest.raises(Invalid, match="won or lost"):
        close_opportunity(opened, by=rep.user, at=at, outcome="maybe")

    close_opportunity(opened, by=rep.user, at=LATER, outcome=outcome, reason="Price")

    cycle = Cycle.objects.get()
    assert (cycle.won_at, cycle.lost_at) == ((LATER, None) if outcome == "won" else (None, LATER))
    assert (opened.outcome, current(handoff.lead).lead.stage) == (outcome, outcome)
    with pytest.raises(HandoffConflict, match=f"It was {outcome} already"):
        close_opportunity(opened, by=rep.user, at=LATER, outcome="won")


def test_a_lost_deal_says_why(handoff, rep, at):
    publish("accepted")
    lead = current(handoff.lead).lead
    discovery.become_sql(handoff, by=rep.user, at=at)
    opened = deal(current(lead), rep, at)

    with pytest.raises(Invalid, match="Say why it was lost"):
        close_opportunity(opened, by=rep.user, at=at, outcome="lost")
    with pytest.raises(NotAllowed):
        close_opportunity(opened, by=make_rep().user, at=at, outcome="won")


def test_the_first_contact_by_the_owner_stops_the_clock(handoff, rep, at):
    stranger = make_rep()
    talk(handoff, stranger, at)
    assert current(handoff.lead).first_contact_at is None

    talk(handoff, rep, LATER, kind="meeting")
    talk(handoff, rep, LATER + timedelta(days=1))

    cycle = Cycle.objects.get()
    assert current(handoff.lead).first_contact_at == LATER
    assert (cycle.contacted_at, cycle.meeting_at) == (LATER, LATER)


def test_answers_of_an_earlier_cycle_are_known_in_the_next(handoff, rep, at):
    discovery.save_answers(handoff, {"buyer": "Kim", "next_step": "Call"}, by=rep.user, at=at)
    workflow.reject(current(handoff.lead), rep.user, reason(), at=at)

    again = make_offer(rep, lead=current(handoff.lead).lead, at=at + timedelta(days=60))

    assert discovery.answers_of(again) == {
        "buyer": {"value": "Kim", "from": "an earlier cycle", "at": at.isoformat()}
    }
    assert Discovery.objects.count() == 1
