"""What was known of a lead when it became an MQL, and what came of it: the rows everything here learns from.

Only what was known at the MQL entry counts: day counts with `known_on` up to that day, the profile as it was, the
score the ledger kept. What came later, such as a demo after the handoff, would explain the outcome by itself.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Expression
from django.db.models.expressions import RawSQL

from leads import clock
from leads.enums import Decision, Stage
from leads.models import Lead, ProfileChange, StageChange
from leads.models.ledger import CycleQuerySet
from scoring.engine import matches
from scoring.live import Catalogue, Rules
from scoring.rulebook import PROFILE_FIELDS

MOST = 20_000  # cycles looked at, the newest
SEEN_DAYS = 90  # a signal counts as given where it was given in so many days up to the entry
RIPE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Entry:
    """One MQL entry. `signals` are times given, `fit_rules` ids of the live definition's rules that matched.

    `is_settled`: an SQL, ended, or 90 days old. `is_closed`: ended, won or lost.
    """

    cycle_id: int
    at: datetime
    rule: str
    version: int
    score: int
    grade: str
    signals: Mapping[str, int]
    fit_rules: frozenset[str]
    is_decided: bool
    is_accepted: bool
    is_settled: bool
    is_sql: bool
    is_closed: bool
    is_won: bool


def read_entries(cycles: CycleQuerySet, at: datetime, zone: str, rules: Rules | None) -> list[Entry]:
    """Return the newest MOST of these cycles, newest first, in a fixed number of statements."""
    rows = list(cycles.order_by("-mql_at", "-id").values_list(*_COLUMNS)[:MOST])
    days = [clock.day_of(row[2], zone) for row in rows]
    leads = sorted({row[1] for row in rows})
    scores = _scores(leads)
    signals = _signals([(row[0], row[1], day) for row, day in zip(rows, days, strict=True)])
    profiles = _Profiles(leads if rules else [])
    made = []
    for row, day in zip(rows, days, strict=True):
        score, grade = scores.get((row[1], row[5]), (0, ""))
        matched = _matched(profiles.on(row[1], day), rules) if rules else frozenset()
        made.append(_entry(row, score, grade, signals.get(row[0], {}), matched, at))
    return made


_COLUMNS = (
    "id", "lead_id", "mql_at", "rule", "version", "number", "decision", "sql_at", "won_at", "lost_at", "ended_at",
)  # fmt: skip


def _entry(
    row: Sequence[Any], score: int, grade: str, signals: Mapping[str, int], fit_rules: frozenset[str], at: datetime
) -> Entry:  # fmt: skip
    pk, _, mql_at, rule, version, _, decision, sql_at, won_at, lost_at, ended_at = row
    return Entry(
        cycle_id=pk,
        at=mql_at,
        rule=rule,
        version=version,
        score=score,
        grade=grade,
        signals=signals,
        fit_rules=fit_rules,
        is_decided=bool(decision),
        is_accepted=decision == Decision.ACCEPTED,
        is_settled=bool(sql_at or ended_at) or at - mql_at >= timedelta(days=RIPE_DAYS),
        is_sql=bool(sql_at),
        is_closed=bool(won_at or lost_at or ended_at),
        is_won=bool(won_at),
    )


def among(ids: Iterable[int]) -> Expression:
    """Return ids as something to filter `pk__in` by, in one parameter however many they are."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def _scores(leads: Sequence[int]) -> dict[tuple[int, int], tuple[int, str]]:
    """Return score and grade of each (lead, cycle number) at its entry, from the ledger."""
    entries = StageChange.objects.filter(lead_id__in=among(leads), to_stage=Stage.MQL)
    rows = entries.exclude(from_stage=Stage.MQL).order_by("-seq")
    found = rows.values_list("lead_id", "cycle_number", "score", "evidence__grade")
    return {(lead, number): (score, grade or "") for lead, number, score, grade in found}


def _signals(entries: Sequence[tuple[int, int, date]]) -> dict[int, dict[str, int]]:
    """Return how often each signal was given in the SEEN_DAYS up to the entry, by cycle.

    Net of corrections known by then. Written out, because the ORM cannot group what it has grouped: millions
    of day counts would travel here to be added up.
    """
    slugs = Catalogue.load().slugs
    found: dict[int, dict[str, int]] = defaultdict(dict)
    source, parameters = _entry_table(entries)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT cycle_id, signal_id, sum(net) FROM (
                SELECT e.cycle_id, d.signal_id, sum(d.count) AS net FROM {source} e
                JOIN leads_engagementday d ON d.lead_id = e.lead_id AND d.known_on <= e.day
                     AND d.occurred_on <= e.day AND d.occurred_on > e.since
                GROUP BY e.cycle_id, d.signal_id, d.object_key, d.occurred_on HAVING sum(d.count) > 0
            ) AS net GROUP BY cycle_id, signal_id""",
            parameters,
        )
        for cycle_id, signal_id, times in cursor.fetchall():
            found[cycle_id][slugs[signal_id]] = int(times)
    return found


def _entry_table(entries: Sequence[tuple[int, int, date]]) -> tuple[str, list[Any]]:
    rows = [(pk, lead, day, day - timedelta(days=SEEN_DAYS)) for pk, lead, day in entries]
    if connection.vendor == "postgresql":
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        table = (
            "unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[]) AS t(cycle_id, lead_id, day, since)"
        )
        return f"(SELECT * FROM {table})", columns
    names = ("cycle_id", "lead_id", "day", "since")
    fields = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names))
    return f"(SELECT {fields} FROM json_each(%s))", [json.dumps(rows, default=str)]


class _Profiles:
    """The fit fields of many leads on any day; two statements (docs/scoring.md, "Profile")."""

    def __init__(self, leads: Sequence[int]) -> None:
        rows = Lead.objects.filter(pk__in=among(leads)).values("pk", *PROFILE_FIELDS)
        self._now = {row.pop("pk"): row for row in rows}
        self._changes: dict[int, list[tuple[date, str, Any]]] = defaultdict(list)
        changes = ProfileChange.objects.filter(lead_id__in=among(leads), field__in=PROFILE_FIELDS)
        for lead, day, name, value in changes.order_by("day", "id").values_list(
            "lead_id", "day", "field", "value"
        ):
            self._changes[lead].append((day, name, value))

    def on(self, lead: int, day: date) -> Mapping[str, Any]:
        """Return the profile at the end of a day."""
        profile, changes = self._now[lead], self._changes.get(lead, [])
        later = {name for changed_on, name, _ in changes if changed_on > day}
        if not later:
            return profile
        profile = profile | dict.fromkeys(later)
        return profile | {
            name: value for changed_on, name, value in changes if changed_on <= day and name in later
        }


def _matched(profile: Mapping[str, Any], rules: Rules) -> frozenset[str]:
    return frozenset(rule.id for rule in rules.rulebook.fit_rules if matches(rule, profile))
