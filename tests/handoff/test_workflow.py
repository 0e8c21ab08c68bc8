from datetime import timedelta

import pytest

from handoff import routing, workflow
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import Handoff, Notice
from leads.lifecycle import move_to_stage
from leads.models import Cycle, Definition, Note
from tests.factories import (
    AT,
    make_definition,
    make_mql,
    make_offer,
    make_pool,
    make_rep,
    make_team,
    make_user,
)
from tests.handoff.support import LATER, current, findings, reason, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep():
    return make_rep("Jonas Lind", capacity=3)


@pytest.fixture
def offer(rep):
    return make_offer(rep)


@pytest.fixture
def undoable(settings):
    settings.LEADFLOW_UNDO_SECONDS = 8


def meaning(value):
    document = {"sql": {"meaning": value, "rule_sets": []}}
    Definition.objects.all().delete()
    make_definition(document)


def test_accept_starts_the_contact_clock_and_decides_the_cycle(offer, rep, at):
    accepted = workflow.accept(offer, rep.user, at, next_step="Call", next_step_at=LATER)

    assert (accepted.status, accepted.decided_by, accepted.closed_at) == ("accepted", rep.user, None)
    assert (accepted.contact_by, accepted.settle_at, accepted.pending) == (at + timedelta(hours=24), None, {})
    cycle = Cycle.objects.get()
    assert (cycle.decision, cycle.decided_at, cycle.owner) == ("accepted", at, rep.user)
    assert (accepted.lead.stage, accepted.lead.owner) == ("mql", rep.user)
    lead = type(offer.lead).objects.get()
    assert (lead.next_step, lead.next_step_on) == ("Call", AT.date())
    assert findings() == []


def test_accept_is_the_sql_where_the_organisation_says_so(offer, rep, at):
    meaning("accepted")

    accepted = workflow.accept(offer, rep.user, at)

    cycle = Cycle.objects.get()
    assert accepted.lead.stage == "sql"
    assert (accepted.closed_at, cycle.sql_at, cycle.sql_meaning) == (at, at, "accepted")


@pytest.mark.parametrize("who", ["another rep", "a manager", "an admin", "the rep, signed out for good"])
def test_only_the_assigned_rep_decides(offer, rep, at, who):
    people = {
        "another rep": lambda: make_rep().user,
        "a manager": lambda: make_user("manager", team=make_team()),
        "an admin": lambda: make_user("admin"),
        "the rep, signed out for good": lambda: (setattr(rep.user, "is_active", False), rep.user)[1],
    }

    with pytest.raises(NotAllowed):
        workflow.accept(offer, people[who](), at)


def test_accept_wins_at_the_deadline_and_loses_after_it(offer, rep):
    with pytest.raises(HandoffConflict, match=r"lapsed at 12 Mar 14:00") as lost:
        workflow.accept(offer, rep.user, offer.accept_by + timedelta(microseconds=1))
    accepted = workflow.accept(offer, rep.user, offer.accept_by)

    assert lost.value.code == "expired"
    assert accepted.status == "accepted"


def test_a_double_click_is_told_what_is_already_so(offer, rep, at):
    workflow.accept(offer, rep.user, at)

    with pytest.raises(HandoffConflict) as second:
        workflow.accept(offer, rep.user, at)

    assert (second.value.current_status, second.value.who, second.value.when) == ("accepted", rep.user, at)
    assert str(second.value) == "It was accepted by Jonas Lind at 12 Mar 10:00."


def test_accepting_again_after_looking_again_is_refused(offer, rep, at):
    accepted = workflow.accept(offer, rep.user, at)

    with pytest.raises(HandoffConflict):
        workflow.accept(current(offer.lead), rep.user, at + timedelta(minutes=5))

    now = current(offer.lead)
    assert (now.decided_at, now.contact_by, now.version) == (at, accepted.contact_by, accepted.version)


