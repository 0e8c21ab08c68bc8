"""Writing down what routing decided: offers, queue reasons, owners, turns, decisions and notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import F

from handoff import context, notices, outbox, sentences
from handoff.bulk import Row, insert
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason, RoutingDecision
from handoff.notices import Kind
from handoff.outgoing import What
from handoff.planning import Plan
from handoff.roster import Roster, save_rotations
from handoff.rules import LeadFacts
from leads.models import Cycle, Lead, Organisation

T = TypeVar("T")
# Somebody has to act on these; a seat frees by itself.
ALARMING = (QueueReason.NO_RULE, QueueReason.NO_ELIGIBLE_REP, QueueReason.ALL_LAPSED)


@dataclass(slots=True)
class Waiting:
    """A handoff that waits for a rep, with what routing must know of it."""

    handoff_id: int
    lead_id: int
    cycle_id: int
    is_hand_raise: bool
    queue_reason: str
    pool_id: int | None
    rule_id: int | None
    who: str
    has_stale_context: bool
    facts: LeadFacts


Decided = tuple[Waiting, Plan]


def record(decided: Sequence[Decided], roster: Roster, at: datetime) -> int:
    """Write the plans in the transaction that made them; return how many changed anything.

    The number of statements follows the reps and reasons, not the leads.
    """
    news = [(waiting, plan) for waiting, plan in decided if _is_new(waiting, plan)]
    offers = [(waiting, plan) for waiting, plan in news if plan.rep]
    organisation = Organisation.current()
    context.refresh([(w.handoff_id, w.cycle_id) for w, _ in offers if w.has_stale_context], at)
    _write_offers(offers, organisation, at)
    _write_queued([(waiting, plan) for waiting, plan in news if not plan.rep])
    _write_owners(news)
    insert(RoutingDecision, _DECISION, [_decision(w, plan, at) for w, plan in news])
    save_rotations(roster)
    outbox.announce(What.OFFERED, [waiting.handoff_id for waiting, _ in offers], at)
    notices.notify([*_offer_notices(offers, organisation, at), *_alarms(news, at)])
    return len(news)


def accept_by(organisation: Organisation, *, is_hand_raise: bool, at: datetime) -> datetime:
    """Return when an offer made now lapses."""
    hours = organisation.hand_raise_accept_hours if is_hand_raise else organisation.accept_hours
    return at + timedelta(hours=hours)


def offer_text(who: str, due: datetime, organisation: Organisation, *, is_hand_raise: bool) -> str:
    """Say in one line what is offered and by when."""
    asked = "asked for us" if is_hand_raise else "is yours to take"
    return f"{who[:200]} {asked}. Accept by {sentences.moment(due, organisation.time_zone)}."


def _is_new(waiting: Waiting, plan: Plan) -> bool:
    if plan.rep or plan.outcome != waiting.queue_reason:
        return True
    rule = plan.rule.id if plan.rule else None
    return (rule, plan.pool.id if plan.pool else None) != (waiting.rule_id, waiting.pool_id)


def _grouped(decided: Iterable[Decided], key: Callable[[Waiting, Plan], Hashable]) -> Any:
    groups: dict[Hashable, list[Decided]] = defaultdict(list)
    for waiting, plan in decided:
        groups[key(waiting, plan)].append((waiting, plan))
    return groups.items()


def _queued(decided: Iterable[Decided]) -> Any:
    # The leads are locked and were read as queued; the condition stays, as the guard it is.
    ids = [waiting.handoff_id for waiting, _ in decided]
    return Handoff.objects.filter(pk__in=ids, status=HandoffStatus.QUEUED)


def _write_offers(offers: Sequence[Decided], organisation: Organisation, at: datetime) -> None:
    def target(waiting: Waiting, plan: Plan) -> tuple[int | None, int | None, bool]:
        return plan.rep.id if plan.rep else None, plan.rule.id if plan.rule else None, waiting.is_hand_raise

    for (rep, rule, is_hand_raise), group in _grouped(offers, target):
        pool = group[0][1].pool
        _queued(group).update(
            status=HandoffStatus.OFFERED,
            version=F("version") + 1,
            queue_reason="",
            rep=rep,
            rule=rule,
            pool=pool and pool.id,
            offered_at=at,
            accept_by=accept_by(organisation, is_hand_raise=is_hand_raise, at=at),
        )


def _write_queued(waits: Sequence[Decided]) -> None:
    for (reason, rule), group in _grouped(waits, lambda _, plan: (plan.outcome, plan.rule and plan.rule.id)):
        pool = group[0][1].pool
        _queued(group).update(queue_reason=reason, rule=rule, pool=pool and pool.id, version=F("version") + 1)


def _write_owners(news: Sequence[Decided]) -> None:
    def owner_and_team(_: Waiting, plan: Plan) -> tuple[int | None, int | None]:
        team = plan.pool.team_id if plan.pool else plan.rep.team_id if plan.rep else None
        return plan.rep.user_id if plan.rep else None, team

    for (owner, team), group in _grouped(news, owner_and_team):
        Lead.objects.filter(pk__in=[w.lead_id for w, _ in group]).update(owner=owner, pool_team=team)
        stamp = {"rep": owner, "team": team} if owner else {"team": team}
        Cycle.objects.filter(pk__in=[w.cycle_id for w, _ in group]).update(**stamp)


_DECISION = (
    "handoff_id",
    "at",
    "rule_name",
    "pool_id",
    "rep_id",
    "outcome",
    "way",
    "candidates",
    "state_key",
)


def _decision(waiting: Waiting, plan: Plan, at: datetime) -> Row:
    return (
        waiting.handoff_id,
        at,
        plan.rule.name if plan.rule else "",
        plan.pool.id if plan.pool else None,
        plan.rep.id if plan.rep else None,
        str(plan.outcome),
        str(plan.way),
        plan.candidates,
        plan.state_key,
    )


def _offer_notices(offers: Sequence[Decided], organisation: Organisation, at: datetime) -> list[Notice]:
    due = {raised: accept_by(organisation, is_hand_raise=raised, at=at) for raised in (False, True)}
    return [
        Notice(
            user_id=plan.rep.user_id,
            kind=Kind.OFFERED,
            handoff_id=waiting.handoff_id,
            lead_id=waiting.lead_id,
            text=offer_text(
                waiting.who, due[waiting.is_hand_raise], organisation, is_hand_raise=waiting.is_hand_raise
            ),
            created_at=at,
        )
        for waiting, plan in offers
        if plan.rep
    ]


def _alarms(news: Sequence[Decided], at: datetime) -> list[Notice]:
    """Tell the managers once for each pool and reason, whatever the number of leads."""
    alarming = [(waiting, plan) for waiting, plan in news if plan.outcome in ALARMING]
    told = []
    for (team, reason, rule), group in _grouped(
        alarming,
        lambda _, plan: (plan.pool and plan.pool.team_id, plan.outcome, plan.rule and plan.rule.name),
    ):
        first, more = group[0][0], len(group) - 1
        others = f" and {more} more" if more else ""
        where = f" Rule: {rule}." if rule else ""
        text = f"{first.who[:120]}{others} waiting: {QueueReason(reason).label}.{where}"
        told += [
            Notice(
                user=manager, kind=Kind.QUEUED, handoff_id=first.handoff_id, lead_id=first.lead_id, text=text,
                created_at=at,
            )
            for manager in notices.managers_of(team)
        ]  # fmt: skip
    return told
