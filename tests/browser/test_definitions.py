"""The Definitions page in a real browser."""

import os

import pytest
from playwright.sync_api import expect

from scoring.publishing import save_draft
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.factories import AT
from tests.scoring.test_passes import softer
from tests.scoring.world import publish_standard


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_definitions_page_is_accessible_and_does_not_scroll_sideways(
    sign_in: SignIn, assert_accessible: AssertAccessible, size: dict
) -> None:
    publish_standard()
    save_draft(softer(), at=AT, note="Guides count less")
    page = sign_in(name="Lea Novak")
    page.set_viewport_size(size)
    page.goto("/definitions/")

    expect(page.get_by_role("heading", name="What MQL and SQL mean here")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    if folder := os.environ.get("LEADFLOW_SCREENS"):
        page.screenshot(path=f"{folder}/definitions-{size['width']}.png", full_page=True)


def test_a_version_opens_from_the_list(sign_in: SignIn) -> None:
    publish_standard()
    save_draft(softer(), at=AT, note="Guides count less")
    page = sign_in()
    page.goto("/definitions/")

    page.get_by_role("link", name="Definition 2").click()

    expect(page.get_by_text("Definition 2, draft, not live")).to_be_visible()
