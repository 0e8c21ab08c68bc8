"""The statements of intake, each one for a whole batch, on PostgreSQL and SQLite.

Measured: the ORM's bulk_create and one statement for each of events and day counts kept under half of the rate
that one combined statement reaches. Rows go in as one array per column (PostgreSQL) or one JSON text (SQLite).
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection

from leads.enums import IdentityKind, Outcome
from leads.intake.events import IncomingEvent, Run

Key = tuple[str, str]  # kind and value: ("user", "u-1"), ("anonymous", "a-1"), ("email", "a@b.test")
EMAIL = "email"
LEAD = "lead"  # the value is a lead's id
USER = IdentityKind.USER.value
ANONYMOUS = IdentityKind.ANONYMOUS.value
# Between the texts of an array while it is made.
_PART = "\x1f"
# Namespace of our advisory locks, and how many there are: enough that few meet, few enough to hold them all.
_LOCKS, _BUCKETS = 0x1EAD, 256


@dataclass(slots=True)
class LeadRow:
    """What intake reads of a lead; the row is locked against merging until the transaction ends."""

    id: int
    merged_into: int | None
    email: str | None
    stage: str
    last_seen_at: datetime | None
    has_first_touch: bool
    unsubscribed_at: datetime | None


_LEAD_COLUMNS = (
    "l.id, l.merged_into_id, l.email, l.stage, l.last_seen_at, l.source <> '' OR l.medium <> '' OR l.campaign <> '', "
    "l.unsubscribed_at"
)


def _is_postgres() -> bool:
    return connection.vendor == "postgresql"


def _any_of(values: Iterable[Any], kind: str) -> tuple[str, Any]:
    """Return "= one of these" as SQL and its parameter."""
    if _is_postgres():
        return f"= ANY(%s::{kind}[])", _array(list(values), kind) if values else "{}"
    return "IN (SELECT value FROM json_each(%s))", json.dumps(list(values))


def _rows(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Return `rows` as a table `t` with these (name, PostgreSQL type) columns, and its parameters."""
    if _is_postgres():
        return _unnested(columns, list(zip(*rows, strict=True)))
    fields = ", ".join(
        f"json_extract(value, '$[{index}]') AS {name}" for index, (name, _) in enumerate(columns)
    )
    plain = [[_plain(value) for value in row] for row in rows]
    return f"(SELECT {fields} FROM json_each(%s)) AS t", [json.dumps(plain)]


