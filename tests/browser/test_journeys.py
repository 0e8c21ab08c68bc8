"""What three people do in a day, in the browser: marketer, rep (keyboard alone) and manager."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Page, expect

from handoff.models import Handoff, Rep
from leadflow import work
from leads import clock
from leads.enums import Role, Stage
from leads.models import Lead
from tests.browser.conftest import SignIn
from tests.factories import make_lead, make_offer, make_rep, make_team, make_user
from tests.journeys.company import new_company

pytestmark = pytest.mark.django_db(transaction=True)

LIST = """Email,First name,Last name,Job title,Company,Industry,Employees,Country
lotte@brandt-freight.example.com,Lotte,Brandt,Head of Data Platform,Brandt Freight,Logistics,900,Denmark
jon@quiet.example.com,Jon,Doe,Gardener,Quiet Gardens,,3,Denmark
"""


@pytest.fixture
def company(transactional_db: None) -> SimpleNamespace:
    return new_company()


# --- The marketer ----------------------------------------------------------------------------------


def test_marketer_imports_a_list_and_sees_why_a_lead_scored(
    sign_in: SignIn, company: SimpleNamespace, tmp_path: Path
) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(LIST)
    page = sign_in(Role.MARKETER)
    page.goto("/imports/")
    page.get_by_role("radio", name="Leads").check()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("All 2 rows: 2 create")).to_be_visible()

    page.get_by_role("button", name="Import 2 rows").click()
    page.wait_for_url(re.compile(r"/imports/\d+/$"))
    work.until_idle()
    page.reload()
    expect(page.get_by_text("2 rows read")).to_be_visible()

    page.goto("/leads/?view=all")
    page.get_by_role("link", name="Lotte Brandt", exact=True).click()
    panel = page.get_by_role("region", name="Score", exact=True)
    expect(panel.get_by_role("row", name=re.compile(r"^Industry.* \+8$"))).to_be_visible()
    points = panel.locator("tbody tr:not(.sum-head) td").all_inner_texts()
    said = sum(int(point.replace("−", "-").replace("+", "")) for point in points)
    assert said == Lead.objects.get(first_name="Lotte").score == 38
    expect(panel.locator("tfoot td")).to_have_text("38")
    expect(page.get_by_role("heading", name="What would make this an MQL")).to_be_visible()


# --- The rep, who never touches the mouse ----------------------------------------------------------


@pytest.fixture
def inbox(company: SimpleNamespace, sign_in: SignIn) -> tuple[Page, Rep]:
    rep = make_rep("Jonas Lind")
    now = clock.now()
    for number, name in enumerate(["Ada", "Bea", "Cleo"]):
        make_offer(
            rep, at=now - timedelta(minutes=9 - number), first_name=name, last_name="Holm", employees=900,
            job_title="Head of Data",
        )  # fmt: skip
    page = sign_in(user=rep.user)
    page.goto("/inbox/")
    return page, rep


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def current(page: Page, name: str) -> None:
    """Wait until the row of this person is the current one."""
    expect(page.locator(".row.is-current")).to_contain_text(name)


def decided(page: Page, text: str) -> None:
    """Wait for the toast of a decision, and for the page it stands on."""
    expect(page.locator(".toast").filter(has_text=text).first).to_be_visible()


def of(name: str) -> Handoff:
    return Handoff.objects.select_related("lead", "reason", "cycle").get(lead__first_name=name)


def test_rep_works_the_inbox_by_keyboard(inbox: tuple[Page, Rep]) -> None:
    page, _ = inbox
    current(page, "Ada Holm")
    press(page, "a")
    expect(page.get_by_role("dialog", name="Accept Ada Holm")).to_be_visible()
    press(page, "Enter")
    decided(page, "Ada Holm accepted")
    current(page, "Bea Holm")

    press(page, "r")
    dialog = page.get_by_role("dialog", name="Reject Bea Holm")
    expect(dialog.get_by_role("radio").first).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_text("Choose a reason")).to_be_visible()
    expect(page.get_by_role("radio").first).to_be_focused()
    press(page, "Space ArrowDown Enter")
    decided(page, "Bea Holm rejected")
    current(page, "Cleo Holm")
    assert (of("Bea").status, of("Bea").reason.slug) == ("rejected", "no_timeline")

    press(page, "a")
    expect(page.get_by_role("dialog", name="Accept Cleo Holm")).to_be_visible()
    press(page, "Enter")
    decided(page, "Cleo Holm accepted")

    row = page.locator(".row.is-current")
    while "Ada Holm" not in row.inner_text():
        press(page, "j")
    press(page, "d")
    expect(page.get_by_role("dialog", name="Defer Ada Holm")).to_be_visible()
    page.get_by_label("In your words").focus()
    page.keyboard.type("Call after the fair")
    press(page, "Enter")
    decided(page, "Ada Holm deferred")
    assert of("Ada").next_step == "Call after the fair"
    assert of("Ada").deferred_until is not None


def test_rep_qualifies_and_opens_the_opportunity_by_keyboard(inbox: tuple[Page, Rep]) -> None:
    page, _ = inbox
    current(page, "Ada Holm")
    press(page, "a")
    expect(page.get_by_role("dialog", name="Accept Ada Holm")).to_be_visible()
    press(page, "Enter")
    decided(page, "Ada Holm accepted")
    while "Ada Holm" not in page.locator(".row.is-current").inner_text():
        press(page, "j")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="Ada Holm", level=1)).to_be_visible()

    press(page, "q")
    decided(page, "Not an SQL yet")

    press(page, "e")
    expect(page.get_by_role("heading", name="Discovery", level=1)).to_be_visible()
    typed = {"Problem": "Reports are a day late", "Timing": "in 3 months", "Next step": "Workshop"}
    for label, text in typed.items():
        page.get_by_label(re.compile(f"^{label} (?!on)")).focus()
        page.keyboard.type(text)
    press(page, "Enter")
    decided(page, "Saved")

    press(page, "q")
    decided(page, "Ada Holm is an SQL")
    assert of("Ada").lead.stage == Stage.SQL

    press(page, "o")
    expect(page.get_by_role("heading", name="Open an opportunity")).to_be_visible()
    page.get_by_label("Amount").focus()
    page.keyboard.type("40000")
    page.get_by_label("Expected close").fill((datetime.now(UTC) + timedelta(days=60)).date().isoformat())
    press(page, "Enter")
    decided(page, "Opportunity opened")
    assert of("Ada").lead.stage == Stage.OPPORTUNITY


def test_rep_takes_a_decision_back_by_keyboard(inbox: tuple[Page, Rep], settings) -> None:
    settings.LEADFLOW_UNDO_SECONDS = 60
    page, _ = inbox
    current(page, "Ada Holm")
    press(page, "a")
    expect(page.get_by_role("dialog", name="Accept Ada Holm")).to_be_visible()
    press(page, "Enter")
    decided(page, "Ada Holm accepted")

    press(page, "u")

    decided(page, "Undone: Ada Holm is as before")
    current(page, "Ada Holm")
    assert of("Ada").status == "offered"


# --- The manager -----------------------------------------------------------------------------------


def test_manager_opens_the_number_behind_a_bar(company: SimpleNamespace, sign_in: SignIn) -> None:
    team = make_team()
    rep = make_rep("Jonas Lind", team=team)
    now = clock.now()
    for name in ("Ada", "Bea"):
        lead = make_lead(at=now - timedelta(days=2), first_name=name, last_name="Holm", source="google")
        make_offer(rep, at=now - timedelta(minutes=5), lead=lead)
    page = sign_in(user=make_user(Role.MANAGER, team=team))
    page.goto("/dashboard/?by=source")

    steps = page.get_by_role("region", name="Steps taken in the period")
    steps.get_by_role("listitem").filter(has_text="MQL").get_by_role("link", name="2", exact=True).click()

    expect(page).to_have_url(re.compile("/dashboard/leads/"))
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="Ada Holm").click()
    expect(page.get_by_role("heading", name="Ada Holm", level=1)).to_be_visible()
