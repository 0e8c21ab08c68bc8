"""The page of one handoff: what handoff knows of it, beside where the score stands today."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from handoff import page
from handoff.views import handoff_of, user_of
from leads import clock
from leads.enums import Stage
from leads.models import Lead
from leads.permissions import requires
from scoring.forecast import grid, standing
from scoring.live import live_rules

# Past these the line has done its work.
_RISING = (Stage.LEAD, Stage.MQL)


@requires("handoffs.list")
@require_safe
def handoff_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One handoff: the note as it was frozen, what is known, what to ask, and what to do next."""
    handoff, at = handoff_of(request, pk), clock.now()
    context = page.content(handoff, user_of(request), at) | _score(handoff.lead, at)
    return render(request, "handoff/handoff_detail.html", context)


def _score(lead: Lead, at: datetime) -> dict[str, Any]:
    rules = live_rules()
    if rules is None:
        return {}
    return {
        "standing": standing(lead, clock.day_of(at), rules) if lead.stage in _RISING else None,
        "grid": grid(rules.rulebook, lead.grade, lead.band),
    }
