"""A change of the definition in the browser, from the live rules to the next ones and back again."""

from __future__ import annotations

import copy
import os
import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from leadflow import work
from leads import clock
from leads.enums import Decision, Role
from leads.models import Cycle, Definition, Lead
from scoring import passes
from scoring.documents import standard_document
from tests.browser.conftest import AssertAccessible, SignIn
from tests.factories import make_catalogue, make_definition, make_user
from tests.journeys.company import new_company
from tests.scoring.world import give, good_lead, settle

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
SCORE = ("fit_score", "engagement_score", "score", "grade", "band", "momentum")
BREAKS = "Somebody who does not fit asks for the comparison sheet"


@pytest.fixture
def past(transactional_db: None) -> None:
    """A hundred days under rules in which an open counts double, with what sales decided."""
    make_catalogue()
    document = copy.deepcopy(standard_document())
    next(rule for rule in document["engagement"]["rules"] if rule["id"] == "email_open")["points"] = 2
    make_definition(document, at=clock.now() - 100 * DAY)
    new_company()
    for number in range(24):
        lead = played(f"Same {number}", 90 - 3 * number, "comparison_sheet", "guide", "email_open")
        decision = Decision.REJECTED if number % 3 == 0 else Decision.ACCEPTED
        cycles = Cycle.objects.filter(lead=lead)
        assert cycles.update(decision=decision, decided_at=clock.now() - (89 - 3 * number) * DAY) == 1
    for number in range(3):
        played(f"Gained {number}", 20, "comparison_sheet")
    for number in range(2):
        # 63 points without the open: two more make an MQL, one more does not.
        played(f"Lost {number}", 40, "newsletter", "product_content", "webinar", "email_open")
    for number in range(6):
        played(f"Reader {number}", 1, "email_open", "guide")
    passes.roll_over(clock.now())
    work.until_idle()


def played(name: str, days_ago: int, *signals: str) -> Lead:
    at = clock.now() - days_ago * DAY
    lead = good_lead(at=clock.now() - 95 * DAY, first_name=name, last_name="Holm")
    for signal in signals:
        give(lead, signal, at=at)
    settle(at)
    return lead


def scores() -> dict[int, tuple[Any, ...]]:
    return {pk: tuple(rest) for pk, *rest in Lead.objects.values_list("pk", *SCORE)}


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("LEADFLOW_SCREENS"):
        page.screenshot(path=f"{folder}/definition-{name}.png", full_page=True)


