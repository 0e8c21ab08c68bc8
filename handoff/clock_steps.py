"""The steps before a deadline bites: the rep is warned, then the manager is told. Each once, never early."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from handoff import notices, outbox, sentences
from handoff.locks import atomic, lock_leads
from handoff.models import Handoff, HandoffStatus, Notice
from handoff.notices import Kind
from handoff.outgoing import What
from handoff.pausing import RUNNING
from leads.models import Organisation, User

BATCH = 500
_UNDISTURBED = Q(closed_at=None, paused_at=None)
_OFFERED = _UNDISTURBED & Q(status=HandoffStatus.OFFERED)
_CONTACT_DUE = _UNDISTURBED & RUNNING & Q(status=HandoffStatus.ACCEPTED)


@dataclass(frozen=True)
class Step:
    """One step: due when `due` has passed, taken when `done` is set. `end` is the deadline it is about."""

    due: str
    done: str
    end: str
    open: Q
    kind: Kind
    to_managers: bool = False

    @property
    def clock(self) -> str:
        return self.end.removesuffix("_by")  # accept or contact

    def rows(self, at: datetime) -> Q:
        """What is due for this step; a warning after the deadline would only be noise."""
        in_time = Q() if self.to_managers else Q(**{f"{self.end}__gte": at})
        return self.open & in_time & Q(**{f"{self.due}__lt": at, self.done: None})


STEPS = (
    Step("accept_warn_at", "accept_warned_at", "accept_by", _OFFERED, Kind.ACCEPT_WARNING),
    Step("accept_escalate_at", "accept_escalated_at", "accept_by", _OFFERED, Kind.ACCEPT_LATE, to_managers=True),
    Step("contact_warn_at", "contact_warned_at", "contact_by", _CONTACT_DUE, Kind.CONTACT_WARNING),
    Step("contact_by", "contact_escalated_at", "contact_by", _CONTACT_DUE, Kind.CONTACT_LATE, to_managers=True),
)  # fmt: skip


def take_steps(at: datetime) -> int:
    """Take every step that is due; return how many."""
    taken = 0
    for step in STEPS:
        while Handoff.objects.filter(step.rows(at)).exists():
            taken += _take(step, at)
    return taken


@atomic
def _take(step: Step, at: datetime) -> int:
    due = Handoff.objects.filter(step.rows(at)).order_by(step.due, "pk")
    leads = lock_leads(due.values_list("lead_id", flat=True)[:BATCH])
    # Read again: with the leads locked nobody decides any more.
    rows = list(due.filter(lead_id__in=leads).select_related("lead", "rep__user"))
    if rows:
        Handoff.objects.filter(pk__in=[row.pk for row in rows]).update(**{step.done: at})
        notices.notify(_notices(step, rows, at))
        told = What.ESCALATED if step.to_managers else What.WARNED
        outbox.announce_step(told, rows, step.clock, step.end, at)
    return len(rows)


def _notices(step: Step, rows: Sequence[Handoff], at: datetime) -> Iterable[Notice]:
    zone = Organisation.current().time_zone
    managers: dict[int | None, list[User]] = {}
    for row in rows:
        if row.rep is None:
            continue
        team = row.rep.user.team_id
        if step.to_managers and team not in managers:
            managers[team] = notices.managers_of(team)
        text = _text(step, row, zone)
        for user in managers[team] if step.to_managers else [row.rep.user]:
            yield Notice(
                user_id=user.pk, kind=step.kind, handoff=row, lead_id=row.lead_id, text=text, created_at=at
            )


def _text(step: Step, row: Handoff, zone: str) -> str:
    name, by = row.lead.name[:120], str(row.rep)
    when = sentences.moment(getattr(row, step.end), zone)
    said = {
        Kind.ACCEPT_WARNING: f"{name} still waits for your answer. Accept by {when}.",
        Kind.ACCEPT_LATE: f"{by} has not answered {name} yet. It is routed again after {when}.",
        Kind.CONTACT_WARNING: f"{name} still waits for your first contact, due by {when}.",
        Kind.CONTACT_LATE: f"{by} has not contacted {name}; that was due by {when}.",
    }[step.kind]
    return said[:300]
