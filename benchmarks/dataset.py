"""Leads and their history, made by the database itself: 20 events a lead with a long tail, over 180 days."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection, models

from leads.models import EngagementDay, Event, Identity, Lead, Signal, StageChange

HISTORY_DAYS = 180
EVENTS_PER_LEAD = 20
# Signal, share of all events, and how many objects there are of it.
KINDS = [
    ("visit", 0.578, 5000),
    ("email_open", 0.20, 40),
    ("email_click", 0.10, 40),
    ("form", 0.04, 12),
    ("webinar", 0.02, 20),
    ("pricing_page", 0.05, 1),
    ("demo_request", 0.01, 1),
    ("unsubscribe", 0.002, 1),
]


def execute(sql: str, params: object = None) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def insert_from(model: type[models.Model], source: str, /, **columns: str) -> int:
    """Insert one row for each of `source` (a FROM clause), columns by SQL expressions, else by their defaults."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not field.generated and (not field.primary_key or field.attname in columns)
    ]
    values, params = [], []
    for field in fields:
        if field.column in columns:
            values.append(columns[field.column])
        else:
            values.append("%s")
            params.append(field.get_db_prep_save(field.get_default(), connection))
    names = ", ".join(field.column for field in fields)
    return execute(
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join(values)} FROM {source}", params
    )


def empty() -> None:
    """Remove all leads with everything about them."""
    execute("TRUNCATE leads_lead, leads_event, leads_engagementday, leads_intakebatch CASCADE")


def fill_leads(count: int, at: datetime) -> None:
    """Make leads 1..count, each with its user id and first ledger line; every tenth fits well."""
    empty()
    moment = f"timestamptz '{at.isoformat()}'"
    fits = "mod(n, 10) = 0"
    insert_from(
        Lead,
        f"generate_series(1, {count}) AS n",
        id="n",
        email="'p' || n || '@example.com'",
        first_name="'First' || mod(n, 300)",
        last_name="'Last' || mod(n, 2000)",
        job_title="'Head of Data ' || mod(n, 50)",
        role=f"CASE WHEN {fits} THEN 'data' ELSE '' END",
        seniority=f"CASE WHEN {fits} THEN 'head' ELSE '' END",
        industry=f"CASE WHEN {fits} THEN 'retail' ELSE 'education' END",
        employees="(mod(n * 37, 9000))",
        country="(ARRAY['DE','SE','US','GB'])[mod(n, 4) + 1]",
        source="(ARRAY['google','linkedin','direct'])[mod(n, 3) + 1]",
        stage="'lead'",
        created_at=f"{moment} - mod(n::bigint * 7919, {HISTORY_DAYS * 1440}) * interval '1 minute'",
        stage_since=f"{moment} - interval '{HISTORY_DAYS} days'",
        last_seen_at=f"{moment} - mod(n::bigint * 104729, 100000) * interval '1 minute'",
    )
    insert_from(Identity, "leads_lead", lead_id="id", kind="'user'", value="'u' || id", since=moment)
    insert_from(
        StageChange, "leads_lead", lead_id="id", seq="1", to_stage="'lead'", to_status="'active'",
        at="stage_since", actor="'import'",
    )  # fmt: skip
    execute("SELECT setval(pg_get_serial_sequence('leads_lead', 'id'), max(id)) FROM leads_lead")


def signal_ids() -> dict[str, int]:
    """Return the ids of the catalogue's signals."""
    return dict(Signal.objects.values_list("slug", "id"))


def fill_history(leads: int, events: int, day: date) -> int:
    """Make the day counts of so many events; return how many there are."""
    return add_days(leads, events, f"date '{day}' - floor(random() * {HISTORY_DAYS})::int")


def add_days(leads: int, events: int, occurred_on: str) -> int:
    """Count new events on the leads, the first of which have the most; return how many rows that touched."""
    return execute(_added(leads, events, occurred_on))


def add_and_mark(leads: int, events: int, day: date) -> int:
    """Count new events of this day and mark their leads to be scored; return how many leads."""
    return execute(f"""
        WITH added AS ({_added(leads, events, f"date '{day}'")} RETURNING lead_id)
        INSERT INTO scoring_pendingscore (lead_id, day, created_at, attempts, set_aside)
        SELECT DISTINCT lead_id, date '{day}', now(), 0, '' FROM added""")


def fill_events(lead: int, events: int, source: int, at: datetime) -> None:
    """Store so many events of one lead, spread over the days of history; they are not counted yet."""
    ids, shares, objects = _kinds()
    moment = f"timestamptz '{at.isoformat()}'"
    happened = f"date_trunc('milliseconds', {moment} - ago * interval '{HISTORY_DAYS} days')"
    insert_from(
        Event,
        f"""(SELECT n, random() AS ago, random() AS which, {_kind(shares)} AS k
            FROM generate_series(1, {events}) AS n) AS made""",
        source_id=str(source),
        message_id=f"'{lead}-' || n",
        payload_hash="''",
        type="'track'",
        lead_id=str(lead),
        signal_id=f"({ids})[k]",
        object_key=f"'/p/' || floor(which * ({objects})[k])::int",
        occurred_at=happened,
        received_at=happened,
        occurred_on=f"({happened} AT TIME ZONE 'UTC')::date",
        known_on=f"({happened} AT TIME ZONE 'UTC')::date",
    )


def count_events() -> int:
    """Make the day counts of all stored events; return how many there are."""
    columns = "lead_id, signal_id, object_key, occurred_on, known_on"
    return execute(f"""
        INSERT INTO {EngagementDay._meta.db_table} ({columns}, count)
        SELECT {columns}, count(*) FROM {Event._meta.db_table} GROUP BY {columns}""")


def _kinds() -> tuple[str, str, str]:
    """Return the signals' ids, cumulated shares and numbers of objects as SQL arrays."""
    ids = signal_ids()
    shares = [f"{sum(share for _, share, _ in KINDS[: number + 1]):.3f}" for number in range(len(KINDS))]
    return (
        f"ARRAY[{','.join(str(ids[slug]) for slug, *_ in KINDS)}]",
        f"ARRAY[{','.join(shares)}]::float8[]",
        f"ARRAY[{','.join(str(variety) for *_, variety in KINDS)}]",
    )


def _kind(shares: str) -> str:
    return f"least({len(KINDS)}, 1 + width_bucket(random(), {shares}))"


def _added(leads: int, events: int, occurred_on: str) -> str:
    ids, shares, objects = _kinds()
    return f"""
        INSERT INTO {EngagementDay._meta.db_table}
          (lead_id, signal_id, object_key, occurred_on, known_on, count)
        SELECT lead, ({ids})[k], '/p/' || floor(which * ({objects})[k])::int, day, day, count(*)
        FROM (
          SELECT 1 + floor({leads} * random() ^ 2)::int AS lead, {occurred_on} AS day, random() AS which,
            {_kind(shares)} AS k
          FROM generate_series(1, {events})
        ) AS made
        GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (lead_id, signal_id, occurred_on, object_key, known_on)
        DO UPDATE SET count = leads_engagementday.count + excluded.count"""


def settle(*tables: str) -> None:
    """Clean up after writes, so that no measurement pays for the one before."""
    for table in tables:
        execute(f"VACUUM (ANALYZE) {table}")
