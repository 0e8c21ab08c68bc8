"""The admin's pages of webhooks: where facts are sent, and what became of each."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import outbox, standing
from handoff.delivering import message_of
from handoff.destinations.slack import text_of
from handoff.destinations.webhook import envelope
from handoff.outgoing import CHOICES, Attempt, Delivery, Destination
from leadflow.staff_forms import ConfirmedForm
from leadflow.webhook_forms import WebhookForm, shown_address
from leads import clock
from leads.models import User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires

PAGE_SIZE = 50
STATUSES = ("waiting", "failed", "delivered")
LABELS = dict(CHOICES)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@requires("webhooks.manage")
@require_safe
def webhooks_page(request: HttpRequest) -> HttpResponse:
    """List destinations with how they are doing."""
    rows = Destination.objects.annotate(
        last=Max("deliveries__delivered_at"),
        waiting=Count("pk", filter=Q(deliveries__status="waiting")),
        failed=Count("pk", filter=Q(deliveries__status="failed")),
    )
    shown = [{"row": row, "address": shown_address(row)} for row in rows]
    return render(request, "leadflow/webhooks.html", {"rows": shown})


@requires("webhooks.manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_new(request: HttpRequest) -> HttpResponse:
    """Add a destination and show the secret of a signed one, once."""
    initial = {"kind": "webhook", "events": [kind for kind, _ in CHOICES]}
    form = WebhookForm(request.POST or None, request=request, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return render(request, "leadflow/webhook_form.html", {"form": form}, status=_status(form))
    data = form.cleaned_data
    made = standing.create(
        data["name"], data["kind"], data["url"], data["events"], by=_user(request), at=clock.now()
    )
    if not made.secret:
        messages.success(request, f"{made.name} is told from now on.")
        return redirect("leadflow:webhook", made.pk)
    return render(request, "leadflow/webhook_secret.html", {"destination": made, "secret": made.secret})


@requires("webhooks.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Destination, pk=pk)
    form = WebhookForm(
        request.POST or None,
        request=request,
        destination=row,
        initial={"name": row.name, "events": row.events},
    )
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "destination": row}
        return render(request, "leadflow/webhook_form.html", context, status=_status(form))
    values = {name: form.cleaned_data[name] for name in ("name", "events")}
    if form.cleaned_data["url"]:
        values["url"] = form.cleaned_data["url"]
    standing.change(row, values, by=_user(request), at=clock.now())
    messages.success(request, f"{row.name} saved.")
    return redirect("leadflow:webhook", pk)


@requires("webhooks.manage")
@require_safe
def webhook_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one destination and the log of what was sent there."""
    row = get_object_or_404(Destination, pk=pk)
    status = request.GET.get("status", "")
    deliveries = row.deliveries.select_related("fact__lead")
    if status in STATUSES:
        deliveries = deliveries.filter(status=status)
    last = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
    deliveries = deliveries.annotate(
        answered=Subquery(last.values("status")[:1]), error=Subquery(last.values("error")[:1])
    )
    try:
        page = keyset_page(deliveries, order=("-id",), cursor=request.GET.get("cursor", ""), size=PAGE_SIZE)
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    context = {
        "destination": row, "address": shown_address(row), "page": page, "status": status, "statuses": STATUSES,
        "events": [LABELS.get(kind, kind) for kind in row.events],
        "has_failed": row.deliveries.filter(status="failed").exists(),
        "next_url": _page_url(status, page.next), "previous_url": _page_url(status, page.previous),
    }  # fmt: skip
    return render(request, "leadflow/webhook.html", context)


def _page_url(status: str, cursor: str | None) -> str:
    return f"?{f'status={status}&' if status in STATUSES else ''}cursor={cursor}" if cursor else ""


CONFIRMED = {
    "rotate": ("Make a new secret?", "Make a new secret", "The present one goes on signing beside it for a day."),
    "remove": ("Remove this webhook?", "Remove it", "Nothing more is sent there, and its log goes, too."),
    "switch-on": ("Switch it on again?", "Switch it on", "What still waits is sent first, under the same ids."),
}  # fmt: skip


@requires("webhooks.manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_confirm(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Ask for the password, then rotate the secret, remove the destination or switch it on."""
    row = get_object_or_404(Destination, pk=pk)
    if slug not in CONFIRMED or (slug == "rotate" and not row.secret):
        raise Http404
    form = ConfirmedForm(request.POST or None, request=request)
    if request.method != "POST" or not form.is_valid():
        title, verb, consequence = CONFIRMED[slug]
        context = {
            "form": form, "destination": row, "title": title, "verb": verb, "consequence": consequence,
            "is_danger": slug == "remove",
        }  # fmt: skip
        return render(request, "leadflow/webhook_confirm.html", context, status=_status(form))
    return _confirmed(request, row, slug)


def _confirmed(request: HttpRequest, row: Destination, slug: str) -> HttpResponse:
    user, at = _user(request), clock.now()
    if slug == "rotate":
        secret = standing.rotate(row, by=user, at=at)
        return render(
            request, "leadflow/webhook_secret.html", {"destination": row, "secret": secret, "is_new": True}
        )
    if slug == "remove":
        standing.remove(row, by=user, at=at)
        messages.success(request, f"{row.name} was removed.")
        return redirect("leadflow:webhooks")
    standing.switch_on(row, user, at)
    messages.success(request, f"{row.name} is told again.")
    return redirect("leadflow:webhook", row.pk)


@requires("webhooks.manage")
@require_POST
def webhook_do(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Send a test, switch it off, or send again what was given up."""
    row, user, at = get_object_or_404(Destination, pk=pk), _user(request), clock.now()
    if slug == "test":
        delivery = outbox.announce_test(row, at)
        messages.success(request, "A test is on its way.")
        return redirect("leadflow:delivery", delivery.pk)
    if slug == "switch-off":
        standing.switch_off(row, f"Switched off by {user}"[:200], at, by=user)
        messages.success(request, f"Nothing more is sent to {row.name}. What waits stays.")
    elif slug == "retry":
        count = standing.send_failed_again(row, by=user, at=at)
        messages.success(request, f"{count:,} sent again.")
    else:
        raise Http404
    return redirect("leadflow:webhook", pk)


@requires("webhooks.manage")
@require_safe
def delivery_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one delivery: what is sent, and each try with its answer."""
    delivery = get_object_or_404(Delivery.objects.select_related("fact__lead", "destination"), pk=pk)
    message = message_of(delivery)
    body: Any = {"text": text_of(message)} if delivery.destination.kind == "slack" else envelope(message)
    context = {
        "delivery": delivery, "destination": delivery.destination, "tries": delivery.tries.all()[:100],
        "body": json.dumps(body, indent=2, ensure_ascii=False, sort_keys=True),
        "label": LABELS.get(delivery.fact.kind, "Test event"),
    }  # fmt: skip
    return render(request, "leadflow/webhook_delivery.html", context)


@requires("webhooks.manage")
@require_POST
def delivery_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one delivery again, under the same id."""
    delivery = get_object_or_404(Delivery.objects.select_related("destination"), pk=pk)
    standing.send_again(delivery, by=_user(request), at=clock.now())
    messages.success(request, "It is sent again, under the same id.")
    return redirect("leadflow:delivery", pk)


def _status(form: Any) -> int:
    return 422 if form.is_bound else 200
