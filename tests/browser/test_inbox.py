"""A rep clears an inbox of twelve: by keyboard alone on a desk, and by thumb on a phone of 390 px."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from handoff.models import Handoff, Rep
from leads import clock
from leads.enums import Stage
from leads.models import Conversation
from tests.browser.conftest import PHONE, AssertAccessible, PhoneOf, SignIn
from tests.factories import make_offer, make_rep
from tests.journeys.company import new_company

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["Ada", "Bea", "Cleo", "Dora", "Edda", "Fia", "Gro", "Hedda", "Ida", "Jytte", "Kaja", "Liv"]
THUMB = 44


@pytest.fixture
def company(transactional_db: None) -> SimpleNamespace:
    return new_company()


@pytest.fixture
def rep(company: SimpleNamespace) -> Rep:
    """A rep with twelve new offers, Ada's the first to be due."""
    rep = make_rep("Jonas Lind", capacity=20)
    now = clock.now()
    for number, name in enumerate(NAMES):
        make_offer(
            rep, at=now - timedelta(minutes=20 - number), first_name=name, last_name="Holm", employees=900,
            job_title="Head of Data",
        )  # fmt: skip
    return rep


def of(name: str) -> Handoff:
    return Handoff.objects.select_related("lead", "reason", "cycle").get(lead__first_name=name, attempt=1)


def decided(page: Page, text: str) -> None:
    expect(page.locator(".toast").filter(has_text=text).first).to_be_visible()


def current(page: Page, name: str) -> None:
    expect(page.locator(".row.is-current")).to_contain_text(name)


@dataclass
class Keys:
    """A keyboard that counts: how many presses each decision took, typed words apart, and how many seconds."""

    page: Page
    presses: dict[str, list[int]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0
    began: float = 0

    def press(self, keys: str) -> None:
        for key in keys.split():
            self.began = self.began if self.count else time.monotonic()
            self.page.keyboard.press(key)
            self.count += 1

    def note(self, what: str) -> None:
        self.presses.setdefault(what, []).append(self.count)
        self.seconds.setdefault(what, []).append(time.monotonic() - self.began)
        self.count = 0

    def dialog(self, title: str) -> Any:
        shown = self.page.get_by_role("dialog", name=title)
        expect(shown).to_be_visible()
        return shown


def test_by_keyboard_alone(
    sign_in: SignIn, rep: Rep, assert_accessible: AssertAccessible, record_property: Any
) -> None:
    page = sign_in(user=rep.user)
    page.goto("/inbox/")
    keys = Keys(page)
    assert_accessible(page)

    for name in NAMES[:6]:
        current(page, f"{name} Holm")
        keys.press("a")
        keys.dialog(f"Accept {name} Holm")
        keys.press("Enter")
        decided(page, f"{name} Holm accepted")
        keys.note("accept")
    for name in NAMES[6:9]:
        current(page, f"{name} Holm")
        keys.press("r")
        keys.dialog(f"Reject {name} Holm")
        keys.press("Space Enter")
        decided(page, f"{name} Holm rejected")
        keys.note("reject")
    for name in NAMES[9:]:
        current(page, f"{name} Holm")
        keys.press("t")
        keys.dialog(f"Return {name} Holm")
        keys.press("Space Enter")
        decided(page, f"{name} Holm returned to marketing")
        keys.note("return")

    current(page, "Ada Holm")
    for name in ("Ada", "Bea", "Cleo"):
        current(page, f"{name} Holm")
        keys.press("d")
        keys.dialog(f"Defer {name} Holm")
        keys.press("Space Enter")
        decided(page, f"{name} Holm deferred")
        keys.note("defer")
    assert of("Ada").next_step == "Education call"

    current(page, "Dora Holm")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Dora Holm", level=1)).to_be_visible()
    assert_accessible(page)
    keys.press("c")
    expect(page.get_by_role("button", name="Spoke on the phone")).to_be_focused()
    keys.press("Enter")
    decided(page, "Call with Dora Holm logged")
    keys.note("first contact")
    assert of("Dora").first_contact_at is not None

    keys.press("e")
    expect(page.get_by_role("heading", name="Discovery", level=1)).to_be_visible()
    assert_accessible(page)
    typed = {"Problem": "Reports are a day late", "Timing": "in 3 months", "Next step": "Workshop"}
    for label, text in typed.items():
        page.get_by_label(re.compile(f"^{label} (?!on)")).focus()
        page.keyboard.type(text)
    keys.press("Enter")
    decided(page, "Saved")
    keys.note("discover")
    keys.press("q")
    decided(page, "Dora Holm is an SQL")
    keys.note("qualify")
    keys.press("o")
    expect(page.get_by_role("heading", name="Open an opportunity")).to_be_visible()
    page.get_by_label("Expected close").fill((datetime.now(UTC) + timedelta(days=60)).date().isoformat())
    keys.press("Enter")
    decided(page, "Opportunity opened")
    keys.note("opportunity")

    most = {what: max(counts) for what, counts in keys.presses.items()}
    for what, presses in most.items():
        record_property(f"most key presses to {what}", presses)
        record_property(f"median seconds to {what}", round(median(keys.seconds[what]), 2))
    assert most["accept"] <= 2
    assert most == {
        "accept": 2, "reject": 3, "return": 3, "defer": 3, "first contact": 3, "discover": 2, "qualify": 1,
        "opportunity": 2,
    }  # fmt: skip
    assert of("Dora").lead.stage == Stage.OPPORTUNITY
    statuses = [of(name).status for name in NAMES]
    assert statuses == ["accepted"] * 6 + ["rejected"] * 3 + ["returned"] * 3


# --- By thumb -------------------------------------------------------------------------------------


@pytest.fixture
def phone(phone_of: PhoneOf, rep: Rep) -> Page:
    return phone_of(rep.user)


def tap(page: Page | Locator, name: str | re.Pattern[str], role: Any = "button") -> None:
    """Tap something that decides; it has to be large enough for a thumb."""
    target = page.get_by_role(role, name=name).first
    box = target.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB, (name, box)
    target.tap()


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def on_page_of(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=f"{name} Holm", level=1)).to_be_visible()


