"""The three stories and the further cases, from a tracking SDK to the dashboard's numbers (docs/stories.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command

from handoff import discovery, opportunities, workflow
from handoff.models import Handoff, RejectionReason
from leadflow import work
from leadflow.dashboard import report
from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.period import Period
from leads import clock
from leads.enums import Role, Stage
from leads.models import Conversation, Cycle, Definition, Lead, Organisation, StageChange
from leads.sources import create_source
from scoring.explain import breakdown
from tests.factories import make_pool, make_rep, make_user
from tests.journeys import stories
from tests.journeys.company import new_company
from tests.journeys.stories import Teller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture
def company() -> SimpleNamespace:
    """A new installation with one rep in one pool."""
    new_company()
    rep = make_rep("Jonas Lind")
    make_pool(rep)
    return SimpleNamespace(rep=rep.user, marketer=make_user(Role.MARKETER), admin=make_user(Role.ADMIN))


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def tell(request: Any, live_server: Any, company: SimpleNamespace, hang_up: None) -> Iterator[Teller]:
    _, key = create_source("Website", clock.now())
    zone = Organisation.current().time_zone
    teller = Teller(live_server.url, key, clock.now(), zone, gzip=request.param)
    yield teller
    teller.end()


def figures(user: str) -> tuple[Any, ...]:
    """Return what the tables of docs/stories.md show of a lead, after all work is done."""
    work.until_idle()
    lead = lead_of(user)
    return (
        lead.stage, lead.fit_score, lead.engagement_score, lead.score, f"{lead.grade}{lead.band}", lead.momentum,
    )  # fmt: skip


def lead_of(user: str) -> Lead:
    return Lead.objects.get(email=stories.email(user))


def play(tell: Teller, story: Any, user: str) -> list[tuple[Any, ...]]:
    """Tell a story and return the figures after each of its steps."""
    seen = []
    for step in story(tell):
        step()
        tell.said()
        seen.append(figures(user))
    return seen


def lines(user: str) -> dict[str, int]:
    """Return the lines of today's breakdown that count, having seen that they add up."""
    lead = lead_of(user)
    found = breakdown(lead, clock.day_of(clock.now()))
    assert found is not None
    counting = {line.label: line.points for line in found.lines if line.points}
    assert sum(counting.values()) == found.score == lead.score
    return counting


def offer_of(user: str) -> Handoff:
    """Return the handoff a rep has been offered, with what the stage ledger says of the promotion."""
    return Handoff.objects.select_related("lead", "cycle", "rep__user").get(
        lead=lead_of(user), status="offered"
    )


def answered(handoff: Handoff, rep: Any, **answers: Any) -> list[str]:
    """Accept, note what discovery found, and return the SQL rule sets that are met."""
    workflow.accept(handoff, rep, clock.now())
    handoff.refresh_from_db()
    discovery.save_answers(handoff, answers, by=rep, at=clock.now())
    return [found.label for found in discovery.evaluate_sql(handoff.cycle, at=clock.now()) if found.met]


def qualify(handoff: Handoff, rep: Any) -> None:
    discovery.qualify(handoff, by=rep, at=clock.now())


def numbers(user: Any, by: str = "rule") -> report.Report:
    """Return the dashboard's figures of the last 30 days."""
    today = clock.day_of(clock.now())
    period = Period(today - timedelta(days=29), today, Organisation.current().time_zone)
    return report.report(user, Parameters(period, today, by=by), clock.now())


def story_1(tell: Teller, rep: Any) -> None:
    assert play(tell, stories.demo_interest, "maren") == [
        ("suspect", 38, 0, 38, "A1", 0),
        ("lead", 38, 6, 44, "A1", 6),
        ("lead", 38, 6, 44, "A1", 6),
        ("mql", 38, 30, 68, "A3", 30),
    ]
    assert lines("maren") == {
        "Company size": 10, "Industry": 8, "Role": 8, "Seniority": 8, "Region": 4, "Pricing page": 24,
        "Guides and e-books": 6,
    }  # fmt: skip
    handoff = offer_of("maren")
    assert (handoff.cycle.number, handoff.cycle.rule, handoff.cycle.version) == (1, "score_fit", 1)
    note = handoff.context
    assert (note["source"]["source"], note["source"]["campaign"]) == ("google", "Spring trial")
    assert [note["actions"][0][name] for name in ("label", "days", "count")] == ["Pricing page", 2, 2]
    assert (note["why"]["rule_label"], note["why"]["version"]) == ("Score and role fit", 1)
    assert {ask["group"] for ask in note["ask"]} == {"need", "decision", "timing", "budget", "next_step"}

    met = answered(
        handoff, rep, need_problem="Reports are a day old", decision_maker="Ole Brandt, CIO",
        stakeholders="Ole Brandt, Kim Dahl", timing="in 3 months", next_step="Show it to the team",
        meeting=(clock.now() + timedelta(days=3)).isoformat(),
    )  # fmt: skip
    assert {"Discovery confirmed", "Stakeholder clarity"} <= set(met)
    qualify(handoff, rep)
    assert lead_of("maren").stage == Stage.SQL
    close_on = clock.day_of(clock.now()) + timedelta(days=60)
    opportunities.open_opportunity(
        handoff,
        by=rep,
        at=clock.now(),
        name="Nordfragt",
        close_on=close_on,
        amount=Decimal(40_000),
    )
    assert lead_of("maren").stage == Stage.OPPORTUNITY


