"""The only door through which a lead's stage and status change (R3, I6, I7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from leads.bulk import bulk_insert
from leads.enums import Stage, Status
from leads.models import Cycle, Definition, Lead, StageChange, User
from leads.signals import stage_changed

QUALIFIED = (Stage.MQL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON, Stage.LOST)

# From a stage to the stages it may change to. A move to the same stage changes the status only.
LEGAL_STAGES: dict[str, tuple[str, ...]] = {
    Stage.SUSPECT: (Stage.SUSPECT, Stage.LEAD),
    Stage.LEAD: (Stage.LEAD, Stage.MQL),
    Stage.MQL: (Stage.SQL, Stage.LEAD),
    Stage.SQL: (Stage.OPPORTUNITY, Stage.LEAD),
    Stage.OPPORTUNITY: (Stage.WON, Stage.LOST, Stage.LEAD),
    Stage.WON: (Stage.LEAD,),
    Stage.LOST: (Stage.LEAD,),
}
# The cycle's date that a stage fills in, once.
STAMPS = {
    Stage.SQL: "sql_at",
    Stage.OPPORTUNITY: "opportunity_at",
    Stage.WON: "won_at",
    Stage.LOST: "lost_at",
}


class IllegalMove(Exception):
    """The stage or status asked for cannot follow the present one; `allowed` names the stages that can."""

    def __init__(self, lead: Lead, stage: str, allowed: Sequence[str], why: str = "") -> None:
        self.lead, self.stage, self.allowed = lead, stage, list(allowed)
        super().__init__(
            why or f"{lead.stage} cannot become {stage}; allowed: {', '.join(allowed) or 'none'}."
        )


class StageConflict(Exception):
    """Somebody else changed the lead in the meantime; nothing was written."""


@dataclass(frozen=True)
class Move:
    """One step through the door. `lead` is read again under lock; its old stage must still be `from_stage`."""

    lead: Lead
    stage: str
    status: str = Status.ACTIVE
    by: User | None = None
    actor: str = ""
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    wake_on: date | None = None
    wake_signal: str = ""
    nurture_reason: str = ""
    from_stage: str | None = None  # None: whatever the lead's stage is now


def allowed_stages(lead: Lead) -> list[str]:
    """Return the stages the lead may move to now, without those that only change its status."""
    stages = [stage for stage in LEGAL_STAGES[lead.stage] if stage != lead.stage]
    if lead.status == Status.DISQUALIFIED:
        stages = [stage for stage in stages if stage != Stage.MQL]
    return stages


def check_move(lead: Lead, stage: str, status: str) -> None:
    """Raise IllegalMove unless the lead may go from where it is to this stage and status."""
    if stage == lead.stage and status == lead.status and status != Status.NURTURE:
        raise IllegalMove(
            lead, stage, allowed_stages(lead), f"The lead is {lead.get_stage_display()} already."
        )
    if stage not in LEGAL_STAGES[lead.stage] or (stage == Stage.MQL and lead.status == Status.DISQUALIFIED):
        raise IllegalMove(lead, stage, allowed_stages(lead))
    if status != Status.ACTIVE and stage not in (Stage.SUSPECT, Stage.LEAD):
        raise IllegalMove(
            lead, stage, allowed_stages(lead), "Only suspects and leads can be nurtured or disqualified."
        )


def move_to_stage(
    lead: Lead,
    stage: str,
    *,
    at: datetime,
    by: User | None = None,
    reason: str = "",
    evidence: dict[str, Any] | None = None,
    status: str = Status.ACTIVE,
    actor: str = "",
    wake_on: date | None = None,
    wake_signal: str = "",
    nurture_reason: str = "",
) -> StageChange:
    """Move one lead from the stage `lead` shows and return its new ledger line; `lead` is brought up to date.

    Opens a cycle on entering MQL (evidence must then hold `rule`) and ends it on going back to lead.
    Raises IllegalMove, or StageConflict when the lead is no longer where `lead` says.
    """
    move = Move(
        lead,
        stage,
        status,
        by,
        actor,
        reason,
        evidence or {},
        wake_on,
        wake_signal,
        nurture_reason,
        lead.stage,
    )
    (change,) = move_many([move], at=at)
    lead.refresh_from_db()
    return change


def move_many(moves: Sequence[Move], *, at: datetime, skip_refused: bool = False) -> list[StageChange]:
    """Move many leads in a constant number of statements; one move per lead.

    With `skip_refused` an illegal or overtaken move is left out of the result instead of raising.
    """
    with transaction.atomic():
        locked = _lock(move.lead.pk for move in moves)
        accepted = [
            move for move in moves if _acceptable(move, locked[move.lead.pk], skip_refused=skip_refused)
        ]
        if not accepted:
            return []
        version = _live_version()
        changes = _ledger_lines(accepted, locked, at, version)
        _write_leads(accepted, locked, at)
        _write_cycles(changes, at)
        bulk_insert(changes)
        stage_changed.send(sender=StageChange, changes=changes)
    return changes


def enter_leads(
    leads: Sequence[Lead], *, at: datetime, by: User | None = None, actor: str = "", reason: str = ""
) -> list[StageChange]:
    """Write the first ledger line of leads just inserted as suspects or leads. Call inside their transaction."""
    version = _live_version()
    changes = [
        StageChange(
            lead=lead, seq=1, to_stage=lead.stage, to_status=lead.status, at=at, by=by,
            actor=actor or "user", reason=reason, version=version,
        )
        for lead in leads
    ]  # fmt: skip
    bulk_insert(changes)
    stage_changed.send(sender=StageChange, changes=changes)
    return changes


def _live_version() -> int | None:
    return Definition.objects.filter(status="live").values_list("version", flat=True).first()


def _lock(ids: Iterable[int]) -> dict[int, Lead]:
    # In id order, so that two batches never wait for each other crosswise. SQLite locks the whole file anyway.
    # no_key, so that events being inserted for a lead (their foreign key shares its key) never wait, or deadlock.
    rows = (
        Lead.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=list(ids), merged_into=None)
        .order_by("pk")
    )
    return {lead.pk: lead for lead in rows}


def _acceptable(move: Move, current: Lead | None, *, skip_refused: bool) -> bool:
    try:
        if current is None or (move.from_stage and current.stage != move.from_stage):
            raise StageConflict(f"Lead {move.lead.pk} was changed by somebody else.")
        check_move(current, move.stage, move.status)
    except (IllegalMove, StageConflict):
        if not skip_refused:
            raise
        return False
    return True


def _ledger_lines(
    moves: Sequence[Move], locked: dict[int, Lead], at: datetime, version: int | None
) -> list[StageChange]:
    last_seq = dict(
        StageChange.objects.filter(lead_id__in=[move.lead.pk for move in moves])
        .values_list("lead_id")
        .annotate(last=Max("seq"))
    )
    return [
        _ledger_line(move, locked[move.lead.pk], last_seq.get(move.lead.pk, 0) + 1, at, version)
        for move in moves
    ]


def _ledger_line(move: Move, lead: Lead, seq: int, at: datetime, version: int | None) -> StageChange:
    evidence = move.evidence
    opens_cycle = move.stage == Stage.MQL and lead.stage != Stage.MQL
    return StageChange(
        lead=lead,
        seq=seq,
        from_stage=lead.stage,
        from_status=lead.status,
        to_stage=move.stage,
        to_status=move.status,
        at=at,
        by=move.by,
        actor=move.actor or ("user" if move.by else "system"),
        reason=move.reason[:300],
        evidence=evidence,
        version=evidence.get("version", version),
        cycle_number=lead.cycle_number + (1 if opens_cycle else 0),
        fit_score=evidence.get("fit", lead.fit_score),
        engagement_score=evidence.get("engagement", lead.engagement_score),
        score=evidence.get("score", lead.score),
    )


def _write_leads(moves: Sequence[Move], locked: dict[int, Lead], at: datetime) -> None:
    """Update the locked leads, one conditional statement per kind of move."""
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for move in moves:
        lead = locked[move.lead.pk]
        off_ramp = (
            (move.wake_on, move.wake_signal, move.nurture_reason)
            if move.status == Status.NURTURE
            else (None, "", "")
        )
        cycle = lead.cycle_number + (move.stage == Stage.MQL)
        groups[(lead.stage, lead.status, move.stage, move.status, cycle, *off_ramp)].append(lead.pk)
        lead.stage, lead.status, lead.cycle_number = move.stage, move.status, cycle
        lead.wake_on, lead.wake_signal, lead.nurture_reason = off_ramp
        lead.stage_since = at
    for (
        from_stage,
        from_status,
        stage,
        status,
        cycle,
        wake_on,
        wake_signal,
        nurture_reason,
    ), ids in groups.items():
        updated = Lead.objects.filter(pk__in=ids, stage=from_stage, status=from_status).update(
            stage=stage, status=status, cycle_number=cycle, stage_since=at,
            wake_on=wake_on, wake_signal=wake_signal, nurture_reason=nurture_reason, nurture_track=None,
        )  # fmt: skip
        if updated != len(ids):
            raise StageConflict("A lead was changed by somebody else.")


def _write_cycles(changes: Sequence[StageChange], at: datetime) -> None:
    """Open, stamp and end cycles as the ledger lines say."""
    opened = [_new_cycle(change, at) for change in changes if change.to_stage == Stage.MQL]
    Cycle.objects.bulk_create(opened)
    for change in changes:
        of_lead = Cycle.objects.filter(lead_id=change.lead_id, number=change.cycle_number)
        if stamp := STAMPS.get(Stage(change.to_stage)):
            of_lead.filter(**{stamp: None}).update(**{stamp: at})
        if change.from_stage in QUALIFIED and change.to_stage == Stage.LEAD:
            of_lead.filter(ended_at=None).update(ended_at=at, end_reason=_end_reason(change))


def _new_cycle(change: StageChange, at: datetime) -> Cycle:
    lead, evidence = change.lead, change.evidence
    return Cycle(
        lead=lead,
        number=change.cycle_number,
        mql_at=at,
        rule=evidence.get("rule", "manual"),
        version=change.version or 0,
        source=lead.source,
        campaign=lead.campaign,
        segment=evidence.get("segment", lead.industry)[:60],
    )


def _end_reason(change: StageChange) -> str:
    return (change.reason or change.to_status)[:60]
