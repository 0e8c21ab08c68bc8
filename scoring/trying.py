"""What a draft would do to one lead, beside the live rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from leads.models import Lead
from leads.models.people import LeadQuerySet
from leads.search import BadQuery, matching
from scoring.comparing import LineChange, line_changes
from scoring.engine import ScoreBreakdown
from scoring.facts import LeadFacts, load_facts
from scoring.live import Catalogue, Rules
from scoring.qualification import Verdict, judge


@dataclass(frozen=True)
class Side:
    """One lead under one version: the score, and whether it is an MQL and why."""

    breakdown: ScoreBreakdown
    is_mql: bool
    why: str


@dataclass(frozen=True)
class Trial:
    """A lead under the live rules (None before the first publish) and under a draft."""

    lead: Lead
    live: Side | None
    draft: Side
    lines: tuple[LineChange, ...]


def try_on(lead: Lead, day: date, live: Rules | None, draft: Rules, catalogue: Catalogue) -> Trial:
    """Score and judge a lead under both versions, as of `day`; writes nothing."""
    (facts,) = load_facts([lead], day, catalogue)
    now = _side(facts, draft, catalogue)
    before = _side(facts, live, catalogue) if live else None
    lines = line_changes(before.breakdown, now.breakdown) if before else ()
    return Trial(lead, before, now, lines)


def lead_to_try(leads: LeadQuerySet, asked: str) -> Lead | None:
    """Return the lead somebody asked for by id, e-mail or name; without a wish, one near the top of the open leads."""
    if not asked.strip():
        return leads.live().filter(stage="lead", status="active").order_by("-score", "pk").first()
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        return leads.live().filter(pk=int(asked)).first()
    try:
        return matching(leads.live(), asked).order_by("-score", "pk").first()
    except BadQuery:
        return None


def _side(facts: LeadFacts, rules: Rules, catalogue: Catalogue) -> Side:
    mql_facts = facts.for_mql(rules.rulebook, catalogue)
    verdict = judge(mql_facts, rules.rulebook)
    return Side(mql_facts.breakdown, verdict.promoted_by is not None, _why(verdict))


def _why(verdict: Verdict) -> str:
    if met := verdict.promoted_by:
        return f"An MQL by “{met.rule_set.label}”"
    if verdict.blocks:
        return f"No MQL: {', '.join(verdict.blocks)}"
    nearest = min(verdict.rule_sets, key=lambda answer: (len(answer.missing), answer.rule_set.hand_raiser))
    lacks = [f"“{nearest.rule_set.label}” lacks {' and '.join(nearest.missing)}"] if nearest.missing else []
    return f"No MQL: {'; '.join([*lacks, *([] if nearest.rule_set.hand_raiser else verdict.soft_blocks)])}"
