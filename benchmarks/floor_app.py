"""The bare Django app Leadflow is compared with: no middleware, no authentication, SQL by hand.

It stores the same rows for the same bodies, but believes everything it is sent: no checks, no identities (a user id
is a lead's id), no catalogue beyond a dict, no account of the batch.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import path
from environ import Env

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DATA_UPLOAD_MAX_MEMORY_SIZE=None,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        DATABASES={"default": {**Env.db_url_config(os.environ["DATABASE_URL"]), "CONN_MAX_AGE": None}},
    )
    django.setup()

EVENTS = {
    "Email Opened": ("email_open", "campaign"),
    "Email Link Clicked": ("email_click", "campaign"),
    "Form Submitted": ("form", "form"),
    "Webinar Attended": ("webinar", "webinar"),
    "Demo Requested": ("demo_request", "form"),
    "Unsubscribed": ("unsubscribe", "campaign"),
}
STORE = """
WITH added AS (
  INSERT INTO leads_event (source_id, message_id, payload_hash, type, name, lead_id, anonymous_id, user_id, signal_id,
    object_key, occurred_at, received_at, occurred_on, known_on, outcome, outcome_reason, flags, properties, context)
  SELECT %s, message_id, '', type, name, lead_id, '', user_id, signal_id, object_key, occurred_at, now(), occurred_on,
    %s, 'counted', '', '[]', properties, '{}'
  FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::text[],
    %s::timestamptz[], %s::date[], %s::jsonb[])
    AS t(message_id, type, name, lead_id, user_id, signal_id, object_key, occurred_at, occurred_on, properties)
  ON CONFLICT (source_id, message_id) DO NOTHING
  RETURNING lead_id, signal_id, object_key, occurred_on, known_on
), counted AS (
  INSERT INTO leads_engagementday (lead_id, signal_id, object_key, occurred_on, known_on, count)
  SELECT lead_id, signal_id, object_key, occurred_on, known_on, count(*) FROM added
  GROUP BY lead_id, signal_id, object_key, occurred_on, known_on
  ORDER BY lead_id, signal_id, occurred_on, object_key, known_on
  ON CONFLICT (lead_id, signal_id, occurred_on, object_key, known_on)
  DO UPDATE SET count = leads_engagementday.count + excluded.count
)
INSERT INTO scoring_pendingscore (lead_id, day, created_at, attempts, set_aside)
SELECT DISTINCT lead_id, %s::date, now(), 0, '' FROM added
"""
_known: dict[str, int] = {}


def _signals() -> dict[str, int]:
    if not _known:
        with connection.cursor() as cursor:
            cursor.execute("SELECT slug, id FROM leads_signal")
            _known.update(cursor.fetchall())
    return _known


def _row(message: dict[str, Any], signals: dict[str, int]) -> tuple[Any, ...]:
    properties = message["properties"]
    if message["type"] == "page":
        name = key = properties["path"]
        slug = "pricing_page" if name == "/pricing" else "visit"
    else:
        name = message["event"]
        slug, field = EVENTS[name]
        key = properties[field]
    at = datetime.fromisoformat(message["timestamp"])
    user = message["userId"]
    return (
        message["messageId"], message["type"], name, int(user[1:]), user, signals[slug], key, at, at.date(),
        json.dumps(properties),
    )  # fmt: skip


def _sized(response: HttpResponse) -> HttpResponse:
    # Django leaves this to a middleware; without it gunicorn answers in chunks.
    response["Content-Length"] = str(len(response.content))
    return response


def events(request: HttpRequest) -> HttpResponse:
    """Store a batch: events, day counts and marks in one transaction."""
    signals = _signals()
    # One order for all, or two batches wait for each other.
    rows = sorted(_row(message, signals) for message in json.loads(request.body)["batch"])
    columns = [list(column) for column in zip(*rows, strict=True)]
    today: date = datetime.now(UTC).date()
    with connection.cursor() as cursor:
        cursor.execute(STORE, [int(request.headers["X-Source"]), today, *columns, today])
    return _sized(JsonResponse({"accepted": len(rows)}))


COLUMNS = (
    "id", "first_name", "last_name", "email", "job_title", "company_id", "stage", "status", "grade", "band", "score",
    "momentum", "owner_id", "last_seen_at", "created_at",
)  # fmt: skip
PAGE = engines["django"].from_string("""<!doctype html><title>Leads</title><table>{% for lead in rows %}<tr>
<td><a href="/leads/{{ lead.id }}/">{{ lead.first_name }} {{ lead.last_name }}</a></td><td>{{ lead.email }}</td>
<td>{{ lead.job_title }}</td><td>{{ lead.stage }}</td><td>{{ lead.status }}</td><td>{{ lead.grade }}{{ lead.band }}</td>
<td>{{ lead.score }}</td><td>{{ lead.momentum }}</td><td>{{ lead.owner_id|default:"" }}</td>
<td>{{ lead.last_seen_at|date:"Y-m-d H:i" }}</td><td>{{ lead.created_at|date:"Y-m-d H:i" }}</td>
</tr>{% endfor %}</table>
""")


def _leads(order: str, rows: int) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(COLUMNS)} FROM leads_lead WHERE merged_into_id IS NULL ORDER BY {order} LIMIT {rows}"
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in cursor.fetchall()]


def page(request: HttpRequest) -> HttpResponse:
    """Show the first leads by score as HTML, as many as Leadflow's page has."""
    return _sized(HttpResponse(PAGE.render({"rows": _leads("score DESC, id DESC", 40)}, request)))