def test_an_older_page_does_not_overwrite_a_newer_deferral(offer, rep, at):
    older = workflow.accept(offer, rep.user, at)
    workflow.defer(current(offer.lead), rep.user, (at + timedelta(days=30)).date(), "Call in April", at)

    with pytest.raises(HandoffConflict):
        workflow.defer(older, rep.user, (at + timedelta(days=2)).date(), "Call on Saturday", at)

    assert current(offer.lead).next_step == "Call in April"


@pytest.mark.parametrize(
    ("path", "stage", "status"),
    [("nurture", "lead", "nurture"), ("disqualify", "lead", "disqualified")],
)
@pytest.mark.parametrize("first_accepted", [False, True])
def test_a_rejection_that_ends_the_cycle(offer, rep, at, path, stage, status, first_accepted):
    if first_accepted:
        offer = workflow.accept(offer, rep.user, at)

    workflow.reject(offer, rep.user, reason("r", next_path=path, nurture_days=30, label="No timeline"), at=at)

    handoff, cycle = current(offer.lead), Cycle.objects.get()
    assert (handoff.lead.stage, handoff.lead.status) == (stage, status)
    assert (handoff.status, handoff.closed_at) == ("accepted" if first_accepted else "rejected", at)
    assert (cycle.decision, cycle.reason) == ("accepted" if first_accepted else "rejected", "r")
    assert (cycle.ended_at, cycle.end_reason) == (at, "No timeline")
    assert handoff.lead.stage_changes.last().reason == "No timeline"
    if path == "nurture":
        assert handoff.lead.wake_on == at.date() + timedelta(days=30)
        assert handoff.lead.nurture_reason == "Content, with fit"
    assert findings() == []


@pytest.mark.parametrize("first_accepted", [False, True])
def test_a_rejection_to_reroute_goes_to_another_rep_of_the_same_cycle(offer, rep, at, first_accepted):
    other = make_rep()
    rep.memberships.get().pool.members.create(rep=other)
    if first_accepted:
        offer = workflow.accept(offer, rep.user, at)

    workflow.reject(offer, rep.user, reason("in_talks", next_path="reroute"), at=at)
    work(LATER)

    again = current(offer.lead)
    assert (again.attempt, again.status, again.rep, again.waiting_since) == (2, "offered", other, at)
    assert again.lead.owner == other.user
    assert Cycle.objects.get().decision == ("accepted" if first_accepted else "")
    assert findings(LATER) == []


def test_a_rejection_to_fix_data_waits_for_marketing(offer, rep, at):
    marketer = make_user("marketer")

    workflow.reject(
        offer, rep.user, reason("wrong_person", next_path="fix_data"), missing=["The buyer"], at=at
    )
    routing.drain(LATER)

    waiting = current(offer.lead)
    assert (waiting.attempt, waiting.status, waiting.queue_reason) == (2, "queued", "returned_to_marketing")
    assert (waiting.lead.stage, waiting.lead.owner) == ("mql", None)
    assert Notice.objects.get(user=marketer).text.endswith(
        "came back from Jonas Lind. Wrong person, right company: The buyer"
    )
    assert findings() == []


def test_rejection_needs_a_used_reason_and_a_note_where_it_asks_for_one(offer, rep, at):
    with pytest.raises(Invalid, match="needs a sentence"):
        workflow.reject(offer, rep.user, reason("other", next_path="fix_data", needs_note=True), at=at)
    with pytest.raises(Invalid, match="no longer used"):
        workflow.reject(offer, rep.user, reason("old", is_active=False), at=at)

    assert current(offer.lead).status == "offered"


def test_a_returned_lead_comes_back_to_the_rep_who_asked(offer, rep, at):
    rep.memberships.get().pool.members.create(rep=make_rep())
    marketer = make_user("marketer")
    workflow.return_to_marketing(offer, rep.user, missing=["A way to reach them"], at=at)
    assert Cycle.objects.get().decision == "returned"

    workflow.release_to_sales(current(offer.lead), marketer, LATER, note="Try the mobile")
    routing.drain(LATER)

    again = current(offer.lead)
    assert (again.rep, again.attempt) == (rep, 2)
    assert again.context["comments"][0]["text"] == "Try the mobile"
    assert again.decisions.get().way == "sticky_lead"
    assert Note.objects.get().for_sales
    workflow.accept(again, rep.user, LATER)
    assert Cycle.objects.get().decision == "accepted"


