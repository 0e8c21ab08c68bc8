"""Lift, calibration and the second opinion, and the drafts they suggest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from leadflow.dashboard import definitions, learning, parameters
from leadflow.dashboard import learning_panels as panels
from leadflow.dashboard.asking import Asked, names_bad_parameters
from leadflow.dashboard.learning import OUTCOMES, SPAN, Names
from leadflow.dashboard.links import Links
from leadflow.dashboard.panels import mark_link
from leadflow.dashboard.parameters import SPANS, BadParameter
from leadflow.organisation import current_organisation
from leads import clock
from leads.models import Team, User
from leads.permissions import can, requires
from scoring.documents import InvalidDocument
from scoring.learning import calibration, suggestions
from scoring.learning.opinion import COMMON, LEAST, LEAST_TRIED
from scoring.learning.suggestions import Change
from scoring.live import live_rules
from scoring.publishing import save_draft

TABS = {"lift": "Lift", "calibration": "Calibration", "opinion": "Second opinion", "speed": "Speed"}


def asked_of(request: HttpRequest, *more: str) -> Asked:
    """Read a request for one of these pages, which look at a year unless told otherwise."""
    user = request.user
    assert isinstance(user, User)
    at, zone = clock.now(), current_organisation().time_zone
    query = request.POST if request.method == "POST" else request.GET
    return Asked(user, at, parameters.read(query, user, clock.day_of(at, zone), zone, more, span=SPAN))


def head(asked: Asked, here: str, table: str) -> dict[str, Any]:
    """Return what the head of each of these pages shows; `table` is the one it gives as CSV."""
    user, wanted = asked.user, asked.parameters
    links = Links(wanted, f"dashboard:{here}")
    teams = list(Team.objects.order_by("name")) if user.is_admin or user.is_marketer else []
    return {
        "asked": wanted,
        "scope": "Your leads" if user.is_rep else "Your team" if user.is_manager else "",
        "tabs": [
            (label, Links(wanted, f"dashboard:{name}").page(), name == here) for name, label in TABS.items()
        ],
        "spans": [(label, links.page(days=days), days == wanted.span) for days, label in SPANS.items()],
        "teams": [("All teams", links.page(team=None), wanted.team is None)]
        + [(team.name, links.page(team=team.pk), wanted.team == team) for team in teams],
        "csv": {"summary": links.csv(table)},
        "may_export": can(user, "exports"),
        "marks": [
            (mark_link(mark, f"Definition {mark.version}"), mark.day)
            for mark in definitions.read(wanted.period.zone).within(wanted.period)
        ],
        "may_draft": can(user, "definitions.edit"),
        "query": wanted.query(),
    }


@requires("reports.read")
@require_safe
@names_bad_parameters
def lift_page(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request, "sort")
    sort = asked.parameters.rest.get("sort", "leads")
    if sort not in panels.SORTS:
        raise BadParameter("sort", f"Sort can be {', '.join(panels.SORTS)}.")
    found, rules = learning.learned(asked.user, asked.parameters, asked.at), live_rules()
    links = Links(asked.parameters, "dashboard:lift")
    context = {
        "found": found,
        "tables": panels.lift_tables(found.lifts, sort, rules.rulebook if rules else None, links),
        "columns": [(label, name) for name, label in panels.COLUMNS.items()],
        "sort": sort,
        "sorts": {name: links.page(sort=name) for name in panels.SORTS},
    }
    return render(request, "dashboard/lift.html", head(asked, "lift", "lift") | context)


@requires("reports.read")
@require_safe
@names_bad_parameters
def calibration_page(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request)
    found = learning.learned(asked.user, asked.parameters, asked.at)
    links = Links(asked.parameters, "dashboard:calibration")
    sections = [
        {
            "title": f"{what} against {panels.COLUMNS[outcome]}",
            "id": f"{what}-{outcome}".lower(),
            "unit": panels.COLUMNS[outcome],
            "what": what,
            "verdict": calibration.verdict(bands, outcome, said),
            "panel": panels.band_panel(bands, outcome, links),
        }
        for what, bands in (("Score", found.scores), ("Grade", found.grades))
        for outcome, said in OUTCOMES.items()
    ]
    context = {"found": found, "sections": sections}
    return render(request, "dashboard/calibration.html", head(asked, "calibration", "calibration") | context)


@requires("reports.read")
@require_safe
@names_bad_parameters
def opinion_page(request: HttpRequest) -> HttpResponse:
    asked = asked_of(request, "outcome")
    outcome = _outcome(asked)
    rules = live_rules()
    opinion = learning.opinion_on(asked.user, asked.parameters, asked.at, outcome)
    changes = suggestions.by_opinion(opinion, rules.rulebook) if rules else []
    links = Links(asked.parameters, "dashboard:opinion")
    context = {
        "opinion": opinion,
        "said": OUTCOMES[outcome],
        "outcomes": [
            (f"{panels.COLUMNS[name]}", links.page(outcome=name), name == outcome) for name in OUTCOMES
        ],
        "area": panels.area(opinion.area),
        "likely": "–".join(panels.area(bound) for bound in opinion.interval or ()),
        "score_area": panels.area(opinion.score_area),
        "brier": panels.area(opinion.brier),
        "base_brier": panels.area(opinion.base_brier),
        "parts": panels.part_rows(opinion),
        "weights": panels.weight_rows(opinion, changes, Names.read(asked.parameters.period.zone)),
        "changes": changes,
        "least": LEAST,
        "least_tried": LEAST_TRIED,
        "common": COMMON,
    }
    return render(request, "dashboard/opinion.html", head(asked, "opinion", "second-opinion") | context)


def _outcome(asked: Asked) -> str:
    outcome = asked.parameters.rest.get("outcome", "converted")
    if outcome not in OUTCOMES:
        raise BadParameter("outcome", f"It can be {', '.join(OUTCOMES)}.")
    return outcome


@requires("definitions.edit")
@require_POST
@names_bad_parameters
def draft_open(request: HttpRequest) -> HttpResponse:
    """Make a draft of the live definition with the suggested change, worked out anew, and offer to back-test it."""
    asked = asked_of(request, "known", "outcome", "csrfmiddlewaretoken")
    rules, names = live_rules(), Names.read(asked.parameters.period.zone)
    changes = _changes(asked)
    home = Links(
        asked.parameters, "dashboard:lift" if "known" in asked.parameters.rest else "dashboard:opinion"
    )
    if not changes or rules is None:
        messages.warning(request, "The figures have changed since; they suggest no change any more.")
        return redirect(home.page())
    document = suggestions.changed(rules.document, changes, names.signals)
    try:
        draft = save_draft(document, at=asked.at, by=asked.user, note=_note(asked, changes, names))
    except InvalidDocument as invalid:
        messages.error(request, f"The change does not fit the definition: {invalid}")
        return redirect(home.page())
    messages.success(
        request,
        f"Draft {draft.version} holds the change. Try it on the past; nothing goes live until both sides approve.",
    )
    return redirect(f"{reverse('backtests:list')}?definition={draft.version}")


def _changes(asked: Asked) -> Sequence[Change]:
    rules, known = live_rules(), asked.parameters.rest.get("known")
    if rules is None:
        return []
    if known is None:
        opinion = learning.opinion_on(asked.user, asked.parameters, asked.at, _outcome(asked))
        return suggestions.by_opinion(opinion, rules.rulebook)
    found = learning.learned(asked.user, asked.parameters, asked.at).lifts
    one = next((lift for lift in found if f"{lift.kind}:{lift.key}" == known), None)
    if one is None:
        raise BadParameter("known", "There is no such signal, fit rule or MQL rule in this period.")
    change = suggestions.by_lift(one, rules.rulebook)
    return [change] if change else []


def _note(asked: Asked, changes: Sequence[Change], names: Names) -> str:
    said = ", ".join(f"{names.of(change.kind, change.key)} {change.old} → {change.new}" for change in changes)
    basis = "the lift" if "known" in asked.parameters.rest else "the second opinion"
    period = asked.parameters.period
    return f"Suggested by {basis} of {period.first} to {period.last}: {said}."
