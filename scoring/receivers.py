"""What scoring notes down in the transaction in which something happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.dispatch import receiver

from leads import clock
from leads.enums import Stage, Status
from leads.lifecycle import QUALIFIED
from leads.models import EngagementDay, StageChange
from leads.signals import activity_recorded, stage_changed
from leads.wakeup import wake
from scoring.models import NewnessBoundary, PendingScore

TASK = "scoring.tasks.score_pending"


@receiver(activity_recorded, dispatch_uid="scoring.mark_leads")
def mark_leads(sender: Any, lead_ids: Sequence[int], day: date, at: datetime, **kwargs: Any) -> None:
    """Mark leads whose day counts or profile changed; one row per lead and transaction, one statement."""
    mark(sorted(set(lead_ids)), day=day, at=at)


@receiver(stage_changed, dispatch_uid="scoring.note_stage_changes")
def note_stage_changes(sender: Any, changes: Sequence[StageChange], **kwargs: Any) -> None:
    """Note from when on engagement is new, and mark leads that a person made leads, or active again."""
    note_boundaries([change for change in changes if _opens_boundary(change)])
    revived = [change for change in changes if _revives(change)]
    if revived:
        at = revived[0].at
        mark(sorted({change.lead_id for change in revived}), day=clock.day_of(at), at=at)


def mark(lead_ids: Sequence[int], *, day: date, at: datetime) -> None:
    """Insert pending marks, in the order given, and wake a worker after the commit."""
    if not lead_ids:
        return
    if connection.vendor == "postgresql":
        # One array instead of a parameter per column and row: this runs in every intake request.
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO scoring_pendingscore (lead_id, day, created_at, attempts, set_aside) "
                "SELECT unnest(%s::bigint[]), %s, %s, 0, ''",
                [list(lead_ids), day, at],
            )
    else:
        PendingScore.objects.bulk_create(PendingScore(lead_id=pk, day=day, created_at=at) for pk in lead_ids)
    wake(TASK)


def note_boundaries(changes: Sequence[StageChange]) -> None:
    """Write down what each lead had given on the day of the change so far; all changes are of one moment."""
    if not changes:
        return
    day = clock.day_of(changes[0].at)
    known = _known_on(day, [change.lead_id for change in changes])
    NewnessBoundary.objects.bulk_create(
        NewnessBoundary(
            lead_id=change.lead_id,
            seq=change.seq,
            at=change.at,
            day=day,
            ended_cycle=change.from_stage in QUALIFIED,
            known=known[change.lead_id],
            wake_signal=change.lead.wake_signal if change.to_status == Status.NURTURE else "",
        )
        for change in changes
    )


def _known_on(day: date, lead_ids: Sequence[int]) -> dict[int, list[list[Any]]]:
    rows = EngagementDay.objects.filter(lead_id__in=lead_ids, known_on=day)
    known: dict[int, list[list[Any]]] = defaultdict(list)
    for lead_id, signal_id, object_key, occurred_on, count in rows.values_list(
        "lead_id", "signal_id", "object_key", "occurred_on", "count"
    ):
        known[lead_id].append([signal_id, object_key, occurred_on.isoformat(), count])
    return known


def _opens_boundary(change: StageChange) -> bool:
    ended_cycle = change.from_stage in QUALIFIED and change.to_stage == Stage.LEAD
    began_nurture = change.to_status == Status.NURTURE and change.from_status != Status.NURTURE
    return ended_cycle or began_nurture


def _revives(change: StageChange) -> bool:
    was_out = change.from_status in (Status.NURTURE, Status.DISQUALIFIED)
    # Where a signal made the suspect a lead, intake marks it itself.
    made_lead = change.from_stage == Stage.SUSPECT and not change.actor.startswith("signal:")
    return (was_out or made_lead) and change.to_status == Status.ACTIVE and change.to_stage == Stage.LEAD
