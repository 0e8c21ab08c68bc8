"""Every table of the dashboard as rows of plain values: what CSV and the API give out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from leadflow.charts import FEW
from leadflow.dashboard import breakdown
from leadflow.dashboard.measures import BUCKETS, WITHIN
from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.report import Report
from leads.statistics import wilson

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """`title` names it for people; `rows` makes its rows, all with the same keys."""

    title: str
    rows: Callable[[Report, Parameters], list[Row]]


def share(name: str, part: int, whole: int) -> Row:
    """Return a share as its figures: counts always, rate and 95 % interval only from ten leads on."""
    bounds = wilson(part, whole) if whole >= FEW else None
    return {
        f"{name}": part,
        f"{name}_of": whole,
        f"{name}_rate": round(part / whole, 4) if bounds else None,
        f"{name}_low": round(bounds[0], 4) if bounds else None,
        f"{name}_high": round(bounds[1], 4) if bounds else None,
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _summary(report: Report, asked: Parameters) -> list[Row]:
    days = breakdown.horizon(asked.period)
    rows = []
    for index, (name, period) in enumerate([("period", asked.period), ("before", asked.period.before)]):
        cohort = report.cohort[index]
        median = report.contact_median_before if index else report.contacts.median
        rows.append(
            {
                "period": name,
                "from": period.first,
                "to": period.last,
                "mqls": cohort.mqls,
                **share("accepted", cohort.accepted, cohort.decided),
                "conversion_days": days,
                **share("converted", *cohort.conversion(days)),
                **share("met", cohort.met, cohort.mqls),
                **share("answered_in_time", report.answers[index].kept, report.answers[index].due),
                **share(
                    "contacted_in_time",
                    report.contact_promises[index].kept,
                    report.contact_promises[index].due,
                ),
                "first_contact_median_seconds": _seconds(median),
                "first_contact_p90_seconds": None if index else _seconds(report.contacts.p90),
            }
        )
    return rows


def _cohorts(report: Report, asked: Parameters) -> list[Row]:
    rows = []
    for month in report.months:
        versions = [mark.version for mark in report.definitions.within(month.period)]
        row: Row = {
            "month": f"{month.period.first:%Y-%m}",
            "definitions_new": ", ".join(map(str, versions)),
            "mqls": month.mqls,
            "open": month.open,
        }
        for days in WITHIN:
            is_ripe = month.is_ripe(days)
            of = month.mqls if is_ripe else 0
            row |= {f"ripe_{days}": is_ripe} | share(f"converted_{days}", month.within[days], of)
            row[f"converted_{days}_of"] = month.mqls
        rows.append(row)
    return rows


def _breakdown(report: Report, asked: Parameters) -> list[Row]:
    return [
        {
            "by": asked.by,
            "value": group.value,
            "name": group.name,
            "mqls": group.mqls,
            "open": group.open,
            **share("accepted", group.accepted, group.decided),
            "conversion_days": breakdown.horizon(asked.period),
            **share("converted", group.within, group.base),
            "converted_so_far": group.converted,
            "sqls_in_period": group.sqls,
        }
        for group in report.groups
    ]


def _steps(report: Report, asked: Parameters) -> list[Row]:
    deals = report.deals
    named = [
        ("lead", report.leads),
        ("mql", report.decisions),
        ("accepted", report.acceptances),
        ("sql", report.qualifications),
    ]
    rows: list[Row] = [
        {
            "step": name, "entered": step.entered, "moved_on": step.moved,
            "median_seconds": _seconds(step.median), "p90_seconds": _seconds(step.p90),
        }
        for name, step in named if step
    ]  # fmt: skip
    untimed: Row = {"median_seconds": None, "p90_seconds": None}
    rows.append({"step": "opportunity", "entered": deals.opened, "moved_on": deals.won, **untimed})
    rows.append({"step": "won", "entered": deals.won_in_period, "moved_on": None, **untimed})
    return rows


def _weeks(report: Report, asked: Parameters) -> list[Row]:
    return [
        {
            "week_from": week.period.first,
            "definitions_new": ", ".join(
                str(mark.version) for mark in report.definitions.within(week.period)
            ),
            "mqls": week.mqls,
            "sqls_of_these": week.converted,
            "open": week.open,
        }
        for week in report.weeks
    ]


def _reasons(report: Report, asked: Parameters) -> list[Row]:
    return [
        {"reason": one.key, "label": one.label, "leads": one.count, "running_share": round(one.running, 4)}
        for one in report.reasons
    ]


def _first_contact(report: Report, asked: Parameters) -> list[Row]:
    contacts = report.contacts
    rows: list[Row] = [
        {"after_acceptance": label, "under_minutes": below or None, "leads": count}
        for (below, label), count in zip(BUCKETS, contacts.buckets, strict=True)
    ]
    waiting = contacts.accepted - contacts.contacted
    return [*rows, {"after_acceptance": "Not yet", "under_minutes": None, "leads": waiting}]


TABLES: dict[str, Table] = {
    "summary": Table("Summary", _summary),
    "cohorts": Table("MQL to SQL by cohort", _cohorts),
    "breakdown": Table("Conversion by rule, source and more", _breakdown),
    "steps": Table("Steps taken in the period", _steps),
    "weeks": Table("MQLs and SQLs a week", _weeks),
    "reasons": Table("Why sales said no", _reasons),
    "first-contact": Table("Time to first contact", _first_contact),
}
