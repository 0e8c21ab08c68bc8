"""What others than the assigned rep do with a handoff: reassign it, or send a returned one to sales again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from handoff import context, notices, outbox, sentences
from handoff.assigning import offer_text
from handoff.errors import CapacityReached, HandoffConflict, Invalid, NotAllowed
from handoff.locks import atomic, lock_lead, lock_reps
from handoff.models import OPEN, Handoff, HandoffStatus, Notice, QueueReason, Rep, RoutingDecision
from handoff.notices import Kind
from handoff.opening import queue_again, wake_routing
from handoff.outgoing import What
from handoff.planning import ASSIGNED, Verdict, Way
from handoff.promises import Promises
from handoff.roster import seats_taken
from handoff.settling import settle
from leads.models import Cycle, Lead, Note, Organisation, User


@atomic
def reassign(
    handoff: Handoff, by: User, rep: Rep, reason: str, at: datetime, override_capacity: bool = False
) -> Handoff:
    """Offer an open handoff to another rep of the team and return the new offer.

    What the former rep had of it ends as reassigned. Raises CapacityReached if no seat is free, unless
    overridden.
    """
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid({"reason": "Say why, for the rep who loses it and the one who gets it."})
    (rep,) = lock_reps([rep.pk])
    lead = lock_lead(handoff.lead_id)
    must_manage(handoff, by, rep)
    if not rep.user.is_active or handoff.rep_id == rep.pk:
        raise Invalid(
            {"rep": f"{rep} has it already." if rep.user.is_active else f"{rep} is no longer active."}
        )
    seats = seats_taken([rep.pk]).get(rep.pk, 0)
    if seats >= rep.capacity and not override_capacity:
        raise CapacityReached(str(rep), seats, rep.capacity)
    offer = _offer(handoff, lead, rep, by, at)
    way = Way.OVERRIDE if seats >= rep.capacity else Way.MANUAL
    _record(offer, rep, by, at, way, reason, seats)
    _tell(handoff, offer, rep, lead, at)
    if offer.pk != handoff.pk:
        outbox.announce(What.REASSIGNED, [handoff.pk], at)
    outbox.announce(What.OFFERED, [offer.pk], at)
    return offer


@dataclass(frozen=True)
class Moved:
    """What became of one of several that were to be reassigned: without a `problem` it was."""

    handoff: Handoff
    problem: str = ""
    is_full: bool = False  # nothing but a seat was missing
    is_beyond: bool = False  # was given beyond the capacity


def reassign_many(
    handoffs: Iterable[Handoff], by: User, rep: Rep, reason: str, at: datetime, beyond: str = ""
) -> list[Moved]:
    """Reassign several, the longest waiting first and each by itself; return what became of each.

    Once the rep is full the others stay as they are, unless `beyond` says why to go beyond the capacity.
    """
    ordered = sorted(handoffs, key=lambda one: (one.waiting_since, one.pk))
    return [_move(one, by, rep, reason, at, beyond.strip()) for one in ordered]


def _move(handoff: Handoff, by: User, rep: Rep, reason: str, at: datetime, beyond: str) -> Moved:
    try:
        try:
            reassign(handoff, by, rep, reason, at)
        except CapacityReached as full:
            if not beyond:
                return Moved(handoff, str(full), is_full=True)
            reassign(handoff, by, rep, f"{reason}. Beyond capacity: {beyond}", at, override_capacity=True)
            return Moved(handoff, is_beyond=True)
    except (HandoffConflict, NotAllowed, Invalid) as refused:
        return Moved(handoff, str(refused))
    return Moved(handoff)


def give_back_all(rep: Rep, by: User, at: datetime) -> int:
    """Have everything routed anew that a rep has open, offered or accepted, because they leave.

    Returns how many.
    """
    _must_lead(rep, by)
    held = Handoff.objects.filter(rep=rep).open().order_by("lead_id").values_list("pk", "lead_id")
    return sum(_give_back(pk, lead_id, by, at) for pk, lead_id in list(held))


@atomic
def _give_back(handoff_id: int, lead_id: int, by: User, at: datetime) -> bool:
    lock_lead(lead_id)
    still_open = Handoff.objects.filter(pk=handoff_id).open()
    if not still_open.update(
        status=HandoffStatus.REASSIGNED, closed_at=at, version=F("version") + 1, settle_at=None, pending={}
    ):
        return False
    outbox.announce(What.REASSIGNED, [handoff_id], at)
    queue_again([Handoff.objects.get(pk=handoff_id)], QueueReason.NEW)
    return True


@atomic
def release_to_sales(handoff: Handoff, by: User, at: datetime, note: str = "") -> Handoff:
    """Have a handoff that waits for marketing routed again, with a comment for the rep if there is one."""
    if not (by.is_active and (by.is_marketer or by.is_admin)):
        raise NotAllowed("Only marketing can send a lead to sales again.")
    lead = lock_lead(handoff.lead_id)
    held = [QueueReason.RETURNED, QueueReason.NOT_SALES_READY]
    waiting = Handoff.objects.filter(pk=handoff.pk, status=HandoffStatus.QUEUED, queue_reason__in=held)
    if not waiting.update(queue_reason=QueueReason.NEW, version=F("version") + 1):
        handoff.refresh_from_db()
        raise HandoffConflict(handoff.status, "It does not wait for marketing any more.")
    if note.strip():
        Note.objects.create(lead=lead, by=by, text=note.strip()[:5000], for_sales=True, at=at)
    wake_routing()
    handoff.refresh_from_db()
    return handoff


def _must_lead(rep: Rep, by: User) -> None:
    own_team = by.is_manager and by.team_id is not None and rep.user.team_id == by.team_id
    if not (by.is_active and (by.is_admin or own_team)):
        raise NotAllowed("Only a manager of the team can give back what a rep has.")


def must_manage(handoff: Handoff, by: User, rep: Rep | None = None) -> None:
    """Let only admins and the manager of the handoff's team through; `rep`, too, must be of the team."""
    if by.is_active and by.is_admin:
        return
    theirs = Handoff.objects.visible_to(by).filter(pk=handoff.pk).exists()
    is_near = rep is None or rep.user.team_id == by.team_id
    if not (by.is_active and by.is_manager and theirs and is_near):
        raise NotAllowed("Only a manager of the team can do this within it.")


