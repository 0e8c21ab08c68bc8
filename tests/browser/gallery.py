"""A page that shows every component, for the tests of the shell alone."""

from datetime import timedelta
from pathlib import Path

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.utils import timezone

from leadflow import charts
from leadflow.urls import handler400, handler403, handler404, handler500  # noqa: F401
from leadflow.urls import urlpatterns as own
from leads.models import Lead
from tests.factories import AT

_TEMPLATE = Path(__file__).with_name("gallery.html")
PEOPLE = ["Katharina Vogel", "Declan Murphy", "Yuki Tanabe", "Ingrid Dahl", "Marcus Adeyemi"]


class Reason(str):
    """A choice with its consequence."""

    hint = "Nurture. Wakes on a new signal or in 90 days."


class Sample(forms.Form):
    size = forms.IntegerField(label="Company size", help_text="People, as a whole number")
    note = forms.CharField(label="What did you learn?", required=False, widget=forms.Textarea)
    reason = forms.ChoiceField(
        label="What is wrong with this lead?",
        widget=forms.RadioSelect,
        choices=[("need", Reason("No need now")), ("person", "Wrong person")],
    )
    agree = forms.BooleanField(label="Earlier, if there is a new signal", required=False)


@login_required
def gallery(request: HttpRequest) -> HttpResponse:
    form = Sample(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.success(request, "Saved.", extra_tags="undo:/undone/")
    now = timezone.now()
    context = {
        "form": form,
        "now": now,
        "soon": now + timedelta(minutes=38),
        "late": now - timedelta(minutes=18, seconds=30),
        "later": now + timedelta(hours=3, minutes=17, seconds=30),
        "start": now - timedelta(hours=1),
        "people": PEOPLE,
        "lead": Lead(grade="A", band=3, score=86, stage="mql"),
        "blocked": {"grade": "D", "band": 1, "score": 18, "disqualified_by": "student"},
        "notes": {"suspect": "3 Feb, list", "mql": "Today 09:31"},
        **_charts(),
    }
    template = engines["django"].from_string(_TEMPLATE.read_text())
    return HttpResponse(template.render(context, request))


def _charts() -> dict[str, object]:
    weeks = [f"{week} Jan" for week in range(1, 13)]
    mqls = [14, 16, 15, 16, 17, 16, 18, 18, 19, 12, 9, 4]
    sqls = [5, 6, 5, 6, 6, 5, 6, 7, 5, 3, 2, 1]
    scale = charts.heat_scale([0.07, 0.41])
    return {
        "line": charts.line_chart(
            weeks,
            [
                charts.Series("MQL", mqls, "mql", open_from=11, is_area=True),
                charts.Series("SQL, by week of MQL", sqls, "sql", open_from=8),
            ],
            label="MQLs and SQLs a week, 12 weeks: MQLs fall from 18 to 9.",
            marks=[(7, "Definition 6")],
        ),
        "bars": charts.bars([charts.Bar("No need now", 34, "#"), charts.Bar("Wrong person", 27, "#")]),
        "funnel": charts.bars(
            [
                charts.Bar("Lead", 612, "#", "39% become MQL", stage="lead"),
                charts.Bar("MQL", 241, "#", stage="mql"),
            ]
        ),
        "shares": [charts.share("Hand-raiser", 27, 33, url="#"), charts.share("Form, product", 3, 6)],
        "target": charts.target_path(0.52),
        "scale": scale,
        "columns": ["MQLs", "7 days", "14 days", "30 days", "60 days"],
        "heat": [
            {
                "label": "Sep 2025",
                "tag": "v6",
                "total": 64,
                "cells": [
                    charts.heat_cell(9, 64, scale, url="#"),
                    charts.heat_cell(26, 64, scale),
                    charts.heat_cell(20, 64, scale, is_ripe=False),
                    charts.heat_cell(2, 6, scale),
                ],
            }
        ],
        "spark": [3, 4, 6, 5, 9],
        "at": AT,
    }


def undone(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Undone.")


def fragment(request: HttpRequest) -> HttpResponse:
    messages.success(request, "From a fragment.")
    return HttpResponse("<p>A fragment.</p>")


def gone(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


def plain(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(f"<!doctype html><html lang=en><title>{name}</title><h1>{name}</h1>")


urlpatterns = [
    path("gallery/", gallery),
    path("gallery/undo/", undone),
    path("undone/", undone),
    path("fragment/", fragment),
    path("gone/", gone),
    path("person/<str:name>/", plain),
    path("", include(own)),
]
