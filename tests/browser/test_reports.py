"""The conversion page and the lists behind its numbers, in a real browser."""

import os
import re

import pytest
from playwright.sync_api import expect

from leads import clock
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.dashboard.conftest import make_quarter
from tests.factories import AT, make_team, make_user


@pytest.fixture
def manager(transactional_db, monkeypatch):
    """A manager whose team has sold for a year; for all of them it is 12 March 2026."""
    monkeypatch.setattr(clock, "now", lambda: AT)
    team = make_team()
    make_quarter(team, make_user("rep", name="Jonas Falk", team=team))
    return make_user("manager", name="Karin Holm", team=team)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("address", ["/dashboard/?days=365", "/dashboard/leads/?of=mqls&days=365"])
def test_reports_are_accessible_and_do_not_scroll_sideways(
    sign_in: SignIn, assert_accessible: AssertAccessible, manager, size: dict, address: str
) -> None:
    page = sign_in(user=manager)
    page.set_viewport_size(size)
    page.goto(address)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    if folder := os.environ.get("LEADFLOW_SCREENS"):
        name = address.split("?")[0].strip("/").replace("/", "-")
        page.screenshot(path=f"{folder}/{name}-{size['width']}.png", full_page=True)


def test_empty_page_is_accessible(sign_in: SignIn, assert_accessible: AssertAccessible) -> None:
    page = sign_in("admin")
    page.goto("/dashboard/")

    expect(page.get_by_text("Too little has happened to judge the rules")).to_be_visible()
    assert_accessible(page)


def test_a_number_opens_its_leads_and_leads_back(sign_in: SignIn, manager) -> None:
    page = sign_in(user=manager)
    page.goto("/dashboard/")
    tile = page.locator(".tile", has_text="MQLs").first
    number = tile.locator(".fig").inner_text()

    tile.locator(".fig a").click()

    expect(page.get_by_role("heading", name="MQLs", exact=True)).to_be_visible()
    expect(page.locator(".page-sub b")).to_have_text(number)
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Conversion").click()
    # By its days: tomorrow the same list must lead back to the same figures.
    expect(page).to_have_url(re.compile(r"/dashboard/\?from=2025-12-13&to=2026-03-12$"))


def test_period_and_breakdown_are_one_click_away(sign_in: SignIn, manager) -> None:
    page = sign_in(user=manager)
    page.goto("/dashboard/")

    page.get_by_role("link", name="12 months").click()
    page.get_by_role("group", name="Conversion by").get_by_role("link", name="Campaign").click()

    expect(page.get_by_role("heading", name="Conversion by campaign")).to_be_visible()
    expect(page).to_have_url(re.compile("days=365"))
    expect(page.get_by_role("link", name="12 months")).to_have_attribute("aria-current", "true")


def test_weeks_can_be_read_as_a_table(sign_in: SignIn, assert_accessible: AssertAccessible, manager) -> None:
    page = sign_in(user=manager)
    page.goto("/dashboard/")

    page.get_by_text("View as table").click()

    expect(page.get_by_role("columnheader", name="Week from")).to_be_visible()
    assert_accessible(page)
