"""What can be done to many leads at once, with an answer for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from leads import clock
from leads.enums import Stage, Status
from leads.lifecycle import IllegalMove, StageConflict, move_to_stage
from leads.models import Lead, User
from leads.permissions import can, requires

MOST = 1000


@dataclass(frozen=True)
class BulkAction:
    """One action: who may (`permission`), what it asks for besides the leads, and what it does to one lead."""

    slug: str
    label: str
    permission: str
    asks: str  # "", "reason" or "date"
    run: Callable[[Lead, User, BulkForm, datetime], None]
    danger: bool = False


class BulkForm(forms.Form):
    reason = forms.CharField(label="Reason", required=False, max_length=300)
    wake_on = forms.DateField(
        label="Wake up on", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Write the day as YYYY-MM-DD."},
    )  # fmt: skip


def hand_to_sales(lead: Lead, by: User, form: BulkForm, at: datetime) -> None:
    """Make a lead an MQL by hand; routing takes it from there."""
    reason = form.cleaned_data["reason"] or f"Handed to sales by {by}"
    move_to_stage(lead, Stage.MQL, at=at, by=by, reason=reason, evidence=manual_evidence(lead, reason))


def manual_evidence(lead: Lead, reason: str) -> dict[str, object]:
    """Return what the ledger keeps of a promotion that a person and no rule decided."""
    return {
        "rule": "manual", "rule_label": "By hand", "hand_raiser": False, "why": reason,
        "fit": lead.fit_score, "engagement": lead.engagement_score, "score": lead.score,
        "grade": lead.grade, "band": lead.band, "momentum": lead.momentum,
    }  # fmt: skip


def nurture(lead: Lead, by: User, form: BulkForm, at: datetime) -> None:
    move_to_stage(
        lead, _off_ramp_stage(lead), at=at, by=by, status=Status.NURTURE,
        wake_on=form.cleaned_data["wake_on"] or clock.day_of(at) + timedelta(days=90),
        reason=form.cleaned_data["reason"], nurture_reason=form.cleaned_data["reason"][:100],
    )  # fmt: skip


def disqualify(lead: Lead, by: User, form: BulkForm, at: datetime) -> None:
    move_to_stage(
        lead,
        _off_ramp_stage(lead),
        at=at,
        by=by,
        status=Status.DISQUALIFIED,
        reason=form.cleaned_data["reason"],
    )


def reactivate(lead: Lead, by: User, form: BulkForm, at: datetime) -> None:
    """Take a lead back from nurture or disqualification, or an MQL back to lead."""
    move_to_stage(lead, _off_ramp_stage(lead), at=at, by=by, reason=form.cleaned_data["reason"])


def _off_ramp_stage(lead: Lead) -> str:
    return Stage.SUSPECT if lead.stage == Stage.SUSPECT else Stage.LEAD


ACTIONS = {
    action.slug: action
    for action in (
        BulkAction("hand-to-sales", "Hand to sales", "stage.marketing", "", hand_to_sales),
        BulkAction("nurture", "Nurture", "stage.marketing", "date", nurture),
        BulkAction("reactivate", "Back to lead", "stage.marketing", "", reactivate),
        BulkAction("disqualify", "Disqualify", "stage.marketing", "reason", disqualify, danger=True),
    )
}


@dataclass(frozen=True)
class BulkResult:
    """What became of one chosen lead; `lead` is None where there is none the user may see."""

    number: str
    lead: Lead | None
    problem: str = ""


@requires("stage.marketing")
@require_POST
def bulk_action(request: HttpRequest, slug: str) -> HttpResponse:
    """Run one action over the chosen leads and show a line for each; leads out of sight answer like missing ones."""
    action = ACTIONS.get(slug)
    user = request.user
    if action is None or not isinstance(user, User) or not can(user, action.permission):
        raise Http404
    numbers = request.POST.getlist("lead")
    form = BulkForm(_one_reason(request))
    if (
        not numbers
        or len(numbers) > MOST
        or not form.is_valid()
        or (action.asks == "reason" and not form.cleaned_data["reason"])
    ):
        problem = _problem(action, numbers, form)
        return render(request, "leads/bulk_result.html", {"action": action, "problem": problem, "form": form,
                      "numbers": numbers[:MOST], "back": request.POST.get("back", "")}, status=422)  # fmt: skip
    results = [_run(action, user, form, number, clock.now()) for number in dict.fromkeys(numbers)]
    done = sum(not result.problem for result in results)
    context = {"action": action, "results": results, "done": done, "failed": len(results) - done,
               "back": request.POST.get("back", "")}  # fmt: skip
    return render(request, "leads/bulk_result.html", context)


def _one_reason(request: HttpRequest) -> dict[str, str]:
    # The page has a dialog for each action, and all of them are part of the one form.
    filled = {name: list(filter(None, request.POST.getlist(name))) for name in ("reason", "wake_on")}
    return {name: values[0] for name, values in filled.items() if values}


def _problem(action: BulkAction, numbers: list[str], form: BulkForm) -> str:
    if not numbers:
        return "No lead was chosen. Tick the leads first."
    if len(numbers) > MOST:
        return f"{len(numbers):,} leads are too many at once; choose at most {MOST:,}."
    if not form.is_valid():
        return " ".join(str(error) for errors in form.errors.values() for error in errors)
    return f"{action.label} needs a reason. Nothing was changed."


def _run(action: BulkAction, user: User, form: BulkForm, number: str, at: datetime) -> BulkResult:
    known = number.isdecimal() and len(number) < 19
    lead = Lead.objects.visible_to(user).filter(pk=int(number)).first() if known else None
    if lead is None:
        return BulkResult(number[:20], None, "There is no such lead.")
    try:
        action.run(lead, user, form, at)
    except (IllegalMove, StageConflict) as refused:
        return BulkResult(number, lead, str(refused))
    return BulkResult(number, lead)
