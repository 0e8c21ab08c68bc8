"""The MQLs of the last days routed anew under another routing, lead after lead, with seats that fill and free.

What is assumed, and said with every result, is in ASSUMPTIONS.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from handoff import facts
from handoff.models import Absence, Handoff, QueueReason, Rep, RoutingRule
from handoff.planning import ASSIGNED, Plan, Planner, Way
from handoff.promises import Promises
from handoff.roster import PoolCard, RepCard, Roster, absence
from handoff.rotation import TURN
from handoff.rules import LeadFacts, Rule, ready
from handoff.versions import Document
from handoff.workhours import working_between
from leads import clock
from leads.models import Cycle

ASSUMPTIONS = (
    "Every lead takes as long to answer and keeps its seat as long as it really did; one without a record, the median.",
    "Absences count on their days. Who was switched to not taking leads, has left or was never there counts as today.",
    "Leads and calendars are taken as they are today, rotations begin anew, and nobody is at work on older leads.",
    "Only the first rep of each lead is simulated, not where it went after a rejection or a lapse.",
)
# Reasons to wait that a freed seat or somebody's return may end.
PASSING = (QueueReason.AT_CAPACITY, QueueReason.NO_ELIGIBLE_REP)
# Read so many leads at once, and tell of the progress as often.
BATCH = 1000


@dataclass(slots=True)
class Arrival:
    """One MQL of the past: when, which lead, how long it took to answer and kept a seat, working time and time."""

    cycle: int
    at: datetime
    facts: LeadFacts
    is_hand_raise: bool
    rep: int | None  # who really got it first
    waited: timedelta | None
    answer: timedelta | None  # working time of who really had it
    was_kept: bool | None
    seat: timedelta | None
    plan: Plan | None = None
    routed_at: datetime | None = None
    is_kept: bool | None = None


@dataclass
class Simulation:
    """Plays arrivals and freed seats in their order."""

    roster: Roster
    planner: Planner
    promises: Promises
    away: Mapping[int, Sequence[Absence]]
    arrivals: list[Arrival]
    progress: Callable[[int], None]
    waiting: list[Arrival] = field(default_factory=list)
    freed: list[tuple[datetime, int]] = field(default_factory=list)
    standing: dict[int, str] = field(default_factory=dict)  # absences of today but for `Absence`
    most: Counter[int] = field(default_factory=Counter)
    day: date | None = None

    def run(self) -> None:
        self.standing = {rep.id: rep.absence for rep in self.roster.reps.values()}
        self.usual_answer = _usual([one.answer for one in self.arrivals])
        self.usual_seat = _usual([one.seat for one in self.arrivals])
        for number, arrival in enumerate(self.arrivals, 1):
            self._free_until(arrival.at)
            self._begin_day(arrival.at)
            if not self._give(arrival, arrival.at) and arrival.plan and arrival.plan.outcome in PASSING:
                self.waiting.append(arrival)
            if number % BATCH == 0:
                self.progress(number)
        self._free_until(datetime.max.replace(tzinfo=self.arrivals[-1].at.tzinfo) if self.arrivals else None)

    def _free_until(self, at: datetime | None) -> None:
        """Free seats in their order; what waits goes first, the longest waiting before others."""
        while at and self.freed and self.freed[0][0] <= at:
            moment, rep_id = heapq.heappop(self.freed)
            self.roster.reps[rep_id].seats -= 1
            self._begin_day(moment)
            self._serve(moment)

    def _serve(self, moment: datetime) -> None:
        if self.waiting:
            self.waiting.sort(key=lambda one: (not one.is_hand_raise, one.at, one.cycle))
            kept: list[Arrival] = []
            for place, one in enumerate(self.waiting):
                if not self.roster.with_free_seat():
                    kept += self.waiting[place:]
                    break
                if not self._give(one, moment):
                    kept.append(one)
            self.waiting = kept

    def _begin_day(self, moment: datetime) -> None:
        day = clock.day_of(moment, self.promises.organisation.time_zone)
        if day == self.day:
            return
        self.day = day
        for rep in self.roster.reps.values():
            found = [one for one in self.away.get(rep.id, ()) if one.starts_on <= day < one.back_on]
            rep.absence = self.standing[rep.id] or ("away" if found else "")
            rep.cover = found[0].cover_id if found else None
        self._serve(moment)

    def _give(self, arrival: Arrival, moment: datetime) -> bool:
        arrival.plan = self.planner.decide(arrival.facts)
        rep = arrival.plan.rep
        if rep is None:
            return False
        arrival.routed_at = moment
        self.most[rep.id] = max(self.most[rep.id], rep.seats)
        heapq.heappush(self.freed, (moment + (arrival.seat or self.usual_seat), rep.id))
        arrival.is_kept = self._is_kept(arrival)
        return True

    def _is_kept(self, arrival: Arrival) -> bool:
        """Tell whether the answer, with the working time it took, comes within what was promised."""
        terms = self.promises.terms(is_hand_raise=arrival.is_hand_raise, score=arrival.facts.score)
        answer = arrival.answer if arrival.answer is not None else self.usual_answer
        return answer <= timedelta(minutes=terms.accept)


def _usual(times: Sequence[timedelta | None]) -> timedelta:
    known = [one.total_seconds() for one in times if one is not None]
    return timedelta(seconds=median(known)) if known else timedelta(hours=4)


def simulate(
    document: Document, days: int, at: datetime, progress: Callable[[int], None] = lambda done: None
) -> dict[str, Any]:
    """Route the MQLs of the last days anew under `document`; return what each rep would have had, and had."""
    promises = Promises.read()
    roster, rules = trial(document, clock.day_of(at))
    arrivals = list(_arrivals(days, at, promises))
    away = defaultdict(list)
    for row in Absence.objects.filter(back_on__gt=clock.day_of(at - timedelta(days=days))):
        away[row.rep_id].append(row)
    simulation = Simulation(roster, Planner(roster, rules), promises, away, arrivals, progress)
    simulation.run()
    return _result(simulation, days)


def trial(document: Document, day: date) -> tuple[Roster, list[Rule]]:
    """Return reps without leads, pools with fresh rotations, and rules, as a document has them."""
    reps = {}
    for rep in Rep.objects.select_related("user").order_by("pk"):
        capacity = document["capacity"].get(str(rep.pk), rep.capacity)
        territories = frozenset(str(place).strip().lower() for place in rep.territories)
        reps[rep.pk] = RepCard(
            rep.pk, rep.user_id, str(rep.user), rep.user.team_id, capacity, 0, absence(rep, day), territories,
            rep.calendar_id,
        )  # fmt: skip
    pools = {}
    for number, row in enumerate(document["pools"], 1):
        weights = {int(rep): weight for rep, weight in sorted(row["members"].items()) if int(rep) in reps}
        pools[number] = PoolCard(
            number,
            row["name"],
            row["team"],
            row["is_active"],
            members=dict(weights),
            weights=weights,
            is_trial=True,
        )
    numbers = {pool.name: pool.id for pool in pools.values()}
    rules = [
        ready(
            RoutingRule(
                name=row["name"],
                conditions=row["conditions"],
                pool_id=numbers.get(row["pool"] or ""),
                rep_id=row["rep"],
            )
        )
        for row in document["rules"] if row["is_active"] and (row["rep"] in reps or row["pool"] in numbers)
    ]  # fmt: skip
    return Roster(reps, pools), rules


def _arrivals(days: int, at: datetime, promises: Promises) -> Iterator[Arrival]:
    cycles = Cycle.objects.filter(mql_at__gt=at - timedelta(days=days), mql_at__lte=at).order_by(
        "mql_at", "pk"
    )
    columns = ("pk", "lead_id", "mql_at", "segment", *(f"lead__{column}" for column in facts.COLUMNS))
    rows = list(cycles.values(*columns))
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        history, known = _history([row["pk"] for row in part], promises), _acquaintances(part)
        for row in part:
            lead = facts.facts_of({**row, "lead__owner_id": None}, "lead__", row["segment"], known(row))
            yield Arrival(cycle=row["pk"], at=row["mql_at"], facts=lead, **history(row["pk"], row["mql_at"]))


def _acquaintances(rows: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], facts.Past]:
    """Return who knew a lead when it became an MQL: the rep of the last handoff that had ended well before."""
    ended = Handoff.objects.filter(
        lead__in=[row["lead_id"] for row in rows], status__in=facts.KNEW_IT, reason=None, rep__isnull=False,
        closed_at__isnull=False,
    )  # fmt: skip
    by_lead: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for lead, closed_at, user in ended.order_by("closed_at").values_list(
        "lead_id", "closed_at", "rep__user_id"
    ):
        if closed_at:
            by_lead[lead].append((closed_at, user))

    def known(row: Mapping[str, Any]) -> facts.Past:
        lead = row["lead_id"]
        before = [user for closed_at, user in by_lead[lead] if closed_at < row["mql_at"]]
        return facts.Past(previous_owner={lead: before[-1]} if before else {})

    return known


def _history(cycles: Sequence[int], promises: Promises) -> Callable[[int, datetime], dict[str, Any]]:
    """Return what is recorded of the first offer of each cycle, and of how long the lead kept seats."""
    offers = Handoff.objects.filter(cycle__in=cycles, rep__isnull=False, offered_at__isnull=False)
    first: dict[int, Handoff] = {}
    for offer in offers.select_related("rep").defer("context").order_by("cycle_id", "-attempt"):
        first[offer.cycle_id] = offer
    began = Handoff.objects.filter(cycle__in=cycles, attempt=1)
    raised = dict(began.values_list("cycle_id", "is_hand_raise"))

    def of(cycle: int, mql_at: datetime) -> dict[str, Any]:
        offer = first.get(cycle)
        found: dict[str, Any] = {
            "is_hand_raise": raised.get(cycle, False), "rep": None, "waited": None, "answer": None,
            "was_kept": None, "seat": None,
        }  # fmt: skip
        if offer is None or offer.offered_at is None or offer.rep is None:
            return found
        found |= {"rep": offer.rep_id, "waited": offer.offered_at - mql_at}
        answered = offer.decided_at or (offer.closed_at if offer.status == "expired" else None)
        if answered:
            hours = promises.hours(offer.rep.calendar_id)
            found["answer"] = working_between(offer.offered_at, answered, hours)
            found["was_kept"] = offer.status != "expired"
        ended = offer.first_contact_at or offer.closed_at
        found["seat"] = ended - offer.offered_at if ended else None
        return found

    return of


def _result(simulation: Simulation, days: int) -> dict[str, Any]:
    arrivals, roster = simulation.arrivals, simulation.roster
    plans = [one.plan for one in arrivals if one.plan]
    by_rule = Counter(plan.rule.name if plan.rule else "" for plan in plans)
    unrouted = Counter(str(plan.outcome) for plan in plans if plan.outcome != ASSIGNED)
    return {
        "days": days,
        "leads": len(arrivals),
        "changed": sum(1 for one in arrivals if (_rep(one)) != one.rep),
        "by_rule": [{"rule": name or None, "leads": count} for name, count in by_rule.most_common()],
        "per_rep": _per_rep(simulation),
        "fairness": [
            _fairness(pool, simulation) for pool in roster.pools.values() if sum(pool.turns.values())
        ],
        "unrouted": dict(unrouted),
        "assumptions": list(ASSUMPTIONS),
    }


def _rep(arrival: Arrival) -> int | None:
    return arrival.plan.rep.id if arrival.plan and arrival.plan.rep else None


def _per_rep(simulation: Simulation) -> list[dict[str, Any]]:
    mine, theirs = defaultdict(list), defaultdict(list)
    for one in simulation.arrivals:
        mine[_rep(one)].append(one)
        theirs[one.rep].append(one)
    reps = simulation.roster.reps
    return [
        {
            "rep": rep, "name": reps[rep].name, "capacity": reps[rep].capacity,
            "leads": len(mine[rep]), "actual": len(theirs[rep]),
            "most_seats": simulation.most[rep],
            "wait_minutes": _minutes([one.routed_at - one.at for one in mine[rep] if one.routed_at]),
            "actual_wait_minutes": _minutes([one.waited for one in theirs[rep] if one.waited is not None]),
            "kept": sum(1 for one in mine[rep] if one.is_kept), "due": len(mine[rep]),
            "actual_kept": sum(1 for one in theirs[rep] if one.was_kept),
            "actual_due": sum(1 for one in theirs[rep] if one.was_kept is not None),
        }
        for rep in sorted(reps, key=lambda rep: reps[rep].name) if mine[rep] or theirs[rep]
    ]  # fmt: skip


def _minutes(times: Sequence[timedelta]) -> int | None:
    """Return the median in whole minutes."""
    return round(median(one.total_seconds() for one in times) / 60) if times else None


def _fairness(pool: PoolCard, simulation: Simulation) -> dict[str, Any]:
    """Say how far each member ended from the share of turns they were due while they could take leads.

    `actual` counts who really got the leads that went by turns.
    """
    reps = simulation.roster.reps
    really = Counter(
        one.rep
        for one in simulation.arrivals
        if one.plan and one.plan.pool is pool and one.plan.way == Way.ROTATION
    )
    return {
        "pool": pool.name,
        "turns": sum(pool.turns.values()),
        "members": [
            {
                "name": reps[rep].name, "weight": weight, "turns": pool.turns.get(rep, 0), "actual": really[rep],
                "behind": round(pool.arrears.get(rep, 0) / TURN, 1),
            }
            for rep, weight in pool.weights.items()
        ],
    }  # fmt: skip
