from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from leads import ledger
from leads.enums import Stage, Status
from leads.lifecycle import IllegalMove, Move, StageConflict, allowed_stages, move_many, move_to_stage
from leads.models import Cycle, Lead, StageChange
from leads.signals import stage_changed
from tests.factories import AT, make_lead, make_user

pytestmark = pytest.mark.django_db


def lines(lead):
    return list(lead.stage_changes.order_by("seq").values_list("seq", "from_stage", "to_stage", "to_status"))


def test_move_to_stage_appends_to_the_ledger():
    lead = make_lead(stage=Stage.SUSPECT)
    user = make_user()

    change = move_to_stage(lead, Stage.LEAD, at=AT, by=user, reason="Spoke on the phone")

    assert lead.stage == Stage.LEAD
    assert lines(lead) == [(1, "", "suspect", "active"), (2, "suspect", "lead", "active")]
    assert (change.by, change.actor, change.reason) == (user, "user", "Spoke on the phone")


def test_move_to_mql_opens_a_cycle_with_its_evidence():
    lead = make_lead(source="google", campaign="Spring")

    change = move_to_stage(lead, Stage.MQL, at=AT, evidence={"rule": "content", "version": 3, "score": 71})

    cycle = Cycle.objects.get(lead=lead)
    assert (cycle.number, cycle.rule, cycle.version, cycle.source, cycle.campaign) == (
        1, "content", 3, "google", "Spring",
    )  # fmt: skip
    assert (change.cycle_number, change.version, change.score) == (1, 3, 71)


def test_second_qualification_is_its_own_cycle_and_the_first_stays_sql():
    lead = make_lead(stage=Stage.SQL)

    move_to_stage(lead, Stage.LEAD, at=AT, status=Status.NURTURE, wake_on=AT.date(), reason="No budget")
    move_to_stage(lead, Stage.MQL, at=AT + timedelta(days=40))

    first, second = lead.cycles.order_by("number")
    assert (first.sql_at, first.ended_at, first.end_reason) == (AT, AT, "No budget")
    assert (second.number, second.sql_at, lead.status, lead.wake_on) == (2, None, "active", None)


@pytest.mark.parametrize(
    ("stage", "to"),
    [("suspect", "mql"), ("suspect", "sql"), ("lead", "sql"), ("mql", "opportunity"), ("mql", "mql"), ("lead", "suspect"),
     ("sql", "won"), ("opportunity", "sql"), ("won", "lost")],
)  # fmt: skip
def test_illegal_move_is_refused_and_writes_nothing(stage, to):
    lead = make_lead(stage=stage)
    before = lines(lead)

    with pytest.raises(IllegalMove) as refused:
        move_to_stage(lead, to, at=AT)

    assert refused.value.allowed == allowed_stages(lead)
    assert lines(lead) == before


def test_disqualified_lead_cannot_become_mql():
    lead = make_lead()
    move_to_stage(lead, Stage.LEAD, at=AT, status=Status.DISQUALIFIED, reason="Competitor")

    with pytest.raises(IllegalMove):
        move_to_stage(lead, Stage.MQL, at=AT)


def test_stale_lead_is_a_conflict():
    lead = make_lead()
    stale = Lead.objects.get(pk=lead.pk)
    move_to_stage(lead, Stage.MQL, at=AT)

    with pytest.raises(StageConflict):
        move_to_stage(stale, Stage.MQL, at=AT)

    assert Cycle.objects.count() == 1


def test_a_move_that_would_be_legal_from_the_new_stage_is_a_conflict_all_the_same():
    lead = make_lead()
    stale = Lead.objects.get(pk=lead.pk)
    move_to_stage(lead, Stage.MQL, at=AT)

    with pytest.raises(StageConflict):
        move_to_stage(stale, Stage.LEAD, at=AT, status=Status.DISQUALIFIED)

    lead.refresh_from_db()
    assert (lead.stage, Cycle.objects.get().ended_at) == (Stage.MQL, None)


def test_move_many_skips_refused_and_announces_once():
    leads = [make_lead(), make_lead(stage=Stage.MQL), make_lead()]
    heard = []

    def hear(changes, **kwargs):
        heard.append([change.lead_id for change in changes])

    stage_changed.connect(hear)
    try:
        moved = move_many([Move(lead, Stage.MQL) for lead in leads], at=AT, skip_refused=True)
    finally:
        stage_changed.disconnect(hear)

    assert [change.lead_id for change in moved] == [leads[0].pk, leads[2].pk]
    assert heard == [[leads[0].pk, leads[2].pk]]


def test_move_many_takes_as_many_statements_for_ten_as_for_two(django_assert_max_num_queries):
    move_to_stage(make_lead(), Stage.MQL, at=AT)  # what is read once and kept
    few = [make_lead() for _ in range(2)]
    many = [make_lead() for _ in range(10)]

    with django_assert_max_num_queries(60) as first:
        move_many([Move(lead, Stage.MQL) for lead in few], at=AT)
    count = len(first.captured_queries)
    with django_assert_max_num_queries(60) as second:
        move_many([Move(lead, Stage.MQL) for lead in many], at=AT)

    assert len(second.captured_queries) == count


def test_nurture_without_wake_up_is_refused_by_the_database():
    lead = make_lead()

    with pytest.raises(IntegrityError), transaction.atomic():
        move_to_stage(lead, Stage.LEAD, at=AT, status=Status.NURTURE)


def test_ledger_refuses_update_and_delete():
    lead = make_lead()

    for write in (
        lambda: StageChange.objects.update(to_stage="won"),
        lambda: StageChange.objects.filter(lead=lead).delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            write()

    assert ledger.missing(connection) == []


def test_ledger_lets_erasure_blank_reason_and_evidence():
    lead = make_lead()

    StageChange.objects.filter(lead=lead).update(reason="", evidence={})

    assert StageChange.objects.get(lead=lead).evidence == {}
