"""The page of one's own notices: what happened while one was away."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from handoff.models import Notice
from handoff.notices import Kind, link, mark_read
from leads import clock
from leads.models import User
from leads.paging import BadCursor, keyset_page
from leads.permissions import requires

PAGE_SIZE = 50


@requires("views.save")
@require_safe
def notices_page(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    notices = Notice.objects.filter(user=request.user).select_related("user")
    try:
        page = keyset_page(
            notices, order=("-created_at", "-id"), cursor=request.GET.get("cursor", ""), size=PAGE_SIZE
        )
    except BadCursor as wrong:
        raise BadRequest(str(wrong)) from wrong
    rows = [
        {"notice": notice, "kind": Kind(notice.kind).label, "url": urlsplit(link(notice)).path}
        for notice in page.rows
    ]
    context = {
        "rows": rows,
        "unread": any(notice.read_at is None for notice in page.rows),
        "said": f"{len(rows)} on this page, newest first",
        "previous_url": f"?cursor={page.previous}" if page.previous else "",
        "next_url": f"?cursor={page.next}" if page.next else "",
    }
    return render(request, "leadflow/notices.html", context)


@requires("views.save")
@require_POST
def notices_read(request: HttpRequest) -> HttpResponse:
    """Mark all of one's notices as read."""
    assert isinstance(request.user, User)
    mark_read(request.user, clock.now())
    return redirect("leadflow:notices")
