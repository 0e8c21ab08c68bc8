"""The rep's pages: inbox, one handoff, deciding, discovery, opportunity."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import inbox, workflow
from handoff.decisions import DECISIONS, form_for, open_to
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import Handoff, Rep
from handoff.opening import wake_routing
from leads import clock
from leads.audit import audit
from leads.lifecycle import IllegalMove, StageConflict
from leads.models import User
from leads.permissions import requires


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def handoff_of(request: HttpRequest, pk: int) -> Handoff:
    handoffs = Handoff.objects.visible_to(user_of(request)).select_related(
        "lead__company", "cycle", "rep__user", "pool", "reason"
    )
    return with_actions(get_object_or_404(handoffs, pk=pk), user_of(request))


def with_actions(handoff: Handoff, user: User) -> Handoff:
    handoff.actions = open_to(handoff, user)  # type: ignore[attr-defined]  # what the templates offer
    return handoff


@requires("handoffs.respond")
@require_safe
def inbox_page(request: HttpRequest) -> HttpResponse:
    user, at = user_of(request), clock.now()
    groups = inbox.grouped(Handoff.objects.visible_to(user), at)
    rows = [with_actions(row, user) for group in groups for row in group.rows]
    wanted = request.GET.get("focus", "")
    selected = next((row for row in rows if str(row.pk) == wanted), rows[0] if rows else None)
    rep = getattr(user, "rep", None)
    context = {
        "groups": groups,
        "total": len(rows),
        "urgent": sum(len(group.rows) for group in groups if group.slug == "soon"),
        "selected": selected,
        "rep": rep,
        "seats": Handoff.objects.filter(rep=rep).seats().count() if rep else 0,
    }
    return render(request, "handoff/inbox.html", context)


@requires("handoffs.list")
@require_safe
def peek(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "handoff/_peek.html", {"handoff": handoff_of(request, pk)})


@requires("handoffs.respond")
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask for, and take, one decision. Whoever was slower is told who was faster, and nothing is lost."""
    handoff, user = handoff_of(request, pk), user_of(request)
    decision = DECISIONS.get(slug)
    if decision is None:
        raise Http404
    form = form_for(decision, request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        template = (
            "handoff/_decide_dialog.html" if request.headers.get("HX-Request") else "handoff/decide.html"
        )
        context = {"handoff": handoff, "action": decision, "form": form}
        return render(request, template, context, status=422 if request.method == "POST" else 200)
    _, following, _ = inbox.neighbours(Handoff.objects.visible_to(user), handoff, clock.now())
    try:
        decision.run(handoff, user, form.cleaned_data, clock.now())
    except Invalid as wrong:
        add_problems(form, wrong)
    except (HandoffConflict, NotAllowed, StageConflict, IllegalMove) as refused:
        context = {
            "handoff": handoff_of(request, pk),
            "action": decision,
            "form": form,
            "problem": str(refused),
        }
        return render(
            request, "handoff/decide.html", context, status=403 if isinstance(refused, NotAllowed) else 409
        )
    else:
        undo = "undo:" + reverse("handoff:undo", args=[handoff.pk])
        messages.success(request, f"{handoff.lead.name} {decision.done}.", extra_tags=undo)
        return redirect(reverse("handoff:inbox") + (f"?focus={following}" if following else ""))
    context = {"handoff": handoff, "action": decision, "form": form}
    return render(request, "handoff/decide.html", context, status=422)


def add_problems(form: Any, wrong: Invalid) -> None:
    for name, problem in wrong.problems.items():
        form.add_error(name if name in form.fields else None, problem)


@requires("handoffs.respond")
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    handoff = handoff_of(request, pk)
    try:
        workflow.undo(handoff, by=user_of(request), at=clock.now())
    except (HandoffConflict, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Undone: {handoff.lead.name} is as before.")
    return redirect(reverse("handoff:inbox") + f"?focus={pk}")


@requires("reps.own_capacity")
@require_POST
def availability(request: HttpRequest) -> HttpResponse:
    """A rep pauses or takes leads again; what is offered already stays."""
    rep = getattr(user_of(request), "rep", None)
    if rep is None:
        raise Http404
    is_available = request.POST.get("is_available") == "1"
    with transaction.atomic():
        Rep.objects.filter(pk=rep.pk).update(is_available=is_available)
        changes = {"is_available": (rep.is_available, is_available)}
        audit("rep.edit", rep, by=user_of(request), at=clock.now(), changes=changes)
        wake_routing()
    return redirect("handoff:inbox")
