"""The panels of the dashboard: figures turned into charts, every count with the address of its leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from leadflow import charts
from leadflow.charts import Bar, Share
from leadflow.dashboard import breakdown
from leadflow.dashboard.breakdown import Group
from leadflow.dashboard.cohorts import Cohort
from leadflow.dashboard.definitions import Mark
from leadflow.dashboard.links import Links
from leadflow.dashboard.measures import BUCKETS, WITHIN
from leadflow.dashboard.parameters import DIMENSIONS
from leadflow.dashboard.period import Period
from leadflow.dashboard.report import Report
from leadflow.dashboard.steps import Step
from leadflow.formatting import duration, interval, percent, thousands
from leads.enums import Stage
from leads.statistics import wilson

SHOWN = 12  # groups, before "show all"


# --- Cohorts ---------------------------------------------------------------------------------------


def cohort_table(report: Report, links: Links) -> dict[str, Any]:
    """Return what `charts/_heat.html` and its key take."""
    ripe = [
        month.within[days] / month.mqls
        for month in report.months
        for days in WITHIN
        if _has_rate(month, days)
    ]
    scale = charts.heat_scale(ripe)
    return {
        "label": "MQL to SQL by month of the MQL",
        "corner": "Became MQL in",
        "columns": ["MQLs", *(f"{days} days" for days in WITHIN)],
        "scale": scale,
        "has_rates": bool(ripe),
        "rows": [_cohort_row(month, report, scale, links) for month in report.months],
    }


def _has_rate(month: Cohort, days: int) -> bool:
    return month.mqls >= charts.FEW and month.is_ripe(days)


def _cohort_row(month: Cohort, report: Report, scale: charts.HeatScale, links: Links) -> dict[str, Any]:
    def cell(days: int) -> charts.HeatCell:
        part = month.within[days]
        url = links.to("converted", month.period, within=days) if part else ""
        return charts.heat_cell(
            part, month.mqls, scale, is_ripe=month.is_ripe(days), has_begun=month.has_begun(days), url=url
        )

    return {
        "label": f"{month.period.first:%b %Y}",
        "tag": format_html_join(
            ", ",
            "{}",
            ((mark_link(mark, f"v{mark.version}"),) for mark in report.definitions.within(month.period)),
        ),
        "total": month.mqls,
        "total_url": links.to("mqls", month.period) if month.mqls else "",
        "cells": [cell(days) for days in WITHIN],
    }


# --- Steps -----------------------------------------------------------------------------------------


def funnel(report: Report, links: Links) -> list[Bar]:
    """Return what `charts/_funnel.html` takes; a stage without a label takes the organisation's."""
    deals, opened = report.deals, Step(report.deals.opened)
    rows = [
        _step(report.decisions, Stage.MQL, "mqls", "accepted", "accepted so far", links),
        _step(report.acceptances, Stage.MQL, "acceptances", "acceptances_converted", "became SQL so far", links),
        _step(report.qualifications, Stage.SQL, "sqls", "sqls_pursued", "became opportunities so far", links),
        replace(_step(opened, Stage.OPPORTUNITY, "opportunities", "", "", links), note=_outcomes(report, links)),
        Bar("", deals.won_in_period, _url(deals.won_in_period, "wins", links), stage=Stage.WON),
    ]  # fmt: skip
    rows[1] = replace(rows[1], label="Accepted", is_soft=True)
    if report.leads:
        rows.insert(0, _step(report.leads, Stage.LEAD, "leads", "leads_mql", "became MQL so far", links))
    return charts.bars(rows)


def _url(number: int, of: str, links: Links) -> str:
    return links.to(of) if number else ""


def _step(step: Step, stage: Stage, of: str, moved: str, went: str, links: Links) -> Bar:
    note = ""
    if step.entered:
        share = f" ({percent(step.moved / step.entered)})" if step.entered >= charts.FEW else ""
        took = (
            f", median {duration(step.median)}, p90 {duration(step.p90)}" if step.median is not None else ""
        )
        note = format_html("{} {}{}{}", links.count(step.moved, moved), went, share, took)
    return Bar("", step.entered, _url(step.entered, of, links), note, stage=stage)


