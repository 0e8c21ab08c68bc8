"""The steps of a definition's life as pages that say what will happen before it does.

They join scoring's count of who newly qualifies with handoff's free seats, so they live up here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from handoff.roster import free_seats
from leads import clock
from leads.audit import audit
from leads.enums import ApprovalSide, DefinitionStatus
from leads.models import Definition, Organisation, User
from leads.permissions import View, requires
from scoring import life
from scoring.differences import differences
from scoring.live import Catalogue, live_rules, rules_of
from scoring.qualifying import count_newly_qualifying
from scoring.views import past_of


@dataclass(frozen=True)
class Step:
    """One step: who may take it, what its page says, and the words asked for, if any."""

    slug: str
    title: str
    button: str
    action: str
    done: str
    words: str = ""
    hint: str = ""
    side: str = ""
    goes_live: bool = False


STEPS = {
    step.slug: step
    for step in (
        Step("propose", "Propose", "Propose", "definitions.edit", "Proposed. Marketing and sales can approve it now.",
             "Note", "What this changes and why, in a sentence or two. Both sides read it before they approve."),
        Step("withdraw", "Take back the proposal", "Take back", "definitions.withdraw",
             "Taken back. It is a draft again, without approvals.", "Reason", "Whoever drafted it reads this."),
        Step("approve-marketing", "Approve for marketing", "Approve for marketing", "definitions.approve_marketing",
             "Approved for marketing.", side=ApprovalSide.MARKETING),
        Step("approve-sales", "Approve for sales", "Approve for sales", "definitions.approve_sales",
             "Approved for sales.", side=ApprovalSide.SALES),
        Step("publish", "Go live", "Go live", "definitions.edit", "", goes_live=True),
        Step("discard", "Discard the draft", "Discard", "definitions.edit", "Discarded. Its number is not used again."),
    )
}  # fmt: skip


class WordsForm(forms.Form):
    words = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["words"].label, self.fields["words"].help_text = step.words, step.hint


def step_page(slug: str) -> View:
    """Return the view of one step, open to those who may take it."""
    step = STEPS[slug]

    @requires(step.action)
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest, version: int) -> HttpResponse:
        found = get_object_or_404(Definition.objects.select_related("changed_by", "author"), version=version)
        initial = {"words": found.note if slug == "propose" else ""}
        form = WordsForm(step, request.POST if request.method == "POST" else None, initial=initial)
        if request.method == "POST" and form.is_valid():
            return _take(request, step, found, form.cleaned_data["words"])
        return _show(request, step, found, form)

    return view


def _take(request: HttpRequest, step: Step, found: Definition, words: str) -> HttpResponse:
    seen = request.POST.get("revision", "")
    revision = int(seen) if seen.isdecimal() and len(seen) < 10 else 0
    assert isinstance(request.user, User)
    try:
        now = _ACTS[step.slug](found, step, words, revision, clock.now(), request.user)
    except life.NotNow as refused:
        messages.error(request, str(refused))
        return redirect("scoring:definition", found.version)
    if now.status == DefinitionStatus.LIVE:
        messages.success(request, f"Definition {now.version} is live. Every lead is being scored anew.")
    else:
        messages.success(request, step.done)
    if step.slug == "discard":
        return redirect("scoring:definitions")
    return redirect("scoring:definition", now.version)


Act = Callable[[Definition, Step, str, int, datetime, User], Definition]


@transaction.atomic
def _propose(found: Definition, step: Step, words: str, revision: int, at: datetime, by: User) -> Definition:
    noted = life.change(found, found.document, note=words, revision=revision, at=at, by=by)
    return life.propose(noted, revision=noted.revision, at=at, by=by)


def _withdraw(found: Definition, step: Step, words: str, revision: int, at: datetime, by: User) -> Definition:
    return life.withdraw(found, revision=revision, at=at, by=by, reason=words)


def _approve(found: Definition, step: Step, words: str, revision: int, at: datetime, by: User) -> Definition:
    return life.approve(found, step.side, revision=revision, at=at, by=by)


def _publish(found: Definition, step: Step, words: str, revision: int, at: datetime, by: User) -> Definition:
    return life.go_live(found, revision=revision, at=at, by=by)


def _discard(found: Definition, step: Step, words: str, revision: int, at: datetime, by: User) -> Definition:
    return life.discard(found, revision=revision, at=at, by=by)


_ACTS: dict[str, Act] = {
    "propose": _propose, "withdraw": _withdraw, "approve-marketing": _approve, "approve-sales": _approve,
    "publish": _publish, "discard": _discard,
}  # fmt: skip


def _show(request: HttpRequest, step: Step, found: Definition, form: WordsForm) -> HttpResponse:
    if not found.is_open:
        messages.info(request, f"Definition {found.version} is {found.get_status_display().lower()} already.")
        return redirect("scoring:definition", found.version)
    assert isinstance(request.user, User)
    at, live = clock.now(), live_rules()
    goes_live = step.goes_live or bool(step.side and found.approvals.exclude(side=step.side).exists())
    weighs = step.slug in ("propose", "publish") or bool(step.side)
    shown = rules_of(found).rulebook
    count = count_newly_qualifying(found, at) if weighs else None
    context = {
        "step": step, "definition": found, "form": form, "goes_live": goes_live, "count": count,
        "button": f"{step.button} and go live" if goes_live and step.side else step.button,
        "free": free_seats(clock.day_of(at)) if count else 0,
        "broken": [outcome for outcome in life.outcomes_of(found) if not outcome.holds] if weighs else [],
        "changes": differences(live.rulebook, shown, Catalogue.load().facts) if live and weighs else [],
        "live_version": live.version if live else None,
        **(past_of(found, request.user) if weighs else {}),
        "refused": life.why_not_approve(found, step.side, request.user) if step.side else "",
    }  # fmt: skip
    if request.headers.get("HX-Request") == "true":
        return render(request, "leadflow/_qualifying.html", context)
    return render(request, "leadflow/definition_step.html", context)


class ApprovalsForm(forms.ModelForm):
    class Meta:
        model = Organisation
        fields = ("needs_approvals",)
        labels = {"needs_approvals": "A definition goes live only when marketing and sales have approved it"}


@requires("organisation.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def approvals_setting(request: HttpRequest) -> HttpResponse:
    """Turn the need for both approvals on or off."""
    organisation = Organisation.current()
    before = organisation.needs_approvals
    form = ApprovalsForm(request.POST if request.method == "POST" else None, instance=organisation)
    if request.method != "POST" or not form.is_valid():
        return render(request, "leadflow/approvals_setting.html", {"form": form})
    assert isinstance(request.user, User)
    with transaction.atomic():
        after = form.cleaned_data["needs_approvals"]
        Organisation.objects.filter(pk=organisation.pk).update(needs_approvals=after)
        if after != before:
            changes = {"needs_approvals": (before, after)}
            audit("organisation.edit", organisation, by=request.user, at=clock.now(), changes=changes)
    said = "Both sides have to approve." if after else "A proposal goes live without approvals."
    messages.success(request, f"Saved. {said}")
    return redirect("scoring:definitions")
