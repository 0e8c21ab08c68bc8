"""One lead's score opened up, as of any day and under any version."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from leads.models import Definition, Lead
from scoring.engine import ScoreBreakdown, score
from scoring.facts import load_counts, load_profiles
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
