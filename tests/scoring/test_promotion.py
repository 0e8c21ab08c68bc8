from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.enums import Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Cycle, EngagementDay, Lead, StageChange
from scoring.models import NewnessBoundary, PendingScore
from scoring.passes import roll_over
from scoring.promotion import missing_for_mql, score_and_gaps
from tests.factories import AT, make_lead
from tests.scoring.world import TODAY, end_cycle, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def definition() -> dict:
    return publish_standard()


def promotions(lead) -> list[str]:
    lines = StageChange.objects.filter(lead=lead, to_stage=Stage.MQL).order_by("seq")
    return [line.evidence["rule"] for line in lines]


@pytest.mark.parametrize(
    ("signals", "rule"),
    [
        ([("demo_request", 0, "")], "hand_raiser"),
        ([("direct_conversation", 13, "")], "hand_raiser"),
        ([("direct_conversation", 14, "")], None),
        ([("pricing_page", 0, ""), ("pricing_page", 1, ""), ("guide", 3, "g")], "score_fit"),
        ([("pricing_guide", 0, "p"), ("guide", 0, "g")], "content"),
        ([("pricing_guide", 0, "p")], None),
        ([("form", 0, "contact#pipelines")], "form_product"),
        ([("form", 0, "contact#")], None),
        ([("form", 0, "contact")], None),
        ([("webinar", 9, "w"), ("product_content", 0, "c")], "reengaged"),
        ([("webinar", 20, "w"), ("product_content", 0, "c")], None),
        ([("webinar", 0, "w"), ("product_content", 0, "c")], None),
        ([("visit", 0, "/"), ("product_page", 0, "/product")], None),
        ([("newsletter", 0, "")], None),
        ([], None),
    ],
)
def test_each_rule_set_promotes_exactly_when_it_holds(signals, rule):
    lead = good_lead()
    for signal, days_ago, obj in signals:
        give(lead, signal, days_ago=days_ago, obj=obj)

    settle()

    assert promotions(lead) == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("profile", "rule", "check"),
    [
        ({}, "hand_raiser", False),
        ({"role": "data"}, None, True),
        ({"role": "data", "seniority": "head"}, "hand_raiser", False),
        ({"is_free_mail": False}, "hand_raiser", False),
        ({"is_student": True}, None, True),
    ],
)
def test_hand_raiser_skips_the_score_but_not_the_fit_check(profile, rule, check):
    lead = make_lead(**profile)
    give(lead, "demo_request")

    settle()

    lead.refresh_from_db()
    assert (promotions(lead), lead.needs_fit_check) == ([rule] if rule else [], check)


def test_time_alone_does_not_take_a_lead_from_those_to_check():
    lead = make_lead(role="data")
    give(lead, "demo_request")
    settle()

    for days in (20, 40):
        give(lead, "visit", at=AT + days * DAY)
        settle(AT + days * DAY)

    lead.refresh_from_db()
    assert lead.needs_fit_check


def test_fit_check_ends_when_the_profile_turns_out_to_fit():
    lead = make_lead(role="data")
    give(lead, "demo_request")
    settle()

    lead.refresh_from_db()
    lead.seniority = "head"
    lead.save()
    PendingScore.objects.create(lead=lead, day=TODAY, created_at=AT)
    settle()

    lead.refresh_from_db()
    assert (lead.stage, lead.needs_fit_check) == (Stage.MQL, False)


def test_promotion_keeps_the_whole_evidence():
    lead = good_lead()
    give(lead, "pricing_page", days_ago=1, obj="/pricing")
    give(lead, "pricing_page", obj="/pricing")
    give(lead, "guide", days_ago=3, obj="getting-started")

    settle()

    line = StageChange.objects.get(lead=lead, to_stage=Stage.MQL)
    evidence = line.evidence
    assert (line.actor, line.version, line.at, line.score) == ("rule:score_fit", 1, AT, 68)
    assert sum(entry["points"] for entry in evidence["lines"]) == evidence["score"] == 68
    expected = {
        "rule": "score_fit", "rule_label": "Score and role fit", "version": 1, "hand_raiser": False,
        "day": "2026-03-12", "fit": 38, "engagement": 30, "grade": "A", "band": 3, "momentum": 30,
    }  # fmt: skip
    assert {name: evidence[name] for name in expected} == expected
    assert evidence["also"] == ["reengaged"]
    assert evidence["why"] == "Score and role fit: score 68, fit grade A."
    assert evidence["top_signals"][0] == {
        "signal": "pricing_page", "label": "Pricing page", "object": "/pricing", "last_on": "2026-03-12",
        "count": 2, "points": 24,
    }  # fmt: skip


def test_an_mql_is_not_promoted_again_and_does_not_fall_back():
    lead = good_lead()
    give(lead, "demo_request")
    settle()

    give(lead, "demo_request", at=AT + HOUR, n=1)
    settle(AT + 100 * DAY)

    lead.refresh_from_db()
    assert (lead.stage, lead.cycle_number, len(promotions(lead))) == (Stage.MQL, 1, 1)