def story_2(tell: Teller, rep: Any) -> None:
    assert play(tell, stories.webinar_unclear_need, "graham") == [
        ("lead", 35, 14, 49, "A2", 14),
        ("mql", 35, 28, 63, "A3", 28),
    ]
    assert sorted(lines("graham").values()) == [4, 5, 8, 8, 10, 14, 14]
    handoff = offer_of("graham")
    assert (handoff.cycle.number, handoff.cycle.rule) == (1, "form_product")
    assert stories.QUESTION in str(handoff.context["forms"])
    assert handoff.context["forms"][0]["product"] == "Pipelines"

    workflow.reject(handoff, rep, RejectionReason.objects.get(slug="no_timeline"), at=clock.now())
    work.until_idle()
    lead, cycle = lead_of("graham"), Cycle.objects.get(lead__email=stories.email("graham"))
    assert (lead.stage, lead.status) == ("lead", "nurture")
    assert lead.wake_on == clock.day_of(clock.now()) + timedelta(days=90)
    assert (cycle.decision, cycle.reason, cycle.sql_at) == ("rejected", "no_timeline", None)
    assert cycle.ended_at is not None


def story_3(tell: Teller, rep: Any) -> None:
    assert play(tell, stories.high_fit_low_engagement, "ingrid") == [
        ("lead", 40, 1, 41, "A1", 0),
        ("mql", 40, 26, 66, "A3", 25),
    ]
    assert lines("ingrid") == {
        "Company size": 10, "Industry": 8, "Role": 8, "Seniority": 8, "Region": 4, "Tech stack": 4,
        "Data maturity": 2, "Fit counts 40 at most": -4, "Comparison sheet": 25,
        "Guides and e-books": 1,
    }  # fmt: skip
    handoff = offer_of("ingrid")
    assert (handoff.cycle.number, handoff.cycle.rule) == (1, "score_fit")
    met = answered(
        handoff, rep, need_problem="Planning across three plants", timing="next quarter", next_step="Workshop"
    )
    assert "Discovery confirmed" in met
    qualify(handoff, rep)
    assert lead_of("ingrid").stage == Stage.SQL


def test_demo_interest_becomes_an_opportunity(tell, company):
    story_1(tell, company.rep)
    found = numbers(company.admin, by="source")
    assert [(one.value, one.mqls, one.accepted, one.converted) for one in found.groups] == [
        ("google", 1, 1, 1)
    ]
    assert found.deals.opened == 1


def test_webinar_without_a_timeline_goes_to_nurture(tell, company):
    story_2(tell, company.rep)
    found = numbers(company.admin)
    assert (found.cohort[0].mqls, found.cohort[0].converted) == (1, 0)
    assert [(one.label, one.count) for one in found.reasons] == [("No timeline", 1)]


def test_comparison_sheet_months_later_makes_an_sql(tell, company):
    story_3(tell, company.rep)
    assert numbers(company.admin).qualifications.entered == 1


def test_all_three_stories_add_up_on_the_dashboard(tell, company):
    for story in (story_1, story_2, story_3):
        story(tell, company.rep)

    cohort = numbers(company.admin).cohort[0]
    assert (cohort.mqls, cohort.decided, cohort.accepted, cohort.converted) == (3, 3, 2, 2)
    assert numbers(company.admin).deals.opened == 1
    assert not Conversation.objects.exists()
    stages = (
        StageChange.objects.filter(lead=lead_of("maren")).order_by("seq").values_list("to_stage", flat=True)
    )
    assert list(stages) == ["suspect", "lead", "mql", "sql", "opportunity"]
    assert set(StageChange.objects.filter(to_stage="mql").values_list("version", flat=True)) == {
        Definition.objects.get().version
    }
    with pytest.raises(SystemExit, match="0"):
        call_command("verify")


@pytest.mark.parametrize(
    ("case", "user", "expected"),
    [
        (stories.ten_visits_rising, "rising", ("lead", 38, 11, 49, "A2", 12)),
        (stories.ten_visits_declining, "declining", ("lead", 38, 0, 38, "A1", -32)),
        (stories.one_visit_two_pages, "passing", ("lead", 38, 5, 43, "A1", 5)),
        (stories.newsletter, "reader", ("lead", 38, 1, 39, "A1", 1)),
    ],
)
def test_further_cases_stay_leads(tell, case, user, expected):
    case(tell)
    tell.said()
    assert figures(user) == expected
    assert not Cycle.objects.exists()
