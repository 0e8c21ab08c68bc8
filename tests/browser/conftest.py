"""A real browser before a live server: `page`, `sign_in(role)`, `assert_accessible(page)`."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from leads.enums import Role
from leads.models import User
from tests.factories import make_user

# Playwright runs an event loop in this thread, which Django would take for an async view.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
# A page that is sound appears at once; how long a busy machine may take for it decides nothing.
PATIENCE = 30_000
_ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# A theme changes colours and nothing else: the tokens are all it sets.
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# Colours fade into the other theme; axe must not measure them on the way.
_STANDS_STILL = """async () => {
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
  await Promise.allSettled(ending.map((one) => one.finished));
}"""

SignIn = Callable[..., Page]
PhoneOf = Callable[[User], Page]
AssertAccessible = Callable[[Page], None]


def _chromium() -> str:
    named = os.environ.get("LEADFLOW_CHROMIUM", "")
    found = (
        named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )
    if found:
        return found
    reason = "no Chromium: apt-get install chromium, or set LEADFLOW_CHROMIUM"
    if os.environ.get("LEADFLOW_REQUIRE_CHROMIUM") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep SQLite in a file: in memory, all threads of the live server would share one connection."""
    if connection.vendor == "sqlite":
        own: Path = tmp_path_factory.mktemp("browser") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(own)
        # Nothing here must outlive a power cut.
        connection.settings_dict["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    path = _chromium()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console complained about; a test that provokes a complaint empties it."""
    return []


@pytest.fixture
def page(browser: Browser, live_server: Any, transactional_db: None, complaints: list[str]) -> Iterator[Page]:
    """A fresh window before the live server; a script error or a refused style fails the test."""
    context = browser.new_context(base_url=live_server.url, viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        # An answer of 4xx is what some tests are about; anything else is a fault of ours.
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    opened.on("console", listen)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def sign_in(page: Page, live_server: Any) -> SignIn:
    """Sign a user of this role in without the form; give `user=` for a certain one."""

    def as_role(role: str = Role.MARKETER, *, user: User | None = None, **fields: Any) -> Page:
        _sign_in(page.context, user or make_user(role, **fields), live_server.url)
        return page

    return as_role


@pytest.fixture
def phone_of(browser: Browser, live_server: Any, transactional_db: None) -> Iterator[PhoneOf]:
    """Open a phone of 390 px with a touch screen, signed in as the user given; a script error fails the test."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def as_user(user: User) -> Page:
        context = browser.new_context(
            base_url=live_server.url, viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        _sign_in(context, user, live_server.url)
        opened = context.new_page()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        return opened

    yield as_user
    for context in contexts:
        context.close()
    assert errors == []


def _sign_in(context: BrowserContext, user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])


@pytest.fixture(scope="session")
def assert_accessible() -> AssertAccessible:
    """Run axe (WCAG 2.2 AA and best practice) on the page as it stands, in both themes."""

    def check(page: Page) -> None:
        found = []
        for theme, rules in (("light", _ALL), ("dark", _COLOURS)):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.evaluate(_STANDS_STILL)
            found += [f"{theme}: {violation}" for violation in _violations(page, rules)]
        assert found == []

    return check


def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(Axe().axe_script)
    answer = page.evaluate("(rules) => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{violation['id']}: {node['html'][:160]} — {node['failureSummary']}"
        for violation in answer["violations"]
        for node in violation["nodes"]
    ]
