"""The conversion page and the lists behind its numbers."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leadflow.dashboard import behind, breakdown, definitions, diagnosis, panels, tiles
from leadflow.dashboard.asking import Asked, asked_of, names_bad_parameters, report_for
from leadflow.dashboard.links import Links
from leadflow.dashboard.parameters import DIMENSIONS, SPANS, dimensions
from leadflow.dashboard.report import Report
from leadflow.navigation import link
from leadflow.organisation import current_organisation
from leads.models import Team
from leads.paging import BadCursor, Page, keyset_page
from leads.permissions import can, requires
from scoring.learning.lift import KINDS

PAGE_SIZE = 50
COUNT_CAP = 10_000
# The dimensions offered above the acceptance chart; the table has them all.
ACCEPTANCE_BY = ("rule", "source", "rep")


@requires("reports.read")
@require_safe
@names_bad_parameters
def conversion(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request)
    report = report_for(asked)
    links = Links(asked.parameters)
    return render(
        request,
        "dashboard/conversion.html",
        _head(asked, report, links) | _figures(asked, report, links) | _breakdown(asked, report, links),
    )


def _head(asked: Asked, report: Report, links: Links) -> dict[str, Any]:
    user, parameters = asked.user, asked.parameters
    chooses_team = user.is_admin or user.is_marketer
    teams = list(Team.objects.order_by("name")) if chooses_team else []
    return {
        "asked": parameters,
        "report": report,
        "definitions": report.definitions,
        "scope": "Your leads" if user.is_rep else "Your team" if user.is_manager else "",
        "spans": [(label, links.page(days=days), days == parameters.span) for days, label in SPANS.items()],
        "teams": [("All teams", links.page(team=None), parameters.team is None)]
        + [(team.name, links.page(team=team.pk), parameters.team == team) for team in teams],
        "csv": {
            name: links.csv(name) for name in ("summary", "cohorts", "breakdown", "steps", "weeks", "reasons")
        }
        | {"first_contact": links.csv("first-contact")},
        "may_export": can(user, "exports"),
        "definitions_url": link("scoring:definitions"),
        "drafts_url": link("scoring:definitions") if can(user, "definitions.edit") else "",
    }


def _figures(asked: Asked, report: Report, links: Links) -> dict[str, Any]:
    hours = current_organisation().contact_hours
    refused = sum(one.count for one in report.reasons)
    return {
        "tiles": tiles.tiles(report, links),
        "diagnosis": diagnosis.diagnose(report),
        "cohorts": panels.cohort_table(report, links),
        "funnel": panels.funnel(report, links),
        "marks": panels.definition_marks(report, asked.parameters.period),
        "weekly": panels.weekly(report, links, asked.parameters.today),
        "reasons": panels.reason_bars(report, links),
        "refused": links.count(refused, "refusals"),
        "pareto": panels.pareto_sentence(report),
        "contacts": panels.contact_bars(report, links, hours),
        "contact_hours": hours,
        "accepted": links.count(report.contacts.accepted, "acceptances"),
    }


def _breakdown(asked: Asked, report: Report, links: Links) -> dict[str, Any]:
    parameters, open_to = asked.parameters, dimensions(asked.user)
    by = parameters.by
    shown = report.groups if parameters.all_rows else report.groups[: panels.SHOWN]
    return {
        "by": DIMENSIONS[by],
        "horizon": breakdown.horizon(parameters.period),
        "groups": panels.group_rows(shown, by, report, links),
        "group_count": len(report.groups),
        "all_groups_url": links.page(rows="all") if len(shown) < len(report.groups) else "",
        "switch": [(label, links.page(by=name, rows=None), name == by) for name, label in open_to.items()],
        "acceptance": panels.acceptance(shown, by, report, links),
        "acceptance_switch": [
            (open_to[name], links.page(by=name, rows=None), name == by)
            for name in ACCEPTANCE_BY
            if name in open_to
        ],
    }


@requires("reports.read")
@require_safe
@names_bad_parameters
def leads_behind(request: HttpRequest) -> HttpResponse:
    """List what was counted; its length is the number that was clicked."""
    asked = asked_of(request, behind.MORE)
    known = definitions.read(asked.parameters.period.zone)
    found = behind.behind(asked.user, asked.parameters, asked.at, known.rules)
    rows = behind.prepared(found.rows, found.measure.model)
    try:
        page = keyset_page(rows, order=found.order, cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    count = found.rows.order_by()[: COUNT_CAP + 1].count()
    return render(
        request, "dashboard/leads_behind.html", _list(request, asked, found, page, known.rules, count)
    )


def _list(
    request: HttpRequest,
    asked: Asked,
    found: behind.Behind,
    page: Page[Any],
    rules: dict[str, str],
    count: int,
) -> dict[str, Any]:
    def address(cursor: str | None) -> str:
        query = request.GET.copy()
        query.pop("cursor", None)
        if cursor:
            query["cursor"] = cursor
        return f"?{query.urlencode()}"

    return {
        "asked": asked.parameters,
        "back_name": "Lift" if "known" in asked.parameters.rest else "Conversion",
        "measure": found.measure,
        "conditions": found.conditions,
        "lines": behind.lines(page.rows, found.measure, asked.user, rules),
        "count": f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}",
        "back_url": _back(asked),
        "csv_query": address(None)[1:],
        "may_export": can(asked.user, "exports"),
        "said": f"{len(page.rows)} on this page, newest first",
        "first_url": address(None) if page.previous else "",
        "previous_url": address(page.previous) if page.previous else "",
        "next_url": address(page.next) if page.next else "",
        "shows_rep": not asked.user.is_marketer,
    }


def _back(asked: Asked) -> str:
    kind = asked.parameters.rest.get("known", "").partition(":")[0]
    home = "conversion" if not kind else "lift" if kind in KINDS else "calibration"
    return Links(asked.parameters, f"dashboard:{home}").page()