@pytest.mark.parametrize(("stage", "status"), [("suspect", "active"), ("lead", "disqualified")])
def test_suspects_and_the_disqualified_are_never_promoted(stage, status):
    lead = good_lead(stage=stage)
    if status != "active":
        move_to_stage(lead, Stage.LEAD, at=AT, status=status, reason="competitor")
    give(lead, "demo_request")

    settle()

    assert promotions(lead) == []


def test_a_disqualifier_in_the_profile_blocks_every_rule_set():
    lead = good_lead(is_competitor=True)
    give(lead, "pricing_page", days_ago=1)
    give(lead, "form", obj="contact#pipelines")

    settle()

    lead.refresh_from_db()
    assert (promotions(lead), lead.disqualified_by, lead.score) == ([], "competitor", 64)


# --- after a cycle ended


def rejected(signal: str = "demo_request", at=AT) -> object:
    lead = good_lead()
    give(lead, signal, obj="x#y", at=at)
    settle(at)
    end_cycle(lead, at=at + HOUR)
    return lead


def test_what_was_known_before_the_decision_never_requalifies():
    lead = rejected()

    PendingScore.objects.create(lead=lead, day=TODAY, created_at=AT + 2 * HOUR)
    settle(AT + 2 * HOUR)
    settle(AT + 40 * DAY)

    assert promotions(lead) == ["hand_raiser"]


def test_a_hand_raised_again_on_the_day_of_the_decision_requalifies_at_once():
    lead = rejected()

    give(lead, "demo_request", obj="x#y", at=AT + 2 * HOUR)
    settle(AT + 2 * HOUR)

    assert promotions(lead) == ["hand_raiser", "hand_raiser"]
    assert list(Cycle.objects.filter(lead=lead).values_list("number", flat=True).order_by("number")) == [1, 2]


def test_an_old_request_does_not_carry_a_new_visit_through_the_hand_raiser_lane():
    lead = rejected()

    give(lead, "pricing_page", at=AT + DAY)
    settle(AT + DAY)

    assert promotions(lead) == ["hand_raiser"]


def test_other_rule_sets_wait_for_the_cool_down_and_need_no_further_event_then():
    lead = rejected()
    later = AT + 25 * DAY
    give(lead, "form", obj="contact#pipelines", at=later)
    settle(later)
    assert promotions(lead) == ["hand_raiser"]
    gap = next(gap for gap in score_and_gaps(lead, later.date())[1] if gap.id == "form_product")
    assert gap.missing == ["left alone until 11 Apr 2026 after the last decision"]

    roll_over(AT + 29 * DAY)
    settle(AT + 29 * DAY)
    assert promotions(lead) == ["hand_raiser"]
    roll_over(AT + 30 * DAY)
    settle(AT + 30 * DAY)

    assert promotions(lead) == ["hand_raiser", "score_fit"]


@pytest.mark.parametrize(
    ("signal", "requalifies"),
    [("email_open", False), ("visit", False), ("guide", False), ("pricing_page", True)],
)
def test_new_engagement_must_be_of_medium_intent_or_higher(signal, requalifies):
    lead = good_lead()
    give(lead, "webinar", obj="w", days_ago=5)
    give(lead, "form", obj="f#p", days_ago=2)
    settle()
    end_cycle(lead, at=AT + HOUR)
    later = AT + 31 * DAY
    give(
        lead, "form", obj="f#p", days_ago=40, at=later, known=TODAY, mark=False
    )  # known that day, but before
    NewnessBoundary.objects.update(known=_known_now(lead))
    give(lead, "pricing_guide", obj="p", days_ago=9, at=later - DAY, mark=False)
    EngagementDay.objects.filter(signal__slug="pricing_guide").update(known_on=TODAY - DAY)

    give(lead, signal, obj="o", at=later)
    settle(later)

    assert (len(promotions(lead)) == 2) is requalifies


def _known_now(lead):
    rows = EngagementDay.objects.filter(lead=lead, known_on=TODAY)
    return [[r.signal_id, r.object_key, r.occurred_on.isoformat(), r.count] for r in rows]


def test_an_old_event_that_was_given_another_name_is_not_new_engagement():
    lead = good_lead()
    give(lead, "guide", obj="g", days_ago=3)
    give(lead, "demo_request")
    settle()
    end_cycle(lead, at=AT + HOUR)

    later = AT + 2 * DAY
    give(lead, "guide", obj="g", days_ago=5, n=-1, at=later)
    give(lead, "demo_request", obj="g", days_ago=5, at=later)
    settle(later)

    assert promotions(lead) == ["hand_raiser"]


# --- nurture


def nurtured(**fields):
    lead = good_lead()
    give(lead, "webinar", obj="w", days_ago=3)
    settle()
    lead.refresh_from_db()
    wake = fields or {"wake_on": TODAY + 90 * DAY}
    move_to_stage(lead, Stage.LEAD, at=AT + HOUR, status=Status.NURTURE, **wake)
    return lead