def test_return_says_what_is_missing(offer, rep, at):
    with pytest.raises(Invalid, match="Say what is missing"):
        workflow.return_to_marketing(offer, rep.user, at=at)


def test_only_marketing_releases_and_only_once(offer, rep, at):
    workflow.return_to_marketing(offer, rep.user, note="No phone", at=at)
    waiting, marketer = current(offer.lead), make_user("marketer")

    with pytest.raises(NotAllowed):
        workflow.release_to_sales(waiting, rep.user, at)
    workflow.release_to_sales(waiting, marketer, at)
    with pytest.raises(HandoffConflict):
        workflow.release_to_sales(waiting, marketer, at)


def test_defer_frees_the_seat_and_stops_the_clock(offer, rep, at):
    accepted = workflow.accept(offer, rep.user, at)
    assert Handoff.objects.seats().count() == 1

    deferred = workflow.defer(accepted, rep.user, at.date() + timedelta(days=30), "Send the benchmark", at)

    assert Handoff.objects.seats().count() == 0
    assert (deferred.status, deferred.contact_by, deferred.closed_at) == ("accepted", None, None)
    assert (deferred.lead.stage, deferred.lead.owner) == ("mql", rep.user)
    lead = type(offer.lead).objects.get()
    assert (lead.next_step, lead.next_step_on) == ("Send the benchmark", at.date() + timedelta(days=30))


@pytest.mark.parametrize(
    ("days", "step", "field"), [(0, "x", "until"), (366, "x", "until"), (5, " ", "next_step")]
)
def test_defer_takes_a_day_within_a_year_and_a_next_step(offer, rep, at, days, step, field):
    accepted = workflow.accept(offer, rep.user, at)

    with pytest.raises(Invalid) as wrong:
        workflow.defer(accepted, rep.user, at.date() + timedelta(days=days), step, at)

    assert list(wrong.value.problems) == [field]


def test_an_offer_has_to_be_accepted_before_it_is_deferred(offer, rep, at):
    with pytest.raises(HandoffConflict, match="It is offered"):
        workflow.defer(offer, rep.user, at.date() + timedelta(days=5), "Later", at)


@pytest.mark.usefixtures("undoable")
def test_a_decision_counts_at_once_and_takes_effect_after_the_time_to_undo(offer, rep, at):
    workflow.reject(offer, rep.user, reason(), at=at)
    handoff = current(offer.lead)
    assert (handoff.status, handoff.lead.stage, handoff.closed_at) == ("rejected", "mql", None)
    assert findings(LATER) == [f"the decision on handoff {handoff.pk} did not take effect"]

    assert workflow.settle_due(at + timedelta(seconds=7)) == 0
    assert workflow.settle_due(at + timedelta(seconds=8)) == 1
    assert workflow.settle_due(at + timedelta(seconds=8)) == 0

    handoff = current(offer.lead)
    assert (handoff.lead.status, handoff.closed_at) == ("nurture", at + timedelta(seconds=8))
    assert Cycle.objects.get().decided_at == at
    assert findings(LATER) == []


@pytest.mark.usefixtures("undoable")
@pytest.mark.parametrize("decision", ["accept", "reject", "return"])
def test_undo_restores_the_offer_as_it_was(offer, rep, at, decision):
    before = Handoff.objects.filter(pk=offer.pk).values().get()
    decided = {
        "accept": lambda: workflow.accept(offer, rep.user, at, next_step="Call", next_step_at=LATER),
        "reject": lambda: workflow.reject(offer, rep.user, reason(), note="Cold", at=at),
        "return": lambda: workflow.return_to_marketing(offer, rep.user, missing=["Phone"], at=at),
    }[decision]()

    workflow.undo(decided, rep.user, at + timedelta(seconds=7))

    after = Handoff.objects.filter(pk=offer.pk).values().get()
    assert after | {"version": 0} == before | {"version": 0}
    assert workflow.settle_due(LATER) == 0
    assert findings(LATER) == []


