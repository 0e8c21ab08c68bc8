"""One lead's score opened up, as of any day and under any version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from leads.enums import Stage, Status
from leads.models import Definition, Lead
from scoring.counterfactual import HORIZON, Case, Fall, Suggestion, falls_below, lowest_line, suggestions
from scoring.engine import ScoreBreakdown, score
from scoring.facts import load_counts, load_facts, load_profiles
from scoring.live import Catalogue, Rules, live_rules, rules_of


def breakdown(lead: Lead, day: date, definition: Definition | Rules | None = None) -> ScoreBreakdown | None:
    """Return the score of `lead` at the end of `day` with its lines; under the live definition unless given.

    None only where no definition was ever published.
    """
    rules = rules_of(definition) if isinstance(definition, Definition) else definition or live_rules()
    if rules is None:
        return None
    counts = load_counts([lead.pk], day, Catalogue.load()).get(lead.pk, [])
    profile = load_profiles([lead], day)[lead.pk]
    return replace(score(profile, counts, rules.rulebook, day), version=rules.version or None)


@dataclass(frozen=True)
class Outlook:
    """What may come of a lead: what would make it an MQL, and until when its score holds the line."""

    suggestions: list[Suggestion]
    fall: Fall | None
    line: int | None
    horizon: int = HORIZON


def outlook(lead: Lead, day: date) -> Outlook | None:
    """Look ahead from `day` under the live rules; None before the first publish."""
    rules = live_rules()
    if rules is None:
        return None
    catalogue = Catalogue.load()
    (facts,) = load_facts([lead], day, catalogue)
    line = lowest_line(rules.rulebook)
    fall = falls_below(facts.profile, facts.counts, rules.rulebook, day, line) if line is not None else None
    found: list[Suggestion] = []
    if lead.stage in (Stage.SUSPECT, Stage.LEAD) and lead.status != Status.DISQUALIFIED:
        case = Case(
            facts.profile,
            facts.counts,
            facts.boundary,
            day,
            rules.rulebook,
            catalogue.facts,
            lead.stage == Stage.SUSPECT,
        )
        found = suggestions(case)
    return Outlook(found, fall, line)