def _outcomes(report: Report, links: Links) -> SafeString | str:
    deals = report.deals
    if not deals.opened:
        return ""
    return format_html(
        "{} won so far, {} lost, {} still open",
        links.count(deals.won, "opportunities_won"),
        links.count(deals.lost, "opportunities_lost"),
        links.count(deals.open, "opportunities_open"),
    )


# --- Weeks -----------------------------------------------------------------------------------------


def weekly(report: Report, links: Links, today: date) -> charts.LineChart:
    """Return MQLs and the SQLs they became, by week of the MQL; dotted where something is still open."""
    weeks = report.weeks
    names = [_day(week.period.first, today) for week in weeks]
    last_is_open = bool(weeks) and weeks[-1].period.days < 7
    chart = charts.line_chart(
        names,
        [
            charts.Series(
                "MQL", [week.mqls for week in weeks], Stage.MQL,
                open_from=len(weeks) - 1 if last_is_open else None, is_area=True,
            ),
            charts.Series("SQL", [week.converted for week in weeks], Stage.SQL, open_from=_first_open(weeks)),
        ],
        label=_said(weeks),
        marks=[
            (index, f"Definition {mark.version}", mark_url(mark))
            for index, week in enumerate(weeks)
            for mark in report.definitions.within(week.period)
        ],
        head="Week from",
    )  # fmt: skip
    return replace(
        chart,
        rows=[
            _week_row(week, name, links, report.definitions.within(week.period))
            for week, name in zip(weeks, names, strict=True)
        ],
    )


def _first_open(weeks: list[Cohort]) -> int | None:
    return next((index for index, week in enumerate(weeks) if week.unripe[90]), None)


def mark_url(mark: Mark) -> str:
    """Return the page of the version that went live."""
    return reverse("scoring:definition", args=[mark.version])


def mark_link(mark: Mark, text: str) -> SafeString:
    """Return a link to the version that went live, which says when that was."""
    said = f"Definition {mark.version} went live on {mark.day.day} {mark.day:%b %Y}"
    return format_html('<a href="{}" title="{}">{}</a>', mark_url(mark), said, text)


def definition_marks(report: Report, period: Period) -> list[tuple[SafeString, date]]:
    """Return the versions that went live in the period, for all its charts that have no days to mark."""
    return [
        (mark_link(mark, f"Definition {mark.version}"), mark.day)
        for mark in report.definitions.within(period)
    ]


def _week_row(week: Cohort, name: str, links: Links, marks: Sequence[Mark]) -> list[str]:
    sqls = links.count(week.converted, "converted", week.period)
    changed = format_html_join(
        "",
        ' <span class="tag">{} went live</span>',
        ((mark_link(mark, f"Definition {mark.version}"),) for mark in marks),
    )
    return [
        format_html("{}{}", name, changed) if marks else name,
        links.count(week.mqls, "mqls", week.period),
        format_html("{} so far", sqls) if week.unripe[90] else sqls,
    ]


def _day(day: date, today: date) -> str:
    return f"{day.day} {day:%b}" if day > today - timedelta(days=330) else f"{day.day} {day:%b %Y}"


def _said(weeks: list[Cohort]) -> str:
    mqls = sum(week.mqls for week in weeks)
    sqls = sum(week.converted for week in weeks)
    return f"MQLs and SQLs a week, {len(weeks)} weeks: {thousands(mqls)} MQLs, of which {thousands(sqls)} are SQLs."


# --- Breakdown and acceptance ----------------------------------------------------------------------


@dataclass(frozen=True)
class GroupRow:
    name: str
    mqls: SafeString
    accepted: SafeString | str
    converted: SafeString | str
    sqls: SafeString


def group_rows(groups: list[Group], by: str, report: Report, links: Links) -> list[GroupRow]:
    """Return the rows of the breakdown table."""
    return [_group_row(group, by, report.cohort[0], links) for group in groups]


