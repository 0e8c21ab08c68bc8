"""Pages on time: promised times and calendars, who is away, and stopping a clock."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import pausing
from handoff.calendars import week_sentence
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.manager_views import edit_row, reps_in_sight
from handoff.models import Absence, ClockTier, Handoff, Rep, WorkCalendar
from handoff.opening import wake_routing
from handoff.schedule_forms import AbsenceForm, CalendarForm, HoursForm, PauseForm, TierForm
from leads import clock
from leads.audit import audit, diff, snapshot
from leads.models import Organisation, User
from leads.permissions import can, requires


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@requires("routing.read")
@require_safe
def clocks_page(request: HttpRequest) -> HttpResponse:
    calendars = list(WorkCalendar.objects.prefetch_related("reps__user"))
    context = {
        "tiers": ClockTier.objects.all(),
        "organisation": Organisation.current(),
        "calendars": [(row, week_sentence(row.hours)) for row in calendars],
        "has_default": any(row.is_default for row in calendars),
        "may_edit": can(_user(request), "routing.edit"),
    }
    return render(request, "handoff/clocks.html", context)


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def tier_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    tier = get_object_or_404(ClockTier, pk=pk) if pk else ClockTier(position=ClockTier.objects.count() + 1)
    form = TierForm(request.POST if request.method == "POST" else None, instance=tier)
    return edit_row(
        request, form, "clock_tier", "handoff:clocks", "Promised time", delete="handoff:tier_delete"
    )


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def calendar_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    first = not WorkCalendar.objects.exists()
    new = WorkCalendar(is_default=first, time_zone=Organisation.current().time_zone)
    row = get_object_or_404(WorkCalendar, pk=pk) if pk else new
    form = CalendarForm(request.POST if request.method == "POST" else None, instance=row)
    return edit_row(request, form, "calendar", "handoff:clocks", "Calendar", delete="handoff:calendar_delete")


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def hours_edit(request: HttpRequest) -> HttpResponse:
    """The organisation's own hours: what is promised to everybody else, and when waiting becomes an alarm."""
    organisation = Organisation.current()
    before = snapshot(organisation, HoursForm.Meta.fields)
    form = HoursForm(request.POST if request.method == "POST" else None, instance=organisation)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "title": "Hours for everybody else", "back": "handoff:clocks"}
        return render(request, "handoff/settings_form.html", context, status=422 if form.is_bound else 200)
    with transaction.atomic():
        # Only these columns: the row holds other settings, which somebody else may be changing.
        Organisation.objects.filter(pk=organisation.pk).update(**form.cleaned_data)
        if changes := diff(before, snapshot(organisation, HoursForm.Meta.fields)):
            audit("organisation.edit", organisation, by=_user(request), at=clock.now(), changes=changes)
    messages.success(request, "Saved. Offers made already keep their times.")
    return redirect("handoff:clocks")


@requires("routing.edit")
@require_POST
def tier_delete(request: HttpRequest, pk: int) -> HttpResponse:
    return _delete(request, get_object_or_404(ClockTier, pk=pk), "clock_tier")


@requires("routing.edit")
@require_POST
def calendar_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a calendar nobody uses; else say who does."""
    row = get_object_or_404(WorkCalendar, pk=pk)
    if users := [str(rep) for rep in row.reps.select_related("user")]:
        messages.error(request, f"“{row}” is used by {', '.join(users)}. Give them another calendar first.")
        return redirect("handoff:clocks")
    return _delete(request, row, "calendar")


def _delete(request: HttpRequest, row: ClockTier | WorkCalendar, kind: str) -> HttpResponse:
    with transaction.atomic():
        audit(f"{kind}.delete", row, by=_user(request), at=clock.now())
        row.delete()
    messages.success(request, f"{row} removed.")
    return redirect("handoff:clocks")


@requires("routing.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def absences(request: HttpRequest, pk: int) -> HttpResponse:
    """The absences of one rep, past and to come, and a form for another."""
    rep = get_object_or_404(reps_in_sight(_user(request)), pk=pk)
    return _absences(request, rep, "handoff:absences", [rep.pk])


@requires("reps.own_capacity")
@require_http_methods(["GET", "HEAD", "POST"])
def my_absences(request: HttpRequest) -> HttpResponse:
    """A rep's own absences: they can add some; taking one back is the manager's."""
    rep = Rep.objects.select_related("user__team").filter(user=_user(request)).first()
    if rep is None:
        return render(request, "handoff/absences.html", {"rep": None})
    return _absences(request, rep, "handoff:my_absences", [])


def _absences(request: HttpRequest, rep: Rep, view: str, args: list[int]) -> HttpResponse:
    at = clock.now()
    form = AbsenceForm(request.POST if request.method == "POST" else None, rep=rep, today=clock.day_of(at))
    if request.method == "POST" and form.is_valid():
        add_absence(form.instance, by=_user(request), at=at)
        messages.success(
            request, f"{rep} is away from {form.instance.starts_on} and back on {form.instance.back_on}."
        )
        return redirect(view, *args)
    rows = rep.absences.select_related("cover__user").order_by("-starts_on")[:50]
    context = {
        "rep": rep, "rows": rows, "form": form, "today": clock.day_of(at),
        "may_remove": can(_user(request), "routing.edit"),
    }  # fmt: skip
    return render(request, "handoff/absences.html", context, status=422 if form.is_bound else 200)


@transaction.atomic
def add_absence(absence: Absence, *, by: User, at: Any) -> None:
    """Store a checked absence, with its audit entry; whatever waits is judged anew."""
    absence.created_at, absence.created_by = at, by
    absence.save()
    changes = {"away": [None, f"{absence.starts_on} to {absence.back_on}"]}
    audit("absence.create", absence, by=by, at=at, changes=changes)
    wake_routing()


@requires("routing.edit")
@require_POST
def absence_delete(request: HttpRequest, pk: int) -> HttpResponse:
    user = _user(request)
    row = get_object_or_404(
        Absence.objects.filter(rep__in=reps_in_sight(user)).select_related("rep__user"), pk=pk
    )
    rep_id = row.rep_id
    with transaction.atomic():
        audit("absence.delete", row, by=user, at=clock.now())
        row.delete()
        wake_routing()
    messages.success(request, "The absence is removed.")
    return redirect("handoff:absences", rep_id)


@requires("handoffs.reassign")
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    user = _user(request)
    handoff = get_object_or_404(Handoff.objects.visible_to(user).select_related("lead", "rep__user"), pk=pk)
    form = PauseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            pausing.pause(handoff, user, **form.cleaned_data, at=clock.now())
        except Invalid as wrong:
            for field, text in wrong.problems.items():
                form.add_error(field, text)
        except (HandoffConflict, NotAllowed) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"The clock of {handoff.lead.name} stands still.")
            return redirect("handoff:board")
    context = {"handoff": handoff, "form": form, "title": "Pause the clock", "verb": "Pause"}
    return render(request, "handoff/form_page.html", context, status=422 if form.is_bound else 200)


@requires("handoffs.reassign")
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    user = _user(request)
    handoff = get_object_or_404(Handoff.objects.visible_to(user).select_related("lead", "rep__user"), pk=pk)
    try:
        pausing.resume(handoff, user, clock.now())
    except (HandoffConflict, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"The clock of {handoff.lead.name} goes on.")
    return redirect("handoff:board")
