"""The managers' board: every open handoff, why some have no rep, and giving them to somebody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import waiting, workflow
from handoff.errors import CapacityReached, HandoffConflict, Invalid, NotAllowed
from handoff.forms import ReassignForm, ReassignManyForm
from handoff.manager_views import reps_in_sight
from handoff.models import OPEN, Absence, Handoff, HandoffStatus, Rep
from handoff.roster import seats_taken
from handoff.views import user_of
from leads import clock
from leads.models import User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires

PAGE_SIZE = 50
MOST = 200
_TICK = re.compile(r"([1-9][0-9]{0,17})-([0-9]{1,9})")


@requires("handoffs.reassign")
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Open handoffs by rep with their load, and those that wait without one."""
    user, today = user_of(request), clock.today()
    waiting_only = request.GET.get("view") == "waiting"
    handoffs = Handoff.objects.visible_to(user).filter(status__in=OPEN, closed_at=None)
    too_long = handoffs.filter(status=HandoffStatus.QUEUED, age_alarm_at__isnull=False).count()
    handoffs = handoffs.filter(status=HandoffStatus.QUEUED) if waiting_only else handoffs
    rows = handoffs.select_related("lead__company", "rep__user").defer("context").order_by("waiting_since")
    try:
        page = keyset_page(
            rows, order=("waiting_since", "id"), cursor=request.GET.get("cursor", ""), size=PAGE_SIZE
        )
    except BadCursor:
        return redirect("handoff:board")
    whys, reps = waiting.explain(page.rows, today), _reps(user, today)
    context = {
        "page": page,
        "rows": [(row, whys.get(row.pk)) for row in page.rows],
        "waiting_only": waiting_only,
        "too_long": too_long,
        "reps": reps,
        "form": ReassignManyForm(reps=_takers(user), states=_states(reps), prefix="many"),
    }
    return render(request, "handoff/board.html", context)


def _reps(user: User, today: Any) -> list[Rep]:
    """Return the reps in sight with the seats they have taken and the absence that holds today."""
    reps = list(reps_in_sight(user))
    taken = seats_taken(rep.pk for rep in reps)
    away = {row.rep_id: row for row in Absence.objects.on(today)}
    for rep in reps:
        rep.seats, rep.away = taken.get(rep.pk, 0), away.get(rep.pk)
    return reps


def _takers(user: User) -> Any:
    return reps_in_sight(user).filter(user__is_active=True)


@requires("handoffs.reassign")
@require_POST
def reassign_many(request: HttpRequest) -> HttpResponse:
    """Give everything that was ticked to one rep, each by itself, and show a line for each."""
    user = user_of(request)
    ticked = request.POST.getlist("handoff")
    form = _many_form(request)
    if not form.is_valid() or not 1 <= len(ticked) <= MOST:
        problem = "" if ticked else "No handoff was chosen. Tick them on the board first."
        if len(ticked) > MOST:
            problem = f"{len(ticked):,} are too many at once; choose at most {MOST}."
        context = {"form": form, "problem": problem, "again": ticked[:MOST] if ticked else []}
        return render(request, "handoff/reassign_many.html", context, status=422)
    data = form.cleaned_data
    handoffs, missing = _ticked(user, ticked)
    moved = workflow.reassign_many(
        handoffs, by=user, rep=data["rep"], reason=data["reason"], at=clock.now(), beyond=data["beyond"]
    )
    done = sum(not one.problem for one in moved)
    context = {
        # Made anew, for the seats that are left now.
        "form": _many_form(request), "rep": data["rep"], "moved": moved, "missing": missing, "done": done,
        "failed": len(moved) + missing - done,
        "again": [f"{one.handoff.pk}-{one.handoff.version}" for one in moved if one.is_full],
    }  # fmt: skip
    return render(request, "handoff/reassign_many.html", context)


def _many_form(request: HttpRequest) -> ReassignManyForm:
    user = user_of(request)
    states = _states(_reps(user, clock.today()))
    return ReassignManyForm(request.POST, reps=_takers(user), states=states, prefix="many")


def _ticked(user: User, ticked: Sequence[str]) -> tuple[list[Handoff], int]:
    """Return the ticked handoffs as they were on the page ("number-version"), and how many are not in sight."""
    matches = [match for one in ticked if (match := _TICK.fullmatch(one))]
    seen = {int(match[1]): int(match[2]) for match in matches}
    rows = Handoff.objects.visible_to(user).filter(pk__in=seen)
    found = list(rows.select_related("lead__company", "rep__user", "cycle"))
    for handoff in found:
        handoff.version = seen[handoff.pk]
    return found, len(set(ticked)) - len(found)


def _states(reps: Sequence[Any]) -> dict[int, str]:
    """Say of each rep, by id, how many seats are free and whether they take leads."""
    return {rep.pk: _state(rep) for rep in reps}


def _state(rep: Any) -> str:
    free = f"{max(rep.capacity - rep.seats, 0)} of {rep.capacity} free"
    if rep.away:
        return f"{free}, away"
    return free if rep.is_available else f"{free}, not taking leads"


@requires("handoffs.reassign")
@require_http_methods(["GET", "HEAD", "POST"])
def reassign(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    handoffs = Handoff.objects.visible_to(user).select_related("lead", "rep__user", "cycle")
    handoff = get_object_or_404(handoffs, pk=pk)
    form = ReassignForm(
        request.POST if request.method == "POST" else None,
        reps=_takers(user).exclude(pk=handoff.rep_id),
        states=_states(_reps(user, clock.today())),
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            workflow.reassign(
                handoff, by=user, rep=data["rep"], reason=data["reason"], at=clock.now(),
                override_capacity=data["override"],
            )  # fmt: skip
        except CapacityReached as full:
            form.add_error("override", str(full))
        except (HandoffConflict, NotAllowed, Invalid) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{handoff.lead.name} goes to {data['rep']}.")
            return redirect("handoff:board")
    context = {"handoff": handoff, "form": form, "title": "Reassign", "shows_rep": True}
    return render(request, "handoff/form_page.html", context, status=422 if form.is_bound else 200)
