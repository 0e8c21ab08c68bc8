"""The admin's pages in a real browser: reachable by everybody, and the API's own page at work."""

import pytest
from playwright.sync_api import expect

from handoff.models import Handoff
from leads.audit import audit
from leads.enums import Role
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.factories import AT, make_key, make_lead, make_mql, make_rep, make_user

PAGES = [
    "/users/", "/users/new/", "/api-keys/", "/api-keys/new/", "/audit/", "/operations/", "/search/?q=ada",
]  # fmt: skip


@pytest.fixture
def _something_to_see(db: None) -> None:
    admin = make_user(Role.ADMIN)
    make_rep("Rita")
    make_key(admin)
    lead = make_lead(first_name="Ada", last_name="Byron")
    audit("lead.edit", lead, by=admin, at=AT, changes={"country": ("", "GB")})
    make_mql()
    Handoff.objects.update(queue_reason="no_rule")


@pytest.mark.usefixtures("_something_to_see")
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("address", PAGES)
def test_admin_pages_are_accessible(
    sign_in: SignIn, assert_accessible: AssertAccessible, address: str, size: dict
) -> None:
    page = sign_in(Role.ADMIN)
    page.set_viewport_size(size)
    page.goto(address)

    assert_accessible(page)


def test_api_page_shows_and_tries_out_the_schema(sign_in: SignIn) -> None:
    page = sign_in(Role.ADMIN)
    page.goto("/api/v1/docs/")

    page.get_by_text("/api/v1/me/").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".responses-table.live-responses-table")).to_contain_text("200")
