"""The shell in a real browser: keys, dialogs, selection, themes, clocks, toasts, kept text, accessibility."""

import re

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from leads.enums import Role
from tests.browser.conftest import DESKTOP, PHONE, AssertAccessible, SignIn
from tests.factories import make_user

pytestmark = pytest.mark.urls("tests.browser.gallery")
PASSWORD = "correct horse"


@pytest.fixture
def gallery(sign_in: SignIn) -> Page:
    page = sign_in(name="Lea Novak")
    page.goto("/gallery/")
    return page


def fill_sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


# --- Looks and access ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("address", ["/gallery/", "/password/", "/nothing-here/"])
def test_pages_are_accessible(
    sign_in: SignIn, assert_accessible: AssertAccessible, address: str, size: dict
) -> None:
    page = sign_in()
    page.set_viewport_size(size)
    page.goto(address)

    assert_accessible(page)


@pytest.mark.parametrize("address", ["/sign-in/", "/password/reset/", "/password/reset/sent/"])
def test_pages_before_sign_in_are_accessible(
    page: Page, assert_accessible: AssertAccessible, address: str
) -> None:
    page.goto(address)

    assert_accessible(page)


def test_dialog_and_errors_are_accessible(gallery: Page, assert_accessible: AssertAccessible) -> None:
    gallery.get_by_role("button", name="Save").click()
    assert_accessible(gallery)
    gallery.locator("h1").click()
    gallery.keyboard.press("a")
    assert_accessible(gallery)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_reaches_beyond_the_window(gallery: Page, size: dict) -> None:
    gallery.set_viewport_size(size)

    assert gallery.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_menu_opens_on_a_phone(gallery: Page, assert_accessible: AssertAccessible) -> None:
    gallery.set_viewport_size(PHONE)
    expect(gallery.get_by_role("button", name="Sign out")).to_be_hidden()

    gallery.get_by_role("button", name="Menu").click()

    expect(gallery.get_by_role("button", name="Sign out")).to_be_visible()
    assert_accessible(gallery)


def test_page_is_light_and_without_inline_code(sign_in: SignIn) -> None:
    page = sign_in()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))

    page.goto("/password/", wait_until="networkidle")

    assert sum(sizes.values()) < 150_000, sizes
    html = page.content()
    assert re.findall(r"<[^>]+\s(?:style|on\w+|hx-on[^=]*)=", html) == []
    assert re.findall(r"<script(?![^>]*src=)|<style", html) == []


def test_skip_link_leads_past_the_menu(gallery: Page) -> None:
    gallery.keyboard.press("Tab")
    expect(gallery.get_by_role("link", name="Skip to content")).to_be_focused()

    gallery.keyboard.press("Enter")

    expect(gallery.locator("#main")).to_be_focused()


# --- Themes ----------------------------------------------------------------------------------------


def test_theme_goes_round_and_stays(gallery: Page) -> None:
    root = gallery.locator("html")
    gallery.get_by_role("button", name="Theme: as the system").click()
    expect(root).to_have_attribute("data-theme", "light")
    gallery.get_by_role("button", name="Theme: light").click()
    expect(root).to_have_attribute("data-theme", "dark")

    html = gallery.request.get("/gallery/").text()
    gallery.reload()

    assert '<html lang="en" data-theme="dark">' in html
    gallery.get_by_role("button", name="Theme: dark").click()
    expect(root).not_to_have_attribute("data-theme", re.compile("."))


# --- Keys ------------------------------------------------------------------------------------------


def test_keys_walk_the_rows_and_open_one(gallery: Page) -> None:
    for key in "jjkj":
        gallery.keyboard.press(key)
    expect(gallery.get_by_role("link", name="Declan Murphy")).to_be_focused()
    expect(gallery.locator("tr.is-current")).to_have_count(1)

    gallery.keyboard.press("Enter")

    expect(gallery).to_have_url(re.compile("/person/Declan"))


def test_keys_select_and_clear(gallery: Page) -> None:
    for key in "jxjx":
        gallery.keyboard.press(key)
    expect(gallery.locator("[data-select-count]")).to_have_text("2 selected")

    gallery.keyboard.press("Escape")

    expect(gallery.locator(".bulk")).to_be_hidden()