def _group_row(group: Group, by: str, cohort: Cohort, links: Links) -> GroupRow:
    days = breakdown.horizon(cohort.period)
    here: dict[str, Any] = {"by": by, "value": group.value}
    period = cohort.period
    if not group.is_ripe:
        period = replace(period, last=cohort.today - timedelta(days=days + 1))
    return GroupRow(
        name=group.name,
        mqls=links.count(group.mqls, "mqls", **here),
        accepted=_rate(
            (group.accepted, group.decided),
            links.count(group.accepted, "accepted", **here),
            links.count(group.decided, "decided", **here),
        ),
        converted=_rate(
            (group.within, group.base),
            links.count(group.within, "converted", period, within=days, **here),
            links.count(group.base, "mqls", period, **here),
        )
        if group.base
        else format_html("{} so far", links.count(group.converted, "converted", **here)),
        sqls=links.count(group.sqls, "sqls", **here),
    )


def _rate(counts: tuple[int, int], part: SafeString, whole: SafeString) -> SafeString | str:
    """Return "52%, 118 of 228, likely 45–58%"; without the rate where the leads are few."""
    if not counts[1]:
        return "–"
    likely = interval(wilson(*counts))
    if counts[1] < charts.FEW:
        return format_html('{} of {} <span class="muted nowrap">{}</span>', part, whole, likely)
    rate = percent(counts[0] / counts[1])
    return format_html('<b>{}</b> {} of {} <span class="muted nowrap">{}</span>', rate, part, whole, likely)


def acceptance(groups: list[Group], by: str, report: Report, links: Links) -> dict[str, Any]:
    """Return what `charts/_shares.html` takes: every group with a decision, against all together."""
    cohort = report.cohort[0]
    target = cohort.accepted / cohort.decided if cohort.decided else None
    return {
        "rows": [_acceptance_row(group, by, links) for group in groups if group.decided],
        "head": DIMENSIONS[by],
        "unit": "Accepted",
        "target": charts.target_path(target),
        "all": percent(target) if target is not None else "",
    }


def _acceptance_row(group: Group, by: str, links: Links) -> Share:
    here: dict[str, Any] = {"by": by, "value": group.value}
    url = links.to("accepted", **here) if group.accepted else ""
    row = charts.share(group.name, group.accepted, group.decided, url=url)
    if not row.basis:
        return row
    part = links.count(group.accepted, "accepted", **here)
    return replace(
        row, basis=format_html("<span>{} of {}</span>", part, links.count(group.decided, "decided", **here))
    )


# --- Reasons and first contact ---------------------------------------------------------------------


def reason_bars(report: Report, links: Links) -> list[Bar]:
    """Return what `charts/_bars.html` takes, with the running share as note."""
    return charts.bars(
        [
            Bar(one.label, one.count, links.to("refusals", reason=one.key), percent(one.running))
            for one in report.reasons
        ]
    )


def pareto_sentence(report: Report) -> str:
    """Say how few reasons make up most refusals; nothing where there are hardly any."""
    total = sum(one.count for one in report.reasons)
    if total < charts.FEW or len(report.reasons) < 4:
        return ""
    many = next(index for index, one in enumerate(report.reasons, 1) if one.running >= 2 / 3)
    reasons = "One reason makes" if many == 1 else f"{_NUMBERS.get(many, many)} reasons make"
    return f"{reasons} up {percent(report.reasons[many - 1].running)}."


_NUMBERS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}


def contact_bars(report: Report, links: Links, promise_hours: int) -> list[Bar]:
    """Return the buckets of time to first contact, late ones in amber, and those not contacted yet."""
    contacts = report.contacts
    if not contacts.accepted:
        return []
    rows = [
        Bar(
            label, count, links.to("contacted", bucket=index) if count else "",
            tone="brand" if 0 < below <= promise_hours * 60 else "warn",
        )
        for index, ((below, label), count) in enumerate(zip(BUCKETS, contacts.buckets, strict=True))
    ]  # fmt: skip
    waiting = contacts.accepted - contacts.contacted
    rows.append(Bar("Not yet", waiting, links.to("uncontacted") if waiting else "", tone="muted"))
    return charts.bars(rows)
