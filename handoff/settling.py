"""What follows from a decision once it can no longer be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from handoff import notices, outbox
from handoff.locks import atomic, lock_lead
from handoff.models import Handoff, NextPath, Notice, QueueReason, RejectionReason
from handoff.notices import Kind
from handoff.opening import queue_again, wake_routing
from handoff.outgoing import What
from leads import clock
from leads.definitions import sql_meaning
from leads.enums import Decision, SqlMeaning, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Cycle, Lead, User

BATCH = 500


def settle_due(at: datetime | None = None) -> int:
    """Let the decisions take effect whose time to undo is over; return how many."""
    at = at or clock.now()
    due = Handoff.objects.filter(settle_at__lte=at).order_by("settle_at", "pk")
    ids = list(due.values_list("pk", "lead_id")[:BATCH])
    return sum(_settle_one(pk, lead_id, at) for pk, lead_id in ids)


@atomic
def _settle_one(handoff_id: int, lead_id: int, at: datetime) -> bool:
    lead = lock_lead(lead_id)
    handoff = (
        Handoff.objects.select_related("cycle", "reason").filter(pk=handoff_id, settle_at__lte=at).first()
    )
    return handoff is not None and settle(handoff, lead, at)


def settle(handoff: Handoff, lead: Lead, at: datetime) -> bool:
    """Let the pending decision take effect now, once; call with the lead locked."""
    pending = handoff.pending
    mine = Handoff.objects.filter(pk=handoff.pk, version=handoff.version, settle_at=handoff.settle_at)
    if not mine.exclude(settle_at=None).update(settle_at=None, pending={}):
        return False
    decided_at = datetime.fromisoformat(pending["at"])
    by = User.objects.get(pk=pending["by"])
    if told := TOLD.get(pending["kind"]):
        outbox.announce(told, [handoff.pk], at)
    _KINDS[pending["kind"]](handoff, lead, by, decided_at, at)
    handoff.refresh_from_db()
    return True


Consequence = Callable[[Handoff, Lead, User, datetime, datetime], None]


def _accepted(handoff: Handoff, lead: Lead, by: User, decided_at: datetime, at: datetime) -> None:
    Cycle.objects.filter(pk=handoff.cycle_id).update(
        decision=Decision.ACCEPTED, decided_at=decided_at, reason="", owner=by
    )
    _keep_next_step(handoff, lead)
    if sql_meaning() == SqlMeaning.ACCEPTED and _is_open_mql(handoff, lead):
        evidence = {"meaning": SqlMeaning.ACCEPTED, "handoff": handoff.pk}
        move_to_stage(lead, Stage.SQL, at=at, by=by, reason="Accepted by sales", evidence=evidence)


def _rejected(handoff: Handoff, lead: Lead, by: User, decided_at: datetime, at: datetime) -> None:
    reason = handoff.reason
    if reason is None:
        raise ValueError(f"Handoff {handoff.pk} was rejected without a reason.")
    _close(handoff, at)
    if reason.next_path != NextPath.REROUTE:
        _decide_cycle(handoff, Decision.REJECTED, reason.slug, decided_at)
    if _is_open_mql(handoff, lead):
        _PATHS[NextPath(reason.next_path)](handoff, lead, reason, by, at)
    wake_routing()


def _returned(handoff: Handoff, lead: Lead, by: User, decided_at: datetime, at: datetime) -> None:
    _close(handoff, at)
    _decide_cycle(handoff, Decision.RETURNED, "", decided_at)
    if _is_open_mql(handoff, lead):
        _back_to_marketing(handoff, lead, by, at)
    wake_routing()


def _deferred(handoff: Handoff, lead: Lead, by: User, decided_at: datetime, at: datetime) -> None:
    _keep_next_step(handoff, lead)
    wake_routing()


_KINDS: dict[str, Consequence] = {
    "accept": _accepted, "reject": _rejected, "return": _returned, "defer": _deferred,
}  # fmt: skip
TOLD = {"accept": What.ACCEPTED, "reject": What.REJECTED, "return": What.RETURNED}


def _is_open_mql(handoff: Handoff, lead: Lead) -> bool:
    """Tell whether the lead still stands where the decision found it."""
    return lead.stage == Stage.MQL and lead.cycle_number == handoff.cycle.number


def _close(handoff: Handoff, at: datetime) -> None:
    Handoff.objects.filter(pk=handoff.pk, closed_at=None).update(closed_at=at)


def _decide_cycle(handoff: Handoff, decision: Decision, reason: str, decided_at: datetime) -> None:
    """Note sales' decision; one who had accepted stays accepted, with the reason it ended."""
    cycle = Cycle.objects.filter(pk=handoff.cycle_id)
    cycle.exclude(decision=Decision.ACCEPTED).update(decision=decision, decided_at=decided_at, reason=reason)
    cycle.filter(decision=Decision.ACCEPTED).update(reason=reason)