def test_key_acts_on_the_current_row_and_the_next_one_moves_up(gallery: Page) -> None:
    gallery.keyboard.press("j")
    gallery.keyboard.press("j")
    gallery.keyboard.press("e")

    expect(gallery.get_by_role("link", name="Declan Murphy")).to_have_count(0)
    expect(gallery.get_by_role("link", name="Yuki Tanabe")).to_be_focused()


def test_keys_rest_in_fields_and_with_modifiers(gallery: Page) -> None:
    gallery.get_by_label("Company size").press("a")
    gallery.locator("h1").click()
    gallery.keyboard.press("Control+j")

    expect(gallery.locator("#accept")).to_be_hidden()
    expect(gallery.locator("tr.is-current")).to_have_count(0)


def test_key_list_names_the_keys_of_the_page(gallery: Page) -> None:
    gallery.keyboard.press("?")

    keys = gallery.get_by_role("dialog", name="Keys")
    expect(keys.get_by_role("row", name="Accept")).to_contain_text("A")
    gallery.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_keys_can_be_switched_off_for_good(gallery: Page) -> None:
    gallery.keyboard.press("?")
    gallery.get_by_label("Single-key shortcuts").uncheck()
    gallery.keyboard.press("Escape")

    gallery.reload()
    gallery.keyboard.press("j")
    gallery.keyboard.press("a")

    expect(gallery.locator("tr.is-current")).to_have_count(0)
    expect(gallery.locator("#accept")).to_be_hidden()


def test_g_then_a_letter_goes_there(gallery: Page) -> None:
    gallery.keyboard.press("g")
    gallery.keyboard.press("t")

    expect(gallery).to_have_url(re.compile("/person/tomorrow/"))


# --- Dialogs and selection -------------------------------------------------------------------------


def test_dialog_takes_the_focus_and_gives_it_back(gallery: Page) -> None:
    opener = gallery.get_by_role("link", name="Accept")
    opener.click()
    expect(gallery.get_by_label("Next step")).to_be_focused()

    gallery.keyboard.press("Escape")

    expect(opener).to_be_focused()


def test_dialog_closes_by_a_click_beside_it(gallery: Page) -> None:
    gallery.keyboard.press("a")
    expect(gallery.locator("#accept")).to_be_visible()

    gallery.mouse.click(5, 5)

    expect(gallery.locator("#accept")).to_be_hidden()


def test_shift_click_takes_the_rows_between(gallery: Page) -> None:
    gallery.get_by_label("Select Katharina Vogel").check()
    gallery.get_by_label("Select Ingrid Dahl").click(modifiers=["Shift"])

    expect(gallery.locator("[data-select-count]")).to_have_text("4 selected")
    gallery.get_by_label("Select all").check()
    expect(gallery.locator("[data-select-count]")).to_have_text("5 selected")
    gallery.get_by_role("button", name="Clear").click()
    expect(gallery.locator(".bulk")).to_be_hidden()


# --- Clocks and toasts -----------------------------------------------------------------------------


def test_clock_runs_down_and_turns_late(sign_in: SignIn) -> None:
    page = sign_in()
    page.clock.install()
    page.goto("/gallery/")
    clock = page.locator(".clock[data-label=accept]").nth(1)
    expect(clock).to_have_text(re.compile(r"3[78] min to accept"))
    expect(clock).to_have_attribute("data-tone", "warn")

    page.clock.fast_forward("41:00")

    expect(clock).to_have_text(re.compile(r"Accept [23] min late"))
    expect(clock).to_have_attribute("data-tone", "bad")


def test_fragment_brings_a_toast_that_goes_by_itself(sign_in: SignIn) -> None:
    page = sign_in()
    page.clock.install()
    page.goto("/gallery/")
    page.get_by_role("button", name="Fetch").click()
    toast = page.get_by_role("status").get_by_text("From a fragment.")
    expect(toast).to_be_visible()

    page.clock.run_for(8_000)

    expect(toast).to_be_hidden()


def test_toast_can_be_undone_by_key(gallery: Page) -> None:
    gallery.get_by_label("Company size").fill("12")
    gallery.get_by_label("No need now").check()
    gallery.get_by_role("button", name="Save").click()
    expect(gallery.get_by_role("status")).to_contain_text("Saved.")

    gallery.keyboard.press("u")

    expect(gallery).to_have_url(re.compile("/undone/"))


