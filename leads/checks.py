"""The invariants of leads, each a query that must find nothing; `manage.py verify` runs them (guarantees in docs).

A check takes the present moment and returns a sentence for each thing that is wrong, at most MOST of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from leads import ledger
from leads.enums import Outcome
from leads.intake.signatures import REASONS
from leads.lifecycle import LEGAL_STAGES

MOST = 20
Check = Callable[[datetime], list[str]]


def _find(sql: str, sentence: str, parameters: Sequence[Any] = ()) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {MOST}", parameters)
        return [sentence.format(*row) for row in cursor.fetchall()]


def events_once(at: datetime) -> list[str]:
    """I2: each message id of a source is stored once."""
    return _find(
        "SELECT source_id, message_id, count(*) FROM leads_event GROUP BY source_id, message_id HAVING count(*) > 1",
        "Message {1} of source {0} is stored {2} times.",
    )


def day_counts(at: datetime) -> list[str]:
    """I2: the net day counts equal the events, grouped."""
    return _find(
        f"""
        SELECT lead_id, signal_id, object_key, occurred_on, sum(counted), sum(events) FROM (
            SELECT lead_id, signal_id, object_key, occurred_on, count AS counted, 0 AS events FROM leads_engagementday
            UNION ALL
            SELECT lead_id, signal_id, object_key, occurred_on, 0, 1 FROM leads_event
            WHERE outcome = '{Outcome.COUNTED}' AND lead_id IS NOT NULL AND signal_id IS NOT NULL
        ) AS both_sides
        GROUP BY lead_id, signal_id, object_key, occurred_on HAVING sum(counted) <> sum(events)""",
        "Lead {0}, signal {1}, object {2!r} on {3}: {4} counted, {5} events.",
    )


def none_left_waiting(at: datetime) -> list[str]:
    """I2: no event waits without a lead under an id that belongs to one (R12)."""
    return _find(
        """
        SELECT e.id, i.kind, i.lead_id FROM leads_identity i JOIN leads_event e
        ON e.lead_id IS NULL AND e.anonymous_id <> '' AND i.kind = 'anonymous' AND e.anonymous_id = i.value
        UNION ALL
        SELECT e.id, i.kind, i.lead_id FROM leads_identity i JOIN leads_event e
        ON e.lead_id IS NULL AND e.user_id <> '' AND i.kind = 'user' AND e.user_id = i.value""",
        "Event {0} waits under the {1} id of lead {2}.",
    )


def nothing_dangles(at: datetime) -> list[str]:
    """I2: events and day counts name leads, sources and signals that exist; the database does not check it."""
    found = []
    for table, column, target in (
        ("leads_event", "lead_id", "leads_lead"), ("leads_event", "source_id", "leads_source"),
        ("leads_event", "signal_id", "leads_signal"), ("leads_engagementday", "lead_id", "leads_lead"),
        ("leads_engagementday", "signal_id", "leads_signal"),
    ):  # fmt: skip
        found += _find(
            f"SELECT DISTINCT {column} FROM {table} t WHERE {column} IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {target} WHERE id = t.{column})",
            f"Rows of {table} name {column} {{0}}, which does not exist.",
        )
    return found


def ledger_unbroken(at: datetime) -> list[str]:
    """I6: each ledger counts 1..n, and each line starts where the one before ended."""
    return _find(
        """
        SELECT lead_id, seq FROM (
            SELECT lead_id, seq, from_stage, from_status,
                   row_number() OVER w AS place, lag(to_stage) OVER w AS stage, lag(to_status) OVER w AS status
            FROM leads_stagechange WINDOW w AS (PARTITION BY lead_id ORDER BY seq)
        ) AS line
        WHERE seq <> place OR from_stage <> coalesce(stage, '') OR from_status <> coalesce(status, '')""",
        "Line {1} of lead {0} does not follow the line before.",
    )


def ledger_legal(at: datetime) -> list[str]:
    """I6: no line makes a move the stage table does not know."""
    legal = [(stage, after) for stage, stages in LEGAL_STAGES.items() for after in stages]
    legal += [("", "suspect"), ("", "lead")]
    pairs = ", ".join(f"'{before}>{after}'" for before, after in legal)
    return _find(
        "SELECT lead_id, seq, from_stage, to_stage FROM leads_stagechange "
        f"WHERE from_stage || '>' || to_stage NOT IN ({pairs})",
        "Line {1} of lead {0} goes from {2} to {3}.",
    )


def ledger_agrees(at: datetime) -> list[str]:
    """I6: a lead stands where the last line of its ledger says."""
    return _find(
        """
        SELECT l.id, l.stage, l.status, c.to_stage, c.to_status FROM leads_lead l
        LEFT JOIN leads_stagechange c ON c.lead_id = l.id
             AND c.seq = (SELECT max(seq) FROM leads_stagechange WHERE lead_id = l.id)
        WHERE c.id IS NULL OR c.to_stage <> l.stage OR c.to_status <> l.status""",
        "Lead {0} is {1}/{2}, its ledger says {3}/{4}.",
    )


def triggers_present(at: datetime) -> list[str]:
    """I6: the triggers that keep the ledger append-only exist."""
    return [f"The trigger {name} is missing." for name in ledger.missing(connection)]


def emails_unique(at: datetime) -> list[str]:
    """I19: one live lead per e-mail address, written in its normal form."""
    return _find(
        "SELECT email, count(*) FROM leads_lead WHERE merged_into_id IS NULL AND email IS NOT NULL "
        "GROUP BY email HAVING count(*) > 1",
        "{1} live leads have the address {0}.",
    ) + _find(
        "SELECT id FROM leads_lead WHERE email IS NOT NULL AND (email <> lower(email) OR email <> trim(email))",
        "The address of lead {0} is not in its normal form.",
    )


def merges_are_a_forest(at: datetime) -> list[str]:
    """I19: following merges from any lead ends at a live one."""
    return _find(
        """
        WITH RECURSIVE behind (start, id, merged_into_id, steps) AS (
            SELECT id, id, merged_into_id, 0 FROM leads_lead WHERE merged_into_id IS NOT NULL
            UNION ALL
            SELECT b.start, l.id, l.merged_into_id, b.steps + 1 FROM behind b
            JOIN leads_lead l ON l.id = b.merged_into_id WHERE b.steps < 100
        )
        SELECT start FROM behind GROUP BY start HAVING max(steps) >= 100""",
        "Lead {0} is merged in a circle.",
    )


def times_sane(at: datetime) -> list[str]:
    """I21: nothing counts that happened after it was received, unless the clock was corrected and that is noted."""
    five_minutes = (
        "received_at + interval '5 minutes'"
        if connection.vendor == "postgresql"
        else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', received_at, '+5 minutes')"
    )
    return _find(
        f"SELECT id FROM leads_event WHERE occurred_at > {five_minutes} AND outcome = %s",
        "Event {0} lies in the future and counts.",
        [Outcome.COUNTED],
    )


def batches_add_up(at: datetime) -> list[str]:
    """I25: every received item ended in exactly one way."""
    return _find(
        "SELECT id, received FROM leads_intakebatch "
        "WHERE received <> counted + duplicate + ignored + quarantined + rejected",
        "Batch {0} received {1} items and accounts for another number.",
    )


def letters_match_batches(at: datetime) -> list[str]:
    """I25: each batch lists no more rejected items than it counted."""
    return _find(
        "SELECT b.id, b.rejected, count(d.id) FROM leads_intakebatch b JOIN leads_deadletter d ON d.batch_id = b.id "
        "GROUP BY b.id, b.rejected HAVING count(d.id) > b.rejected",
        "Batch {0} rejected {1} items and lists {2}.",
    )


def outcomes_explained(at: datetime) -> list[str]:
    """I25: whatever is not counted says why."""
    return _find(
        "SELECT id, outcome FROM leads_event WHERE outcome <> %s AND outcome_reason = ''",
        "Event {0} is {1} without a reason.",
        [Outcome.COUNTED],
    )


def quarantine_has_reason(at: datetime) -> list[str]:
    """I25: each event in quarantine says why, by a reason that is known."""
    known = ", ".join(f"'{reason}'" for reason in REASONS)
    return _find(
        f"SELECT id, outcome_reason FROM leads_event WHERE outcome = %s AND outcome_reason NOT IN ({known})",
        "Event {0} is in quarantine for {1!r}, which says nothing.",
        [Outcome.QUARANTINED],
    )


CHECKS: list[tuple[str, str, Check]] = [
    ("I2", "Each message is stored once", events_once),
    ("I2", "Day counts equal the events", day_counts),
    ("I2", "No event waits under a known id", none_left_waiting),
    ("I2", "Events belong to what exists", nothing_dangles),
    ("I6", "Ledgers are unbroken", ledger_unbroken),
    ("I6", "Ledgers make legal moves", ledger_legal),
    ("I6", "Leads stand where their ledger says", ledger_agrees),
    ("I6", "The ledger's triggers exist", triggers_present),
    ("I19", "One live lead per address", emails_unique),
    ("I19", "Merges form a forest", merges_are_a_forest),
    ("I21", "Nothing counts from the future", times_sane),
    ("I25", "Batches add up", batches_add_up),
    ("I25", "Dead letters belong to their batch", letters_match_batches),
    ("I25", "What is not counted says why", outcomes_explained),
    ("I25", "Quarantine has known reasons", quarantine_has_reason),
]
