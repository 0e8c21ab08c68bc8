"""Tests of the tests: each fault is put into the product on purpose, and a named test must notice (docs/testing.md)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Q

from handoff import roster, workflow
from leads import ledger
from leads.checks import triggers_present
from tests.handoff import test_scenarios as scenarios
from tests.handoff import test_workflow as decisions
from tests.handoff.test_workflow import offer, rep  # noqa: F401 - fixtures of the tests called here
from tests.leads import test_lifecycle as lifecycle

pytestmark = pytest.mark.django_db
# Not just any error: an assertion of the named test has to fail.
NOTICED = (AssertionError, pytest.fail.Exception)


def test_an_accept_that_ignores_status_and_deadline_is_noticed(monkeypatch, offer, rep):  # noqa: F811
    monkeypatch.setattr(workflow, "Q", lambda **conditions: Q())

    with pytest.raises(NOTICED):
        decisions.test_accept_wins_at_the_deadline_and_loses_after_it(offer, rep)


def test_a_ledger_without_triggers_is_noticed(at):
    ledger.remove(connection)

    assert triggers_present(at)
    with pytest.raises(NOTICED):
        lifecycle.test_ledger_refuses_update_and_delete()


def test_routing_that_ignores_capacity_is_noticed(monkeypatch, at):
    monkeypatch.setattr(roster.RepCard, "is_full", False)

    with pytest.raises(NOTICED):
        scenarios.test_fifty_at_once_to_five_with_eight_seats_each(at)
