"""Writing down what routing decided: offers, queue reasons, owners, turns, decisions and notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db.models import Case, F, Value, When

from handoff import context, notices, outbox, sentences
from handoff.bulk import Row, insert
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason, RoutingDecision
from handoff.notices import Kind
from handoff.outgoing import What
from handoff.planning import Plan, Way
from handoff.promises import Promises, Terms
from handoff.roster import RepCard, Roster, save_rotations
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


def record(decided: Sequence[Decided], roster: Roster, at: datetime, organisation: Organisation) -> int:
    """Write the plans in the transaction that made them; return how many changed anything.

    The number of statements follows calendars, terms and reasons, not the leads and not the reps.
    """
    news = [(waiting, plan) for waiting, plan in decided if _is_new(waiting, plan)]
    offers = [(waiting, plan) for waiting, plan in news if plan.rep]
    promises = Promises.read(organisation)
    context.refresh([(w.handoff_id, w.cycle_id) for w, _ in offers if w.has_stale_context], at)
    _write_offers(offers, promises, at)
    _write_queued([(waiting, plan) for waiting, plan in news if not plan.rep])
    _write_owners(news)
    insert(RoutingDecision, _DECISION, [_decision(w, plan, at) for w, plan in news])
    save_rotations(roster)
    outbox.announce(What.OFFERED, [waiting.handoff_id for waiting, _ in offers], at)
    notices.notify([*_offer_notices(offers, promises, at), *_alarms(news, at)])
    return len(news)


def offer_text(who: str, due: datetime, zone: str, *, is_hand_raise: bool, is_again: bool = False) -> str:
    """Say in one line what is offered and by when."""
    asked = "asked for us" if is_hand_raise else "is yours to take"
    again = f" {Way.AGAIN.label}." if is_again else ""
    return f"{who[:200]} {asked}.{again} Accept by {sentences.moment(due, zone)}."


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


def _terms(waiting: Waiting, promises: Promises) -> Terms:
    return promises.terms(is_hand_raise=waiting.is_hand_raise, score=waiting.facts.score)


def _write_offers(offers: Sequence[Decided], promises: Promises, at: datetime) -> None:
    """One statement for all whose clocks run alike, whoever gets them."""

    def clock(waiting: Waiting, plan: Plan) -> tuple[int | None, Terms]:
        return _rep(plan).calendar_id, _terms(waiting, promises)

    for (calendar, terms), group in _grouped(offers, clock):
        _queued(group).update(
            status=HandoffStatus.OFFERED,
            version=F("version") + 1,
            queue_reason="",
            rep=_each((waiting.handoff_id, _rep(plan).id) for waiting, plan in group),
            rule=_each((waiting.handoff_id, plan.rule and plan.rule.id) for waiting, plan in group),
            pool=_each((waiting.handoff_id, plan.pool and plan.pool.id) for waiting, plan in group),
            **promises.accepting(calendar, terms, at),
        )


def _each(pairs: Iterable[tuple[int, int | None]]) -> Any:
    """Return what each row, named by its id, gets in one UPDATE; a plain value where all get the same."""
    rows: dict[int | None, list[int]] = defaultdict(list)
    for pk, value in pairs:
        rows[value].append(pk)
    if len(rows) == 1:
        return next(iter(rows))
    named = [When(pk__in=ids, then=Value(value)) for value, ids in rows.items() if value is not None]
    return Case(*named, default=None)


def _write_queued(waits: Sequence[Decided]) -> None:
    for (reason, rule), group in _grouped(waits, lambda _, plan: (plan.outcome, plan.rule and plan.rule.id)):
        pool = group[0][1].pool
        _queued(group).update(queue_reason=reason, rule=rule, pool=pool and pool.id, version=F("version") + 1)


def _write_owners(news: Sequence[Decided]) -> None:
    if not news:
        return
    owners = {waiting.lead_id: plan.rep.user_id if plan.rep else None for waiting, plan in news}
    teams = {waiting.lead_id: _team(plan) for waiting, plan in news}
    Lead.objects.filter(pk__in=owners).update(owner=_each(owners.items()), pool_team=_each(teams.items()))
    taken = [(waiting, plan) for waiting, plan in news if plan.rep]
    left = [(waiting, plan) for waiting, plan in news if not plan.rep]
    if taken:
        reps = [(waiting.cycle_id, _rep(plan).user_id) for waiting, plan in taken]
        _cycles(taken).update(rep=_each(reps), team=_cycle_teams(taken))
    if left:
        _cycles(left).update(team=_cycle_teams(left))


def _team(plan: Plan) -> int | None:
    return plan.pool.team_id if plan.pool else plan.rep.team_id if plan.rep else None


def _cycles(decided: Sequence[Decided]) -> Any:
    return Cycle.objects.filter(pk__in=[waiting.cycle_id for waiting, _ in decided])


def _cycle_teams(decided: Sequence[Decided]) -> Any:
    return _each((waiting.cycle_id, _team(plan)) for waiting, plan in decided)


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


def _rep(plan: Plan) -> RepCard:
    assert plan.rep is not None
    return plan.rep


def _offer_notices(offers: Sequence[Decided], promises: Promises, at: datetime) -> list[Notice]:
    zone = promises.organisation.time_zone

    def due(waiting: Waiting, plan: Plan) -> datetime:
        offer = promises.accepting(_rep(plan).calendar_id, _terms(waiting, promises), at)
        return cast(datetime, offer["accept_by"])

    return [
        Notice(
            user_id=plan.rep.user_id,
            kind=Kind.OFFERED,
            handoff_id=waiting.handoff_id,
            lead_id=waiting.lead_id,
            text=offer_text(
                waiting.who,
                due(waiting, plan),
                zone,
                is_hand_raise=waiting.is_hand_raise,
                is_again=plan.way == Way.AGAIN,
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
