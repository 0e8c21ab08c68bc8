"""Where a rule decides what an SQL is, nobody has to click (R7)."""

from datetime import timedelta

import pytest

from handoff import byrule, discovery, tasks, workflow
from handoff.models import Discovery
from leads.enums import SqlMeaning
from leads.models import Cycle, Lead
from tests.factories import make_offer, make_rep
from tests.handoff.support import LATER, findings, work
from tests.handoff.test_discovery import CONFIRMED, publish, talk

pytestmark = pytest.mark.django_db
AGREED = {"next_step": "Workshop", "meeting": "2026-03-20T10:00"}
OPEN = {"need_problem": "Late feeds", "next_step": "Demo"}


@pytest.fixture
def rep():
    return make_rep("Jonas Lind")


@pytest.fixture
def handoff(rep, at):
    publish("rule")
    return workflow.accept(make_offer(rep), rep.user, at)


def last_change():
    return Lead.objects.get().stage_changes.order_by("-seq").first()


def test_saving_the_last_answer_makes_the_sql_with_its_evidence(handoff, rep, at):
    discovery.save_answers(handoff, OPEN, by=rep.user, at=at)
    assert Lead.objects.get().stage == "mql"

    discovery.save_answers(handoff, {"timing": "2026-06"}, by=rep.user, at=LATER)

    change, cycle = last_change(), Cycle.objects.get()
    assert (change.to_stage, change.actor, change.by, change.at) == ("sql", "rule:discovery", None, LATER)
    assert (change.evidence["rule_label"], change.evidence["answers"]["timing"]) == (
        "Discovery confirmed",
        "2026-06",
    )
    assert (cycle.sql_at, cycle.sql_meaning) == (LATER, "rule")
    assert findings(LATER) == []


def test_what_cannot_be_read_keeps_no_sql_back(handoff, rep, at):
    with pytest.raises(discovery.Invalid):
        discovery.save_answers(handoff, {**CONFIRMED, "meeting": "soon"}, by=rep.user, at=at)

    assert last_change().actor == "rule:discovery"


def test_a_conversation_makes_the_sql_once_its_rule_is_met(handoff, rep, at):
    discovery.save_answers(handoff, AGREED, by=rep.user, at=at)
    assert Lead.objects.get().stage == "mql"

    talk(handoff, rep, LATER)

    assert (last_change().actor, last_change().to_stage) == ("rule:call_next_step", "sql")


def test_a_conversation_written_down_late_dates_no_sql_back(handoff, rep, at):
    discovery.save_answers(handoff, AGREED, by=rep.user, at=at)

    talk(handoff, rep, at - timedelta(days=1))

    assert last_change().at >= Cycle.objects.get().mql_at


def test_a_score_that_rises_later_is_found_by_the_sweep(handoff, rep, at):
    discovery.save_answers(handoff, {"timing": "2026-05"}, by=rep.user, at=at)
    assert byrule.sweep(at) == 0

    Lead.objects.update(score=100)

    assert (byrule.sweep(LATER), byrule.sweep(LATER)) == (1, 0)
    assert last_change().actor == "rule:intent_timing"


@pytest.mark.parametrize("meaning", [m.value for m in SqlMeaning if m != SqlMeaning.RULE])
def test_nothing_moves_by_itself_where_people_decide(rep, at, meaning):
    publish(meaning)
    handoff = workflow.accept(make_offer(rep), rep.user, at)
    before = Lead.objects.get().stage
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)

    assert (byrule.sweep(at), Lead.objects.get().stage) == (0, before)


def test_an_offer_nobody_took_yet_stays_an_offer(rep, at):
    publish("rule")
    handoff = make_offer(rep)
    Discovery.objects.create(cycle=handoff.cycle, answers={}, updated_at=at)
    Lead.objects.update(score=100)

    assert (byrule.sweep(at), Lead.objects.get().stage) == (0, "mql")


def test_a_decision_that_may_be_undone_is_waited_for(rep, at, settings):
    settings.LEADFLOW_UNDO_SECONDS = 8
    publish("rule")
    handoff = workflow.accept(make_offer(rep), rep.user, at)
    discovery.save_answers(handoff, CONFIRMED, by=rep.user, at=at)
    assert (byrule.sweep(at), Lead.objects.get().stage) == (0, "mql")

    work(at + timedelta(seconds=9))
    tasks.qualify_by_rule()

    assert last_change().actor == "rule:discovery"