def listing(request: HttpRequest) -> HttpResponse:
    """Answer with the newest fifty leads as JSON."""
    return _sized(JsonResponse({"data": _leads("created_at DESC, id DESC", 50)}))


LEAD = """
SELECT l.first_name, l.last_name, l.email, l.job_title, l.stage, l.status, l.grade, l.band, l.score, l.fit_score,
  l.engagement_score, l.momentum, l.last_seen_at, c.name AS company, u.name AS owner
FROM leads_lead AS l LEFT JOIN leads_company AS c ON c.id = l.company_id LEFT JOIN leads_user AS u ON u.id = l.owner_id
WHERE l.id = %s"""
HAPPENED = """
SELECT e.occurred_at, s.label, e.object_key, e.outcome
FROM leads_event AS e LEFT JOIN leads_signal AS s ON s.id = e.signal_id
WHERE e.lead_id = %s ORDER BY e.occurred_at DESC LIMIT 120"""
# What each signal's line of the score is made of, from the whole history of day counts.
LINES = """
SELECT s.label, count(DISTINCT d.occurred_on) AS days, count(DISTINCT d.object_key) AS objects, sum(d.count) AS times,
  max(d.occurred_on) AS latest
FROM leads_engagementday AS d JOIN leads_signal AS s ON s.id = d.signal_id
WHERE d.lead_id = %s GROUP BY s.label ORDER BY s.label"""
STAGES = "SELECT at, to_stage, reason FROM leads_stagechange WHERE lead_id = %s ORDER BY seq DESC LIMIT 120"
LEAD_PAGE = engines["django"].from_string("""<!doctype html><title>{{ lead.first_name }}</title>
<h1>{{ lead.first_name }} {{ lead.last_name }}</h1><p>{{ lead.job_title }}, {{ lead.company|default:"" }}</p>
<dl>{% for name, value in lead.items %}<dt>{{ name }}</dt><dd>{{ value|default:"" }}</dd>{% endfor %}</dl>
<ol>{% for one in happened %}<li>{{ one.occurred_at|date:"Y-m-d H:i" }} {{ one.label }}: {{ one.object_key }}
{{ one.outcome }}</li>{% endfor %}</ol>
<ol>{% for one in stages %}<li>{{ one.at|date:"Y-m-d H:i" }} {{ one.to_stage }} {{ one.reason }}</li>{% endfor %}</ol>
<table>{% for line in lines %}<tr><th>{{ line.label }}</th><td>{{ line.times }}</td><td>{{ line.days }}</td>
<td>{{ line.objects }}</td><td>{{ line.latest|date:"Y-m-d" }}</td></tr>{% endfor %}</table>
""")


def _rows(sql: str, *params: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def lead(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one lead with its latest events, stages, and what its score is made of."""
    context = {
        "lead": _rows(LEAD, pk)[0],
        "happened": _rows(HAPPENED, pk),
        "stages": _rows(STAGES, pk),
        "lines": _rows(LINES, pk),
    }
    return _sized(HttpResponse(LEAD_PAGE.render(context, request)))


INBOX = """
SELECT h.id, h.offered_at, h.accept_by, l.first_name, l.last_name, l.job_title, l.score, l.grade, c.name AS company
FROM handoff_handoff AS h JOIN leads_lead AS l ON l.id = h.lead_id LEFT JOIN leads_company AS c ON c.id = l.company_id
WHERE h.rep_id = %s AND h.status = 'offered' ORDER BY h.accept_by, h.id LIMIT 60"""
INBOX_PAGE = engines["django"].from_string("""<!doctype html><title>Inbox</title><table>{% for one in rows %}<tr>
<td><a href="/handoffs/{{ one.id }}/">{{ one.first_name }} {{ one.last_name }}</a></td><td>{{ one.job_title }}</td>
<td>{{ one.company|default:"" }}</td><td>{{ one.grade }}</td><td>{{ one.score }}</td>
<td>{{ one.accept_by|date:"Y-m-d H:i" }}</td></tr>{% endfor %}</table>
""")


def inbox(request: HttpRequest, rep: int) -> HttpResponse:
    """Show the open offers of a rep, the first to be due first."""
    return _sized(HttpResponse(INBOX_PAGE.render({"rows": _rows(INBOX, rep)}, request)))


urlpatterns = [
    path("inbox/<int:rep>/", inbox),
    path("leads/<int:pk>/", lead),
    path("v1/batch", events),
    path("leads/", page),
    path("api/v1/leads/", listing),
]
application = WSGIHandler()
