"""A rep's inbox: every open handoff of theirs, sorted by what is due, in five groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Q

from handoff.models import Handoff, HandoffQuerySet, HandoffStatus
from leads import clock
from leads.enums import Stage

SOON = timedelta(hours=1)
MOST = 60  # rows of a group shown at once


@dataclass
class Group:
    """One heading of the inbox and its rows; `tone` is set where waiting hurts."""

    slug: str
    label: str
    hint: str
    tone: str = ""
    rows: list[Handoff] = field(default_factory=list)
    hidden: int = 0  # rows of a crowded group that are not shown

    @property
    def count(self) -> int:
        return len(self.rows) + self.hidden

    def shorten(self, most: int) -> None:
        """Keep the rows due first; the others are only counted."""
        self.hidden = max(0, len(self.rows) - most)
        del self.rows[most:]


def due_at(handoff: Handoff) -> datetime | None:
    """Return the moment this handoff needs its rep: the deadline now running, else the next step."""
    if handoff.status == HandoffStatus.OFFERED:
        return handoff.accept_by
    if handoff.first_contact_at is None:
        return handoff.contact_by
    return handoff.next_step_at


def open_handoffs(handoffs: HandoffQuerySet) -> HandoffQuerySet:
    """Keep what a rep still has to work on, with everything a row shows."""
    working = Q(status__in=[HandoffStatus.OFFERED, HandoffStatus.ACCEPTED], closed_at=None)
    # An SQL closes its handoff, and still is the rep's to bring into the pipeline.
    sql = Q(status=HandoffStatus.ACCEPTED, lead__stage=Stage.SQL, cycle__ended_at=None)
    return (
        handoffs.filter(working | sql)
        .select_related("lead__company", "cycle", "rep__user")
        .order_by("accept_by", "id")
    )


def grouped(handoffs: HandoffQuerySet, at: datetime) -> list[Group]:
    """Return the groups that have rows; within each the soonest due comes first. One query."""
    groups = {
        group.slug: group
        for group in (
            Group("soon", "Due soon", "Under one hour left, or late", "warn"),
            Group("new", "New", "Answer before the time is up"),
            Group("today", "Follow-up today", "Next steps you set"),
            Group("working", "Accepted", "Yours, soonest due first"),
            Group("deferred", "Deferred", "Come back by themselves"),
        )
    }
    today = clock.day_of(at)
    for handoff in open_handoffs(handoffs):
        groups[_slug(handoff, at, today)].rows.append(handoff)
    for group in groups.values():
        group.rows.sort(key=lambda row: (due_at(row) is None, due_at(row) or at, row.pk))
    return [group for group in groups.values() if group.rows]


def _slug(handoff: Handoff, at: datetime, today: date) -> str:
    if handoff.deferred_until and handoff.deferred_until > today:
        return "deferred"
    due = due_at(handoff)
    is_promise = handoff.status == HandoffStatus.OFFERED or handoff.first_contact_at is None
    if is_promise and due and due - at <= SOON:
        return "soon"
    if handoff.status == HandoffStatus.OFFERED:
        return "new"
    if (handoff.deferred_until and handoff.deferred_until <= today) or (due and clock.day_of(due) <= today):
        return "today"
    if handoff.next_step_at and clock.day_of(handoff.next_step_at) <= today:
        return "today"
    return "working"


def neighbours(
    handoffs: HandoffQuerySet, handoff: Handoff, at: datetime
) -> tuple[int | None, int | None, str]:
    """Return the handoffs before and after this one in the inbox, and its place in words: "New, 1 of 4"."""
    groups = grouped(handoffs, at)
    numbers = [row.pk for group in groups for row in group.rows]
    if handoff.pk not in numbers:
        return None, (numbers[0] if numbers else None), ""
    here = numbers.index(handoff.pk)
    place = next(
        f"{group.label}, {[row.pk for row in group.rows].index(handoff.pk) + 1} of {len(group.rows)}"
        for group in groups
        if handoff.pk in [row.pk for row in group.rows]
    )
    before = numbers[here - 1] if here else None
    after = numbers[here + 1] if here + 1 < len(numbers) else None
    return before, after, place
