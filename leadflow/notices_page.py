"""The pages of one's own notices: what happened while one was away, and how one wants to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from handoff import feeds, preferences
from handoff.errors import Invalid
from handoff.models import Notice
from handoff.notices import Kind, link, mark_read
from handoff.personal import CalendarFeed
from leadflow.notices_form import PreferencesForm
from leads import clock
from leads.models import User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires

PAGE_SIZE = 50


@requires("views.save")
@require_safe
def notices_page(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    notices = Notice.objects.filter(user=request.user).shown()
    only_unread = "unread" in request.GET
    if only_unread:
        notices = notices.filter(read_at=None)
    try:
        page = keyset_page(
            notices, order=("-created_at", "-id"), cursor=request.GET.get("cursor", ""), size=PAGE_SIZE
        )
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    start = "?unread&cursor=" if only_unread else "?cursor="
    context = {
        "days": by_day(page.rows),
        "only_unread": only_unread,
        "unread": any(notice.read_at is None for notice in page.rows),
        "said": f"{len(page.rows)} on this page, newest first",
        "previous_url": f"{start}{page.previous}" if page.previous else "",
        "next_url": f"{start}{page.next}" if page.next else "",
    }  # fmt: skip
    return render(request, "leadflow/notices.html", context)


def by_day(notices: Iterable[Notice]) -> list[tuple[date, list[dict[str, Any]]]]:
    """Group notices, which come newest first, under the days they were written on."""
    return [
        (day, [{"notice": notice, "kind": Kind(notice.kind).label} for notice in group])
        for day, group in groupby(notices, key=lambda notice: timezone.localdate(notice.created_at))
    ]


@requires("views.save")
@require_safe
def notice_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to what a notice is about; it counts as read from then on."""
    assert isinstance(request.user, User)
    notice = get_object_or_404(Notice.objects.filter(user=request.user).select_related("user"), pk=pk)
    if request.method == "GET":
        mark_read(request.user, clock.now(), [pk])
    return redirect(urlsplit(link(notice)).path)


@requires("views.save")
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark all of one's notices as read."""
    assert isinstance(request.user, User)
    mark_read(request.user, clock.now())
    return redirect("leadflow:notices")


@requires("views.save")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    """Choose what one is told of and how."""
    assert isinstance(request.user, User)
    form = PreferencesForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            preferences.save(request.user, form.wishes(), clock.now())
        except Invalid as refused:
            form.refuse(refused.problems)
        else:
            messages.success(request, "Saved.")
            return redirect("leadflow:notice_settings")
    return _settings(request, form, status=422 if form.is_bound and form.errors else 200)


def _settings(
    request: HttpRequest, form: PreferencesForm, *, address: str = "", status: int = 200
) -> HttpResponse:
    feed = CalendarFeed.objects.filter(user=request.user.pk).first()
    context = {"form": form, "feed": feed, "address": address}
    return render(request, "leadflow/notice_settings.html", context, status=status)


@requires("views.save")
@never_cache
@require_POST
def calendar_new(request: HttpRequest) -> HttpResponse:
    """Make the address of one's calendar, and show it once; one there was before is closed."""
    assert isinstance(request.user, User)
    secret = feeds.new_address(request.user, clock.now())
    address = request.build_absolute_uri(reverse("calendar", args=[secret]))
    return _settings(request, PreferencesForm(user=request.user), address=address)


@requires("views.save")
@require_POST
def calendar_close(request: HttpRequest) -> HttpResponse:
    """Close the address of one's calendar."""
    assert isinstance(request.user, User)
    feeds.revoke(request.user)
    messages.success(request, "The address of your calendar opens nothing any more.")
    return redirect("leadflow:notice_settings")


@never_cache
@require_safe
def calendar(request: HttpRequest, secret: str) -> HttpResponse:
    """Give the calendar that a secret address opens; calendar programs cannot sign in."""
    user = feeds.owner_of(secret)
    if user is None:
        raise Http404
    return HttpResponse(
        feeds.render(user, clock.now()),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": 'inline; filename="leadflow.ics"', "X-Robots-Tag": "noindex"},
    )
