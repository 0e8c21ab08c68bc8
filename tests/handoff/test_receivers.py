from datetime import timedelta

import pytest

from handoff import routing, workflow
from handoff.models import Handoff, Notice
from leads.lifecycle import Move, move_many, move_to_stage
from leads.models import Company, Cycle
from tests.factories import make_lead, make_mql, make_offer, make_pool, make_rep, make_user
from tests.handoff.support import LATER, current, findings

pytestmark = pytest.mark.django_db


def test_an_mql_entry_opens_one_handoff_with_the_evidence(at):
    handoff = make_mql(hand_raiser=True)

    assert (handoff.attempt, handoff.status, handoff.queue_reason) == (1, "queued", "new")
    assert (handoff.is_hand_raise, handoff.waiting_since, handoff.cycle.number) == (True, at, 1)
    assert handoff.context["why"]["hand_raiser"] is True


def test_a_marketers_own_mql_is_handed_off_like_any_other(at):
    lead = make_lead()

    move_to_stage(lead, "mql", at=at, by=make_user(), reason="Met at the fair", evidence={"rule": "manual"})

    assert Handoff.objects.get().context["why"]["rule"] == "manual"


def test_many_entries_at_once_take_as_many_statements_as_few(at, django_assert_max_num_queries):
    leads = [make_lead() for _ in range(20)]

    with django_assert_max_num_queries(45):
        move_many([Move(lead, "mql", evidence={"rule": "content"}) for lead in leads], at=at)

    assert Handoff.objects.count() == 20


@pytest.mark.parametrize("accepted", [False, True])
def test_the_end_of_the_cycle_ends_the_handoff(at, accepted):
    rep = make_rep()
    handoff = make_offer(rep)
    if accepted:
        workflow.accept(handoff, rep.user, at)

    move_to_stage(current(handoff.lead).lead, "lead", at=LATER, status="disqualified", reason="Competitor")

    ended = current(handoff.lead)
    assert (ended.status, ended.closed_at) == ("accepted" if accepted else "withdrawn", LATER)
    assert ended.lead.owner == (rep.user if accepted else None)
    assert Notice.objects.filter(kind="withdrawn").count() == (0 if accepted else 1)
    assert findings(LATER) == []


def test_a_manager_may_make_an_sql_of_an_offered_lead(at):
    rep = make_rep()
    company = Company.objects.create(name="Nordhavn", created_at=at)
    handoff = make_offer(rep, company=company)

    move_to_stage(handoff.lead, "sql", at=LATER, by=make_user("manager"), reason="Spoke at the fair")

    cycle = Cycle.objects.get()
    company.refresh_from_db()
    assert (current(handoff.lead).status, cycle.sql_meaning, cycle.owner) == (
        "withdrawn",
        "discovery",
        rep.user,
    )
    assert (company.owner, current(handoff.lead).lead.owner) == (rep.user, rep.user)
    assert findings(LATER) == []


def test_an_account_keeps_the_owner_it_has(at):
    owner = make_user("rep")
    company = Company.objects.create(name="Nordhavn", owner=owner, created_at=at)
    handoff = make_offer(make_rep(), company=company)

    move_to_stage(handoff.lead, "sql", at=LATER)

    company.refresh_from_db()
    assert company.owner == owner


def test_a_lead_an_import_gave_an_owner_goes_to_them(at):
    mine = make_rep("Mine")
    make_pool(make_rep("First"), mine)
    make_mql(owner=mine.user)

    routing.drain(at)

    assert Handoff.objects.get().rep == mine
    assert Handoff.objects.get().decisions.get().way == "sticky_lead"


def test_a_nurtured_lead_may_become_an_mql_again(at):
    lead = make_mql().lead
    move_to_stage(lead, "lead", at=at, status="nurture", wake_on=at.date() + timedelta(days=9))

    again = make_mql(lead=lead, at=at + timedelta(days=20))

    assert (again.cycle.number, again.attempt) == (2, 1)
    assert list(Handoff.objects.order_by("pk").values_list("status", flat=True)) == ["withdrawn", "queued"]
