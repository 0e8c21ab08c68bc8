"""The whole report: every figure of the dashboard for one user and one set of parameters, as plain data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache

from leadflow.dashboard import breakdown, cohorts, definitions, measures, promises, reasons, steps
from leadflow.dashboard.breakdown import Group
from leadflow.dashboard.cohorts import Cohort
from leadflow.dashboard.definitions import Definitions
from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.period import Period
from leadflow.dashboard.promises import Promise
from leadflow.dashboard.reasons import Reason
from leadflow.dashboard.steps import Contacts, Deals, Pursuits, Step
from leads.enums import Role
from leads.models import User

# Figures are kept for thirty times as long as they took to count, at most five minutes: where counting is cheap
# they are always fresh, where it is not the page says of when they are.
CHEAP = 0.1  # seconds
KEPT = 300


@dataclass(frozen=True)
class Report:
    """Pairs are (in the period, in the one before). `leads` is None where new leads do not count for the user."""

    at: datetime
    definitions: Definitions
    cohort: tuple[Cohort, Cohort]
    months: list[Cohort]
    weeks: list[Cohort]
    groups: list[Group]
    rules: list[Group]
    leads: Step | None
    decisions: Step
    acceptances: Step
    contacts: Contacts
    contact_median_before: timedelta | None
    qualifications: Step
    pursuits: Pursuits
    deals: Deals
    answers: tuple[Promise, Promise]
    contact_promises: tuple[Promise, Promise]
    reasons: list[Reason]


def report(user: User, asked: Parameters, at: datetime, promise_hours: int = 24) -> Report:
    """Count everything afresh, in a number of queries that does not depend on the rows."""
    period, today, before = asked.period, asked.today, asked.period.before
    cycles = measures.cycles_of(user, asked.team)
    known = definitions.read(period.zone)
    month_span, week_span = cohorts.history(period), cohorts.weeks_shown(period)
    first = min(before.first, month_span.first, week_span.first)
    days = cohorts.count_days(cycles, Period(first, period.last, period.zone))
    rules = breakdown.groups(cycles, "rule", period, today, known.rules)
    accepted, contacts = steps.acceptances(cycles, period, promise_hours)
    qualified, pursuits = steps.qualifications(cycles, period, today)
    answers, contact_promises = promises.kept(measures.handoffs_of(user, asked.team), period, at)
    return Report(
        at=at,
        definitions=known,
        cohort=(cohorts.cohort(days, period, today), cohorts.cohort(days, before, today)),
        months=[cohorts.cohort(days, month, today) for month in month_span.months()],
        weeks=[cohorts.cohort(days, week, today) for week in week_span.weeks()],
        groups=rules
        if asked.by == "rule"
        else breakdown.groups(cycles, asked.by, period, today, breakdown.LABELS[asked.by]),
        rules=rules,
        leads=steps.new_leads(period) if measures.sees_entries(user, asked.team) else None,
        decisions=steps.decisions(cycles, period),
        acceptances=accepted,
        contacts=contacts,
        contact_median_before=steps.contact_median(cycles, before),
        qualifications=qualified,
        pursuits=pursuits,
        deals=steps.deals(cycles, period),
        answers=answers,
        contact_promises=contact_promises,
        reasons=reasons.pareto(cycles, period, reasons.reason_labels()),
    )


def recent_report(user: User, asked: Parameters, at: datetime, promise_hours: int = 24) -> Report:
    """Return the report, counted a short while ago if counting is costly."""
    key = f"dashboard:{scope(user)}:{asked.today}:{asked.period.zone}:{asked.query()}"
    kept: Report | None = cache.get(key)
    if kept is not None:
        return kept
    began = time.monotonic()
    fresh = report(user, asked, at, promise_hours)
    took = time.monotonic() - began
    if took > CHEAP:
        cache.set(key, fresh, min(KEPT, int(30 * took)))
    return fresh


def scope(user: User) -> str:
    """Return what the figures a user sees depend on."""
    if user.role == Role.REP:
        return f"rep-{user.pk}"
    return f"manager-{user.team_id}" if user.role == Role.MANAGER else user.role