def _offer(handoff: Handoff, lead: Lead, rep: Rep, by: User, at: datetime) -> Handoff:
    now = Handoff.objects.select_related("cycle", "reason").get(pk=handoff.pk)
    if now.pending and now.status == HandoffStatus.ACCEPTED and now.version == handoff.version:
        settle(now, lead, at)
    unchanged = Handoff.objects.filter(
        pk=handoff.pk, version=handoff.version, status__in=OPEN, closed_at=None, settle_at=None
    )
    promises = Promises.read()
    terms = promises.terms(is_hand_raise=handoff.is_hand_raise, score=lead.score)
    offered = {
        "status": HandoffStatus.OFFERED, "rep": rep, "queue_reason": "",
        **promises.accepting(rep.calendar_id, terms, at),
    }  # fmt: skip
    if now.status == HandoffStatus.QUEUED:
        updated, offer = unchanged.update(version=F("version") + 1, **offered), now
    else:
        updated = unchanged.update(status=HandoffStatus.REASSIGNED, closed_at=at, version=F("version") + 1)
        offer = _next_attempt(now)
    if not updated:
        now.refresh_from_db()
        raise HandoffConflict(
            now.status, f"It is {now.get_status_display().lower()} by now.", who=now.decided_by
        )
    if offer is not now:
        for name, value in offered.items():
            setattr(offer, name, value)
        offer.save()
    context.refresh([(offer.pk, offer.cycle_id)], at)
    team = offer.pool.team_id if offer.pool else rep.user.team_id
    Lead.objects.filter(pk=lead.pk).update(owner=rep.user, pool_team=team)
    Cycle.objects.filter(pk=offer.cycle_id).update(rep=rep.user, team=team)
    offer.refresh_from_db()
    return offer


def _next_attempt(handoff: Handoff) -> Handoff:
    return Handoff(
        lead_id=handoff.lead_id, cycle=handoff.cycle, attempt=handoff.attempt + 1,
        waiting_since=handoff.waiting_since, is_hand_raise=handoff.is_hand_raise,
        pool=handoff.pool, rule=handoff.rule, context=handoff.context,
    )  # fmt: skip


def _record(offer: Handoff, rep: Rep, by: User, at: datetime, way: Way, reason: str, seats: int) -> None:
    chosen = {
        "rep": rep.pk, "name": str(rep), "verdict": str(Verdict.CHOSEN), "weight": 1, "turns": None,
        "seats": seats, "capacity": rep.capacity,
    }  # fmt: skip
    RoutingDecision.objects.create(
        handoff=offer, at=at, pool=offer.pool, rep=rep, outcome=ASSIGNED, way=way, candidates=[chosen], by=by,
        reason=reason,
    )  # fmt: skip


def _tell(handoff: Handoff, offer: Handoff, rep: Rep, lead: Lead, at: datetime) -> None:
    organisation = Organisation.current()
    due = offer.accept_by or at
    company = lead.company.name if lead.company else ""
    name = sentences.who(lead.name, lead.job_title, company)
    text = offer_text(name, due, organisation.time_zone, is_hand_raise=offer.is_hand_raise)
    told = [Notice(user=rep.user, kind=Kind.OFFERED, handoff=offer, lead=lead, text=text, created_at=at)]
    if handoff.rep and handoff.rep_id != rep.pk:
        gone = f"{lead.name[:200]} was reassigned to {rep}."
        told.append(
            Notice(
                user=handoff.rep.user,
                kind=Kind.REASSIGNED,
                handoff=handoff,
                lead=lead,
                text=gone,
                created_at=at,
            )
        )
    notices.notify(told)
