"""Rejected for want of a timeline, nurtured, back by a new visit: two MQLs of one person, and the past on the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from handoff import workflow
from handoff.models import Handoff, RejectionReason, Rep, RoutingDecision
from leadflow.dashboard import report
from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.period import Period
from leadflow.demo.play import settle, step
from leads import clock
from leads.enums import Role, Stage, Status
from leads.models import Cycle, Definition, Lead, Organisation, StageChange
from leads.sources import create_source
from scoring import passes
from scoring.documents import standard_document
from scoring.publishing import publish
from tests.factories import make_pool, make_rep, make_user
from tests.journeys.company import new_company
from tests.journeys.stories import IT_MANAGER

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = "graham@harbour-mutual.example.com"
UNDONE = timedelta(seconds=9)


@pytest.fixture
def scene(transactional_db: None) -> SimpleNamespace:
    """Two reps in one pool, a source, and a definition that was live long before."""
    new_company()
    if not Definition.objects.filter(status="live").exists():
        publish(standard_document(), at=clock.now() - timedelta(days=200), by=None)
    jonas, mia = make_rep("Jonas Lind"), make_rep("Mia Berg")
    make_pool(jonas, mia)
    source, _ = create_source("Website", clock.now() - timedelta(days=90))
    return SimpleNamespace(jonas=jonas, mia=mia, source=source, now=clock.now(), admin=make_user(Role.ADMIN))


def message(kind: str, name: str, at: datetime, **properties: Any) -> dict[str, Any]:
    named = {"event": name} if kind == "track" else {"name": name} if kind == "page" else {}
    said = {"traits": properties} if kind == "identify" else {"properties": properties}
    return {
        "type": kind, "userId": "graham", "messageId": f"{kind}-{name}-{at.isoformat()}", "timestamp": at.isoformat(),
        **named, **said,
    }  # fmt: skip


def lead() -> Lead:
    return Lead.objects.get(email=EMAIL)


def offered() -> Handoff:
    return Handoff.objects.select_related("lead", "cycle", "rep__user").get(lead=lead(), status="offered")


def becomes_mql(scene: SimpleNamespace, at: datetime) -> Handoff:
    """He attends the webinar, then asks through the product form."""
    before = at - timedelta(days=2)
    step(before, [
        message("identify", "", before, email=EMAIL, **IT_MANAGER),
        message("track", "Webinar Attended", before, webinar="Lineage in practice"),
    ], scene.source)  # fmt: skip
    asked = message("track", "Form Submitted", at, form="Ask us", product="Pipelines", question="Mainframe?")
    step(at, [asked], scene.source)
    return offered()


def visits_pricing(scene: SimpleNamespace, at: datetime) -> None:
    for day in (at - timedelta(days=1), at):
        passes.roll_over(day)
        step(day, [message("page", "Pricing", day, path="/pricing")], scene.source)


@pytest.mark.parametrize("first_rep_is_here", [True, False], ids=["same-rep", "other-rep"])
def test_the_loop_closes(scene: SimpleNamespace, client: Any, first_rep_is_here: bool) -> None:
    long_ago = scene.now - timedelta(days=45)
    offer = becomes_mql(scene, long_ago)
    first: Rep = offer.rep  # type: ignore[assignment]
    assert (offer.cycle.number, offer.cycle.rule) == (1, "form_product")

    wake_on = clock.day_of(long_ago) + timedelta(days=60)
    reason = RejectionReason.objects.get(slug="no_timeline")
    workflow.reject(
        offer,
        first.user,
        reason,
        "They plan for next year",
        at=long_ago + timedelta(hours=1),
        wake_on=wake_on,
    )
    settle(long_ago + timedelta(hours=1) + UNDONE)
    resting = lead()
    assert (resting.stage, resting.status, resting.wake_on) == (Stage.LEAD, Status.NURTURE, wake_on)
    assert resting.nurture_reason == "Form with product interest"

    if not first_rep_is_here:
        Rep.objects.filter(pk=first.pk).update(is_available=False)
    visits_pricing(scene, scene.now)

    again = offered()
    assert (again.cycle.number, again.cycle.rule) == (2, "score_fit")
    assert (lead().stage, lead().status, lead().wake_on) == (Stage.MQL, Status.ACTIVE, None)
    way = RoutingDecision.objects.get(handoff=again, outcome="assigned").way
    if first_rep_is_here:
        assert (again.rep, way) == (first, "sticky_lead")
    else:
        assert again.rep != first
        assert way == "rotation"

    client.force_login(again.rep.user)  # type: ignore[union-attr]
    page = client.get(reverse("handoff:handoff_detail", args=[again.pk])).content.decode()
    for said in ("MQL for the 2nd time", "Cycle 1", "Form with product interest", str(first), "rejected it",
                 "No timeline", "They plan for next year"):  # fmt: skip
        assert said in page

    assert Lead.objects.filter(email=EMAIL).count() == 1
    assert list(Cycle.objects.filter(lead=lead()).order_by("number").values_list("number", "decision")) == [
        (1, "rejected"), (2, ""),
    ]  # fmt: skip
    assert StageChange.objects.filter(lead=lead(), to_stage=Stage.MQL).count() == 2
    cohort = numbers(scene)
    assert (cohort.mqls, cohort.decided, cohort.open) == (2, 1, 1)
    with pytest.raises(SystemExit, match="0"):
        call_command("verify")


def numbers(scene: SimpleNamespace) -> Any:
    today = clock.day_of(clock.now())
    period = Period(today - timedelta(days=89), today, Organisation.current().time_zone)
    return report.report(scene.admin, Parameters(period, today), clock.now()).cohort[0]
