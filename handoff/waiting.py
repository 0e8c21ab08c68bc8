"""Why a lead has no rep, as it stands now: who was considered, why not each of them, and what would help."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from handoff import facts, sentences
from handoff.models import Handoff, HandoffStatus, QueueReason
from handoff.planning import ASSIGNED, Plan, Planner, Verdict
from handoff.roster import RepCard, load_roster
from handoff.rules import FIELDS, LABELS, LeadFacts, active_rules

# These wait for somebody else than a rep.
HELD = {
    QueueReason.RETURNED: (
        "Sales gave it back, so it waits for marketing.",
        "Mend what sales asked for, then send it to sales again.",
    ),
    QueueReason.NOT_SALES_READY: (
        "It is an MQL, but not sales-ready yet.",
        "It is offered by itself once it meets the definition's sales-ready rule.",
    ),
}


@dataclass(frozen=True)
class Why:
    """Why one lead waits. `considered` are the reps with what keeps each; `brief` says both in a line."""

    sentence: str
    considered: list[str] = field(default_factory=list)
    helps: list[str] = field(default_factory=list)

    short: str = ""  # the sentence without the rule, where there is one

    @property
    def brief(self) -> str:
        shown = self.considered[: sentences.NARROW]
        names = "; ".join(shown) + ("." if shown else "")
        more = len(self.considered) - len(shown)
        return " ".join(filter(None, [self.short or self.sentence, names, f"{more} more." if more else ""]))


def explain(handoffs: Iterable[Handoff], day: date) -> dict[int, Why]:
    """Return by handoff id why each of those that are queued waits; the queries do not grow with them.

    Rules, absences and seats are asked as they are now, so the answer may be newer than the last decision.
    """
    queued = [one for one in handoffs if one.status == HandoffStatus.QUEUED]
    found = {
        one.pk: Why(HELD[reason][0], helps=[HELD[reason][1]])
        for one in queued if (reason := QueueReason(one.queue_reason)) in HELD
    }  # fmt: skip
    asked = [one.pk for one in queued if one.pk not in found]
    return found | (_judge(asked, day) if asked else {})


def _judge(ids: Sequence[int], day: date) -> dict[int, Why]:
    columns = ("pk", "lead_id", "cycle_id", "cycle__segment", *(f"lead__{one}" for one in facts.COLUMNS))
    waiting = Handoff.objects.filter(pk__in=ids).order_by("-is_hand_raise", "waiting_since", "pk")
    rows = list(waiting.values(*columns))
    past = facts.read_past({row["lead_id"]: row["cycle_id"] for row in rows})
    roster = load_roster(day, lock=False)
    for pool in roster.pools.values():
        pool.is_trial = True  # whose turn it is does not matter here
    planner = Planner(roster, active_rules())
    found = {}
    for row in rows:
        lead = facts.facts_of(row, "lead__", row["cycle__segment"], past)
        found[row["pk"]] = _why(planner.decide(lead), lead, roster.reps, len(planner.rules))
    return found


_NO_RULE = {0: "There is no routing rule.", 1: "The one routing rule does not take it."}


def _why(plan: Plan, lead: LeadFacts, reps: dict[int, RepCard], rules: int) -> Why:
    if plan.outcome == ASSIGNED:
        return Why("Somebody has a free seat for it now: it is offered within half a minute.")
    if plan.rule is None:
        asked = _NO_RULE.get(rules, f"None of the {rules} routing rules takes it.")
        known = ", ".join(
            f"{LABELS[name]} {value}" for name, read in FIELDS.items() for value in read(lead) if value
        )
        help = "Add a last rule without conditions, which takes everything that is left."
        return Why(
            asked, helps=[f"A rule that fits what is known of it ({known}).", help] if known else [help]
        )
    target = plan.pool.name if plan.pool else reps[plan.rule.rep_id or 0].name
    label = str(QueueReason(plan.outcome).label)
    sentence = f"“{plan.rule.name}” sends it to {target}: {label[0].lower()}{label[1:]}."
    if plan.pool and not (plan.pool.weights and plan.pool.is_active):
        missing = "has nobody in it" if plan.pool.is_active else "is not in use"
        return Why(
            f"“{plan.rule.name}” sends it to {target}, which {missing}.",
            helps=["Change the pool, or the rule, under Routing."],
        )
    considered = [f"{one['name']}: {_keeps(one, reps[one['rep']])}" for one in plan.candidates]
    return Why(sentence, considered, _helps(plan, lead, reps), f"{label}.")


def _keeps(candidate: dict[str, Any], rep: RepCard) -> str:
    """Say what keeps one rep from it."""
    said = sentences.verdict(candidate)
    said = said[0].lower() + said[1:]
    if candidate["verdict"] == Verdict.AWAY and rep.back_on:
        return f"{said}, back {sentences.day(rep.back_on)}"
    if candidate["verdict"] == Verdict.TERRITORY:
        return f"{said}, takes {', '.join(sorted(place.upper() for place in rep.territories))}"
    return said


def _helps(plan: Plan, lead: LeadFacts, reps: dict[int, RepCard]) -> list[str]:
    by_verdict: dict[str, list[RepCard]] = defaultdict(list)
    for one in plan.candidates:
        is_last = one["verdict"] == Verdict.REJECTED and one["rep"] in lead.may_have_again
        by_verdict[_LAST if is_last else one["verdict"]].append(reps[one["rep"]])
    said = []
    for verdict, text in _HELPS.items():
        if found := by_verdict.get(verdict):
            place = lead.country or lead.region
            said.append(text.format(names=_either([rep.name for rep in found]), place=place))
    back = [rep for rep in by_verdict.get(Verdict.AWAY, []) if rep.back_on]
    if back:
        first = min(back, key=lambda rep: rep.back_on or date.max)
        said.append(f"{first.name} is back on {sentences.day(first.back_on or date.max)}.")
    return said


# Turned it down and is asked once more when nobody else is left.
_LAST = "last"
# What would help where this keeps somebody from a lead, in the order in which it helps most.
_HELPS: dict[str, str] = {
    Verdict.FULL: "A free seat of {names}: by a first contact, an answer, or more capacity.",
    Verdict.UNAVAILABLE: "Letting {names} take leads again, under Reps and capacity.",
    Verdict.TERRITORY: "Somebody in the pool who takes {place}.",
    Verdict.ASKED_AGAIN: "Reassigning it by hand: whoever was offered it twice is not asked again.",
    _LAST: "{names}, who turned it down, is asked once more if nobody else would take it and a seat is free.",
    Verdict.REJECTED: "Reassigning it by hand: whoever turned it down is not asked again.",
    Verdict.INACTIVE: "Another rep in place of {names}, who is no longer active.",
}


def _either(names: Sequence[str]) -> str:
    shown = list(names[: sentences.NARROW])
    if more := len(names) - len(shown):
        shown.append(f"{more} more")
    return " or ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
