"""Example scenarios of a definition, run as its tests: pure, under the same rules as live leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from scoring.conditions import gather
from scoring.engine import DayCount, SignalFacts, score
from scoring.qualification import judge
from scoring.rulebook import Rulebook, Scenario

# Any day will do: a score knows ages only.
DAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a scenario holds; `said` tells what the definition makes of it."""

    scenario: Scenario
    holds: bool
    said: str


def run_scenarios(rules: Rulebook, signals: Mapping[str, SignalFacts]) -> list[Outcome]:
    """Return the outcome of every scenario of the definition, in order."""
    return [_run(scenario, rules, signals) for scenario in rules.scenarios]


def broken(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a sentence for each scenario that does not hold."""
    return [
        f"“{outcome.scenario.name}” {'is' if outcome.scenario.mql else 'is not'} an MQL by agreement, "
        f"but under these rules: {outcome.said}"
        for outcome in outcomes
        if not outcome.holds
    ]


def _run(scenario: Scenario, rules: Rulebook, signals: Mapping[str, SignalFacts]) -> Outcome:
    counts = [
        DayCount(signal, obj, DAY - timedelta(days=days_ago), DAY - timedelta(days=days_ago), times)
        for signal, obj, days_ago, times in scenario.events
    ]
    breakdown = score(scenario.profile, counts, rules, DAY)
    verdict = judge(gather(breakdown, scenario.profile, counts, rules, signals), rules)
    met = verdict.promoted_by
    result = f"an MQL by “{met.rule_set.label}”" if met else "not an MQL"
    figures = f"score {breakdown.score}, {breakdown.grade}{breakdown.band}"
    return Outcome(scenario, bool(met) is scenario.mql, f"{result} ({figures}).")
