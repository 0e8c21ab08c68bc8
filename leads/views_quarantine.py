"""The quarantine: automated traffic with the reason it does not count, and both ways between it and the score."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from leads import clock
from leads.enums import Outcome
from leads.intake.signatures import REASONS
from leads.models import Event, Lead, User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires
from leads.quarantine import MOST, quarantine, release

PAGE_SIZE = 100
CAP = 10_000
SHOWN = [("quarantined", "In quarantine"), ("released", "Released"), ("counted", "Counted")]
ACTIONS = {
    "release": ("Released", "counted again"),
    "quarantine": ("Put into quarantine", "do not count any more"),
}


class QuarantineForm(forms.Form):
    """Which events to show; a lead, a browser's name or an address narrows what is there to choose from."""

    show = forms.ChoiceField(label="Show", choices=SHOWN, required=False)
    reason = forms.ChoiceField(label="Reason", choices=[("", "Any"), *REASONS.items()], required=False)
    agent = forms.CharField(label="Browser contains", required=False, max_length=100)
    lead = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=2**62)
    days = forms.ChoiceField(
        label="Arrived in the last", required=False,
        choices=[("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("400", "13 months")],
    )  # fmt: skip


@requires("events.quarantine")
@require_safe
def quarantine_page(request: HttpRequest) -> HttpResponse:
    """List events in quarantine, or, to put some there, events that count."""
    filters = {name: value for name, value in request.GET.items() if name != "cursor"}
    form = QuarantineForm({"show": "quarantined", "days": "30", **filters})
    if not form.is_valid():
        return render(request, "leads/quarantine.html", {"form": form, "reasons": []}, status=422)
    at, asked = clock.now(), form.cleaned_data
    events = _events(asked, at)
    try:
        page = keyset_page(
            events.select_related("lead", "signal", "source"), order=("-received_at", "-id"),
            cursor=request.GET.get("cursor", ""), size=PAGE_SIZE,
        )  # fmt: skip
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    context = {
        "form": form,
        "show": asked["show"] or "quarantined",
        "rows": [_row(event) for event in page.rows],
        "count": events.order_by()[: CAP + 1].count(),
        "cap": CAP,
        "reasons": _reasons(asked, at, request),
        "lead": Lead.objects.filter(pk=asked["lead"]).first() if asked["lead"] else None,
        "back": request.GET.urlencode(),
        "is_filtered": bool(asked["reason"] or asked["agent"] or asked["lead"]),
        "said": f"{len(page.rows)} on this page, newest first",
        **_pages(request, page.previous, page.next),
    }
    return render(request, "leads/quarantine.html", context)


def _pages(request: HttpRequest, previous: str | None, following: str | None) -> dict[str, str]:
    def address(cursor: str) -> str:
        query = request.GET.copy()
        query.pop("cursor", None)
        if cursor:
            query["cursor"] = cursor
        return f"?{query.urlencode()}"

    return {
        "first_url": address("") if previous else "",
        "previous_url": address(previous) if previous else "",
        "next_url": address(following) if following else "",
    }


def _events(asked: dict[str, Any], at: datetime) -> QuerySet[Event]:
    conditions = {
        "quarantined": Q(outcome=Outcome.QUARANTINED),
        "released": Q(outcome=Outcome.COUNTED, outcome_reason="released"),
        "counted": Q(outcome=Outcome.COUNTED, signal__isnull=False),
    }
    since = at - timedelta(days=int(asked["days"] or 30))
    events = Event.objects.filter(conditions[asked["show"] or "quarantined"], received_at__gte=since)
    if asked["reason"] and asked["show"] in ("", "quarantined"):
        events = events.filter(outcome_reason=asked["reason"])
    if asked["agent"]:
        events = events.filter(context__userAgent__icontains=asked["agent"])
    if asked["lead"]:
        events = events.filter(lead_id=asked["lead"])
    return events


def _row(event: Event) -> dict[str, Any]:
    agent = event.context.get("userAgent")
    return {
        "event": event,
        "what": event.name or event.type,
        "reason": REASONS.get(event.outcome_reason, event.outcome_reason.replace("_", " ")),
        "agent": agent if isinstance(agent, str) else "",
    }


def _reasons(asked: dict[str, Any], at: datetime, request: HttpRequest) -> list[dict[str, Any]]:
    """Return how many events stand in quarantine for each reason, most first, with the address that shows them."""
    held = _events({**asked, "show": "quarantined", "reason": ""}, at).order_by()
    counts = (
        held.values_list("outcome_reason").annotate(times=Count("pk")).order_by("-times", "outcome_reason")
    )
    made = []
    for reason, times in counts:
        query = request.GET.copy()
        query.pop("cursor", None)
        query["reason"], query["show"] = reason, "quarantined"
        made.append(
            {"label": REASONS.get(reason, reason), "times": times, "url": f"?{query.urlencode()}",
             "is_current": reason == asked["reason"]}
        )  # fmt: skip
    return made


@requires("events.quarantine")
@require_POST
def quarantine_act(request: HttpRequest, action: str) -> HttpResponse:
    """Release the chosen events, or put them into quarantine, and show a line for each."""
    if action not in ACTIONS:
        raise Http404
    assert isinstance(request.user, User)
    ids = [int(text) for text in request.POST.getlist("event") if text.isdecimal() and len(text) < 19]
    done_word, effect = ACTIONS[action]
    context: dict[str, Any] = {
        "title": done_word,
        "effect": effect,
        "back": request.POST.get("back", "")[:2000],
    }
    if not ids or len(ids) > MOST:
        problem = f"Choose at most {MOST:,} events." if ids else "No event was chosen. Tick the events first."
        return render(request, "leads/quarantine_result.html", context | {"problem": problem}, status=422)
    change = release if action == "release" else quarantine
    results = change(ids, at=clock.now(), by=request.user)
    done = sum(not result.problem for result in results)
    context |= {"results": results, "done": done, "failed": len(results) - done}
    return render(request, "leads/quarantine_result.html", context)
