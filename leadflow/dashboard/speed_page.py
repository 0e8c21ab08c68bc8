"""The report on speed against conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from leadflow import charts
from leadflow.charts import FEW
from leadflow.dashboard import speed
from leadflow.dashboard.asking import names_bad_parameters
from leadflow.dashboard.learning_pages import asked_of, head
from leadflow.dashboard.links import Links
from leadflow.dashboard.speed import MEASURE, NEVER, WHOLE, SpeedClass
from leadflow.formatting import interval, percent
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning
from leads.permissions import requires
from leads.statistics import wilson
from scoring.learning.calibration import ENOUGH, trend
from scoring.learning.goodness import Z_95

TITLES = {"converted": ("become SQLs", "SQL"), "won": ("are won", "Won")}


@requires("reports.read")
@require_safe
@names_bad_parameters
def speed_page(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request)
    found = speed.classes(asked.user, asked.parameters, asked.at)
    links = Links(asked.parameters, "dashboard:speed")
    context = {
        "total": sum(one.counts["all"] for one in found),
        "panels": [_panel(found, outcome, links) for outcome in WHOLE],
        "rows": [_row(one, links) for one in found],
    }
    return render(request, "dashboard/speed.html", head(asked, "speed", "speed") | context)


@dataclass(frozen=True)
class Panel:
    outcome: str
    unit: str
    tone: str
    word: str
    sentence: str
    shares: list[charts.Share]


def _panel(found: Sequence[SpeedClass], outcome: str, links: Links) -> Panel:
    said, unit = TITLES[outcome]
    shares = [_share(one, outcome, links) for one in found if one.counts["all"]]
    return Panel(outcome, unit, *_verdict(found, outcome, said), shares)


def _share(one: SpeedClass, outcome: str, links: Links) -> charts.Share:
    part, whole = one.counts[outcome], one.counts[WHOLE[outcome]]
    url = links.to(MEASURE, speed=one.index, then=outcome) if part else ""
    drawn = charts.share(one.label, part, whole, url=url)
    return replace(drawn, basis=_of(one, outcome, links)) if drawn.basis and whole else drawn


def _of(one: SpeedClass, outcome: str, links: Links) -> SafeString:
    whole = WHOLE[outcome]
    part, of = (
        links.count(one.counts[name], MEASURE, speed=one.index, then=name) for name in (outcome, whole)
    )
    return format_html("<span>{} of {}</span>", part, of)


def _verdict(found: Sequence[SpeedClass], outcome: str, said: str) -> tuple[str, str, str]:
    """Return tone, word and sentence: by a trend test over the classes of those contacted, the slowest first."""
    sooner = f"Leads contacted sooner {said}"
    if outcome == "converted" and sql_meaning() == SqlMeaning.ACCEPTED:
        return "info", "always", "Here accepting a lead makes it an SQL, so speed shows only in what was won."
    contacted = [one for one in found if one.index != NEVER][::-1]
    groups = [(one.counts[outcome], one.counts[WHOLE[outcome]]) for one in contacted]
    known = sum(whole for _, whole in groups)
    if known < ENOUGH:
        said = f"Not enough is known yet to say whether leads contacted sooner {said}: {known} of {ENOUGH}."
        return "info", "too early", said
    if sum(whole >= FEW for _, whole in groups) < 2:
        return "info", "too early", "Nearly all leads lie in one class, so nothing can be said of others."
    z = trend(groups)
    if z > Z_95:
        return "good", "it matters", f"{sooner} more often, clearly more than chance would make it."
    if z < -Z_95:
        return "warn", "the other way", f"{sooner} less often. Look which leads are called first."
    return "info", "no clear order", f"Leads contacted sooner do not {_bare(said)} clearly more often."


def _bare(said: str) -> str:
    return {"are won": "get won"}.get(said, said)


def _row(one: SpeedClass, links: Links) -> dict[str, Any]:
    return {
        "label": one.label,
        "accepted": links.count(one.counts["all"], MEASURE, speed=one.index),
        "cells": [
            {
                "label": unit,
                "rate": percent(one.counts[outcome] / one.counts[WHOLE[outcome]])
                if one.counts[WHOLE[outcome]] >= FEW
                else "",
                "basis": _of(one, outcome, links),
                "likely": interval(wilson(one.counts[outcome], one.counts[WHOLE[outcome]])),
            }
            for outcome, (_, unit) in TITLES.items()
        ],
    }