@pytest.mark.usefixtures("undoable")
def test_undo_of_a_deferral_restores_the_clock(offer, rep, at):
    accepted = workflow.accept(offer, rep.user, at)
    deferred = workflow.defer(accepted, rep.user, at.date() + timedelta(days=3), "Later", at)

    undone = workflow.undo(deferred, rep.user, at)

    assert (undone.status, undone.deferred_until, undone.contact_by) == (
        "accepted",
        None,
        at + timedelta(hours=24),
    )
    assert Cycle.objects.get().decision == "accepted"


@pytest.mark.usefixtures("undoable")
def test_undo_is_for_who_decided_and_only_in_time(offer, rep, at):
    decided = workflow.accept(offer, rep.user, at)

    with pytest.raises(NotAllowed):
        workflow.undo(decided, make_user("admin"), at)
    with pytest.raises(HandoffConflict, match="too late"):
        workflow.undo(decided, rep.user, at + timedelta(seconds=8))
    workflow.settle_due(at + timedelta(seconds=9))
    with pytest.raises(HandoffConflict, match="too late"):
        workflow.undo(decided, rep.user, at)


@pytest.mark.usefixtures("undoable")
def test_a_rejected_offer_keeps_its_seat_while_it_can_be_undone(at):
    rep = make_rep(capacity=1)
    offer = make_offer(rep)
    waiting = make_mql()

    workflow.reject(offer, rep.user, reason(), at=at)
    routing.drain(at)
    assert current(waiting.lead).queue_reason == "at_capacity"
    work(LATER)

    assert current(waiting.lead).status == "offered"


@pytest.mark.usefixtures("undoable")
def test_a_decision_on_a_lead_that_has_moved_on_changes_no_stage(offer, rep, at):
    workflow.reject(offer, rep.user, reason(), at=at)
    lead = current(offer.lead).lead
    move_to_stage(lead, "lead", at=at, status="disqualified", reason="Competitor")
    workflow.settle_due(LATER)

    lead.refresh_from_db()
    assert (lead.status, lead.stage_changes.count()) == ("disqualified", 3)
    assert Cycle.objects.get().decision == "rejected"
    assert findings(LATER + timedelta(hours=1)) == []


def test_whoever_rejected_it_is_asked_once_more_when_nobody_else_is_left(at):
    first, second = make_rep("First"), make_rep("Second")
    manager = make_user("manager", team=make_team())
    make_pool(first, second)
    handoff = make_mql()
    asked = []
    for _ in range(4):
        routing.drain(at)
        handoff = current(handoff.lead)
        asked.append(handoff.rep)
        workflow.reject(handoff, handoff.rep.user, reason("in_talks", next_path="reroute"), at=at)
    work(at)

    handoff = current(handoff.lead)
    assert asked == [first, second, first, second]
    assert (handoff.attempt, handoff.queue_reason) == (5, "all_lapsed")
    assert handoff.decisions.get().candidates[0]["verdict"] == "asked_again"
    assert Notice.objects.filter(user=manager, kind="queued").count() == 1
    assert Handoff.objects.get(attempt=2).context["said"] == ["Already a customer or in talks"]


def test_a_second_cycle_shows_the_first_and_goes_to_who_knew_the_lead(offer, rep, at):
    rep.memberships.get().pool.members.create(rep=make_rep())
    accepted = workflow.accept(offer, rep.user, at)
    workflow.reject(accepted, rep.user, reason("no_timeline", label="No timeline"), note="Ask in May", at=at)

    lead = current(offer.lead).lead
    later = at + timedelta(days=60)
    make_mql(lead=lead, at=later)
    routing.drain(later)

    second = current(lead)
    assert (second.cycle.number, second.attempt, second.rep) == (2, 1, rep)
    (earlier,) = second.context["earlier"]
    assert (earlier["number"], earlier["decision"], earlier["owner"]) == (1, "accepted", "Jonas Lind")
    assert earlier["said"] == ["No timeline: Ask in May"]
    assert lead.cycles.count() == 2
