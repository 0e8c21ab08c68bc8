"""The rep's pages: inbox, one handoff, deciding, discovery, opportunity."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import contact, inbox, workflow
from handoff.decisions import DECISIONS, DecisionAction, form_for, open_to
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import Handoff, Rep
from handoff.opening import wake_routing
from leads import clock
from leads.audit import audit
from leads.lifecycle import IllegalMove, StageConflict
from leads.models import User
from leads.permissions import can, requires


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
    wanted = request.GET.get("focus", "")
    # Where somebody comes back to a row, it has to be there.
    whole = "all" in request.GET or any(
        str(row.pk) == wanted for group in groups for row in group.rows[inbox.MOST :]
    )
    for group in groups if not whole else []:
        group.shorten(inbox.MOST)
    rows = [with_actions(row, user) for group in groups for row in group.rows]
    selected = next((row for row in rows if str(row.pk) == wanted), rows[0] if rows else None)
    rep = getattr(user, "rep", None)
    seats = Handoff.objects.filter(rep=rep).seats().count() if rep else 0
    context = {
        "groups": groups,
        "total": sum(group.count for group in groups),
        "urgent": sum(group.count for group in groups if group.slug == "soon"),
        "selected": selected,
        "rep": rep,
        "seats": seats,
        "free": max(0, rep.capacity - seats) if rep else 0,
    }
    return render(request, "handoff/inbox.html", context)


def _ticked(request: HttpRequest) -> list[Handoff]:
    numbers = [int(one) for one in request.POST.getlist("handoff")[:200] if one.isascii() and one.isdigit()]
    if not numbers:
        messages.info(request, "Tick the rows first: X on the current one.")
    mine = Handoff.objects.visible_to(user_of(request)).filter(pk__in=numbers)
    return list(mine.select_related("lead", "rep__user", "cycle"))


def _tell_refused(request: HttpRequest, refused: Sequence[tuple[Handoff, str]], what: str) -> None:
    for handoff, problem in refused[:5]:
        messages.error(request, f"{handoff.lead.name} was not {what}. {problem}")


@requires("handoffs.respond")
@require_POST
def accept_many(request: HttpRequest) -> HttpResponse:
    """Accept the offers that were ticked, each by itself; what was not possible says why."""
    accepted, refused = workflow.accept_many(_ticked(request), by=user_of(request), at=clock.now())
    if accepted:
        undo = f"undo:{reverse('handoff:undo_many')}?ids={','.join(str(one.pk) for one in accepted)}"
        messages.success(request, f"{_handoffs(accepted)} accepted.", extra_tags=undo)
    _tell_refused(request, refused, "accepted")
    return redirect("handoff:inbox")


def _handoffs(rows: Sequence[Handoff]) -> str:
    return "1 handoff" if len(rows) == 1 else f"{len(rows)} handoffs"


@requires("handoffs.respond")
@require_POST
def log_many(request: HttpRequest, what: str) -> HttpResponse:
    """Log the same contact with everybody ticked, as after a round of mails."""
    if what not in ("mail", "no_answer"):
        raise Http404
    logged, refused = contact.log_many(_ticked(request), what, by=user_of(request), at=clock.now())
    if logged:
        messages.success(request, f"{contact.CONTACTS[what].label}: logged for {_handoffs(logged)}.")
    _tell_refused(request, refused, "logged")
    return redirect("handoff:inbox")


@requires("handoffs.respond")
@require_POST
def undo_many(request: HttpRequest) -> HttpResponse:
    """Take back what was accepted together, as far as it has not taken effect."""
    user, at = user_of(request), clock.now()
    numbers = [
        int(one) for one in request.GET.get("ids", "").split(",")[:200] if one.isascii() and one.isdigit()
    ]
    undone = 0
    for handoff in Handoff.objects.visible_to(user).filter(pk__in=numbers).order_by("lead_id"):
        with suppress(HandoffConflict, NotAllowed):
            workflow.undo(handoff, by=user, at=at)
            undone += 1
    late = len(numbers) - undone
    messages.success(request, f"{undone} undone." + (f" {late} had taken effect already." if late else ""))
    return redirect("handoff:inbox")


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
    form = form_for(decision, handoff, request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _ask(request, handoff, decision, form)
    at = clock.now()
    _, following, _ = inbox.neighbours(Handoff.objects.visible_to(user), handoff, at)
    try:
        decision.run(_as_seen(request, handoff), user, form.cleaned_data, at)
    except Invalid as wrong:
        add_problems(form, wrong)
        return _ask(request, handoff, decision, form)
    except (HandoffConflict, NotAllowed, StageConflict, IllegalMove) as refused:
        return _refused(request, pk, decision, refused, following)
    undo = f"undo:{reverse('handoff:undo', args=[handoff.pk])}?from={_place(request)}"
    messages.success(request, f"{handoff.lead.name} {decision.done}.", extra_tags=undo)
    return redirect(_onwards(request, following))


def _place(request: HttpRequest) -> str:
    """Tell where a decision is taken: in the inbox, or on the page of the handoff."""
    given = request.POST.get("from") or request.GET.get("from")
    return "page" if given == "page" else "inbox"


def _onwards(request: HttpRequest, following: int | None) -> str:
    """Return where the rep goes on: to the next handoff, in the way they were working."""
    if following and _place(request) == "page":
        return reverse("handoff:handoff_detail", args=[following])
    return reverse("handoff:inbox") + (f"?focus={following}" if following else "")


def _as_seen(request: HttpRequest, handoff: Handoff) -> Handoff:
    """Put back the version the form was made from, so that a decision on an old page is noticed."""
    seen = request.POST.get("version", "")
    if seen.isascii() and seen.isdigit() and len(seen) < 10:
        handoff.version = int(seen)
    return handoff


def _ask(request: HttpRequest, handoff: Handoff, decision: DecisionAction, form: Form) -> HttpResponse:
    in_place = request.headers.get("HX-Request") and request.method != "POST"
    template = "handoff/_decide_dialog.html" if in_place else "handoff/decide.html"
    context = {"handoff": handoff, "action": decision, "form": form, "place": _place(request)}
    return render(request, template, context, status=422 if request.method == "POST" else 200)


def _refused(
    request: HttpRequest, pk: int, decision: DecisionAction, refused: Exception, following: int | None
) -> HttpResponse:
    """Say who was faster and when, what the handoff is now, and keep the words that were typed."""
    context = {
        "handoff": handoff_of(request, pk),
        "title": "Not yours to decide" if isinstance(refused, NotAllowed) else "Somebody was faster",
        "action": decision,
        "problem": str(refused),
        "typed": request.POST.get("note", "").strip(),
        "onwards": _onwards(request, following),
        "following": following,
    }
    status = 403 if isinstance(refused, NotAllowed) else 409
    return render(request, "handoff/conflict.html", context, status=status)


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
    if _place(request) == "page":
        return redirect("handoff:handoff_detail", pk)
    return redirect(reverse("handoff:inbox") + f"?focus={pk}")


@requires("reps.own_capacity")
@require_POST
def availability(request: HttpRequest) -> HttpResponse:
    """A rep takes no more leads; what is offered already stays. Who changes reps lets them take leads again."""
    user = user_of(request)
    rep = getattr(user, "rep", None)
    if rep is None:
        raise Http404
    wanted = request.POST.get("is_available") == "1"
    if wanted and not can(user, "routing.edit"):
        raise PermissionDenied
    with transaction.atomic():
        if Rep.objects.filter(pk=rep.pk).exclude(is_available=wanted).update(is_available=wanted):
            changes = {"is_available": (not wanted, wanted)}
            audit("rep.edit", rep, by=user, at=clock.now(), changes=changes)
            wake_routing()
    if not wanted:
        messages.info(request, "You take no new leads. Your manager lets you take leads again.")
    return redirect("handoff:inbox")
