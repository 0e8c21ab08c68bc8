"""Example scenarios of a definition, run as its tests: pure, under the same rules as live leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from scoring.comparing import LineChange, line_changes
from scoring.conditions import gather
from scoring.engine import DayCount, ScoreBreakdown, SignalFacts
from scoring.qualification import Verdict, judge
from scoring.rulebook import Rulebook, Scenario

# Any day will do: a score knows ages only.
DAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Outcome:
    """Whether a scenario holds; `said` tells what the definition makes of it.

    `lines` are the score's lines that are not what they are under the rules compared with, if any were;
    `missing` is what the rule set that used to promote it lacks now.
    """

    scenario: Scenario
    holds: bool
    said: str
    lines: tuple[LineChange, ...] = ()
    missing: tuple[str, ...] = field(default=())


def run_scenarios(
    rules: Rulebook, signals: Mapping[str, SignalFacts], before: Rulebook | None = None
) -> list[Outcome]:
    """Return the outcome of every scenario of the definition, in order; one that breaks is compared with `before`."""
    return [_run(scenario, rules, signals, before) for scenario in rules.scenarios]


def broken(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a sentence for each scenario that does not hold."""
    return [
        f"“{outcome.scenario.name}” {agreed(outcome.scenario)} by agreement, but under these rules: {outcome.said}"
        for outcome in outcomes
        if not outcome.holds
    ]


def agreed(scenario: Scenario) -> str:
    """Return what was agreed about a scenario, as in "is an MQL with a score of 60 or more"."""
    low, high = scenario.score
    verdict = "is an MQL" if scenario.mql else "is not an MQL"
    if low is None and high is None:
        return verdict
    if low is not None and high is not None:
        return f"{verdict} with a score of {low} to {high}"
    return f"{verdict} with a score of " + (f"{high} or less" if low is None else f"{low} or more")


def _run(
    scenario: Scenario, rules: Rulebook, signals: Mapping[str, SignalFacts], before: Rulebook | None
) -> Outcome:
    breakdown, verdict = _judge(scenario, rules, signals)
    met = verdict.promoted_by
    result = f"an MQL by “{met.rule_set.label}”" if met else "not an MQL"
    said = f"{result} (score {breakdown.score}, {breakdown.grade}{breakdown.band})."
    low, high = scenario.score
    in_range = (low is None or breakdown.score >= low) and (high is None or breakdown.score <= high)
    if bool(met) is scenario.mql and in_range:
        return Outcome(scenario, True, said)
    if before is None:
        return Outcome(scenario, False, said)
    old_breakdown, old_verdict = _judge(scenario, before, signals)
    lines = line_changes(old_breakdown, breakdown)
    return Outcome(scenario, False, said, lines, _missing(old_verdict, verdict))


def _judge(
    scenario: Scenario, rules: Rulebook, signals: Mapping[str, SignalFacts]
) -> tuple[ScoreBreakdown, Verdict]:
    counts = [
        DayCount(signal, obj, DAY - timedelta(days=days_ago), DAY - timedelta(days=days_ago), times)
        for signal, obj, days_ago, times in scenario.events
    ]
    facts = gather(scenario.profile, counts, rules, DAY, signals)
    return facts.breakdown, judge(facts, rules)


def _missing(was: Verdict, now: Verdict) -> tuple[str, ...]:
    """Say what the rule set that promoted before lacks now."""
    if was.promoted_by is None or now.promoted_by is not None:
        return ()
    rule_set = was.promoted_by.rule_set
    same = next((answer for answer in now.rule_sets if answer.rule_set.id == rule_set.id), None)
    if same is None:
        return (f"the rule “{rule_set.label}” is gone",)
    return tuple(f"“{rule_set.label}” lacks {text}" for text in same.missing)
