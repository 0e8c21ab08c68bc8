"""A quarter of sales, made by hand, that every page test looks at."""

from datetime import date, datetime, timedelta

import pytest
from django.core.cache import cache

from leadflow.dashboard.period import Period
from leads import clock
from leads.models import Lead
from scoring.documents import standard_document
from tests.factories import AT, make_cycle, make_definition, make_lead, make_team, make_user

RULES = standard_document()
RULES["sql"]["meaning"] = "discovery"
QUARTER = Period(date(2025, 12, 13), date(2026, 3, 12), "UTC")


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: AT)


@pytest.fixture(autouse=True)
def _nothing_kept():
    # On a busy machine counting may take long enough for the figures to be kept.
    cache.clear()


@pytest.fixture
def team():
    return make_team("Nordics")


@pytest.fixture
def manager(team):
    return make_user("manager", name="Karin Holm", team=team)


@pytest.fixture
def rep(team):
    return make_user("rep", name="Jonas Falk", team=team)


def days_ago(days: int) -> datetime:
    return AT - timedelta(days=days)


@pytest.fixture
def quarter(team, rep):
    make_quarter(team, rep)


def make_quarter(team, rep):
    """Insert 40 cycles of two teams with every outcome, in this period and the one before."""
    other = make_team("South")
    outsider = make_user("rep", name="Mara Ruiz", team=other)
    make_definition(RULES, version=1, at=days_ago(400), status="retired")
    make_definition(RULES, version=2, at=days_ago(60))
    accepted = {"decision": "accepted", "decided_at": 1}
    outcomes = [
        {},
        {"decision": "rejected", "decided_at": 1, "reason": "no_budget", "ended_at": 1},
        {"decision": "returned", "decided_at": 2},
        accepted,
        accepted | {"contacted_at": 1.01},
        accepted | {"contacted_at": 1.5, "meeting_at": 3},
        accepted | {"contacted_at": 3, "sql_at": 6},
        accepted | {"contacted_at": 1.1, "meeting_at": 2, "sql_at": 20, "opportunity_at": 22},
        accepted | {"contacted_at": 1.1, "sql_at": 3, "opportunity_at": 4, "won_at": 9},
        accepted | {"contacted_at": 1.1, "sql_at": 3, "opportunity_at": 4, "lost_at": 9},
    ]
    for index, outcome in enumerate(outcomes * 4):
        ours = index % 4 != 3
        owner, group = (rep, team) if ours else (outsider, other)
        at = days_ago(3 + 4 * index)
        lead = make_lead(at=at - timedelta(days=2), owner=owner, last_name=f"Lead {index}")
        make_cycle(
            at, lead=lead, rep=owner, team=group, source=["google", "", "linkedin"][index % 3],
            campaign=f"c{index % 5}", segment="software",
            rule=["content", "score_fit"][index % 2], version=2, **outcome,
        )  # fmt: skip
    Lead.objects.filter(last_name="Lead 4").update(owner=outsider)  # taken over by the other team since
