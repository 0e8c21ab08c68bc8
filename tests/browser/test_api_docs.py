"""The API's own page in a real browser."""

from playwright.sync_api import expect

from leads.enums import Role
from tests.browser.conftest import SignIn


def test_api_page_shows_and_tries_out_the_schema(sign_in: SignIn) -> None:
    page = sign_in(Role.ADMIN)
    page.goto("/api/v1/docs/")

    page.locator('[data-path="/api/v1/me/"]').click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".responses-table.live-responses-table")).to_contain_text("200")
