"""Deadlines that passed in a period, and how many were kept: answer an offer, contact an accepted lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from handoff.models import Handoff
from leadflow.dashboard import measures
from leadflow.dashboard.period import Period


@dataclass(frozen=True)
class Promise:
    kept: int
    due: int


def kept(
    handoffs: QuerySet[Handoff], period: Period, at: datetime
) -> tuple[tuple[Promise, Promise], tuple[Promise, Promise]]:
    """Return answers and first contacts, each in the period and in the one before. Two queries."""
    answers = _kept(handoffs.filter(measures.answer_due(at)), "accept_by", measures.ANSWERED_IN_TIME, period)
    contacts = _kept(
        handoffs.filter(measures.contact_due(at)), "contact_by", measures.CONTACTED_IN_TIME, period
    )
    return answers, contacts


def _kept(due: QuerySet[Handoff], column: str, in_time: Q, period: Period) -> tuple[Promise, Promise]:
    now, before = period.around(column), period.before.around(column)
    # Counting the deadline and not the key leaves everything to the index.
    row = due.filter(now | before).aggregate(
        due_now=Count(column, filter=now), kept_now=Count(column, filter=now & in_time),
        due_before=Count(column, filter=before), kept_before=Count(column, filter=before & in_time),
    )  # fmt: skip
    return Promise(row["kept_now"], row["due_now"]), Promise(row["kept_before"], row["due_before"])
