"""Giving waiting handoffs to reps, the longest waiting first (docs/routing.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.fields.json import KT
from django.utils.dateparse import parse_datetime

from handoff import facts
from handoff.assigning import Waiting, record
from handoff.locks import atomic, lock_leads
from handoff.models import Handoff, HandoffStatus, QueueReason
from handoff.planning import Planner
from handoff.readiness import release_ready
from handoff.roster import Roster, load_roster
from handoff.rules import active_rules
from handoff.sentences import who
from handoff.tryout import preview
from leads import clock
from leads.enums import Stage
from leads.models import Conversation, Note, Organisation

__all__ = ["drain", "preview", "routable", "route_handoff"]

BATCH = 1000
# A marketer or the definition has to move first; all other reasons are tried again.
HELD = [QueueReason.RETURNED, QueueReason.NOT_SALES_READY]


def drain(at: datetime | None = None) -> int:
    """Route what waits, oldest first and hand-raisers before others; return how many outcomes changed.

    Any number of workers may do so at once: they take turns. Whoever is full when a lead is passed over takes
    no later one in this run: a seat that frees meanwhile is left to the next run, which starts at the oldest.
    """
    at = at or clock.now()
    organisation = Organisation.current()
    day = clock.day_of(at, organisation.time_zone)
    changed = release_ready(day)
    if not routable().exists():
        return changed
    closed: set[int] = set()
    after: tuple[bool, datetime, int] | None = None
    while True:
        count, after, closed = _route_batch(at, organisation, after, closed)
        changed += count
        if after is None:
            return changed


def route_handoff(handoff: Handoff, at: datetime) -> Handoff:
    """Route what waits and return this handoff as it stands then; what waits longer still goes first."""
    drain(at)
    handoff.refresh_from_db()
    return handoff


def routable() -> Any:
    """Return the handoffs that wait for a rep, in the order they are served."""
    waiting = Handoff.objects.filter(status=HandoffStatus.QUEUED).exclude(queue_reason__in=HELD)
    return waiting.order_by("-is_hand_raise", "waiting_since", "pk")


@atomic
def _route_batch(
    at: datetime, organisation: Organisation, after: tuple[bool, datetime, int] | None, closed: set[int]
) -> tuple[int, tuple[bool, datetime, int] | None, set[int]]:
    """Route the next batch; return what changed, where the next one starts and who takes no more leads."""
    roster = load_roster(clock.day_of(at, organisation.time_zone), lock=True, closed=closed)
    full = {rep.id for rep in roster.reps.values() if rep.is_full}
    rows = list(
        _worth_trying(roster, after).values_list("pk", "lead_id", "is_hand_raise", "waiting_since")[:BATCH]
    )
    if not rows:
        return 0, None, full
    stages = lock_leads(lead_id for _, lead_id, _, _ in rows)
    mqls = {lead_id for lead_id, stage in stages.items() if stage == Stage.MQL}
    waiting = _read([pk for pk, lead_id, _, _ in rows if lead_id in mqls])
    planner = Planner(roster, active_rules())
    count = record([(one, planner.decide(one.facts)) for one in waiting], roster, at, organisation)
    full |= {rep.id for rep in roster.reps.values() if rep.is_full}
    last_id, _, raised, since = rows[-1]
    return count, (raised, since, last_id) if len(rows) == BATCH else None, full


def _worth_trying(roster: Roster, after: tuple[bool, datetime, int] | None) -> Any:
    """Leave out what waits for a seat while none of its candidates has one, then skip to `after`."""
    waiting = routable()
    free = roster.with_free_seat()
    pools = [pool.id for pool in roster.pools.values() if free & pool.weights.keys()]
    had_it = Handoff.objects.filter(lead=OuterRef("lead"), rep__in=free, closed_at__isnull=False)
    hope = Q(pool__in=pools) | Q(rule__rep__in=free) | Q(lead__company__owner__rep__in=free) | Exists(had_it)
    waiting = waiting.filter(~Q(queue_reason=QueueReason.AT_CAPACITY) | hope)
    if after:
        raised, since, last_id = after
        later = Q(waiting_since__gt=since) | Q(waiting_since=since, pk__gt=last_id)
        waiting = waiting.filter(
            Q(is_hand_raise=False) & (Q() if raised else later) | Q(is_hand_raise=raised) & later
        )
    return waiting


_COLUMNS = (
    "pk", "lead_id", "cycle_id", "is_hand_raise", "queue_reason", "pool_id", "rule_id", "attempt",
    "cycle__segment",
    *(f"lead__{column}" for column in facts.COLUMNS),
    "lead__first_name", "lead__last_name", "lead__phone", "lead__job_title", "lead__company__name",
    "lead__last_seen_at",
)  # fmt: skip


def _read(ids: list[int]) -> list[Waiting]:
    """Read the handoffs that still wait, in order, with what routing needs; call with the leads locked."""
    waiting = routable().filter(pk__in=ids).annotate(built_at=KT("context__built_at"))
    rows = list(waiting.values(*_COLUMNS, "built_at"))
    cycles = {row["lead_id"]: row["cycle_id"] for row in rows}
    past = facts.read_past(cycles)
    talked = _last_talk(cycles)
    return [_waiting(row, past, talked.get(row["lead_id"])) for row in rows]


def _waiting(row: dict[str, Any], past: facts.Past, last_talk: datetime | None) -> Waiting:
    lead_id = row["lead_id"]
    name = f"{row['lead__first_name']} {row['lead__last_name']}".strip()
    contact = name or row["lead__email"] or row["lead__phone"] or f"Lead {lead_id}"
    return Waiting(
        handoff_id=row["pk"],
        lead_id=lead_id,
        cycle_id=row["cycle_id"],
        is_hand_raise=row["is_hand_raise"],
        queue_reason=row["queue_reason"],
        pool_id=row["pool_id"],
        rule_id=row["rule_id"],
        who=who(contact, row["lead__job_title"], row["lead__company__name"] or ""),
        has_stale_context=row["attempt"] > 1 or _is_stale(row, last_talk),
        facts=facts.facts_of(row, "lead__", row["cycle__segment"], past),
    )


def _last_talk(leads: Iterable[int]) -> dict[int, datetime]:
    """Return when somebody last wrote or spoke about each lead."""
    ids = list(leads)
    notes = Note.objects.filter(lead_id__in=ids, for_sales=True)
    talks = Conversation.objects.filter(lead_id__in=ids)
    said, spoken = (
        rows.order_by().values_list("lead_id").annotate(at_last=Max("at")) for rows in (notes, talks)
    )
    last: dict[int, datetime] = {}
    for lead_id, at in said.union(spoken, all=True):
        last[lead_id] = max(at, last.get(lead_id, at))
    return last


def _is_stale(row: dict[str, Any], last_talk: datetime | None) -> bool:
    built_at = parse_datetime(row["built_at"] or "")
    if built_at is None:
        return True
    return any(at and at > built_at for at in (row["lead__last_seen_at"], last_talk))
