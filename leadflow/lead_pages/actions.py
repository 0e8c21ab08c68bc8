"""What people do on the lead pages: add, edit, note, log, move, save a view, export."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leadflow.csv_export import Echo, cell
from leadflow.lead_pages.bulk import manual_evidence
from leadflow.lead_pages.filters import FilterForm
from leadflow.lead_pages.forms import (
    PROFILE_FIELDS,
    ConversationForm,
    LeadForm,
    MoveForm,
    NoteForm,
    OverrideForm,
)
from leads import clock
from leads.audit import audit
from leads.capture import Incoming, capture_leads
from leads.conversations import log_conversation
from leads.enums import Stage, Status
from leads.lifecycle import IllegalMove, StageConflict, move_to_stage
from leads.models import Lead, SavedView, User
from leads.notes import write_note
from leads.permissions import requires
from leads.profile import StaleProfile, update_profile
from leads.queues import BY_SLUG, Context, in_queue
from scoring.overrides import BadExpiry, NothingToLift, lift_override, set_override


def _lead(request: HttpRequest, pk: int) -> tuple[Lead, User]:
    user = request.user
    assert isinstance(user, User)
    return get_object_or_404(Lead.objects.visible_to(user), pk=pk), user


def _back(request: HttpRequest, lead: Lead) -> HttpResponseRedirect:
    query = request.POST.get("back", "")
    return redirect(f"/leads/{lead.pk}/" + (f"?{query}" if query else ""))


@requires("leads.create")
@require_http_methods(["GET", "HEAD", "POST"])
def lead_new(request: HttpRequest) -> HttpResponse:
    """Add a lead by hand; an address we know opens that lead instead of making a second."""
    form = LeadForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "leads/lead_form.html", {"form": form}, status=422 if form.is_bound else 200)
    assert isinstance(request.user, User)
    data = form.cleaned_data
    profile = {name: data[name] for name in PROFILE_FIELDS if data.get(name) not in (None, "")}
    incoming = Incoming(
        email=data["email"] or None, phone=data["phone"], profile=profile, company_name=data["company"]
    )
    at = clock.now()
    (captured,) = capture_leads(
        [incoming], stage=Stage.LEAD, at=at, by=request.user, origin="manual", overwrite=False
    )
    if captured.lead is None:
        form.add_error("email", f"This contact cannot be added: {captured.error}.")
        return render(request, "leads/lead_form.html", {"form": form}, status=422)
    if captured.created:
        audit(
            "lead.create",
            captured.lead,
            by=request.user,
            at=at,
            changes={name: (None, value) for name, value in profile.items()},
        )
        messages.success(request, f"{captured.lead.name} was added as a lead.")
    else:
        messages.info(request, f"{captured.lead.name} was here already; what was unknown is filled in.")
    return redirect("leads:lead_detail", captured.lead.pk)


@requires("leads.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def lead_edit(request: HttpRequest, pk: int) -> HttpResponse:
    lead, user = _lead(request, pk)
    initial = {name: getattr(lead, name) for name in ("phone", *PROFILE_FIELDS)} | {"version": lead.version}
    form = LeadForm(request.POST if request.method == "POST" else None, initial=initial, lead=lead)
    if request.method != "POST" or not form.is_valid():
        return render(
            request,
            "leads/lead_form.html",
            {"form": form, "lead": lead},
            status=422 if form.is_bound else 200,
        )
    changes = {name: form.cleaned_data[name] for name in ("phone", *PROFILE_FIELDS)}
    changed = {name: value for name, value in changes.items() if value != getattr(lead, name)}
    try:
        with transaction.atomic():
            at = clock.now()
            update_profile(
                lead, changed, at=at, by=user, origin="manual", version=form.cleaned_data["version"]
            )
            audit(
                "lead.edit",
                lead,
                by=user,
                at=at,
                changes={name: (initial[name], new) for name, new in changed.items()},
            )
    except StaleProfile:
        fresh = Lead.objects.get(pk=lead.pk)
        conflict = {name: getattr(fresh, name) for name in changes if getattr(fresh, name) != changes[name]}
        context = {"form": form, "lead": fresh, "conflict": conflict}
        return render(request, "leads/lead_form.html", context, status=409)
    messages.success(
        request, "Saved. The score follows within seconds." if changed else "Nothing was changed."
    )
    return redirect("leads:lead_detail", lead.pk)


@requires("conversations.log")
@require_POST
def note_add(request: HttpRequest, pk: int) -> HttpResponse:
    lead, user = _lead(request, pk)
    form = NoteForm(request.POST, prefix="note")
    if not form.is_valid():
        return render(
            request, "leads/lead_action.html", {"lead": lead, "form": form, "title": "Add a note"}, status=422
        )
    write_note(lead, by=user, at=clock.now(), **form.cleaned_data)
    messages.success(request, "Note added.")
    return _back(request, lead)


@requires("conversations.log")
@require_POST
def conversation_add(request: HttpRequest, pk: int) -> HttpResponse:
    lead, user = _lead(request, pk)
    form = ConversationForm(request.POST, prefix="talk")
    if not form.is_valid():
        context = {"lead": lead, "form": form, "title": "Log a conversation"}
        return render(request, "leads/lead_action.html", context, status=422)
    log_conversation(lead, **form.cleaned_data, at=clock.now(), by=user)
    messages.success(request, "Conversation logged.")
    return _back(request, lead)


@requires("stage.marketing")
@require_POST
def lead_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a lead by hand through the one door; what is not legal is said, and nothing changes."""
    lead, user = _lead(request, pk)
    form = MoveForm(request.POST, prefix="move")
    if form.is_valid():
        try:
            _move(lead, user, form, clock.now())
        except (IllegalMove, StageConflict) as refused:
            form.add_error("to", str(refused))
    if form.errors:
        return render(
            request, "leads/lead_action.html", {"lead": lead, "form": form, "title": "Move"}, status=409
        )
    messages.success(
        request, f"{lead.name} is now {lead.get_status_display().lower()}, {lead.get_stage_display()}."
    )
    return _back(request, lead)


