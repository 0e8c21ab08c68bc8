"""The pages of the nurture tracks: what they are for, who rests on them, and editing one."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from handoff.models import RejectionReason
from handoff.track_forms import TrackForm, mql_rules
from handoff.views import user_of
from leads import clock
from leads.audit import audit, diff, snapshot
from leads.enums import Status
from leads.models import NurtureTrack
from leads.permissions import can, requires


@requires("reasons.read")
@require_safe
def tracks_page(request: HttpRequest) -> HttpResponse:
    """List the tracks in the order they are asked, each with who it is for and how many rest on it."""
    resting = Count("leads", filter=Q(leads__status=Status.NURTURE))
    rules, reasons = dict(mql_rules()), dict(RejectionReason.objects.values_list("slug", "label"))
    tracks = list(NurtureTrack.objects.annotate(resting=resting))
    for track in tracks:
        track.for_rules = [rules.get(one, one) for one in track.rules]  # type: ignore[attr-defined]
        track.for_reasons = [reasons.get(one, one) for one in track.reasons]  # type: ignore[attr-defined]
    context = {"tracks": tracks, "may_edit": can(user_of(request), "reasons.edit")}
    return render(request, "handoff/tracks.html", context)


@requires("reasons.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def track_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Add or change a track; every change is written to the audit log."""
    track = get_object_or_404(NurtureTrack, pk=pk) if pk else NurtureTrack()
    fields = list(TrackForm.Meta.fields)
    before = snapshot(track, fields) if pk else {}
    form = TrackForm(request.POST if request.method == "POST" else None, instance=track)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            track = form.save()
            changes = diff(before, snapshot(track, fields))
            action = f"nurture_track.{'edit' if pk else 'create'}"
            audit(action, track, by=user_of(request), at=clock.now(), changes=changes)
        messages.success(request, f"{track} saved.")
        return redirect("handoff:tracks")
    context = {"form": form, "title": "Nurture track", "back": "handoff:tracks"}
    return render(request, "handoff/settings_form.html", context, status=422 if form.is_bound else 200)