def test_a_qualifying_signal_wakes_nurture_to_mql_when_the_rules_are_met():
    lead = nurtured()

    give(lead, "form", obj="contact#pipelines", at=AT + DAY)
    settle(AT + DAY)

    lead.refresh_from_db()
    assert (lead.stage, lead.status, lead.wake_on) == (Stage.MQL, Status.ACTIVE, None)


@pytest.mark.parametrize(("signal", "status"), [("pricing_page", "active"), ("guide", "nurture")])
def test_a_qualifying_signal_alone_wakes_nurture_to_active(signal, status):
    lead = nurtured()

    give(lead, signal, at=AT + DAY)
    settle(AT + DAY)

    lead.refresh_from_db()
    assert (lead.stage, lead.status) == (Stage.LEAD, status)


def test_the_ledger_names_the_signal_that_woke_a_lead():
    lead = nurtured()
    give(lead, "pricing_page", at=AT + DAY)
    settle(AT + DAY)

    assert StageChange.objects.filter(lead=lead).latest("seq").actor == "signal:pricing_page"


def test_a_lead_that_unsubscribes_goes_to_nurture_once():
    lead = good_lead()
    give(lead, "unsubscribe", at=AT + HOUR)
    Lead.objects.filter(pk=lead.pk).update(unsubscribed_at=AT + HOUR)
    settle(AT + HOUR)

    lead.refresh_from_db()
    assert (lead.status, lead.wake_on) == (Status.NURTURE, TODAY + 90 * DAY)

    give(lead, "chat", at=AT + DAY)
    settle(AT + DAY)
    settle(AT + DAY)
    lead.refresh_from_db()
    assert (lead.stage, lead.status) == (Stage.LEAD, Status.ACTIVE)


def test_unsubscribing_does_not_take_an_mql_from_sales():
    lead = good_lead()
    give(lead, "demo_request", at=AT)
    settle()
    give(lead, "unsubscribe", at=AT + HOUR)
    Lead.objects.filter(pk=lead.pk).update(unsubscribed_at=AT + HOUR)
    settle(AT + HOUR)

    lead.refresh_from_db()
    assert (lead.stage, lead.status) == (Stage.MQL, Status.ACTIVE)


@pytest.mark.parametrize(("signal", "status"), [("form", "nurture"), ("guide", "active")])
def test_nurture_that_waits_for_one_signal_wakes_on_that_one_only(signal, status):
    lead = nurtured(wake_signal="guide")

    give(lead, signal, obj="contact#pipelines", at=AT + DAY)
    settle(AT + DAY)

    lead.refresh_from_db()
    assert lead.status == status


# --- late work


def test_a_late_worker_dates_the_promotion_by_the_mark():
    lead = good_lead()
    give(lead, "demo_request", at=AT)

    settle(AT + 20 * DAY)

    line = StageChange.objects.get(lead=lead, to_stage=Stage.MQL)
    assert (line.at, line.evidence["day"], line.evidence["engagement"]) == (AT, "2026-03-12", 30)
    lead.refresh_from_db()
    assert (lead.engagement_score, lead.scored_on) == (19, TODAY + 20 * DAY)


def test_a_late_worker_sees_only_what_was_known_then():
    lead = good_lead()
    give(lead, "pricing_guide", obj="p", at=AT)
    give(lead, "guide", obj="g", days_ago=1, at=AT + DAY)

    settle(AT + DAY)

    line = StageChange.objects.get(lead=lead, to_stage=Stage.MQL)
    assert (line.at, line.evidence["rule"]) == (AT + DAY, "content")


# --- words


def test_missing_for_mql_names_the_nearest_ways_in_one_statement_each(django_assert_max_num_queries):
    near = good_lead()
    give(near, "pricing_page")
    give(near, "form", obj="contact")
    far = make_lead()
    settle()

    with django_assert_max_num_queries(6):
        found = missing_for_mql([near, far], TODAY)

    assert found[near.pk] == "1 point, or a pricing guide or demo checklist"
    assert found[far.pk] == (
        "A demo request, direct conversation or call from an advert, or 65 points and fit grade B (now D)"
    )


def test_gaps_list_what_holds_and_what_is_missing_per_rule_set():
    lead = good_lead()
    give(lead, "pricing_page")
    settle()

    gaps = {gap.id: gap for gap in score_and_gaps(lead, TODAY)[1]}

    assert gaps["score_fit"].holds == ["fit grade A"]
    assert gaps["score_fit"].missing == ["15 points"]
    assert gaps["content"].missing == ["a pricing guide or demo checklist", "engagement 20 (now 12)"]
    assert not gaps["hand_raiser"].met


def test_promoting_many_leads_takes_a_constant_number_of_statements():
    def statements(n: int) -> int:
        for _ in range(n):
            give(good_lead(), "demo_request")
        with CaptureQueriesContext(connection) as seen:
            settle()
        return len(seen)

    statements(1)
    assert statements(2) == statements(6)