def test_dead_connection_is_told(gallery: Page, complaints: list[str]) -> None:
    gallery.context.set_offline(True)

    gallery.get_by_role("button", name="Fetch").click()

    expect(gallery.get_by_role("status")).to_contain_text("cannot be reached")
    complaints.clear()


# --- Forms -----------------------------------------------------------------------------------------


def test_first_invalid_field_has_the_focus(gallery: Page) -> None:
    gallery.get_by_label("What did you learn?").fill("Something")
    gallery.get_by_role("button", name="Save").click()

    expect(gallery.get_by_label("Company size")).to_be_focused()
    expect(gallery.get_by_label("What did you learn?")).to_have_value("Something")


def test_ended_session_loses_no_text(sign_in: SignIn) -> None:
    user = make_user(email="lea@example.test")
    page = sign_in(user=user)
    page.goto("/gallery/")
    page.get_by_label("What did you learn?").fill("Half a page of notes")
    page.get_by_label("Wrong person").check()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)

    page.get_by_role("button", name="Save").click()
    fill_sign_in(page, "lea@example.test")

    expect(page).to_have_url(re.compile("/gallery/"))
    expect(page.get_by_label("What did you learn?")).to_have_value("Half a page of notes")
    expect(page.get_by_label("Wrong person")).to_be_checked()
    expect(page.get_by_role("status")).to_contain_text("What you typed was kept.")


def test_old_page_loses_no_text(gallery: Page) -> None:
    gallery.get_by_label("What did you learn?").fill("Half a page of notes")
    gallery.context.clear_cookies(name="csrftoken")

    gallery.get_by_role("button", name="Save").click()
    expect(gallery.get_by_role("heading", name="The page was too old")).to_be_visible()
    gallery.get_by_role("link", name="Back, with my text").click()

    expect(gallery.get_by_label("What did you learn?")).to_have_value("Half a page of notes")


def test_saved_text_does_not_come_back(gallery: Page) -> None:
    gallery.get_by_label("Company size").fill("12")
    gallery.get_by_label("What did you learn?").fill("Enough")
    gallery.get_by_label("No need now").check()
    gallery.get_by_role("button", name="Save").click()
    expect(gallery.get_by_role("status")).to_contain_text("Saved.")

    gallery.goto("/gallery/")

    expect(gallery.get_by_label("What did you learn?")).to_have_value("")


def test_typed_text_is_not_shown_to_the_next_user(sign_in: SignIn) -> None:
    page = sign_in(Role.REP)
    page.goto("/gallery/")
    page.get_by_label("What did you learn?").fill("Mine")
    page.wait_for_timeout(500)

    sign_in(Role.MANAGER).goto("/gallery/")

    expect(page.get_by_label("What did you learn?")).to_have_value("")


def test_signing_out_forgets_typed_text(gallery: Page) -> None:
    gallery.get_by_label("What did you learn?").fill("Mine")
    gallery.wait_for_timeout(500)

    gallery.get_by_role("button", name="Sign out").click()

    expect(gallery.get_by_role("heading", name="Sign in")).to_be_visible()
    kept = gallery.evaluate("Object.keys(sessionStorage)")
    assert [key for key in kept if key.startswith("leadflow")] == []


def test_sign_in_by_hand(page: Page, live_server: object) -> None:
    make_user(Role.REP, email="rep@example.test", name="Jonas Lind")
    page.goto("/password/")
    expect(page.get_by_label("E-mail")).to_be_focused()

    fill_sign_in(page, "rep@example.test", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    fill_sign_in(page, "rep@example.test")

    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("Jonas Lind")


# --- Without scripts -------------------------------------------------------------------------------


def test_everything_needed_works_without_scripts(browser, live_server, sign_in: SignIn) -> None:
    cookies = sign_in().context.cookies()
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(cookies)
        page = context.new_page()
        page.goto("/gallery/")

        page.get_by_label("Select Yuki Tanabe").check()
        expect(page.get_by_role("button", name="Hand to sales")).to_be_visible()
        page.get_by_role("button", name="Theme: as the system").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.get_by_role("link", name="Accept").click()
        expect(page.get_by_role("heading", name="accept")).to_be_visible()
