"""How handoffs begin and end with the cycle they belong to; writers hold the lock on the lead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import F, Max

from handoff import notices, outbox
from handoff.context import build_contexts
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.notices import Kind
from handoff.outgoing import What
from handoff.readiness import sales_ready
from leads import clock
from leads.definitions import sql_meaning
from leads.models import Company, Cycle, Lead, StageChange
from leads.wakeup import wake


def open_handoffs(entries: Sequence[StageChange]) -> None:
    """Have new MQLs wait for a rep, or be nurtured as MQLs until they are sales-ready."""
    at = entries[0].at
    leads = [change.lead_id for change in entries]
    cycles = {
        (cycle.lead_id, cycle.number): cycle
        for cycle in Cycle.objects.filter(
            lead_id__in=leads, number__in={change.cycle_number for change in entries}
        )
    }
    ready = sales_ready(leads, clock.day_of(at))
    contexts = build_contexts(entries, at)
    Handoff.objects.bulk_create(
        [
            Handoff(
                lead_id=change.lead_id,
                cycle=cycles[change.lead_id, change.cycle_number],
                attempt=1,
                queue_reason=QueueReason.NEW if change.lead_id in ready else QueueReason.NOT_SALES_READY,
                waiting_since=change.at,
                is_hand_raise=bool(change.evidence.get("hand_raiser")),
                context=contexts[change.lead_id],
            )
            for change in entries
        ],
        batch_size=500,
    )
    wake_routing()


def queue_again(handoffs: Iterable[Handoff], reason: QueueReason) -> list[Handoff]:
    """Open the next attempt after handoffs that ended without the lead leaving MQL; the owner goes.

    It keeps its place in the queue: whoever waits longest goes first, over all attempts.
    """
    ended = list(handoffs)
    cycles = [handoff.cycle_id for handoff in ended]
    last = dict(
        Handoff.objects.filter(cycle__in=cycles).order_by().values_list("cycle").annotate(Max("attempt"))
    )
    again = [
        Handoff(
            lead_id=handoff.lead_id,
            cycle_id=handoff.cycle_id,
            attempt=last[handoff.cycle_id] + 1,
            queue_reason=reason,
            waiting_since=handoff.waiting_since,
            is_hand_raise=handoff.is_hand_raise,
            pool_id=handoff.pool_id,
            rule_id=handoff.rule_id,
            context=handoff.context,
        )
        for handoff in ended
    ]
    Lead.objects.filter(pk__in=[handoff.lead_id for handoff in ended]).update(owner=None)
    wake_routing()
    return Handoff.objects.bulk_create(again, batch_size=500)


def close_for_sql(changes: Sequence[StageChange]) -> None:
    """Close the handoffs of leads that became SQLs, note by which meaning, and let accounts have an owner."""
    leads = [change.lead_id for change in changes]
    _end_open(leads, changes[0].at)
    meaning = sql_meaning()
    for change in changes:
        cycle = Cycle.objects.filter(lead_id=change.lead_id, number=change.cycle_number)
        cycle.filter(sql_meaning="").update(sql_meaning=meaning)
        if owner := change.lead.owner_id:
            cycle.filter(owner=None).update(owner=owner)
            Company.objects.filter(leads=change.lead_id, owner=None).update(owner=owner)


def close_with_cycle(changes: Sequence[StageChange]) -> None:
    """Close or withdraw the handoffs of leads whose cycle ended; a rep who had accepted stays the owner."""
    leads = [change.lead_id for change in changes]
    unowned = _end_open(leads, changes[0].at)
    Lead.objects.filter(pk__in=unowned).update(owner=None)


def _end_open(leads: Sequence[int], at: datetime) -> list[int]:
    """Close accepted handoffs and withdraw the others; return the leads of those withdrawn."""
    handoffs = Handoff.objects.filter(lead_id__in=leads).open()
    withdrawn = list(handoffs.exclude(status=HandoffStatus.ACCEPTED).select_related("rep", "lead"))
    handoffs.filter(status=HandoffStatus.ACCEPTED).update(closed_at=at)
    Handoff.objects.filter(pk__in=[handoff.pk for handoff in withdrawn]).update(
        status=HandoffStatus.WITHDRAWN, closed_at=at, version=F("version") + 1
    )
    outbox.announce(What.WITHDRAWN, [handoff.pk for handoff in withdrawn if handoff.rep], at)
    notices.notify(
        Notice(
            user_id=handoff.rep.user_id, kind=Kind.WITHDRAWN, handoff=handoff, lead_id=handoff.lead_id,
            text=f"{handoff.lead.name[:200]} is no longer offered to you.", created_at=at,
        )
        for handoff in withdrawn if handoff.rep
    )  # fmt: skip
    wake_routing()
    return [handoff.lead_id for handoff in withdrawn]


def wake_routing() -> None:
    """Have routing look for what can be given now, once this transaction has committed."""
    wake("handoff.tasks.route_waiting")
