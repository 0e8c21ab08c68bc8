"""What a sales manager does with reps and routing: by keyboard alone on a desk, and by touch on a phone of 390 px."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from handoff import routing, workflow
from handoff.models import Absence, Handoff, PoolMember, RoutingVersion
from leadflow import work
from leads import clock
from leads.conversations import log_conversation
from leads.enums import Role
from tests.browser.conftest import AssertAccessible, PhoneOf, SignIn
from tests.browser.test_inbox import fits, tap
from tests.factories import make_mql, make_pool, make_rep, make_team, make_user
from tests.journeys.company import new_company

pytestmark = pytest.mark.django_db(transaction=True)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REASON = "Knows the company"
NOTE = "Ida has more time from now on"


@pytest.fixture
def company(transactional_db: None) -> SimpleNamespace:
    """Ida and Jonas take turns since sixty days, and one lead lies with Jonas."""
    new_company()
    team = make_team()
    jonas, ida = (make_rep(name, team=team, capacity=6) for name in ("Jonas Lind", "Ida Berg"))
    make_pool(jonas, ida)
    now = clock.now()
    for number in range(12):
        at = now - (60 - 4 * number) * DAY
        lead = make_mql(at=at, first_name=f"Past {number}", last_name="Holm").lead
        routing.drain(at)
        offer = Handoff.objects.get(lead=lead)
        workflow.accept(offer, offer.rep.user, at + HOUR)
        log_conversation(lead, "call", reached=False, summary="", at=at + 2 * HOUR, by=offer.rep.user)
    make_mql(at=now - HOUR, first_name="Ada", last_name="Holm")
    routing.drain(now - HOUR)
    Handoff.objects.exclude(lead__first_name="Ada").update(closed_at=now - DAY)
    return SimpleNamespace(
        ida=ida, jonas=jonas, manager=make_user(Role.MANAGER, team=team, name="Karin Holm")
    )


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("LEADFLOW_SCREENS"):
        page.screenshot(path=f"{folder}/manager-{name}.png", full_page=True)


def done(page: Page, text: str) -> None:
    expect(page.locator(".toast").filter(has_text=text).first).to_be_visible()


def read_the_replay(page: Page) -> None:
    """Load, waits and fairness stand beside what happened: six each then, four and eight or so under the draft."""
    expect(page.get_by_text("It begins within half a minute.")).to_be_visible()
    work.until_idle()
    expect(page.get_by_text("13 MQLs routed anew")).to_be_visible()
    reps = page.get_by_role("region", name="By rep", exact=True)
    rows = {
        name: reps.get_by_role("row").filter(has_text=name).inner_text().split() for name in ("Ida", "Jonas")
    }
    ida, jonas = (rows[name][2:] for name in ("Ida", "Jonas"))
    assert (ida[0], jonas[0]) == ("10", "3"), rows
    turns = page.get_by_role("region", name="Turns of Nordics", exact=True)
    expect(turns.get_by_role("row").filter(has_text="Ida Berg")).to_contain_text("10")


# --- By keyboard ----------------------------------------------------------------------------------


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    expect(target).to_be_visible()
    for _ in range(80):
        if target.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The focus never came to {target}")


def enter(page: Page, name: str | re.Pattern[str], role: Any = "link") -> None:
    tab_to(page, page.get_by_role(role, name=name).first)
    page.keyboard.press("Enter")


def write(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label)
    tab_to(page, field)
    if field.evaluate("(one) => one.type") not in ("date", "select-one"):
        page.keyboard.press("Control+a")
    page.keyboard.type(text)


def keys(page: Page, *pressed: str) -> None:
    for key in pressed:
        page.keyboard.press(key)


def us(day: date) -> str:
    return f"{day:%m%d%Y}"


def test_by_keyboard(company: SimpleNamespace, sign_in: SignIn, assert_accessible: AssertAccessible) -> None:
    today = clock.today()
    page = sign_in(user=company.manager)
    page.goto("/dashboard/")
    keys(page, "g", "i")
    expect(page.get_by_role("heading", name="Handoffs", level=1)).to_be_visible()
    shot(page, "board")
    keys(page, "j", "r")
    expect(page.get_by_role("heading", name="Reassign", level=1)).to_be_visible()
    write(page, "To", "Ida")
    write(page, "Why", REASON)
    shot(page, "reassign")
    keys(page, "Enter")
    done(page, "Ada Holm goes to Ida Berg.")

    keys(page, "g", "c")
    enter(page, "Absences of Jonas Lind")
    write(page, "First day away", us(today))
    write(page, "Back on", us(today + 7 * DAY))
    write(page, "Covered by", "Ida")
    shot(page, "absence")
    enter(page, "Add absence", "button")
    done(page, "Jonas Lind is away from")

    keys(page, "g", "r")
    expect(page.get_by_role("heading", name="Routing", level=1)).to_be_visible()
    keys(page, "e")
    expect(page.get_by_role("heading", name="Routing draft", level=1)).to_be_visible()
    page.get_by_role("region", name="Pools").get_by_role("link", name="Nordics").wait_for()
    tab_to(page, page.get_by_role("region", name="Pools").get_by_role("link", name="Nordics"))
    keys(page, "Enter")
    write(page, "Weight of Ida Berg", "3")
    shot(page, "pool")
    keys(page, "Enter")
    done(page, "“Nordics” is in the draft.")
    shot(page, "draft")
    enter(page, "Replay these days", "button")
    read_the_replay(page)
    shot(page, "replay")
    assert_accessible(page)
    enter(page, "Go on to publish")
    write(page, "Why", NOTE)
    keys(page, "Enter")
    done(page, "Routing 2 is live.")
    shot(page, "routing")
    as_published(company, today)


def as_published(company: SimpleNamespace, today: date) -> None:
    moved = Handoff.objects.filter(lead__first_name="Ada").order_by("attempt").last()
    assert moved is not None
    assert (moved.rep, moved.status) == (company.ida, "offered")
    absence = Absence.objects.get()
    assert (absence.rep, absence.starts_on, absence.back_on) == (company.jonas, today, today + 7 * DAY)
    assert absence.cover == company.ida
    assert PoolMember.objects.get(rep=company.ida).weight == 3
    live = RoutingVersion.objects.get(status="live")
    assert (live.number, live.note, live.published_by) == (2, NOTE, company.manager)


# --- By touch -------------------------------------------------------------------------------------


@pytest.fixture
def phone(phone_of: PhoneOf, company: SimpleNamespace) -> Page:
    return phone_of(company.manager)


def here(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, level=1, exact=True)).to_be_visible()


def go(page: Page, place: str) -> None:
    tap(page, "Menu")
    tap(page.get_by_role("navigation", name="Main"), re.compile(f"^{place}$"), "link")
    here(page, place)
    fits(page)


def test_by_touch(company: SimpleNamespace, phone: Page, assert_accessible: AssertAccessible) -> None:
    today, page = clock.today(), phone
    page.goto("/dashboard/")
    go(page, "Handoffs")
    shot(page, "board-phone")
    tap(page, "Reassign Ada Holm", "link")
    page.get_by_label("To").select_option(label="Ida Berg, 6 of 6 free")
    page.get_by_label("Why").fill(REASON)
    fits(page)
    shot(page, "reassign-phone")
    tap(page, "Reassign")
    done(page, "Ada Holm goes to Ida Berg.")

    go(page, "Reps and capacity")
    shot(page, "reps-phone")
    tap(page, "Absences of Jonas Lind", "link")
    page.get_by_label("First day away").fill(today.isoformat())
    page.get_by_label("Back on").fill((today + 7 * DAY).isoformat())
    page.get_by_label("Covered by").select_option(label="Ida Berg")
    fits(page)
    tap(page, "Add absence")
    done(page, "Jonas Lind is away from")
    shot(page, "absence-phone")

    go(page, "Routing")
    tap(page, "Change the routing")
    here(page, "Routing draft")
    fits(page)
    shot(page, "draft-phone")
    tap(page.get_by_role("region", name="Pools"), "Nordics", "link")
    page.get_by_label("Weight of Ida Berg").fill("3")
    fits(page)
    shot(page, "pool-phone")
    tap(page, "Save")
    done(page, "“Nordics” is in the draft.")
    tap(page, "Replay these days")
    read_the_replay(page)
    fits(page)
    shot(page, "replay-phone")
    assert_accessible(page)
    tap(page, "Go on to publish", "link")
    page.get_by_label("Why").fill(NOTE)
    tap(page, "Publish this routing")
    done(page, "Routing 2 is live.")
    fits(page)
    shot(page, "routing-phone")
    as_published(company, today)
