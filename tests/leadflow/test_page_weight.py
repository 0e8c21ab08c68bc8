"""No page weighs over 150 KB without its images, on crowded data; and only pages that need htmx load it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from handoff.models import Rep
from leads import clock
from leads.enums import Role, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Company, Lead, User
from tests.browser.crawl import LETTERS, pages_of
from tests.factories import make_lead, make_offer, make_team, make_user
from tests.leadflow.world import World, build

LIMIT = 150_000
LONG = "Geschäftsführerin für Datenplattformen, Berichtswesen und Übriges"


def weight(html: str) -> int:
    """Return the bytes of a page with its style sheets, its scripts and the modules they import.

    What comes only when somebody acts (`static/js/later.js`) is not among them.
    """
    named = re.findall(r'(?:src|href)="/static/([^"#?]+\.(?:css|js))"', html)
    return len(html.encode()) + sum(path.stat().st_size for path in _with_imports(set(named)))


def _with_imports(names: set[str]) -> set[Path]:
    found = set()
    for name in names:
        path = Path(str(finders.find(name)))
        found.add(path)
        if path.is_relative_to(settings.BASE_DIR):
            imported = re.findall(r'from "\./([^"]+)"', path.read_text())
            found |= {path.parent / module for module in imported}
    return found


@pytest.fixture
def world(db: None) -> World:
    """More leads than a page has rows, all with long names, and a rep whose inbox is full."""
    world, now = build(), clock.now()
    company = Company.objects.create(name=f"{LONG} GmbH", created_at=now)
    people = {"last_name": LONG, "job_title": LONG, "company": company, "employees": 12_000, "score": 70}
    for number in range(50):
        lead = make_lead(
            at=now, first_name=f"Ada {number}", last_seen_at=now, momentum=12, source="google", **people
        )
        if number % 2:
            move_to_stage(
                lead, Stage.LEAD, at=now, status=Status.NURTURE, wake_on=now.date() + timedelta(days=9),
                nurture_reason="No timeline yet, they look again after the fair",
            )  # fmt: skip
    Lead.objects.filter(status=Status.ACTIVE, stage=Stage.LEAD).update(needs_fit_check=True)
    rep = Rep.objects.get(user__name="Rita")
    Rep.objects.filter(pk=rep.pk).update(capacity=30)
    for number in range(20):
        make_offer(rep, at=now, first_name=f"Bea {number}", **people)
    return world


@pytest.mark.parametrize("role", LETTERS)
def test_no_page_weighs_over_150_kb(world: World, role: str) -> None:
    heavy, client = {}, Client()
    client.force_login(world_user(role))
    for address in pages_of(role, world):
        answer: Any = client.get(address)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            html = answer.content.decode()
            if "<html" not in html:
                continue
            assert ("hx-" in html) <= ("htmx-2" in html), f'{address} needs {{% include "_htmx.html" %}}'
            if (size := weight(html)) > LIMIT:
                heavy[address] = size
    assert heavy == {}


def world_user(role: str) -> User:
    """Return somebody of this role who sees what is crowded."""
    if role == Role.REP:
        return Rep.objects.get(user__name="Rita").user
    return make_user(role, team=make_team("North") if role == Role.MANAGER else None)