def test_by_thumb_without_going_back(phone: Page, assert_accessible: AssertAccessible) -> None:
    page = phone
    page.goto("/inbox/")
    fits(page)
    assert_accessible(page)
    page.locator(".row").first.tap()
    on_page_of(page, NAMES[0])

    for name in NAMES[:6]:
        on_page_of(page, name)
        tap(page, re.compile("^Accept"), "link")
        tap(page.get_by_role("dialog"), re.compile("^Accept$"))
        decided(page, f"{name} Holm accepted")
    fits(page)
    assert_accessible(page)
    for name in NAMES[6:9]:
        on_page_of(page, name)
        tap(page, re.compile("^Reject"), "link")
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("No timeline").tap()
        tap(dialog, re.compile("^Reject$"))
        decided(page, f"{name} Holm rejected")
    for name in NAMES[9:]:
        on_page_of(page, name)
        tap(page, re.compile("^Return"), "link")
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("A way to reach them").tap()
        tap(dialog, re.compile("^Return$"))
        decided(page, f"{name} Holm returned")

    on_page_of(page, "Ada")
    tap(page, re.compile("^Defer"), "link")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Check-in").tap()
    tap(dialog, re.compile("^Defer$"))
    decided(page, "Ada Holm deferred")

    on_page_of(page, "Bea")
    tap(page, "Spoke on the phone")
    decided(page, "Call with Bea Holm logged")
    tap(page, re.compile("^Discovery"), "link")
    expect(page.get_by_role("heading", name="Discovery", level=1)).to_be_visible()
    fits(page)
    assert_accessible(page)
    for label, text in {
        "Problem": "Reports are late",
        "Timing": "in 3 months",
        "Next step": "Workshop",
    }.items():
        page.get_by_label(re.compile(f"^{label} (?!on)")).fill(text)
    tap(page, "Save")
    decided(page, "Saved")
    tap(page, re.compile("^Qualify"))
    decided(page, "Bea Holm is an SQL")
    tap(page, re.compile("^Open opportunity"), "link")
    page.get_by_label("Expected close").fill((datetime.now(UTC) + timedelta(days=60)).date().isoformat())
    tap(page, "Open an opportunity")
    decided(page, "Opportunity opened")
    assert of("Bea").lead.stage == Stage.OPPORTUNITY
    assert Conversation.objects.filter(lead__first_name="Bea", kind="call", reached=True).count() == 1
    assert [of(name).status for name in NAMES] == ["accepted"] * 6 + ["rejected"] * 3 + ["returned"] * 3


# --- What comes with the first act ----------------------------------------------------------------


def test_first_key_brings_what_it_needs(rep: Rep, sign_in: SignIn) -> None:
    page = sign_in(user=rep.user)
    page.goto(reverse("handoff:inbox"))
    assert page.evaluate("typeof htmx") == "undefined"
    page.keyboard.press("j")
    expect(page.locator("#peek h2")).to_have_text(f"{NAMES[1]} Holm")

    page.reload()
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_without_it_a_key_leads_to_a_page(rep: Rep, sign_in: SignIn) -> None:
    page = sign_in(user=rep.user)
    page.route("**/htmx-2*.js", lambda route: route.abort())
    page.goto(reverse("handoff:inbox"))

    page.keyboard.press("r")

    page.wait_for_url("**/decide/reject/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
