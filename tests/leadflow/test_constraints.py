"""What the database itself refuses, whatever the code above it does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from handoff.models import Handoff
from leads.enums import Stage
from leads.models import Cycle, Event, Lead, StageChange
from tests.factories import AT, make_lead, make_mql, make_source

pytestmark = pytest.mark.django_db


def refused(*rows):
    """Insert rows one by one; all but the first must be refused."""
    first, *others = rows
    first.save()
    for row in others:
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


def test_a_second_open_handoff_of_a_lead_is_refused():
    handoff = make_mql()
    second = Handoff(
        lead=handoff.lead, cycle=handoff.cycle, attempt=2, queue_reason="new", waiting_since=AT
    )  # fmt: skip

    refused(handoff, second)


def test_a_second_handoff_of_the_same_attempt_is_refused():
    handoff = make_mql()
    handoff.status, handoff.closed_at = "withdrawn", AT

    again = Handoff(lead=handoff.lead, cycle=handoff.cycle, queue_reason="new", waiting_since=AT)
    again.attempt = handoff.attempt

    refused(handoff, again)


def test_a_second_live_lead_with_an_address_is_refused():
    lead = make_lead(email="ann@acme.test")

    refused(lead, Lead(email="ann@acme.test", stage_since=AT, created_at=AT))


def test_a_second_cycle_of_a_number_is_refused():
    lead = make_lead(stage=Stage.MQL)

    refused(lead, Cycle(lead=lead, number=1, mql_at=AT + timedelta(days=1), rule="content", version=1))


def test_a_second_ledger_line_of_a_number_is_refused():
    lead = make_lead()
    line = {"from_stage": "lead", "to_stage": "mql", "to_status": "active", "at": AT, "actor": "test"}

    refused(lead, StageChange(lead=lead, seq=1, **line))


def test_a_second_event_of_a_message_is_refused():
    event = {
        "source": make_source(), "message_id": "m-1", "type": "track", "received_at": AT, "occurred_at": AT,
        "occurred_on": AT.date(), "outcome": "counted",
    }  # fmt: skip

    refused(Event(**event), Event(**event))
