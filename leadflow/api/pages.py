"""Lists, a page at a time, by opaque cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from leads.paging import keyset_page

DEFAULT_SIZE = 50
MOST = 200


def page_of(
    request: Request,
    query: Mapping[str, Any],
    rows: QuerySet[Any],
    as_json: Callable[[Any], dict[str, Any]],
    *,
    order: Sequence[str] = ("-id",),
) -> dict[str, Any]:
    """Return the page of `rows` that `query` asks for, with the addresses of the pages beside it. One query."""
    size = min(query.get("page_size", DEFAULT_SIZE), MOST)
    page = keyset_page(rows, order=order, cursor=query.get("cursor", ""), size=size)
    return {
        "next": _address(request, page.next),
        "previous": _address(request, page.previous),
        "results": [as_json(row) for row in page.rows],
    }


def every(rows: Iterable[Any], as_json: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return a list so short by nature that it needs no pages, in the same form."""
    return {"next": None, "previous": None, "results": [as_json(row) for row in rows]}


def _address(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    params = request.query_params.copy()
    params["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{params.urlencode()}")
