"""What a score comes to if nothing new happens: the engine's numbers for the days ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from leads.models import Lead
from scoring.curves import engagement_curve
from scoring.engine import fit_points
from scoring.facts import load_counts, load_profiles
from scoring.live import Catalogue, Rules, live_rules
from scoring.rulebook import GRADES, MAX_WINDOW_DAYS, Rulebook


@dataclass(frozen=True)
class Standing:
    """How a score stands to the MQL line: `until` is the last day at or above it, None if there is no end to it.

    `then` is the score of the day after. Below the line now, `is_above` is false and the rest empty.
    """

    line: int
    is_above: bool
    until: date | None = None
    then: int = 0


@dataclass(frozen=True)
class Cell:
    """One cell of the fit x engagement grid; `may_be_mql` says that a score in it can reach the MQL line."""

    band: int
    may_be_mql: bool
    is_here: bool


def mql_line(rulebook: Rulebook) -> int | None:
    """Return the lowest score any MQL rule set asks for; None where none asks for a score."""
    asked = [one.value for rule_set in rulebook.mql for one in rule_set.all if one.kind == "score_at_least"]
    return min((int(value) for value in asked), default=None)


def standing(lead: Lead, today: date, rules: Rules | None = None) -> Standing | None:
    """Say until which day the lead stays at or above the line of the live rules if nothing new happens."""
    rules = rules or live_rules()
    line = mql_line(rules.rulebook) if rules else None
    if rules is None or line is None:
        return None
    counts = load_counts([lead.pk], today, Catalogue.load()).get(lead.pk, [])
    fit = fit_points(load_profiles([lead], today)[lead.pk], rules.rulebook)
    span = [today + timedelta(days=ahead) for ahead in range(MAX_WINDOW_DAYS + 1)]
    scores = [fit + points for points in engagement_curve(counts, rules.rulebook, span)]
    if scores[0] < line:
        return Standing(line, is_above=False)
    below = next((ahead for ahead, score in enumerate(scores) if score < line), None)
    if below is None:
        return Standing(line, is_above=True)
    return Standing(line, is_above=True, until=span[below - 1], then=scores[below])


def grid(rulebook: Rulebook, grade: str, band: int) -> list[tuple[str, list[Cell]]]:
    """Return the grid row by row, the best fit first, with the cell of this grade and band marked."""
    line = mql_line(rulebook)
    best_fit = [rulebook.fit_max, *(least - 1 for least in rulebook.grades)]
    best_engagement = [*(least - 1 for least in rulebook.bands), rulebook.engagement_max]
    return [
        (
            letter,
            [
                Cell(number, line is not None and fit + most >= line, (letter, number) == (grade, band))
                for number, most in enumerate(best_engagement, 1)
            ],
        )
        for letter, fit in zip(GRADES, best_fit, strict=True)
    ]
