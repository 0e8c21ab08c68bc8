"""Makers of rows scoring reads, for tests with a database."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from leads.enums import Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import EngagementDay, Lead
from leads.signals import activity_recorded
from scoring.documents import standard_document
from scoring.rescoring import drain
from tests.factories import AT, make_catalogue, make_definition, make_lead
from tests.scoring.build import GOOD_FIT

TODAY = AT.date()


def good_lead(**fields: Any) -> Lead:
    """A lead whose profile gives 38 points of fit, grade A."""
    return make_lead(**{**GOOD_FIT, **fields})


def publish_standard(**changes: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Make the standard definition live, with the named sections edited, and the catalogue present."""
    make_catalogue()
    document = copy.deepcopy(standard_document())
    for section, edit in changes.items():
        edit(document[section])
    make_definition(document)
    return document


def give(
    lead: Lead, signal: str, *, days_ago: int = 0, obj: str = "", n: int = 1, at: datetime = AT,
    known: date | None = None, mark: bool = True,
) -> None:  # fmt: skip
    """Let a lead have given a signal, as intake does it: a day count and a mark."""
    day = at.date()
    row, created = EngagementDay.objects.get_or_create(
        lead=lead, signal=make_catalogue()[signal], object_key=obj, occurred_on=day - timedelta(days=days_ago),
        known_on=known or day, defaults={"count": n},
    )  # fmt: skip
    if not created:
        row.count += n
        row.save()
    if mark:
        activity_recorded.send(sender=Lead, lead_ids=[lead.pk], day=known or day, at=at)


def settle(at: datetime = AT) -> int:
    return drain(at=at)


def end_cycle(lead: Lead, *, at: datetime = AT, status: str = Status.ACTIVE, **nurture: Any) -> None:
    """Send an MQL back to lead, as a rejection does."""
    lead.refresh_from_db()
    move_to_stage(lead, Stage.LEAD, at=at, status=status, reason="rejected", **nurture)
