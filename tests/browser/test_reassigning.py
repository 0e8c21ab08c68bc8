"""A manager sees why leads wait, and gives several to one rep: by keyboard on a desk, by thumb on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from handoff import clocks, routing
from handoff.models import Handoff, Rep
from leads import clock
from tests.browser.conftest import PHONE, AssertAccessible, SignIn
from tests.factories import AT, make_mql, make_pool, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("Ada", "Bea", "Cleo")


@pytest.fixture
def mia(transactional_db: None) -> Rep:
    """Somebody with two seats, while three leads wait for a rep who has none."""
    make_pool(make_rep("Jonas Lind", capacity=0))
    for name in NAMES:
        make_mql(first_name=name, last_name="Holm")
    routing.drain(AT)
    clocks.sweep(clock.now())
    return make_rep("Mia Berg", capacity=2)


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
def test_selected_handoffs_go_to_one_rep(
    mia: Rep, sign_in: SignIn, assert_accessible: AssertAccessible, viewport: Any
) -> None:
    page = sign_in(user=make_user("manager", team=make_team()))
    if viewport:
        page.set_viewport_size(viewport)
    page.goto(reverse("handoff:board"))
    page.get_by_text("Why, and what helps").first.click()
    expect(page.get_by_text("A free seat of Jonas Lind").first).to_be_visible()
    for name in NAMES:
        page.get_by_label(f"Select {name} Holm").check()
    page.evaluate("scrollTo(0, 0)")  # from under the bar at the top
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("region", name="Selected handoffs").get_by_role("button", name="Reassign").click()
    dialog = page.get_by_role("dialog")
    assert_accessible(page)
    dialog.get_by_label("To").select_option(label="Mia Berg, 2 of 2 free")
    dialog.get_by_label("Why", exact=True).fill("Jonas has no seat")
    dialog.get_by_role("button", name="Reassign").click()

    expect(page.get_by_text("2 now with Mia Berg, 1 not.")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Why beyond their capacity").fill("Only today")
    page.get_by_role("button", name="Reassign 1").click()
    expect(page.get_by_text("Goes to Mia Berg, beyond their capacity")).to_be_visible()
    assert Handoff.objects.filter(rep=mia, status="offered").count() == 3
