"""Every page by role, on a desk and on a phone, in both themes: axe, the console, and nothing cut off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page

from handoff import workflow
from handoff.models import RejectionReason, Rep
from leads import clock
from leads.enums import Role, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Note, SavedView
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.browser.crawl import LETTERS, Seen, addresses
from tests.factories import make_lead, make_mql, make_offer, make_user
from tests.journeys.company import new_company
from tests.leadflow.world import build

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsanwärterin für Datenplattformen und Berichtswesen"


@pytest.fixture
def company(transactional_db: None) -> SimpleNamespace:
    """Somebody at every stage, a name too long for any column, and work in every state."""
    new_company()
    now, world = clock.now(), build()
    rep = Rep.objects.get(user__name="Rita")
    people = {"job_title": LONG, "employees": 1200, "source": "google", "campaign": "Spring trial"}
    offered = make_offer(rep, at=now - timedelta(hours=1), first_name="Ada", last_name=LONG[:60], **people)
    accepted = make_offer(rep, at=now - timedelta(hours=1), first_name="Bea", last_name="Holm", **people)
    workflow.accept(accepted, rep.user, now)
    refused = make_offer(rep, at=now - timedelta(hours=1), first_name="Cleo", last_name="Dahl")
    workflow.reject(refused, rep.user, RejectionReason.objects.get(slug="no_timeline"), at=now)
    make_mql(at=now, first_name="Waits")
    sql = make_offer(rep, at=now - timedelta(hours=1), first_name="Sol", last_name="Berg")
    workflow.accept(sql, rep.user, now)
    sql.lead.refresh_from_db()
    move_to_stage(sql.lead, Stage.SQL, at=now, by=rep.user)
    suspect = make_lead(at=now, stage=Stage.SUSPECT, first_name="Sus", last_name="Pekt", **people)
    resting = make_lead(at=now, first_name="Rest", last_name="Ing", email="x" * 60 + "@company.test")
    move_to_stage(resting, Stage.LEAD, at=now, status=Status.NURTURE, wake_on=now.date() + timedelta(days=9))
    marketer = make_user(Role.MARKETER)
    Note.objects.create(lead=suspect, by=marketer, at=now, text="x" * 300, for_sales=True)
    SavedView.objects.create(owner=marketer, name="Rising, fit A or B", query="trend=rising", created_at=now)
    users = {role: make_user(role, team=rep.user.team) for role in (Role.MANAGER, Role.ADMIN)}
    return SimpleNamespace(
        world=world, users={Role.REP: rep.user, Role.MARKETER: marketer, **users},
        offered=offered, accepted=accepted, sql=sql, suspect=suspect,
    )  # fmt: skip


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("role", LETTERS)
def test_every_page_is_accessible_and_fits(
    sign_in: SignIn, assert_accessible: AssertAccessible, company: SimpleNamespace, role: str
) -> None:
    seen = Seen()
    for earlier in list(LETTERS)[: list(LETTERS).index(Role(role))]:
        seen.unseen(company.users[earlier], addresses(earlier, company))
    fresh, found = seen.unseen(company.users[role], addresses(role, company))
    page = sign_in(user=company.users[role])
    for address in fresh:
        page.goto(address)
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            found += [
                f"{address} at {size['width']} px: {fault}" for fault in _faults(page, assert_accessible)
            ]
    assert not found, "\n".join(found)


def _faults(page: Page, assert_accessible: AssertAccessible) -> Iterator[str]:
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        yield f"reaches beyond the window: {_widest(page)}"
    try:
        assert_accessible(page)
    except AssertionError as error:
        yield str(error)


def _widest(page: Page) -> str:
    return str(
        page.evaluate(
            """() => [...document.querySelectorAll("main *")]
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
              .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))"""
        )
    )
