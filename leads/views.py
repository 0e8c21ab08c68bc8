"""Pages of the signal catalogue and of the sources that send us events."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads import clock, reclassify
from leads.audit import audit, diff, snapshot
from leads.forms import SignalForm, SourceForm
from leads.intake.dead_letters import unmatched_events
from leads.models import Organisation, Reclassification, Signal, Source, User
from leads.permissions import can, requires
from leads.sources import create_source, revoke_source, rotate_key

SIGNAL_FIELDS = (
    "label", "position", "match", "object_from", "intent", "funnel_stage", "topic", "is_engagement", "is_hand_raise",
    "is_active",
)  # fmt: skip


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@requires("signals.read")
@require_safe
def signals_page(request: HttpRequest) -> HttpResponse:
    """Show the catalogue in its order, and below it what arrives and matches nothing."""
    may_edit = can(_user(request), "signals.edit")
    context = {
        "signals": Signal.objects.all(),
        "unmatched": unmatched_events() if may_edit else [],
        "may_edit": may_edit,
        **(_past_events() if may_edit else {}),
    }
    return render(request, "leads/signals.html", context)


def _past_events() -> dict[str, Any]:
    """Return the last preview and run, with what the buttons below them may do."""
    jobs = list(Reclassification.objects.select_related("by")[:20])
    preview = next((job for job in jobs if job.kind == reclassify.PREVIEW), None)
    run = next((job for job in jobs if job.kind == reclassify.RUN), None)
    running = next((job for job in jobs if job.finished_at is None), None)
    is_fresh = (
        preview is not None
        and preview.finished_at is not None
        and preview.catalogue_version == Organisation.current().catalogue_version
        and (run is None or run.created_at < preview.created_at)
    )
    return {
        "running": running,
        "preview": preview if is_fresh else None,
        "preview_lines": reclassify.lines(preview) if preview and is_fresh else [],
        "run": run,
        "run_lines": reclassify.lines(run) if run and run.finished_at else [],
    }


@requires("signals.edit")
@require_POST
def signals_reclassify(request: HttpRequest, kind: str) -> HttpResponse:
    """Begin to count, or to move, the past events that match another entry now."""
    if kind not in (reclassify.PREVIEW, reclassify.RUN):
        raise Http404
    try:
        reclassify.start(kind, at=clock.now(), by=_user(request))
    except reclassify.AlreadyRunning:
        messages.info(request, "That is under way already.")
    return redirect(f"{reverse('leads:signals')}#past")


@requires("signals.edit")
@require_http_methods(["GET", "HEAD", "POST"])
def signal_edit(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Add or change an entry. It names events from now on; what came before is moved on request."""
    signal = get_object_or_404(Signal, slug=slug) if slug else Signal(position=_next_position())
    before = snapshot(signal, SIGNAL_FIELDS) if slug else {}
    initial = {"label": request.GET.get("label", "")[:100], "patterns": request.GET.get("name", "")[:128]}
    form = SignalForm(request.POST if request.method == "POST" else None, instance=signal)
    if not slug and request.method != "POST":
        form.initial["label"] = initial["label"]
        form.fields["patterns"].initial = initial["patterns"]
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "signal": signal if slug else None}
        return render(request, "leads/signal_form.html", context, status=422 if form.is_bound else 200)
    with transaction.atomic():
        signal = form.save()
        changes = diff(before, snapshot(signal, SIGNAL_FIELDS))
        audit(
            "signal.edit" if slug else "signal.create",
            signal,
            by=_user(request),
            at=clock.now(),
            changes=changes,
        )
    messages.success(
        request,
        f"{signal.label} saved. It names events that arrive from now on; past ones can be moved below.",
    )
    return redirect("leads:signals")


def _next_position() -> int:
    last = Signal.objects.order_by("-position").values_list("position", flat=True).first()
    return (last or 0) + 10


@requires("sources.read")
@require_safe
def sources_page(request: HttpRequest) -> HttpResponse:
    return render(request, "leads/sources.html", _sources(request))


def _sources(request: HttpRequest, **more: Any) -> dict[str, Any]:
    return {
        "sources": Source.objects.order_by("name"),
        "form": SourceForm(),
        "may_manage": can(_user(request), "sources.manage"),
        "host": request.build_absolute_uri("/").rstrip("/"),
        **more,
    }


@requires("sources.manage")
@never_cache
@require_POST
def source_create(request: HttpRequest) -> HttpResponse:
    """Make a source and show its write key once; only its hash is kept."""
    form = SourceForm(request.POST)
    if not form.is_valid():
        return render(request, "leads/sources.html", _sources(request, form=form), status=422)
    at = clock.now()
    with transaction.atomic():
        source, key = create_source(
            form.cleaned_data["name"], at, allowed_origins=form.cleaned_data["origins"]
        )
        audit("source.create", source, by=_user(request), at=at)
    return render(request, "leads/sources.html", _sources(request, new_key=key, new_source=source))


@requires("sources.manage")
@never_cache
@require_POST
def source_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace the write key; the old one stops working at once."""
    source = get_object_or_404(Source, pk=pk)
    with transaction.atomic():
        key = rotate_key(source)
        audit("source.rotate", source, by=_user(request), at=clock.now())
    return render(request, "leads/sources.html", _sources(request, new_key=key, new_source=source))


@requires("sources.manage")
@require_POST
def source_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    source = get_object_or_404(Source, pk=pk)
    with transaction.atomic():
        revoke_source(source)
        audit("source.revoke", source, by=_user(request), at=clock.now())
    messages.success(request, f"{source.name} can send no more. Its events stay.")
    return redirect("leads:sources")
