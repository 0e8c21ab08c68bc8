"""Who gets a lead: rules, stickiness, then rotation, on a roster in memory. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices

from handoff.models import QueueReason
from handoff.roster import PoolCard, RepCard, Roster
from handoff.rules import LeadFacts, Rule, first_match


class Verdict(TextChoices):
    """Why a candidate was or was not chosen."""

    CHOSEN = "chosen", "Chosen"
    NOT_NEXT = "not_next", "Somebody else's turn"
    NOT_OWNER = "not_owner", "The lead or its company has an owner"
    FULL = "full", "At capacity"
    AWAY = "away", "Away"
    UNAVAILABLE = "unavailable", "Takes no leads at the moment"
    INACTIVE = "inactive", "No longer active"
    TERRITORY = "territory", "Other territory"
    LAPSED = "lapsed", "Let it lapse before"
    REJECTED = "rejected", "Turned it down before"
    ASKED_AGAIN = "asked_again", "Was offered it twice already"


class Way(TextChoices):
    """How a rep came to be chosen. Only rotation takes a turn."""

    ROTATION = "rotation", "Rotation"
    STICKY_COMPANY = "sticky_company", "Owner of the company"
    STICKY_LEAD = "sticky_lead", "Knows the lead"
    CREDIT = "credit", "A turn given back for a bad lead"
    COVER = "cover", "Covers for whoever is away"
    AGAIN = "again", "Offered again: nobody else could take it"
    DIRECT = "direct", "Named by the rule"
    MANUAL = "manual", "Assigned by hand"
    OVERRIDE = "override", "Assigned by hand over capacity"


ASSIGNED = "assigned"
# Could have it, but for a seat or because somebody else gets it.
ABLE = (Verdict.CHOSEN, Verdict.NOT_NEXT, Verdict.NOT_OWNER, Verdict.FULL)


@dataclass(slots=True)
class Plan:
    """What routing decided for one lead. `outcome` is ASSIGNED or why the lead waits."""

    outcome: str
    rule: Rule | None = None
    pool: PoolCard | None = None
    rep: RepCard | None = None
    way: str = ""
    state_key: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Planner:
    """Decides lead after lead, in the order given; seats and turns given are counted on the roster."""

    roster: Roster
    rules: Sequence[Rule]

    def decide(self, lead: LeadFacts) -> Plan:
        """Choose a rep for the lead, or the reason it waits, and count the seat and the turn."""
        rule = first_match(self.rules, lead)
        if rule is None:
            return Plan(QueueReason.NO_RULE)
        pool = self.roster.pools[rule.pool_id] if rule.pool_id else None
        plan = Plan(QueueReason.NO_ELIGIBLE_REP, rule, pool)
        verdicts = self._verdicts(rule, pool, lead)
        if rule.rep_id:
            self._choose_direct(plan, verdicts, lead)
        elif not self._choose_sticky(plan, lead):
            self._choose_by_rotation(plan, verdicts)
        if plan.rep is None and lead.may_have_again:
            verdicts = self._choose_again(plan, rule, lead)
        plan.outcome = ASSIGNED if plan.rep else _why_nobody(verdicts)
        self._describe(plan, verdicts, lead.turned_down_by or {})
        if plan.rep:
            plan.rep.seats += 1
        return plan

    def _verdicts(self, rule: Rule, pool: PoolCard | None, lead: LeadFacts) -> dict[int, str]:
        """Judge every candidate; an empty verdict means eligible."""
        if rule.rep_id:
            # Named by the rule, so the territory is the rule's business.
            return {rule.rep_id: self._verdict(self.roster.reps[rule.rep_id], lead, anywhere=True)}
        if pool is None or not pool.is_active:
            return {}
        reps = self.roster.reps
        return {rep: self._verdict(reps[rep], lead, anywhere=False) for rep in pool.weights}

    @staticmethod
    def _verdict(rep: RepCard, lead: LeadFacts, *, anywhere: bool) -> str:
        if rep.absence:
            return rep.absence
        if not anywhere and not rep.covers(lead.country, lead.region):
            return Verdict.TERRITORY
        if lead.turned_down_by and rep.id in lead.turned_down_by:
            return lead.turned_down_by[rep.id]
        return Verdict.FULL if rep.is_full else ""

    def _choose_direct(self, plan: Plan, verdicts: dict[int, str], lead: LeadFacts) -> None:
        ((rep_id, verdict),) = verdicts.items()
        if not verdict:
            plan.rep, plan.way = self.roster.reps[rep_id], Way.DIRECT
        elif cover := self._cover(self.roster.reps[rep_id], lead):
            plan.rep, plan.way = cover, Way.COVER

    def _choose_sticky(self, plan: Plan, lead: LeadFacts) -> bool:
        """Give the lead to whoever owns its company, else to whoever had it before, if they can take it."""
        for user_id, way in (
            (lead.company_owner, Way.STICKY_COMPANY),
            (lead.previous_owner, Way.STICKY_LEAD),
        ):
            rep = self.roster.by_user.get(user_id or 0)
            if rep and not self._verdict(rep, lead, anywhere=True):
                plan.rep, plan.way = rep, way
                return True
            if rep and (cover := self._cover(rep, lead)):
                plan.rep, plan.way = cover, Way.COVER
                return True
        return False

    def _cover(self, rep: RepCard, lead: LeadFacts) -> RepCard | None:
        """Return who covers for an absent rep and can take the lead; a cover who is away has one, too."""
        asked = {rep.id}
        while rep.absence and rep.cover and rep.cover not in asked:
            rep = self.roster.reps[rep.cover]
            asked.add(rep.id)
            if not self._verdict(rep, lead, anywhere=True):
                return rep
        return None

    def _choose_by_rotation(self, plan: Plan, verdicts: dict[int, str]) -> None:
        eligible = tuple(rep for rep, verdict in verdicts.items() if not verdict)
        if not eligible or plan.pool is None:
            return
        pool = plan.pool
        if owed := [rep for rep in eligible if pool.credits.get(rep)]:
            # Given back before the rotation goes on, and not a turn of it: whoever is owed most first.
            rep_id = min(owed, key=lambda rep: (-pool.credits[rep], rep))
            plan.rep, plan.way = self.roster.reps[rep_id], Way.CREDIT
            return
        plan.state_key, rotation = pool.rotation(eligible)
        rep_id = rotation.next_rep(pool.arrears, pool.turns)
        plan.rep, plan.way = self.roster.reps[rep_id], Way.ROTATION

    def _choose_again(self, plan: Plan, rule: Rule, lead: LeadFacts) -> dict[int, str]:
        """Choose among those who passed on the lead, as nobody else can take it; return how all stand then.

        Whoever turned it down is asked only if nobody else would take it even with a seat: in a busy team what
        they have just turned down would come straight back to them.
        """
        lapsed = lead.offered_again(Verdict.LAPSED)
        verdicts = self._verdicts(rule, plan.pool, lapsed)
        self._choose_once_more(plan, rule, verdicts, lapsed)
        if plan.rep or Verdict.FULL in verdicts.values():
            return verdicts
        anybody = lead.offered_again(Verdict.LAPSED, Verdict.REJECTED)
        wider = self._verdicts(rule, plan.pool, anybody)
        self._choose_once_more(plan, rule, wider, anybody)
        return wider if plan.rep else verdicts

    def _choose_once_more(self, plan: Plan, rule: Rule, verdicts: dict[int, str], lead: LeadFacts) -> None:
        if rule.rep_id:
            self._choose_direct(plan, verdicts, lead)
        elif not self._choose_sticky(plan, lead):
            # Not by rotation: they had their turn for this lead.
            able = (rep for rep in lead.may_have_again if verdicts.get(rep) == "")
            if rep_id := next(able, None):
                plan.rep = self.roster.reps[rep_id]
        if plan.rep:
            plan.way = Way.AGAIN

    def _describe(self, plan: Plan, verdicts: dict[int, str], passed: Mapping[int, str]) -> None:
        """List the candidates as they stood, then count the turn."""
        pool = plan.pool
        rotation = pool.rotations[plan.state_key] if pool and plan.state_key else None
        in_turn = plan.way in (Way.ROTATION, Way.CREDIT, Way.AGAIN)
        passed_over = Verdict.NOT_NEXT if in_turn else Verdict.NOT_OWNER
        reps = self.roster.reps
        plan.candidates = [
            {
                "rep": rep_id,
                "name": reps[rep_id].name,
                "verdict": str(verdict or passed_over),
                "seats": reps[rep_id].seats,
                "capacity": reps[rep_id].capacity,
                "weight": pool.weights[rep_id] if pool else 1,
                "turns": rotation.turns.get(rep_id, 0) if rotation else None,
            }
            for rep_id, verdict in verdicts.items()
        ]
        if plan.rep:
            mark_chosen(plan.candidates, plan.rep)
        for one in plan.candidates:
            if one["rep"] in passed and one["verdict"] in ABLE:
                one["before"] = str(passed[one["rep"]])
        if plan.rep and pool and plan.way == Way.CREDIT:
            pool.use_credit(plan.rep.id)
        elif plan.rep and pool and plan.state_key:
            pool.take_turn(plan.state_key, plan.rep.id)


def mark_chosen(candidates: list[dict[str, Any]], rep: RepCard) -> None:
    """Mark the rep as chosen, adding them if they were no candidate of the pool."""
    for candidate in candidates:
        if candidate["rep"] == rep.id:
            candidate["verdict"] = str(Verdict.CHOSEN)
            return
    candidates.append(
        {
            "rep": rep.id, "name": rep.name, "verdict": str(Verdict.CHOSEN),
            "seats": rep.seats, "capacity": rep.capacity, "weight": 1, "turns": None,
        }
    )  # fmt: skip


def _why_nobody(verdicts: dict[int, str]) -> str:
    """Say why the lead waits: for a seat, for a rep who has not passed on it, or for any rep at all."""
    found = set(verdicts.values())
    if Verdict.FULL in found:
        return QueueReason.AT_CAPACITY
    if found & {Verdict.LAPSED, Verdict.REJECTED, Verdict.ASKED_AGAIN}:
        return QueueReason.ALL_LAPSED
    return QueueReason.NO_ELIGIBLE_REP
