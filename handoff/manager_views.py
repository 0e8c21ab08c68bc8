"""The manager's pages: who holds what, routing rules and pools, reps, rejection reasons."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import workflow
from handoff.errors import HandoffConflict, NotAllowed
from handoff.manager_forms import ReasonForm, RepForm
from handoff.models import (
    Absence,
    Handoff,
    HandoffStatus,
    Pool,
    RejectionReason,
    Rep,
    RoutingRule,
    RoutingVersion,
)
from handoff.rules import condition_words, rules_changed
from handoff.versions import draft
from leads import clock
from leads.audit import audit, diff, snapshot
from leads.models import User
from leads.permissions import can, requires

PAGE_SIZE = 50


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def reps_in_sight(user: User) -> Any:
    """Return the reps a manager or admin may see: the own team's, or all."""
    reps = Rep.objects.select_related("user__team", "calendar").order_by("user__name")
    return reps.filter(user__team=user.team) if user.is_manager else reps


@requires("handoffs.release")
@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand a returned lead to sales again, once what was missing is mended."""
    handoff = get_object_or_404(Handoff.objects.select_related("lead"), pk=pk, status=HandoffStatus.QUEUED)
    try:
        workflow.release_to_sales(
            handoff, by=_user(request), at=clock.now(), note=request.POST.get("note", "")[:2000]
        )
    except (HandoffConflict, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{handoff.lead.name} goes to sales again.")
    return redirect("leads:lead_detail", handoff.lead_id)


@requires("routing.read")
@require_safe
def routing_page(request: HttpRequest) -> HttpResponse:
    context = {
        "rules": [
            (rule, condition_words(rule.conditions))
            for rule in RoutingRule.objects.select_related("pool", "rep__user")
        ],
        "pools": Pool.objects.select_related("team").prefetch_related("members__rep__user").order_by("name"),
        "versions": RoutingVersion.objects.exclude(status="draft").select_related("published_by")[:20],
        "draft": draft(),
        "may_edit": can(_user(request), "routing.edit"),
    }
    return render(request, "handoff/routing.html", context)


@requires("routing.read")
@require_safe
def reps_page(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    away = {row.rep_id: row for row in Absence.objects.on(clock.today()).select_related("cover__user")}
    reps = list(reps_in_sight(user))
    for rep in reps:
        rep.away = away.get(rep.pk)
    context = {"reps": reps, "may_edit": can(user, "routing.edit")}
    return render(request, "handoff/reps.html", context)


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def rep_edit(request: HttpRequest, pk: int) -> HttpResponse:
    rep = get_object_or_404(reps_in_sight(_user(request)), pk=pk)
    return edit_row(
        request,
        RepForm(request.POST if request.method == "POST" else None, instance=rep),
        "rep",
        "handoff:reps",
        str(rep),
    )


@requires("reasons.read")
@require_safe
def reasons_page(request: HttpRequest) -> HttpResponse:
    context = {
        "reasons": RejectionReason.objects.annotate(times=Count("handoffs")),
        "may_edit": can(_user(request), "reasons.edit"),
    }
    return render(request, "handoff/reasons.html", context)


@requires("reasons.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def reason_edit(request: HttpRequest, slug: str = "") -> HttpResponse:
    reason = get_object_or_404(RejectionReason, slug=slug) if slug else RejectionReason()
    return edit_row(
        request,
        ReasonForm(request.POST if request.method == "POST" else None, instance=reason),
        "reason",
        "handoff:reasons",
        "Rejection reason",
    )


def edit_row(
    request: HttpRequest, form: ModelForm[Any], kind: str, back: str, title: str, delete: str = ""
) -> HttpResponse:
    """Show or take the form of one configuration row; every change is written to the audit log.

    `delete` names the address that removes the row.
    """
    fields = [field.name for field in form._meta.model._meta.concrete_fields if field.name != "id"]
    before = snapshot(form.instance, fields) if form.instance.pk else {}
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            row = form.save()
            changes = diff(before, snapshot(row, fields))
            audit(
                f"{kind}.{'edit' if before else 'create'}",
                row,
                by=_user(request),
                at=clock.now(),
                changes=changes,
            )
            if not isinstance(row, RejectionReason):
                rules_changed()
        messages.success(request, f"{row} saved.")
        return redirect(back)
    delete = reverse(delete, args=[form.instance.pk]) if delete and form.instance.pk else ""
    context = {"form": form, "title": title, "back": back, "delete": delete}
    return render(request, "handoff/settings_form.html", context, status=422 if form.is_bound else 200)