def _move(lead: Lead, user: User, form: MoveForm, at: datetime) -> None:
    reason, status = form.cleaned_data["reason"], form.status
    if form.cleaned_data["to"] == Stage.MQL:
        move_to_stage(lead, Stage.MQL, at=at, by=user, reason=reason, evidence=manual_evidence(lead, reason))
        return
    off_ramp = status != Status.ACTIVE
    stage = Stage.SUSPECT if lead.stage == Stage.SUSPECT and off_ramp else Stage.LEAD
    nurture = {
        "wake_on": form.cleaned_data["wake_on"] or clock.day_of(at) + timedelta(days=90),
        "nurture_reason": reason[:100],
    }
    move_to_stage(
        lead,
        stage,
        at=at,
        by=user,
        reason=reason,
        status=status,
        **(nurture if status == Status.NURTURE else {}),
    )


@requires("score.adjust")
@require_POST
def override_set(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the score people see by hand, until a day; what is computed stays as it is."""
    lead, user = _lead(request, pk)
    at = clock.now()
    form = OverrideForm(request.POST, prefix="override", today=clock.day_of(at))
    if form.is_valid():
        try:
            set_override(lead, **form.cleaned_data, by=user, at=at)
        except BadExpiry as wrong:
            form.add_error("expires_on", str(wrong))
    if form.errors:
        context = {"lead": lead, "form": form, "title": "Set the score by hand"}
        return render(request, "leads/lead_action.html", context, status=422)
    shown = form.cleaned_data["score"]
    messages.success(request, f"The score is shown as {shown}. Rules go on by the computed one.")
    return _back(request, lead)


@requires("score.adjust")
@require_POST
def override_lift(request: HttpRequest, pk: int) -> HttpResponse:
    lead, user = _lead(request, pk)
    try:
        lift_override(lead, by=user, at=clock.now())
        messages.success(request, "The computed score is shown again.")
    except NothingToLift:
        messages.info(request, "The computed score is shown already.")
    return _back(request, lead)


@requires("views.save")
@require_POST
def view_save(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    name, query = request.POST.get("name", "").strip()[:60], request.POST.get("query", "")[:1000]
    if not name:
        messages.error(request, "A view needs a name. Nothing was saved.")
        return redirect(f"/leads/?{query}")
    SavedView.objects.update_or_create(
        owner=request.user, name=name,
        defaults={"query": query, "is_shared": "is_shared" in request.POST, "created_at": clock.now()},
    )  # fmt: skip
    messages.success(request, f"Saved as “{name}”.")
    return redirect(f"/leads/?{query}")


@requires("views.save")
@require_POST
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView, pk=pk, owner=request.user)
    view.delete()
    messages.success(request, f"The view “{view.name}” was removed.")
    return redirect("leads:queue")


CSV_FIELDS = (
    "id", "email", "phone", "first_name", "last_name", "company__name", "job_title", "industry", "employees", "country",
    "stage", "status", "score", "grade", "band", "fit_score", "engagement_score", "momentum", "owner__email", "source",
    "campaign", "created_at", "last_seen_at", "shown_score", "override_score",
)  # fmt: skip


@requires("exports")
@require_safe
def queue_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the queue of the address as CSV; who exported what is written down."""
    user = request.user
    assert isinstance(user, User)
    queue, form = BY_SLUG.get(request.GET.get("view", "all"), BY_SLUG["all"]), FilterForm(request.GET, user)
    at = clock.now()
    leads = in_queue(Lead.objects.visible_to(user), queue, Context.on(at))
    leads = form.apply(leads, at) if form.is_valid() else leads.none()
    audit("leads.export", by=user, at=at, label=f"{queue.slug}: {request.GET.urlencode()[:150]}")
    response = StreamingHttpResponse(_lines(leads), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="leads-{queue.slug}.csv"'
    return response


def _lines(leads: Any) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow([field.replace("__", "_") for field in CSV_FIELDS])
    for row in leads.order_by("-shown_score", "-id").values_list(*CSV_FIELDS).iterator(chunk_size=2000):
        yield writer.writerow([cell(value) for value in row])
