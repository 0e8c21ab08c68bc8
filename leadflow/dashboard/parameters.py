"""What a report is asked for, read from an address: strictly, so that one address means one report."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import QueryDict

from leadflow.dashboard.period import Period
from leads.enums import Role
from leads.models import Team, User

SPANS = {"30": "30 days", "90": "90 days", "365": "12 months"}
LONGEST = 1100  # days
OLDEST = date(2000, 1, 1)
PAGE = frozenset({"days", "from", "to", "team", "by", "rows"})

DIMENSIONS = {
    "rule": "Rule",
    "source": "Source",
    "campaign": "Campaign",
    "segment": "Segment",
    "definition": "Definition",
    "team": "Team",
    "rep": "Rep",
}
# The permission matrix gives marketers aggregates: nothing about single reps.
_CLOSED = {Role.MARKETER: {"rep"}}
# One row, and always the same.
_POINTLESS = {Role.MANAGER: {"team"}, Role.REP: {"team", "rep"}}


class BadParameter(ValueError):
    """A parameter of the address has no meaning; `name` is the parameter, the text says what would do."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        super().__init__(message)


@dataclass(frozen=True)
class Parameters:
    """One report: over which days, of which team (None: all the user may see), broken down by what."""

    period: Period
    today: date
    team: Team | None = None
    by: str = "rule"
    span: str = "90"  # "" where the days were named
    all_rows: bool = False
    rest: Mapping[str, str] = field(default_factory=dict)  # what only the list behind a number takes

    def query(self, **changed: str | int | None) -> str:
        """Return the address query of this report, with some parameters changed or (None) left out."""
        said: dict[str, str | int | None] = {"days": self.span} if self.span else {**self.period.days_query()}
        said |= {"team": self.team.pk if self.team else None, "by": self.by if self.by != "rule" else None}
        said |= {"rows": "all" if self.all_rows else None}
        if changed.get("days"):
            said |= {"from": None, "to": None}
        return self.encode(said | changed)

    @staticmethod
    def encode(parameters: Mapping[str, str | int | None]) -> str:
        """Return parameters as an address query, without those that are None."""
        return urlencode({name: value for name, value in parameters.items() if value is not None})


def dimensions(user: User) -> dict[str, str]:
    """Return what this user may break figures down by, with labels."""
    hidden = (_CLOSED | _POINTLESS).get(Role(user.role), set())
    return {name: label for name, label in DIMENSIONS.items() if name not in hidden}


def read(
    query: QueryDict, user: User, today: date, zone: str, more: Collection[str] = (), *, span: str = "90"
) -> Parameters:
    """Read the parameters of a report; `more` names those a page takes besides. Raises BadParameter.

    Asking for a breakdown the role has no right to raises PermissionDenied.
    """
    given = _single(query, PAGE | frozenset(more))
    period, span = _period(given, today, zone, span)
    rows = given.get("rows", "")
    if rows not in ("", "all"):
        raise BadParameter("rows", "Rows can only be “all”.")
    return Parameters(
        period=period,
        today=today,
        team=_team(given, user),
        by=_by(given, user),
        span=span,
        all_rows=rows == "all",
        rest={name: given[name] for name in more if name in given},
    )


def _single(query: QueryDict, known: Collection[str]) -> dict[str, str]:
    values = {name: query.getlist(name) for name in query}
    for name, found in values.items():
        shown = name[:40]
        if name not in known:
            raise BadParameter(shown, f"Reports know no “{shown}”. They take {', '.join(sorted(known))}.")
        if len(found) > 1:
            raise BadParameter(shown, "It is given more than once.")
        if len(str(found[0])) > 200 or "\x00" in str(found[0]):
            raise BadParameter(shown, "It is too long, or holds a character that has no place there.")
    return {name: str(found[0]) for name, found in values.items()}


def _period(given: Mapping[str, str], today: date, zone: str, span: str) -> tuple[Period, str]:
    if "from" in given or "to" in given:
        if "days" in given:
            raise BadParameter("days", "Give either days, or from and to.")
        return _named_days(given, today, zone), ""
    span = given.get("days", span)
    if span not in SPANS:
        raise BadParameter("days", f"Days can be {', '.join(SPANS)}. For other periods give from and to.")
    return Period(today - timedelta(days=int(span) - 1), today, zone), span


def _named_days(given: Mapping[str, str], today: date, zone: str) -> Period:
    last = _day(given, "to", today)
    first = _day(given, "from", last - timedelta(days=89))
    if last > today:
        raise BadParameter("to", "That day has not come yet.")
    if first > last:
        raise BadParameter("from", f"From, {first}, lies after to, {last}.")
    if (last - first).days >= LONGEST:
        raise BadParameter("from", f"A report covers at most {LONGEST:,} days.")
    return Period(first, last, zone)


def _day(given: Mapping[str, str], name: str, default: date) -> date:
    if name not in given:
        return default
    text = given[name]
    try:
        day: date | None = date.fromisoformat(text)
    except ValueError:
        day = None
    # Python also reads 20260312 and 2026-W11-4.
    if day is None or day.isoformat() != text:
        raise BadParameter(name, f"“{text[:40]}” is no day. Write it as 2026-03-12.")
    if day < OLDEST:
        raise BadParameter(name, f"Nothing is older than {OLDEST}.")
    return day


def _team(given: Mapping[str, str], user: User) -> Team | None:
    """Return the team asked for; one out of the user's scope answers as one that does not exist."""
    if not given.get("team"):
        return None
    text = given["team"]
    ours = (
        Team.objects.filter(pk=int(text)) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else Team.objects.none()
    )
    if not (user.is_admin or user.is_marketer):
        ours = ours.filter(pk=user.team_id) if user.is_manager and user.team_id else ours.none()
    team = ours.first()
    if team is None:
        raise BadParameter("team", "There is no such team.")
    return team


def _by(given: Mapping[str, str], user: User) -> str:
    by = given.get("by", "rule")
    if by not in DIMENSIONS:
        raise BadParameter("by", f"Figures can be broken down by {', '.join(dimensions(user))}.")
    if by in _CLOSED.get(Role(user.role), set()):
        raise PermissionDenied("Your role sees these figures together, not broken down by this.")
    return by
