"""Requests made up from the schema: no answer is a 5xx, and none is one the schema does not know."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import scoring
from handoff import replays, standing, versions
from handoff.models import Opportunity
from leadflow.wsgi import application
from leads import clock
from leads.enums import Role
from leads.imports import jobs
from leads.models import Company, Note
from scoring.backtest_runs import start_backtest
from tests.factories import (
    AT,
    make_definition,
    make_key,
    make_lead,
    make_offer,
    make_rep,
    make_source,
    make_user,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# More of them where there is time: LEADFLOW_EXAMPLES=200 pytest tests/leadflow/api/test_schemathesis.py
EXAMPLES = int(os.environ.get("LEADFLOW_EXAMPLES", "4"))
CSRF = "a" * 32

schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)


@dataclass
class World:
    """Who asks, and the numbers of what is there, by the first part of the path."""

    callers: Iterator[dict[str, Any]]
    numbers: dict[str, int | str]


def signed_in(user: Any) -> dict[str, Any]:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    cookies = {"sessionid": client.cookies["sessionid"].value, "csrftoken": CSRF}
    return {"headers": {"X-CSRFToken": CSRF}, "cookies": cookies}


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the test's connection, and its transaction, over requests; Django's own test client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def world(db: Any, one_connection: None) -> World:
    if connection.vendor == "postgresql":
        # Making requests up takes longer than a request may keep a transaction open.
        connection.cursor().execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    rep = make_rep("Rita")
    offer = make_offer(rep, at=clock.now())
    sold = make_offer(rep, at=clock.now(), first_name="Sold")
    deal = Opportunity.objects.create(
        cycle=sold.cycle, name="Acme", currency="EUR", close_on=AT.date(), opened_at=AT
    )
    lead = make_lead(owner=rep.user)
    Note.objects.create(lead=lead, text="x", at=AT)
    make_source()
    standard = json.loads((Path(scoring.__file__).parent / "standard.json").read_text())
    make_definition(standard)
    draft = make_definition(standard, version=2, status="draft")
    backtest = start_backtest(draft, days=90, at=clock.now())
    routing = versions.open_draft(make_user(Role.ADMIN), clock.now())
    replay = replays.request(routing, 7, make_user(Role.ADMIN), clock.now())
    company = Company.objects.create(name="Acme", created_at=AT)
    admin = make_user(Role.ADMIN)
    job = jobs.upload([b"email\na@x.test\n"], filename="x.csv", kind="lead", by=admin, at=clock.now())
    hook = standing.create("CRM", "webhook", "https://crm.example/", ["lead.won"], by=admin, at=clock.now())
    by_key = [{"headers": {"Authorization": f"Bearer {make_key(user)}"}} for user in (admin, rep.user)]
    numbers = {
        "leads": lead.pk, "handoffs": offer.pk, "opportunities": deal.pk, "companies": company.pk,
        "reps": rep.pk, "definitions": 2, "backtests": backtest.pk,
        "routing-versions": routing.number - 1, "routing-replays": replay.pk,
        "reports": "summary", "imports": job.pk, "webhooks": hook.pk,
    }  # fmt: skip
    return World(itertools.cycle([*by_key, signed_in(admin)]), numbers)


@pytest.mark.slow
@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_schema_tells_every_answer(case: Any, world: World) -> None:
    for name in case.path_parameters or {}:
        case.path_parameters[name] = world.numbers[case.path.split("/")[3]]
    # Made up like everything else; who asks is ours to say.
    case.headers.pop("Authorization", None)
    response = case.call(**next(world.callers))
    case.validate_response(response, checks=CHECKS)