def line(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("link", name=name).first.click()


def said(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_text(text).first).to_be_visible()


def draft_the_change(page: Page) -> None:
    """Take the live rules, halve what an open is worth and let the comparison sheet alone make an MQL."""
    page.goto("/definitions/")
    follow(page, "New draft")
    page.get_by_label("Note").fill("Opens say little; the comparison sheet says a lot")
    press(page, "Start the draft")
    said(page, "Draft of definition 2")
    follow(page, "Points")
    points = line(page, "E-mail opens").get_by_label("Points", exact=True)
    expect(points).to_have_value("2")
    points.fill("1")
    expect(line(page, "E-mail opens").locator(".words")).to_contain_text("+1 once a day")
    press_save(page)

    follow(page, "Rules")
    page.get_by_label("Rule to start from").select_option(label="An empty rule")
    press(page, "Add rule")
    added = page.locator(".rule").filter(has=page.get_by_label("Name of the rule")).last
    added.get_by_label("Name of the rule").fill("Comparison sheet")
    added.get_by_label("Condition", exact=True).select_option(label="certain signals")
    added.get_by_role("button", name="Add condition").click()
    rule = line(page, "Comparison sheet")
    rule.get_by_role("button", name="Remove: when").click()
    pick(rule, "Comparison sheet")
    shot(page, "picked")


def pick(rule: Locator, *signals: str) -> None:
    """Choose exactly these signals in the list of a condition."""
    rule.locator("summary").click()
    for box in rule.locator(".pick-list").get_by_role("checkbox").all():
        box.set_checked(False)
    for signal in signals:
        rule.get_by_role("checkbox", name=signal, exact=True).check()
    expect(rule.locator("summary")).to_have_text(" or ".join(signals))
    rule.locator("summary").click()


def press_save(page: Page) -> None:
    page.get_by_role("button", name="Save draft").first.click()
    expect(page.locator(".toast").filter(has_text="Saved.")).to_be_visible()


def an_example_breaks_and_is_mended(page: Page) -> None:
    said(page, "1 breaks")
    said(page, BREAKS)
    press_save(page)
    said(page, "1 of 11 examples breaks.")
    shot(page, "breaks")
    follow(page, re.compile("^Review"))
    follow(page, "Propose")
    said(page, "1 example breaks, so this cannot go live.")
    expect(page.get_by_role("button", name="Propose")).to_have_count(0)
    shot(page, "cannot-propose")
    page.go_back()
    follow(page, "Edit")
    rule = line(page, "Comparison sheet")
    rule.get_by_label("Condition", exact=True).select_option(label="the fit grade")
    rule.get_by_role("button", name="Add condition").click()
    said(page, "all 11 hold")
    shot(page, "mended")


def read_the_back_test(page: Page) -> None:
    """Replay the past under the draft, and read who is gained and lost and what sales is likely to accept."""
    follow(page, re.compile("^Review"))
    said(page, "E-mail opens")
    said(page, "Not yet. A back-test says")
    shot(page, "review")
    press(page, "Back-test 12 months")
    said(page, "0 of 35 leads are done")
    shot(page, "running")
    work.until_idle()
    said(page, "1 more MQL in 101 days: 27 instead of 26. 3 gained, 2 lost.")
    gained, lost = (page.get_by_role("region", name=name, exact=True) for name in ("Gained", "Lost"))
    for number in range(3):
        expect(gained.get_by_role("link", name=f"Gained {number} Holm")).to_be_visible()
    for number in range(2):
        expect(lost.get_by_role("link", name=f"Lost {number} Holm")).to_be_visible()
    said(page, "likely 47–82%")
    shot(page, "back-test")


def propose(page: Page) -> None:
    page.get_by_role("link", name="Propose", exact=True).click()
    press(page, "Propose")
    said(page, "Proposed. Marketing and sales can approve it now.")


def approve(page: Page, side: str, *, done: str) -> None:
    page.get_by_role("link", name=f"Approve for {side}", exact=True).click()
    page.get_by_role("button", name=re.compile(f"^Approve for {side}")).click()
    said(page, done)


def sales_reads_the_past_and_approves(page: Page, version: int) -> None:
    """The proposal leads to its back-test, and that one back to the proposal."""
    page.goto(f"/definitions/{version}/")
    said(page, "27 MQLs in 101 days instead of 26; acceptance 67%, likely 47–82%.")
    shot(page, "proposal")
    follow(page, re.compile("^Back-test of Today"))
    follow(page, "Proposal")
    approve(page, "sales", done=f"Definition {version} is live.")


def scores_follow_with_progress(page: Page, version: int) -> None:
    page.goto("/leads/?view=all")
    banner = page.locator("#rescore")
    expect(banner).to_contain_text(f"Scores are being worked out anew under definition {version}.")
    expect(banner).to_contain_text("0 of 35 leads are done")
    passes.continue_pass()
    expect(banner).to_contain_text("10 of 35 leads are done")
    shot(page, "progress")
    work.until_idle()
    expect(banner).to_contain_text("Every lead is scored by the live rules now.")
    follow(page, "Show the new scores")
    expect(banner).to_have_count(0)


def test_a_definition_is_changed_tried_approved_and_taken_back(
    past: None, sign_in: SignIn, assert_accessible: AssertAccessible, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "CHUNK", {"postgresql": 10, "sqlite": 10})
    lea, karin = make_user(Role.MARKETER, name="Lea Novak"), make_user(Role.MANAGER, name="Karin Holm")
    before, today = scores(), clock.today()
    page = sign_in(user=lea)
    draft_the_change(page)
    an_example_breaks_and_is_mended(page)
    read_the_back_test(page)
    assert_accessible(page)
    propose(page)
    approve(page, "marketing", done="Approved for marketing.")
    sign_in(user=karin)
    sales_reads_the_past_and_approves(page, 2)

    sign_in(user=lea)
    scores_follow_with_progress(page, 2)
    changed = [pk for pk, now in scores().items() if now != before[pk]]
    readers = Lead.objects.filter(first_name__startswith="Reader")
    assert {reader.pk for reader in readers} <= set(changed)
    assert {(before[reader.pk][2], reader.score) for reader in readers} == {(46, 45)}
    page.goto("/dashboard/")
    expect(page.get_by_role("link", name="Definition 2").first).to_have_attribute("href", "/definitions/2/")
    shot(page, "dashboard")

    page.goto("/definitions/1/")
    follow(page, "Draft from this")
    press(page, "Start the draft")
    follow(page, re.compile("^Review"))
    propose(page)
    approve(page, "marketing", done="Approved for marketing.")
    sign_in(user=karin)
    page.goto("/definitions/3/")
    approve(page, "sales", done="Definition 3 is live.")
    work.until_idle()

    assert clock.today() == today
    assert scores() == before
    versions = Definition.objects.values_list("version", "status", "went_live")
    assert list(versions) == [(3, "live", "approved"), (2, "retired", "approved"), (1, "retired", "")]
