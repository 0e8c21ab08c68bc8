"""The search page: leads one may see, by what somebody remembers of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leads.models import Lead, User
from leads.permissions import requires
from leads.search import BadQuery, matching

MOST = 30


@requires("leads.read")
@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    q = request.GET.get("q", "").strip()
    context: dict[str, Any] = {"q": q.replace("\x00", "")[:200]}
    try:
        found = matching(Lead.objects.visible_to(request.user), q) if q else Lead.objects.none()
    except BadQuery as wrong:
        return render(request, "leadflow/search.html", {**context, "problem": str(wrong)}, status=400)
    rows = list(found.select_related("company", "owner").order_by("-shown_score", "-id")[: MOST + 1])
    context |= {"leads": rows[:MOST], "more": len(rows) > MOST}
    return render(request, "leadflow/search.html", context)