def _unnested(columns: Sequence[tuple[str, str]], values: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Return columns of values as a table; a value that is the same in every row is sent once."""
    arrays: list[str] = []
    names: list[str] = []
    constants: list[str] = []
    array_values: list[Any] = []
    constant_values: list[Any] = []
    for (name, kind), column in zip(columns, values, strict=True):
        if arrays and column.count(column[0]) == len(column):
            constants.append(f", %s::{kind} AS {name}")
            constant_values.append(column[0])
        else:
            names.append(name)
            arrays.append(f"%s::{kind}[]")
            array_values.append(_array(column, kind))
    table = f"unnest({', '.join(arrays)}) AS u({', '.join(names)})"
    return f"(SELECT u.*{''.join(constants)} FROM {table}) AS t", [*constant_values, *array_values]


def _array(values: Sequence[Any], kind: str) -> str:
    """Return values as PostgreSQL writes an array: read in a third of the time of psycopg2's ARRAY[…]."""
    if kind in ("text", "jsonb"):
        return _text_array(values)
    if kind in ("timestamptz", "date"):
        return "{" + ",".join(["NULL" if moment is None else moment.isoformat() for moment in values]) + "}"
    return "{" + ",".join(["NULL" if number is None else str(number) for number in values]) + "}"


def _text_array(values: Sequence[str | None]) -> str:
    if None not in values:
        # Escaped all at once, parted by a character that hardly a text holds.
        joined = _PART.join(values)  # type: ignore[arg-type]
        if joined.count(_PART) == len(values) - 1:
            return '{"' + _escaped(joined).replace(_PART, '","') + '"}'
    return "{" + ",".join(["NULL" if text is None else f'"{_escaped(text)}"' for text in values]) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _plain(value: Any) -> Any:
    """Return a value as SQLite keeps it."""
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value.isoformat() if isinstance(value, date) else value


def _moment(value: Any) -> datetime | None:
    """Return a moment as the database gives it: SQLite knows no zones."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _execute(sql: str, parameters: Sequence[Any], *, fetch: bool = True) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if fetch else []


# --- Whose events these are ------------------------------------------------------------------------


def find_owners(
    by_kind: Mapping[str, Collection[str]], lead_ids: Collection[int]
) -> tuple[dict[Key, int], dict[int, LeadRow]]:
    """Return the live lead behind each known key and id, and those leads.

    Their rows are locked FOR KEY SHARE: that makes us wait for a merge under way, which locks FOR UPDATE, and then
    see its survivor; whoever changes scores or profiles meanwhile, FOR NO KEY UPDATE, is not in the way.
    """
    sources, parameters = _owner_sources(by_kind, lead_ids)
    if not sources:
        return {}, {}
    sql = (
        f"SELECT k.kind, k.value, {_LEAD_COLUMNS} FROM leads_lead l "
        f"JOIN ({' UNION ALL '.join(sources)}) k ON k.lead_id = l.id ORDER BY l.id"
    )
    if _is_postgres():
        sql += " FOR KEY SHARE OF l"
    owners: dict[Key, int] = {}
    leads: dict[int, LeadRow] = {}
    for kind, value, *columns in _execute(sql, parameters):
        lead = _lead_row(columns)
        leads[lead.id] = lead
        owners[(kind, value)] = lead.id
    _follow_merges(owners, leads)
    return owners, leads


def _owner_sources(
    by_kind: Mapping[str, Collection[str]], lead_ids: Collection[int]
) -> tuple[list[str], list[Any]]:
    sources, parameters = [], []
    for kind in (USER, ANONYMOUS):
        if by_kind[kind]:
            test, parameter = _any_of(by_kind[kind], "text")
            sources.append(
                f"SELECT kind, value, lead_id FROM leads_identity WHERE kind = '{kind}' AND value {test}"
            )
            parameters.append(parameter)
    if by_kind[EMAIL]:
        test, parameter = _any_of(by_kind[EMAIL], "text")
        sources.append(
            f"SELECT '{EMAIL}' AS kind, email AS value, id AS lead_id FROM leads_lead "
            f"WHERE email {test} AND merged_into_id IS NULL"
        )
        parameters.append(parameter)
    if lead_ids:
        test, parameter = _any_of(lead_ids, "bigint")
        sources.append(
            f"SELECT '{LEAD}' AS kind, CAST(id AS varchar) AS value, id AS lead_id FROM leads_lead WHERE id {test}"
        )
        parameters.append(parameter)
    return sources, parameters


def _lead_row(columns: Sequence[Any]) -> LeadRow:
    pk, merged_into, email, stage, last_seen_at, touched, unsubscribed_at = columns
    return LeadRow(
        pk, merged_into, email, stage, _moment(last_seen_at), bool(touched), _moment(unsubscribed_at)
    )


def _follow_merges(owners: dict[Key, int], leads: dict[int, LeadRow]) -> None:
    """Put the survivor in the place of each merged lead; chains are short and rare."""
    while merged := {lead.id: lead.merged_into for lead in leads.values() if lead.merged_into}:
        wanted = sorted(set(merged.values()) - leads.keys())
        if wanted:
            test, parameter = _any_of(wanted, "bigint")
            lock = " FOR KEY SHARE" if _is_postgres() else ""
            sql = f"SELECT {_LEAD_COLUMNS} FROM leads_lead l WHERE l.id {test} ORDER BY l.id{lock}"
            leads |= {lead.id: lead for lead in map(_lead_row, _execute(sql, [parameter]))}
        for key, pk in owners.items():
            owners[key] = merged.get(pk) or pk
        for pk in merged:
            del leads[pk]


def lock_keys(exclusive: Iterable[Key], shared: Iterable[Key]) -> None:
    """Make linking an id and recording events under it exclude each other until the transaction ends.

    Without it, an event stored under an id nobody knows yet and an identify call that joins what is stored
    under that id could each miss the other. SQLite has one writer at a time anyway.
    """
    if not _is_postgres():
        return
    modes = dict.fromkeys((_bucket(key) for key in shared), False)
    modes |= dict.fromkeys((_bucket(key) for key in exclusive), True)
    if not modes:
        return
    buckets = sorted(modes)
    _execute(
        f"SELECT CASE WHEN x THEN pg_advisory_xact_lock({_LOCKS}, b)::text "
        f"ELSE pg_advisory_xact_lock_shared({_LOCKS}, b)::text END "
        "FROM unnest(%s::int[], %s::bool[]) AS t(b, x)",
        [_array(buckets, "int"), _array([modes[bucket] for bucket in buckets], "bool")],
    )


def _bucket(key: Key) -> int:
    # The same in every process, unlike hash().
    return zlib.crc32(f"{key[0]}:{key[1]}".encode()) % _BUCKETS


def companions(user_ids: Iterable[str]) -> set[Key]:
    """Return the anonymous ids that came with these user ids while nobody was known under either."""
    test, parameter = _any_of(user_ids, "text")
    sql = (
        "SELECT DISTINCT anonymous_id FROM leads_event "
        f"WHERE lead_id IS NULL AND user_id <> '' AND user_id {test} AND anonymous_id <> ''"
    )
    return {(ANONYMOUS, row[0]) for row in _execute(sql, [parameter])}


def link(pairs: dict[Key, int], at: datetime) -> None:
    """Note that the ids belong to these leads; an id that belongs to somebody stays theirs."""
    if not pairs:
        return
    columns = [("kind", "text"), ("value", "text"), ("lead_id", "bigint"), ("since", "timestamptz")]
    source, parameters = _rows(
        columns, [(kind, value, pk, at) for (kind, value), pk in sorted(pairs.items())]
    )
    _execute(
        "INSERT INTO leads_identity (kind, value, lead_id, since) SELECT kind, value, lead_id, since "
        f"FROM {source} WHERE true ON CONFLICT (kind, value) DO NOTHING",
        parameters,
        fetch=False,
    )


# --- Events and day counts -------------------------------------------------------------------------

_EVENT_COLUMNS = [
    ("message_id", "text"), ("payload_hash", "text"), ("type", "text"), ("name", "text"), ("lead_id", "bigint"),
    ("anonymous_id", "text"), ("user_id", "text"), ("signal_id", "bigint"), ("object_key", "text"),
    ("occurred_at", "timestamptz"), ("occurred_on", "date"), ("known_on", "date"), ("outcome", "text"),
    ("outcome_reason", "text"), ("flags", "jsonb"), ("properties", "jsonb"), ("context", "jsonb"),
]  # fmt: skip
_EVENT_NAMES = ", ".join(name for name, _ in _EVENT_COLUMNS)
_DAY_COLUMNS = [
    ("lead_id", "bigint"), ("signal_id", "bigint"), ("object_key", "text"), ("occurred_on", "date"),
    ("known_on", "date"), ("count", "int"),
]  # fmt: skip
_DAY_NAMES = ", ".join(name for name, _ in _DAY_COLUMNS)
_DAY_KEY = "lead_id, signal_id, occurred_on, object_key, known_on"
_ADD_DAYS = f"ON CONFLICT ({_DAY_KEY}) DO UPDATE SET count = leads_engagementday.count + excluded.count"


@dataclass(frozen=True, slots=True)
class Account:
    """The batch's own row, as it is if every event turns out to be new."""

    origin: str
    received: int
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    seen: Sequence[tuple[int, str, int]]

    def values(self) -> list[Any]:
        """Return the values of _ACCOUNT_COLUMNS."""
        counts = [self.outcomes.get(outcome, 0) for outcome in Outcome.values]
        return [
            self.origin, self.received, *counts, json.dumps(dict(self.reasons)),
            json.dumps(self.seen, separators=(",", ":")) if self.seen else None,
        ]  # fmt: skip


_ACCOUNT_COLUMNS = ", ".join(["origin", "received", *Outcome.values, "reasons", "seen"])
_ACCOUNT_PLACES = ", ".join(["%s"] * (2 + len(Outcome.values)))


def insert_events(
    events: Sequence[IncomingEvent], run: Run, day_of: Callable[[datetime], date], account: Account
) -> tuple[set[str], int | None]:
    """Insert events and count their days; returns the message ids that are new, first writers win (I2).

    Where all are new, the batch's account is written too and its id returned.
    """
    rows = [_event_row(event, day_of, run.known_on) for event in events]
    # One order for all: two batches with events in common wait for each other, never crosswise.
    rows.sort(key=_first)
    source, parameters = _rows(_EVENT_COLUMNS, rows)
    insert = (
        f"INSERT INTO leads_event (source_id, received_at, {_EVENT_NAMES}) "
        f"SELECT %s, %s, {_EVENT_NAMES} FROM {source} WHERE true "
        "ON CONFLICT (source_id, message_id) DO NOTHING RETURNING message_id"
    )
    if not _is_postgres():
        found = {row[0] for row in _execute(insert, [run.source_id, _plain(run.received_at), *parameters])}
        add_days(_days_of(row for row in rows if row[0] in found))
        return found, None
    sql = (
        f"WITH added AS ({insert}, lead_id, signal_id, object_key, occurred_on, known_on, outcome), "
        f"days AS (INSERT INTO leads_engagementday ({_DAY_NAMES}) "
        "SELECT lead_id, signal_id, object_key, occurred_on, known_on, count(*) FROM added "
        f"WHERE outcome = '{Outcome.COUNTED}' AND lead_id IS NOT NULL AND signal_id IS NOT NULL "
        f"GROUP BY lead_id, signal_id, object_key, occurred_on, known_on ORDER BY {_DAY_KEY} {_ADD_DAYS}), "
        f"account AS (INSERT INTO leads_intakebatch (source_id, received_at, {_ACCOUNT_COLUMNS}) "
        f"SELECT %s, %s, {_ACCOUNT_PLACES}, %s::jsonb, %s::jsonb WHERE (SELECT count(*) FROM added) = %s RETURNING id) "
        "SELECT added.message_id, account.id FROM added LEFT JOIN account ON true"
    )
    run_values = [run.source_id, run.received_at]
    found_rows = _execute(sql, [*run_values, *parameters, *run_values, *account.values(), len(rows)])
    return {row[0] for row in found_rows}, found_rows[0][1] if found_rows else None


def _first(row: Sequence[Any]) -> Any:
    return row[0]


def _event_row(event: IncomingEvent, day_of: Callable[[datetime], date], known_on: date) -> tuple[Any, ...]:
    return (
        event.message_id,
        event.fingerprint,
        event.type,
        event.name,
        event.owner_id,
        event.anonymous_id,
        event.user_id,
        event.entry.id if event.entry else None,
        event.object_key,
        event.occurred_at,
        day_of(event.occurred_at),
        (event.known_on or known_on) if event.owner_id else None,
        event.outcome,
        event.reason,
        json.dumps(event.flags) if event.flags else "[]",
        event.properties_json,
        event.context_json,
    )


def _days_of(rows: Iterable[Sequence[Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (row[4], row[7], row[8], row[10], row[11])
        for row in rows
        if row[4] and row[7] and row[12] == Outcome.COUNTED
    )


def add_days(days: Counter[tuple[Any, ...]]) -> None:
    """Add to the day counts: {(lead, signal, object, occurred on, known on): how often}."""
    if not days:
        return
    rows = sorted(
        ((*key, count) for key, count in days.items()),
        key=lambda row: (row[0], row[1], row[3], row[2], row[4]),
    )
    source, parameters = _rows(_DAY_COLUMNS, rows)
    _execute(
        f"INSERT INTO leads_engagementday ({_DAY_NAMES}) SELECT {_DAY_NAMES} FROM {source} WHERE true {_ADD_DAYS}",
        parameters,
        fetch=False,
    )


@dataclass(frozen=True, slots=True)
class Joined:
    """An event that waited and has its lead now."""

    lead_id: int
    signal_id: int | None
    anonymous_id: str
    is_counted: bool


def join_waiting(pairs: dict[Key, int], known_on: date) -> list[Joined]:
    """Give the events that waited under these ids to their leads, known from `known_on` on, and count their days.

    Idempotent: an event that has a lead is never touched.
    """
    joined = []
    for kind, column in ((USER, "user_id"), (ANONYMOUS, "anonymous_id")):
        rows = [(value, pk) for (key_kind, value), pk in sorted(pairs.items()) if key_kind == kind]
        if not rows:
            continue
        source, parameters = _rows([("value", "text"), ("lead_id", "bigint")], rows)
        found = _execute(
            f"UPDATE leads_event SET lead_id = t.lead_id, known_on = %s FROM {source} "
            f"WHERE leads_event.lead_id IS NULL AND leads_event.{column} <> '' AND leads_event.{column} = t.value "
            "RETURNING leads_event.lead_id, leads_event.signal_id, leads_event.object_key, leads_event.occurred_on, "
            "leads_event.outcome, leads_event.anonymous_id",
            [known_on if _is_postgres() else _plain(known_on), *parameters],
        )
        counted = [row for row in found if row[4] == Outcome.COUNTED and row[1]]
        add_days(Counter((row[0], row[1], row[2], _day(row[3]), known_on) for row in counted))
        joined += [Joined(row[0], row[1], row[5], row[4] == Outcome.COUNTED) for row in found]
    return joined


def stored_fingerprints(source_id: int, message_ids: Iterable[str]) -> dict[str, str]:
    """Return what is stored under these message ids: {message id: fingerprint}."""
    test, parameter = _any_of(message_ids, "text")
    sql = f"SELECT message_id, payload_hash FROM leads_event WHERE source_id = %s AND message_id {test}"
    return dict(_execute(sql, [source_id, parameter]))


def newer_traits(lead_ids: Iterable[int], since: datetime) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Return the identify calls of these leads after `since`: (lead, when, traits)."""
    test, parameter = _any_of(lead_ids, "bigint")
    sql = (
        "SELECT lead_id, occurred_at, properties FROM leads_event "
        f"WHERE lead_id {test} AND occurred_at > %s AND type = 'identify'"
    )
    moment = since if _is_postgres() else _plain(since)
    return [
        (pk, _moment(at), json.loads(traits))  # type: ignore[misc]
        for pk, at, traits in _execute(sql, [parameter, moment])
    ]


def first_pages(lead_ids: Iterable[int], most: int = 20) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Return (lead, properties, context) of each lead's first events, oldest first."""
    test, parameter = _any_of(lead_ids, "bigint")
    sql = (
        "SELECT lead_id, properties, context FROM (SELECT lead_id, properties, context, "
        "row_number() OVER (PARTITION BY lead_id ORDER BY occurred_at, id) AS place FROM leads_event "
        f"WHERE lead_id {test} AND type IN ('page', 'screen', 'track')) AS e WHERE place <= %s ORDER BY lead_id, place"
    )
    return [(pk, json.loads(a), json.loads(b)) for pk, a, b in _execute(sql, [parameter, most])]


def last_signals(lead_ids: Iterable[int]) -> list[tuple[int, datetime, int]]:
    """Return (lead, when, signal) of each lead's latest counted event."""
    test, parameter = _any_of(lead_ids, "bigint")
    sql = (
        "SELECT lead_id, occurred_at, signal_id FROM (SELECT lead_id, occurred_at, signal_id, "
        "row_number() OVER (PARTITION BY lead_id ORDER BY occurred_at DESC, id DESC) AS place FROM leads_event "
        f"WHERE lead_id {test} AND outcome = '{Outcome.COUNTED}' AND signal_id IS NOT NULL) AS e WHERE place = 1"
    )
    return [(pk, moment, signal) for pk, at, signal in _execute(sql, [parameter]) if (moment := _moment(at))]


# --- What it means for the leads -------------------------------------------------------------------

_TOUCH_COLUMNS = [
    ("id", "bigint"), ("last_source", "text"), ("last_medium", "text"), ("last_campaign", "text"),
    ("first_source", "text"), ("first_medium", "text"), ("first_campaign", "text"), ("unsubscribed_at", "timestamptz"),
]  # fmt: skip


def lock_leads(ids: Collection[int]) -> None:
    """Lock leads that are about to be changed, in the order of their ids.

    One call for all of a transaction's, before its events and day counts: everybody takes leads first, then
    events, then day counts, each in one order, so nobody waits crosswise.
    """
    if ids and _is_postgres():
        test, parameter = _any_of(sorted(ids), "bigint")
        _execute(f"SELECT id FROM leads_lead WHERE id {test} ORDER BY id FOR NO KEY UPDATE", [parameter])


def update_touches(rows: Sequence[Sequence[Any]]) -> None:
    """Write where leads came from: rows as in _TOUCH_COLUMNS, where None leaves a column as it is."""
    if not rows:
        return
    source, parameters = _rows(_TOUCH_COLUMNS, rows)
    settings = ", ".join(
        f"{column} = COALESCE(t.{given}, leads_lead.{column})"
        for given, column in (
            ("last_source", "last_source"), ("last_medium", "last_medium"), ("last_campaign", "last_campaign"),
            ("first_source", "source"), ("first_medium", "medium"), ("first_campaign", "campaign"),
            ("unsubscribed_at", "unsubscribed_at"),
        )
    )  # fmt: skip
    _execute(
        f"UPDATE leads_lead SET {settings} FROM {source} WHERE leads_lead.id = t.id", parameters, fetch=False
    )


_SEEN_COLUMNS = [("id", "bigint"), ("seen", "timestamptz"), ("signal_id", "bigint")]


def update_seen(rows: Sequence[tuple[int, datetime, int]]) -> None:
    """Write when leads were seen last, and by which signal, where that is later than what they have."""
    if not rows:
        return
    source, parameters = _rows(_SEEN_COLUMNS, rows)
    _execute(
        f"UPDATE leads_lead SET last_seen_at = t.seen, last_signal_id = t.signal_id FROM {source} "
        "WHERE leads_lead.id = t.id AND (leads_lead.last_seen_at IS NULL OR leads_lead.last_seen_at < t.seen)",
        parameters,
        fetch=False,
    )
