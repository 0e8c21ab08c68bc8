"""Reports for programs: the same figures as the pages, as plain dicts (dates and numbers, nothing formatted)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import QueryDict

from leadflow.dashboard import definitions, learning, parameters
from leadflow.dashboard.report import recent_report
from leadflow.dashboard.tables import TABLES
from leads import clock
from leads.models import Organisation, User

# Report name, as in /api/v1/reports/<name>/ → what it holds.
REPORTS = {name: table.title for name, table in (TABLES | learning.TABLES).items()}


def report(name: str, user: User, query: QueryDict, at: datetime) -> dict[str, Any]:
    """Return one report as {report, as_of, from, to, time_zone, definition, sql_means, team, by, rows}.

    Takes the parameters of the dashboard (days, from, to, team, by). Raises KeyError for an unknown report,
    `parameters.BadParameter` (its `name` is the parameter at fault), or PermissionDenied.
    """
    if name not in REPORTS:
        raise KeyError(name)
    organisation = Organisation.current()
    zone = organisation.time_zone
    asked = parameters.read(query, user, clock.day_of(at, zone), zone)
    if name in TABLES:
        found = recent_report(user, asked, at, organisation.contact_hours)
        rows, known, at = TABLES[name].rows(found, asked), found.definitions, found.at
    else:
        rows, known = learning.TABLES[name].rows(user, asked, at), definitions.read(zone)
    return {
        "report": name,
        "as_of": at,
        "from": asked.period.first,
        "to": asked.period.last,
        "time_zone": zone,
        "definition": known.live,
        "sql_means": known.meaning,
        "team": asked.team.pk if asked.team else None,
        "by": asked.by,
        "rows": rows,
    }