def _keep_next_step(handoff: Handoff, lead: Lead) -> None:
    on = clock.day_of(handoff.next_step_at) if handoff.next_step_at else handoff.deferred_until
    if handoff.next_step or on:
        Lead.objects.filter(pk=lead.pk).update(next_step=handoff.next_step, next_step_on=on)
        lead.next_step, lead.next_step_on = handoff.next_step, on


def _nurture(handoff: Handoff, lead: Lead, reason: RejectionReason, by: User, at: datetime) -> None:
    # Nurtured by what made the lead an MQL, so that the right content can follow (R28).
    why = handoff.context.get("why", {}).get("rule_label") or handoff.cycle.rule
    wake_on = clock.day_of(at) + timedelta(days=max(reason.nurture_days, 1))
    move_to_stage(
        lead, Stage.LEAD, at=at, by=by, status=Status.NURTURE, reason=reason.label,
        wake_on=wake_on, nurture_reason=why[:100], evidence=_evidence(handoff, reason),
    )  # fmt: skip


def _disqualify(handoff: Handoff, lead: Lead, reason: RejectionReason, by: User, at: datetime) -> None:
    move_to_stage(
        lead, Stage.LEAD, at=at, by=by, status=Status.DISQUALIFIED, reason=reason.label,
        evidence=_evidence(handoff, reason),
    )  # fmt: skip
    Lead.objects.filter(pk=lead.pk).update(owner=None)


def _fix_data(handoff: Handoff, lead: Lead, reason: RejectionReason, by: User, at: datetime) -> None:
    _back_to_marketing(handoff, lead, by, at)


def _reroute(handoff: Handoff, lead: Lead, reason: RejectionReason, by: User, at: datetime) -> None:
    queue_again([handoff], QueueReason.NEW)


_PATHS: dict[NextPath, Callable[[Handoff, Lead, RejectionReason, User, datetime], None]] = {
    NextPath.NURTURE: _nurture,
    NextPath.DISQUALIFY: _disqualify,
    NextPath.FIX_DATA: _fix_data,
    NextPath.REROUTE: _reroute,
}


def _evidence(handoff: Handoff, reason: RejectionReason) -> dict[str, object]:
    return {"handoff": handoff.pk, "rejection": reason.slug, "note": handoff.note}


def _back_to_marketing(handoff: Handoff, lead: Lead, by: User, at: datetime) -> None:
    (again,) = queue_again([handoff], QueueReason.RETURNED)
    said = ": ".join(
        filter(None, [str(handoff.reason or "Returned"), ", ".join(handoff.missing) or handoff.note])
    )
    notices.notify(
        Notice(
            user=marketer, kind=Kind.RETURNED, handoff=again, lead=lead,
            text=f"{lead.name[:120]} came back from {by}. {said}"[:300], created_at=at,
        )
        for marketer in notices.marketers()
    )  # fmt: skip
