"""Routing tried out: what would happen to one lead, or to the MQLs of the last days under other rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handoff import facts, sentences
from handoff.errors import Invalid
from handoff.models import Absence, Handoff, Pool, Rep, RoutingRule
from handoff.planning import ASSIGNED, Plan, Planner
from handoff.roster import Roster, load_roster, seats_taken
from handoff.rules import LeadFacts, Rule, active_rules, check_conditions, ready
from handoff.simulation import trial
from handoff.versions import Document
from leads import clock
from leads.models import Cycle, Lead

# Under other rules nobody knows when a seat would have come free, so a replay does not count seats.
NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Preview:
    """What routing would do with a lead now. `sentence` says it, `plan.candidates` why."""

    plan: Plan
    sentence: str


def preview(lead: Lead, at: datetime, document: Document | None = None) -> Preview:
    """Return where the lead would go if it became an MQL now; nothing is written and no turn taken.

    Under another routing (`document`) with the seats taken now, but with rotations that begin anew.
    """
    past = facts.read_past({lead.pk: 0})
    row = Lead.objects.filter(pk=lead.pk).values(*facts.COLUMNS).get()
    roster, rules = _now(at) if document is None else _under(document, at)
    plan = Planner(roster, rules).decide(facts.facts_of({"lead_id": lead.pk, **row}, "", lead.industry, past))
    rule = plan.rule.name if plan.rule else ""
    return Preview(plan, sentences.outcome(plan.outcome, plan.way, rule, plan.candidates))


def _now(at: datetime) -> tuple[Roster, list[Rule]]:
    return load_roster(clock.day_of(at), lock=False), active_rules()


def _under(document: Document, at: datetime) -> tuple[Roster, list[Rule]]:
    day = clock.day_of(at)
    roster, rules = trial(document, day)
    taken = seats_taken()
    for row in Absence.objects.on(day):
        roster.reps[row.rep_id].absence, roster.reps[row.rep_id].cover = "away", row.cover_id
    for rep in roster.reps.values():
        rep.seats = taken.get(rep.id, 0)
    return roster, rules


def replay(days: int, at: datetime, rules: Sequence[Rule] | None = None) -> dict[str, Any]:
    """Route the MQLs of the last days anew, from fresh rotations, and compare with what happened.

    Reps count as present if they are today, and seats are not counted. Leads are taken as they are today.
    """
    cycles = Cycle.objects.filter(mql_at__gt=at - timedelta(days=days), mql_at__lte=at).order_by(
        "mql_at", "pk"
    )
    rows = list(cycles.values("pk", "lead_id", "segment", *(f"lead__{column}" for column in facts.COLUMNS)))
    roster = _trial_roster(at)
    planner = Planner(roster, active_rules() if rules is None else rules)
    plans = [(row["pk"], planner.decide(_first_time(row))) for row in rows]
    return {
        "days": days,
        "leads": len(rows),
        **_summary(plans, _first_reps([row["pk"] for row in rows]), roster),
    }


def read_rules(entries: Any) -> list[Rule]:
    """Make rules of a file's list: name, conditions, and a pool's name or a rep's e-mail. Raises Invalid."""
    if not isinstance(entries, list):
        raise Invalid({"rules": "The file holds a list of rules."})
    pools = {pool.name.lower(): pool for pool in Pool.objects.all()}
    reps = {rep.user.email.lower(): rep for rep in Rep.objects.select_related("user")}
    return [_read_rule(number, entry, pools, reps) for number, entry in enumerate(entries, 1)]


def _read_rule(number: int, entry: Any, pools: Mapping[str, Pool], reps: Mapping[str, Rep]) -> Rule:
    if not isinstance(entry, dict):
        raise Invalid(
            {f"rule {number}": f"Rule {number} is not an object with name, conditions and pool or rep."}
        )
    pool = pools.get(str(entry.get("pool", "")).lower())
    rep = reps.get(str(entry.get("rep", "")).lower())
    if (pool is None) == (rep is None):
        raise Invalid(
            {f"rule {number}": f"Rule {number} needs the name of one pool or the e-mail of one rep."}
        )
    conditions = check_conditions(entry.get("conditions", {}))
    return ready(
        RoutingRule(
            name=str(entry.get("name", f"Rule {number}"))[:100], conditions=conditions, pool=pool, rep=rep
        )
    )


def _first_time(row: Mapping[str, Any]) -> LeadFacts:
    # Without its owner, who may be what came of the routing that is replayed.
    return facts.facts_of({**row, "lead__owner_id": None}, "lead__", row["segment"], facts.Past())


def _trial_roster(at: datetime) -> Roster:
    roster = load_roster(clock.day_of(at), lock=False)
    for rep in roster.reps.values():
        rep.capacity, rep.seats = NO_LIMIT, 0
    for pool in roster.pools.values():
        pool.is_trial, pool.turns, pool.arrears = True, {}, {}
    return roster


def _first_reps(cycles: Sequence[int]) -> dict[int, int]:
    """Return who was first offered each cycle."""
    offered = Handoff.objects.filter(cycle_id__in=cycles, rep__isnull=False).order_by("-attempt")
    return dict(offered.values_list("cycle_id", "rep_id"))


def _summary(plans: Sequence[tuple[int, Plan]], actual: Mapping[int, int], roster: Roster) -> dict[str, Any]:
    by_rule = Counter(plan.rule.name if plan.rule else "" for _, plan in plans)
    by_rep = Counter(plan.rep.id for _, plan in plans if plan.rep)
    was = Counter(actual.values())
    reps = sorted(by_rep.keys() | was.keys(), key=lambda rep: roster.reps[rep].name)
    return {
        "by_rule": [{"rule": name or None, "leads": count} for name, count in by_rule.most_common()],
        "per_rep": [
            {"rep": rep, "name": roster.reps[rep].name, "leads": by_rep[rep], "actual": was[rep]}
            for rep in reps
        ],
        "unrouted": dict(Counter(str(plan.outcome) for _, plan in plans if plan.outcome != ASSIGNED)),
        "changed": sum(
            1 for cycle, plan in plans if (plan.rep.id if plan.rep else None) != actual.get(cycle)
        ),
    }
