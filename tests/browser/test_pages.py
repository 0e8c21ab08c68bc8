"""Every page by role, on a desk and on a phone, in both themes: axe, the console, and nothing cut off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page

from handoff import workflow
from handoff.models import RejectionReason
from leads import clock
from leads.enums import Role, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Note, SavedView
from leads.sources import create_source
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.factories import make_lead, make_mql, make_offer, make_rep, make_team, make_user
from tests.journeys.company import new_company

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsanwärterin für Datenplattformen und Berichtswesen"


@pytest.fixture
def company(transactional_db: None) -> SimpleNamespace:
    """Somebody at every stage, a name too long for any column, and work in every state."""
    new_company()
    now, team = clock.now(), make_team()
    rep = make_rep("Jonas Lind", team=team)
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
    source, _ = create_source("Website", now)
    users = {role: make_user(role, team=team) for role in (Role.MANAGER, Role.ADMIN)}
    return SimpleNamespace(
        users={Role.REP: rep.user, Role.MARKETER: marketer, **users}, rep=rep, offered=offered, accepted=accepted,
        sql=sql, suspect=suspect, source=source,
    )  # fmt: skip


def addresses(role: str, made: SimpleNamespace) -> Iterator[str]:
    """Give the pages this role has in its menu, with what they lead to."""
    yield from (
        "/definitions/",
        "/dashboard/",
        "/dashboard/leads/?of=mqls",
        "/leads/",
        "/search/?q=holm",
    )
    yield from ("/notices/", "/password/", "/leads/?view=nurture", "/leads/?view=vanishing")
    yield f"/leads/{made.accepted.lead_id}/?view=all"
    if role in (Role.MARKETER, Role.ADMIN):
        yield from (f"/leads/?view={view}" for view in ("suspects", "near-mql", "mql-waiting", "returned"))
        yield from ("/leads/?stage=lead&score_min=1&q=nobody", "/leads/new/", f"/leads/{made.suspect.pk}/")
        yield from (
            f"/leads/{made.suspect.pk}/edit/",
            "/imports/",
            "/signals/",
            "/signals/new/",
            "/signals/guide/",
        )
        yield "/rejection-reasons/"
    if role == Role.REP:
        yield from ("/inbox/", f"/handoffs/{made.offered.pk}/", f"/handoffs/{made.accepted.pk}/")
        yield from (f"/handoffs/{made.offered.pk}/decide/{slug}/" for slug in ("accept", "reject", "return"))
        yield from (f"/handoffs/{made.accepted.pk}/decide/defer/", f"/handoffs/{made.accepted.pk}/discovery/")
        yield f"/handoffs/{made.sql.pk}/opportunity/"
    if role in (Role.MANAGER, Role.ADMIN):
        yield from ("/handoffs/", "/handoffs/?view=waiting", f"/handoffs/{made.offered.pk}/")
        yield from (f"/handoffs/{made.offered.pk}/reassign/", "/routing/", "/routing/rules/new/")
        yield from ("/routing/pools/new/", "/reps/", f"/reps/{made.rep.pk}/", "/rejection-reasons/")
    if role == Role.ADMIN:
        yield from ("/users/", "/users/new/", "/api-keys/", "/api-keys/new/", "/audit/", "/operations/")
        yield from ("/sources/", "/sources/new/")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("role", [Role.MARKETER, Role.REP, Role.MANAGER, Role.ADMIN])
def test_every_page_is_accessible_and_fits(
    sign_in: SignIn, assert_accessible: AssertAccessible, company: SimpleNamespace, role: str, size: dict
) -> None:
    page = sign_in(user=company.users[role])
    page.set_viewport_size(size)
    found = []
    for address in addresses(role, company):
        answer = page.goto(address)
        if answer is None or answer.status != 200:
            found.append(f"{address}: {answer and answer.status}")
            continue
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{address}: reaches beyond the window: {_widest(page)}")
        try:
            assert_accessible(page)
        except AssertionError as error:
            found.append(f"{address}: {error}")
    assert not found, "\n".join(found)


def _widest(page: Page) -> str:
    return str(
        page.evaluate(
            """() => [...document.querySelectorAll("main *")]
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
              .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))"""
        )
    )


@pytest.mark.parametrize("address", ["/inbox/", "/leads/", "/dashboard/"])
def test_page_weighs_little(sign_in: SignIn, company: SimpleNamespace, address: str) -> None:
    user = company.users[Role.REP if address == "/inbox/" else Role.MARKETER]
    page = sign_in(user=user)
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))

    page.goto(address, wait_until="networkidle")

    assert sum(sizes.values()) < 160_000, sizes
