"""From lead to MQL: asks the live rule sets of the leads just scored, many at a time (docs/scoring.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from leads.enums import Stage, Status
from leads.lifecycle import Move, move_many
from leads.models import Lead
from scoring.candidates import candidates, open_leads, overnight_candidates
from scoring.conditions import MqlFacts
from scoring.engine import ScoreBreakdown
from scoring.evidence import evidence
from scoring.facts import load_facts
from scoring.live import Catalogue, Rules, live_rules
from scoring.qualification import Verdict, judge
from scoring.storing import Chosen

CHUNK = 500


@dataclass(frozen=True)
class Occasion:
    """Why the rule sets are asked: which day is judged, and when a promotion then happened.

    `marked_at` dates the promotion of single leads for a day gone by. `overnight` says that only the date
    changed since they were last asked.
    """

    day: date
    at: datetime
    marked_at: Mapping[int, datetime] | None = None
    overnight: bool = False

    def moment(self, lead_id: int) -> datetime:
        return (self.marked_at or {}).get(lead_id, self.at)


def promote_scored(chosen: Chosen, occasion: Occasion, rules: Rules, catalogue: Catalogue) -> int:
    """Promote those of the chosen leads, scored on the occasion's day, that meet a rule set; return how many."""
    find = overnight_candidates if occasion.overnight else candidates
    ids = find(chosen, occasion.day, rules, catalogue)
    return _promote_all(ids, occasion, rules, catalogue)


def promote_late(ids: Iterable[int], occasion: Occasion, rules: Rules, catalogue: Catalogue) -> int:
    """Promote those of the leads that met a rule set on a day gone by; return how many."""
    return _promote_all(sorted(ids), occasion, rules, catalogue)


def _promote_all(ids: Sequence[int], occasion: Occasion, rules: Rules, catalogue: Catalogue) -> int:
    promoted = 0
    for start in range(0, len(ids), CHUNK):
        leads = list(open_leads().filter(pk__in=ids[start : start + CHUNK]).order_by("pk"))
        promoted += _promote(leads, occasion, rules, catalogue)
    return promoted


def _promote(leads: Sequence[Lead], occasion: Occasion, rules: Rules, catalogue: Catalogue) -> int:
    moves: dict[datetime, list[Move]] = defaultdict(list)
    to_check: dict[bool, list[int]] = {True: [], False: []}
    for lead, facts in _mql_facts(leads, occasion.day, rules, catalogue):
        verdict = judge(facts, rules.rulebook)
        if verdict.needs_fit_check not in (None, lead.needs_fit_check):
            to_check[verdict.needs_fit_check].append(lead.pk)
        if move := _move(lead, facts, verdict, rules):
            moves[occasion.moment(lead.pk)].append(move)
    for needs_check, ids in to_check.items():
        if ids:
            Lead.objects.filter(pk__in=ids).update(needs_fit_check=needs_check)
    changes = [
        change for at, due in sorted(moves.items()) for change in move_many(due, at=at, skip_refused=True)
    ]
    return sum(change.to_stage == Stage.MQL for change in changes)


def _move(lead: Lead, facts: MqlFacts, verdict: Verdict, rules: Rules) -> Move | None:
    if verdict.promoted_by:
        rule_set = verdict.promoted_by.rule_set
        return Move(
            lead,
            Stage.MQL,
            actor=f"rule:{rule_set.id}",
            reason=rule_set.label,
            evidence=evidence(verdict, facts, rules),
            from_stage=Stage.LEAD,
        )
    if lead.status == Status.NURTURE and verdict.wakes:
        actor = f"signal:{facts.new_signal}"
        return Move(lead, Stage.LEAD, actor=actor, reason="Woken by new engagement", from_stage=Stage.LEAD)
    if _has_left(lead) and rules.rulebook.unsubscribe_exit == "nurture":
        return Move(
            lead,
            Stage.LEAD,
            status=Status.NURTURE,
            actor="exit:unsubscribe",
            reason="Unsubscribed",
            nurture_reason="Unsubscribed",
            wake_on=facts.day + timedelta(days=rules.rulebook.nurture_days),
            from_stage=Stage.LEAD,
        )
    return None


def _has_left(lead: Lead) -> bool:
    """An active lead that unsubscribed since its stage or status last changed; so nobody is sent off twice."""
    left_at = lead.unsubscribed_at
    return lead.status == Status.ACTIVE and left_at is not None and left_at > lead.stage_since


def _mql_facts(
    leads: Sequence[Lead], day: date, rules: Rules, catalogue: Catalogue
) -> Iterator[tuple[Lead, MqlFacts]]:
    for lead, facts in zip(leads, load_facts(leads, day, catalogue), strict=True):
        yield lead, facts.for_mql(rules.rulebook, catalogue)


@dataclass(frozen=True)
class Gap:
    """How far a lead is from one rule set: what it asks that holds, and what is missing."""

    id: str
    label: str
    hand_raiser: bool
    holds: list[str]
    missing: list[str]

    @property
    def met(self) -> bool:
        return not self.missing


def score_and_gaps(lead: Lead, day: date) -> tuple[ScoreBreakdown | None, list[Gap]]:
    """Return the score of `day` under the live rules, with its lines, and what the lead meets and lacks of each.

    One gap for each MQL rule set, in the order asked; None and no gap before the first definition was published.
    """
    rules = live_rules()
    if rules is None:
        return None, []
    ((_, facts),) = _mql_facts([lead], day, rules, Catalogue.load())
    return replace(facts.breakdown, version=rules.version), _gaps(judge(facts, rules.rulebook))


def missing_for_mql(leads: Sequence[Lead], day: date) -> dict[int, str]:
    """Return a short sentence for each lead: the nearest ways to become an MQL. Constant statements."""
    rules = live_rules()
    below = [lead for lead in leads if lead.stage in (Stage.SUSPECT, Stage.LEAD)]
    if rules is None or not below:
        return {}
    found = _mql_facts(below, day, rules, Catalogue.load())
    return {lead.pk: _nearest(_gaps(judge(facts, rules.rulebook))) for lead, facts in found}


def _gaps(verdict: Verdict) -> list[Gap]:
    gaps = []
    for answer in verdict.rule_sets:
        rule_set = answer.rule_set
        blocks = [*verdict.blocks, *([] if rule_set.hand_raiser else verdict.soft_blocks)]
        holds = [found.text for found in answer.answers if found.met and found.text]
        gaps.append(Gap(rule_set.id, rule_set.label, rule_set.hand_raiser, holds, [*answer.missing, *blocks]))
    return gaps


def _nearest(gaps: Sequence[Gap]) -> str:
    nearest = sorted(gaps, key=lambda gap: (len(gap.missing), gap.hand_raiser))[:2]
    if nearest[0].met:
        return f"Meets “{nearest[0].label}”"
    sentence = ", or ".join(dict.fromkeys(" and ".join(gap.missing) for gap in nearest))
    return sentence[:1].upper() + sentence[1:]
