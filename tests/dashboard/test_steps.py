"""Steps, reasons, promises and breakdowns, counted by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from handoff.models import Handoff, HandoffStatus, RejectionReason
from leadflow.dashboard import breakdown, measures, promises, reasons, steps
from leadflow.dashboard.breakdown import Group
from leadflow.dashboard.period import Period
from leadflow.dashboard.promises import Promise
from leadflow.dashboard.steps import Deals, Step
from leads.enums import Stage
from leads.lifecycle import move_to_stage
from leads.models import Cycle
from tests.factories import AT, make_cycle, make_lead, make_offer, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 12)
MARCH = Period(date(2026, 3, 1), TODAY, "UTC")
QUARTER = Period(date(2025, 12, 13), TODAY, "UTC")
HOUR = 1 / 24


def on(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def everything():
    return Cycle.objects.all()


# --- Steps -----------------------------------------------------------------------------------------


def test_decisions_take_the_middle_and_the_ninth_in_ten():
    for hours in (1, 2, 3, 4, 5, 6, 7, 8, 9, 100):
        make_cycle(on("2026-03-02"), decision="accepted", decided_at=hours * HOUR)
    make_cycle(on("2026-03-02"), decision="rejected", decided_at=50)
    make_cycle(on("2026-03-02"))

    found = steps.decisions(everything(), MARCH)

    assert found == Step(12, 10, timedelta(hours=5.5), timedelta(hours=9))


def test_acceptance_counts_on_its_day_whenever_the_mql_was():
    make_cycle(on("2026-01-05"), decision="accepted", decided_at=on("2026-03-03"), sql_at=on("2026-03-07"))
    make_cycle(on("2026-03-01"), decision="accepted", decided_at=on("2026-03-02"))
    make_cycle(on("2026-01-05"), decision="accepted", decided_at=on("2026-02-28"), sql_at=on("2026-03-05"))
    make_cycle(on("2026-03-01"), decision="returned", decided_at=on("2026-03-02"))

    step, _ = steps.acceptances(everything(), MARCH, 24)

    assert step == Step(2, 1, timedelta(days=4), timedelta(days=4))
    assert steps.qualifications(everything(), MARCH, TODAY)[0].entered == 2


def test_first_contact_falls_into_buckets():
    minutes = [14, 15, 59, 60, 239, 240, 24 * 60, 3 * 24 * 60]
    for late in minutes:
        at = on("2026-03-02")
        make_cycle(at, decision="accepted", contacted_at=at + timedelta(minutes=late))
    make_cycle(on("2026-03-02"), decision="accepted")

    _, contacts = steps.acceptances(everything(), MARCH, 24)

    assert (contacts.accepted, contacts.contacted) == (9, 8)
    assert contacts.buckets == [1, 2, 2, 1, 0, 1, 1]
    assert (contacts.median, contacts.p90) == (timedelta(minutes=149.5), timedelta(days=3))


def test_contact_before_a_second_acceptance_took_no_time():
    make_cycle(on("2026-03-02"), decision="accepted", decided_at=2, contacted_at=1)

    _, contacts = steps.acceptances(everything(), MARCH, 24)

    assert (contacts.buckets[0], contacts.median) == (1, timedelta())


def test_steps_of_nothing_are_zero_without_times():
    assert steps.decisions(everything(), MARCH) == Step(0)
    assert steps.new_leads(MARCH) == Step(0)
    assert steps.deals(everything(), MARCH) == Deals(0, 0, 0, 0, 0)
    assert steps.acceptances(everything(), MARCH, 24)[1].buckets == [0] * 7


def test_opportunities_split_into_won_lost_and_open():
    sql = {"decision": "accepted", "sql_at": 1}
    make_cycle(on("2026-03-01"), **sql, opportunity_at=2, won_at=5)
    make_cycle(on("2026-03-01"), **sql, opportunity_at=2, lost_at=5)
    make_cycle(on("2026-03-01"), **sql, opportunity_at=2)
    make_cycle(on("2026-03-01"), **sql, opportunity_at=2, ended_at=6)  # given up, neither won nor lost
    make_cycle(on("2026-01-01"), **sql, opportunity_at=2, won_at=on("2026-03-02"))

    assert steps.deals(everything(), MARCH) == Deals(opened=4, won=1, lost=1, open=1, won_in_period=2)
    assert steps.qualifications(everything(), MARCH, TODAY)[0] == Step(
        4, 4, timedelta(days=1), timedelta(days=1)
    )


def test_pursuit_is_judged_30_days_after_the_sql():
    make_cycle(on("2026-01-01"), sql_at=1, opportunity_at=31)
    make_cycle(on("2026-01-01"), sql_at=1, opportunity_at=32)
    make_cycle(on("2026-03-01"), sql_at=1, opportunity_at=2)  # not 30 days old: in neither
    make_cycle(on("2025-12-01"), sql_at=1, opportunity_at=2)  # the period before

    step, pursuits = steps.qualifications(everything(), QUARTER, TODAY)

    assert (step.entered, step.moved) == (3, 3)
    assert pursuits == ((1, 2), (1, 1))


def test_new_leads_are_counted_from_the_ledger_once_per_person():
    suspect = make_lead(at=on("2026-02-01"), stage=Stage.SUSPECT)
    move_to_stage(suspect, Stage.LEAD, at=on("2026-03-02"))
    move_to_stage(suspect, Stage.MQL, at=on("2026-03-05"))
    move_to_stage(suspect, Stage.LEAD, at=on("2026-03-06"), reason="No need now")
    make_lead(at=on("2026-03-03"))
    make_lead(at=on("2026-02-03"))
    make_lead(at=on("2026-03-03"), stage=Stage.SUSPECT)

    assert steps.new_leads(MARCH) == Step(2, 1, timedelta(days=3), timedelta(days=3))


# --- Reasons ---------------------------------------------------------------------------------------


def test_reasons_stand_by_frequency_with_the_running_share():
    for slug, count in [("no_budget", 1), ("wrong_person", 3)]:
        for _ in range(count):
            make_cycle(on("2026-03-02"), decision="rejected", reason=slug)
    for _ in range(4):
        make_cycle(on("2026-03-02"), decision="returned")
    make_cycle(on("2026-03-02"), decision="accepted", reason="no_budget")  # taken first, so no refusal
    make_cycle(on("2026-02-02"), decision="rejected", reason="no_budget")

    found = reasons.pareto(everything(), MARCH, {"no_budget": "No budget"})

    assert [(one.key, one.label, one.count, one.running) for one in found] == [
        ("returned", "Returned to marketing", 4, 0.5),
        ("wrong_person", "wrong_person", 3, 0.875),
        ("no_budget", "No budget", 1, 1.0),
    ]


def test_reason_labels_name_also_those_no_longer_used():
    RejectionReason.objects.filter(slug="other").update(is_active=False)

    assert reasons.reason_labels()["other"] == "Other"


# --- Breakdowns ------------------------------------------------------------------------------------


def test_groups_count_by_what_was_stamped_at_the_mql_entry():
    early = {"source": "google", "decision": "accepted"}
    make_cycle(on("2026-01-10"), **early, sql_at=20)
    make_cycle(on("2026-01-10"), **early, sql_at=31)
    make_cycle(on("2026-03-01"), **early, sql_at=1)
    make_cycle(on("2026-01-10"), source="google", decision="rejected", ended_at=1)
    make_cycle(on("2026-01-10"), source="", decision="rejected", ended_at=1)
    make_cycle(on("2025-12-01"), source="bing", decision="accepted", sql_at=on("2026-01-02"))
    # The lead's own source may change later; the cycle keeps the one it had.
    Cycle.objects.first().lead.__class__.objects.update(source="changed")

    found = breakdown.groups(everything(), "source", QUARTER, TODAY, {"": "Unknown"})

    assert found == [
        Group("google", "google", 4, 0, 4, 3, 3, within=1, base=3, is_ripe=False, sqls=3),
        Group("", "Unknown", 1, 0, 1, 0, 0, within=0, base=1, is_ripe=False, sqls=0),
        Group("bing", "bing", 0, 0, 0, 0, 0, within=0, base=0, is_ripe=False, sqls=1),
    ]


def test_group_of_a_period_that_is_over_is_ripe_once_all_is_decided():
    make_cycle(on("2026-03-02"), decision="accepted", sql_at=1)
    make_cycle(on("2026-03-03"), decision="rejected", ended_at=1)
    over = Period(date(2026, 3, 1), date(2026, 3, 11), "UTC")

    (group,) = breakdown.groups(everything(), "rule", over, TODAY, {"content": "Content, with fit"})

    assert (group.name, group.within, group.base, group.is_ripe) == ("Content, with fit", 1, 2, True)


def test_long_period_judges_conversion_after_90_days():
    assert [breakdown.horizon(period) for period in (MARCH, QUARTER)] == [30, 30]
    assert breakdown.horizon(Period(date(2025, 3, 13), TODAY, "UTC")) == 90


def test_groups_by_people_show_names_and_nobody():
    team = make_team()
    rep = make_user("rep", name="Jonas Falk", team=team)
    make_cycle(AT, rep=rep, team=team)
    make_cycle(AT)

    by_rep = breakdown.groups(everything(), "rep", MARCH, TODAY, {"0": "Not routed"})
    by_team = breakdown.groups(everything(), "team", MARCH, TODAY, {"0": "Not routed"})

    assert {(group.value, group.name) for group in by_rep} == {
        (str(rep.pk), "Jonas Falk"),
        ("0", "Not routed"),
    }
    assert {(group.value, group.name) for group in by_team} == {
        (str(team.pk), "Nordics"),
        ("0", "Not routed"),
    }


@pytest.mark.parametrize("by", list(breakdown.COLUMNS))
def test_every_group_can_be_found_again_by_its_value(by):
    team = make_team()
    make_cycle(AT, source="a b", campaign="x", segment="y", rep=make_user("rep", team=team), team=team)
    make_cycle(AT)

    for group in breakdown.groups(everything(), by, MARCH, TODAY, {}):
        rows = everything().filter(MARCH.around("mql_at"), **breakdown.of_value(by, group.value))
        assert rows.count() == group.mqls


@pytest.mark.parametrize("value", ["", "x", "-1", "1e3", "9" * 30, "²"])
def test_value_that_is_no_number_is_refused_where_one_is_due(value):
    with pytest.raises(ValueError, match="no team"):
        breakdown.of_value("team", value)


# --- Promises --------------------------------------------------------------------------------------


@pytest.fixture
def rep():
    return make_rep()


def set_up(rep, status: HandoffStatus, **fields) -> Handoff:
    handoff = make_offer(rep, at=on("2026-03-02", 8))
    Handoff.objects.filter(pk=handoff.pk).update(status=status, **fields)
    return handoff


def test_answers_are_judged_once_their_deadline_has_passed(rep):
    due = on("2026-03-02", 12)
    set_up(rep, HandoffStatus.ACCEPTED, decided_at=due)
    set_up(rep, HandoffStatus.EXPIRED, closed_at=due)
    set_up(rep, HandoffStatus.WITHDRAWN, closed_at=on("2026-03-02", 9))  # nobody could answer any more
    Handoff.objects.update(accept_by=due)
    set_up(rep, HandoffStatus.OFFERED, accept_by=AT + timedelta(hours=1))

    (answers, before), _ = promises.kept(measures.handoffs_of(make_user("admin"), None), MARCH, AT)

    assert (answers, before) == (Promise(1, 2), Promise(0, 0))


def test_contacts_are_late_or_missing_once_their_deadline_has_passed(rep):
    due = on("2026-03-03")
    accepted = {"status": HandoffStatus.ACCEPTED, "decided_at": on("2026-03-02"), "contact_by": due}
    set_up(rep, **accepted, first_contact_at=due)
    set_up(rep, **accepted, first_contact_at=due + timedelta(minutes=1))
    set_up(rep, **accepted)
    set_up(rep, **accepted, closed_at=due - timedelta(hours=1))  # given back in time: nothing was due
    set_up(rep, **(accepted | {"contact_by": AT + timedelta(hours=1)}))

    _, (contacts, _) = promises.kept(measures.handoffs_of(make_user("admin"), None), MARCH, AT)

    assert contacts == Promise(1, 3)


def test_promises_count_by_rep_and_by_team():
    ours, theirs = make_rep(), make_rep(team=make_team("Other"))
    make_offer(ours, at=on("2026-03-02", 8))
    Handoff.objects.update(pool=None)
    due = Handoff.objects.get()

    def seen(user, team=None):
        return list(measures.handoffs_of(user, team))

    assert (
        seen(ours.user)
        == seen(make_user("manager", team=make_team()))
        == seen(make_user("marketer"))
        == [due]
    )
    assert seen(make_user("admin"), make_team()) == [due]
    assert seen(theirs.user) == seen(make_user("manager", team=make_team("Other"))) == []
    assert seen(make_user("manager")) == []
