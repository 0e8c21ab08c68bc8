"""Tables and lists as CSV; who took which is written down."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from handoff.models import Handoff
from leadflow.csv_export import Echo, cell
from leadflow.dashboard import behind, learning
from leadflow.dashboard.asking import Asked, asked_of, names_bad_parameters, report_for
from leadflow.dashboard.behind import Behind
from leadflow.dashboard.tables import TABLES
from leads.audit import audit
from leads.models import Cycle, Lead, StageChange
from leads.permissions import requires

CHUNK = 1000
COLUMNS: dict[type, tuple[str, ...]] = {
    Cycle: (
        "number", "mql_at", "rule", "version", "source", "campaign", "segment", "team__name", "rep__name", "decision",
        "reason", "decided_at", "contacted_at", "meeting_at", "sql_at", "sql_meaning", "opportunity_at", "won_at",
        "lost_at", "ended_at", "end_reason",
    ),
    Handoff: (
        "attempt", "status", "offered_at", "accept_by", "decided_at", "contact_by", "first_contact_at", "closed_at",
    ),
    StageChange: ("at", "from_stage", "to_stage", "actor", "version", "score"),
}  # fmt: skip
WHO = ("id", "email", "first_name", "last_name", "company__name")
BOM = "\ufeff"


@requires("exports")
@require_safe
@names_bad_parameters
def table_csv(request: HttpRequest, table: str) -> HttpResponseBase:
    """Give one table of the dashboard."""
    asked = asked_of(request)
    if table in TABLES:
        rows = TABLES[table].rows(report_for(asked), asked.parameters)
    elif table in learning.TABLES:
        rows = learning.TABLES[table].rows(asked.user, asked.parameters, asked.at)
    else:
        raise Http404(f"There is no table named {table}.")
    head = list(rows[0]) if rows else []
    _note(asked, table, request)
    return _download(f"{table}.csv", head, (list(row.values()) for row in rows))


@requires("exports")
@require_safe
@names_bad_parameters
def leads_csv(request: HttpRequest) -> HttpResponseBase:
    """Give the whole list behind a number; who is out of the user's sight stands without a name."""
    asked = asked_of(request, behind.MORE)
    found = behind.behind(asked.user, asked.parameters, asked.at, {})
    columns = COLUMNS[found.measure.model]
    if asked.user.is_marketer:
        columns = tuple(column for column in columns if column != "rep__name")
    _note(asked, found.measure.title, request)
    head = [f"lead_{name}".replace("__", "_") for name in WHO] + [name.replace("__", "_") for name in columns]
    return _download("leads.csv", head, _people_rows(found, columns, asked))


def _people_rows(found: Behind, columns: Sequence[str], asked: Asked) -> Iterator[list[Any]]:
    rows = found.rows.order_by(*found.order).values_list("lead_id", *columns)
    visible = Lead.objects.visible_to(asked.user)
    batch: list[tuple[Any, ...]] = []

    def written() -> Iterator[list[Any]]:
        people = {row[0]: row for row in visible.filter(pk__in=[row[0] for row in batch]).values_list(*WHO)}
        nobody = ("",) * len(WHO)
        yield from ([*people.get(row[0], nobody), *row[1:]] for row in batch)

    for row in rows.iterator(chunk_size=CHUNK):
        batch.append(row)
        if len(batch) == CHUNK:
            yield from written()
            batch = []
    yield from written()


def _note(asked: Asked, what: str, request: HttpRequest) -> None:
    audit("reports.export", by=asked.user, at=asked.at, label=f"{what}: {request.GET.urlencode()[:150]}")


def _download(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield BOM + writer.writerow(head)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])
