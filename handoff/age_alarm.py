"""An alarm by age: whoever answers for a lead is told, once, that it has been without a rep for too long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from handoff import notices
from handoff.locks import atomic, lock_leads
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.notices import Kind
from handoff.promises import Promises
from handoff.workhours import WorkHours, working_between
from leads.models import Organisation

BATCH = 500


def with_unassigned_since(handoffs: QuerySet[Handoff]) -> Any:
    """Add since when nobody has had the lead: the MQL entry, or the end of the attempt before."""
    before = Handoff.objects.filter(cycle=OuterRef("cycle"), attempt__lt=OuterRef("attempt"))
    ended = before.order_by().values("cycle").annotate(at=Max("closed_at")).values("at")
    return handoffs.annotate(unassigned_since=Coalesce(Subquery(ended), F("waiting_since")))


def sound_due(at: datetime) -> int:
    """Raise the alarms that are due, each once for a handoff; return how many. Safe to run at once."""
    organisation = Organisation.current()
    hours = organisation.age_alarm_hours
    if not hours or not _old(at, hours).exists():
        return 0
    office = Promises.read(organisation).hours(None)
    raised = 0
    while (count := _sound_batch(at, hours, office)) == BATCH:
        raised += count
    return raised + count


@atomic
def _sound_batch(at: datetime, hours: int, office: WorkHours) -> int:
    due = overdue(at, hours, office)
    leads = lock_leads(row.lead_id for row in due)
    # Read again: with the leads locked nobody is given them any more.
    ids = [row.pk for row in due if row.lead_id in leads]
    rows = list(_silent().filter(pk__in=ids).select_related("lead__company", "pool").order_by("pk"))
    if rows:
        Handoff.objects.filter(pk__in=[row.pk for row in rows]).update(age_alarm_at=at, age_alarm_hours=hours)
        notices.notify(_notices(rows, hours, at))
    return len(rows)


def overdue(at: datetime, hours: int, office: WorkHours) -> list[Any]:
    """Return those that have waited for so many working hours without an alarm, the longest waiting first."""
    limit = timedelta(hours=hours)
    old = with_unassigned_since(_old(at, hours))
    rows = old.filter(unassigned_since__lt=at - limit).order_by("unassigned_since", "pk").defer("context")
    return [row for row in rows[:BATCH] if working_between(row.unassigned_since, at, office) > limit]


def _old(at: datetime, hours: int) -> QuerySet[Handoff]:
    # Working time never exceeds time, so this leaves out what cannot be due.
    return _silent().filter(waiting_since__lt=at - timedelta(hours=hours))


def _silent() -> QuerySet[Handoff]:
    # Whoever is nurtured as an MQL waits on purpose.
    queued = Handoff.objects.filter(status=HandoffStatus.QUEUED, age_alarm_at=None)
    return queued.exclude(queue_reason=QueueReason.NOT_SALES_READY)


def _notices(rows: Sequence[Handoff], hours: int, at: datetime) -> Iterable[Notice]:
    """One notice for each team and reason, whatever the number of leads that became too old at once."""
    groups: dict[tuple[int | None, str], list[Handoff]] = defaultdict(list)
    for row in rows:
        groups[row.pool.team_id if row.pool else None, row.queue_reason].append(row)
    for (team, reason), group in groups.items():
        first, more = group[0], len(group) - 1
        others = f" and {more} more have" if more else " has"
        label = QueueReason(reason).label
        text = f"{first.lead.name[:120]}{others} been without a rep for over {hours} working hours. {label}."
        told = notices.marketers() if reason == QueueReason.RETURNED else notices.managers_of(team)
        for user in told:
            yield Notice(
                user=user,
                kind=Kind.WAITS_LONG,
                handoff=first,
                lead_id=first.lead_id,
                text=text[:300],
                created_at=at,
            )
