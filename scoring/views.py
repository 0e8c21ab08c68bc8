"""The Definitions page: the live rules in plain words, and every version there was."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leads.definitions import live_definition
from leads.models import Definition
from leads.permissions import requires
from scoring.live import Catalogue, rules_of
from scoring.models import Rescore
from scoring.plain_words import in_words
from scoring.scenarios import run_scenarios


@requires("definitions.read")
@require_safe
def definitions(request: HttpRequest, version: int | None = None) -> HttpResponse:
    """Show one version, the live one unless named."""
    shown = live_definition() if version is None else get_object_or_404(Definition, version=version)
    rulebook = rules_of(shown).rulebook if shown else None
    signals = Catalogue.load().facts
    context = {
        "definition": shown,
        "words": in_words(rulebook, signals) if rulebook else None,
        "outcomes": run_scenarios(rulebook, signals) if rulebook else [],
        "versions": Definition.objects.select_related("author").defer("document"),
        "running": Rescore.objects.filter(finished_at=None).order_by("pk").first(),
    }
    return render(request, "scoring/definitions.html", context)
