"""What the ledger keeps of a promotion; handoff and dashboards read it and never ask scoring again."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from scoring.conditions import MqlFacts, RuleSetAnswer
from scoring.live import Rules
from scoring.qualification import Verdict

TOP_SIGNALS = 5


def evidence(verdict: Verdict, facts: MqlFacts, rules: Rules) -> dict[str, Any]:
    """Return what the ledger keeps of a promotion: rule, version, breakdown, reasons and top signals."""
    met = verdict.promoted_by
    assert met is not None
    return {
        **facts.breakdown.as_dict(),
        "rule": met.rule_set.id,
        "rule_label": met.rule_set.label,
        "also": [answer.rule_set.id for answer in verdict.rule_sets if answer.met and answer is not met],
        "version": rules.version,
        "hand_raiser": met.rule_set.hand_raiser,
        "why": why(met),
        "top_signals": top_signals(facts, rules),
    }


def why(met: RuleSetAnswer) -> str:
    """Say in a sentence what made a lead an MQL."""
    found = ", ".join(answer.text for answer in met.answers if answer.text)
    return f"{met.rule_set.label}: {found}."


def top_signals(facts: MqlFacts, rules: Rules) -> list[dict[str, Any]]:
    """Return the signals that gave most points, the strongest first, each with its latest object and day."""
    points: dict[str, int] = defaultdict(int)
    signal_of = {rule.id: rule.signal for rule in rules.rulebook.engagement_rules}
    for line in facts.breakdown.engagement_lines:
        if line.kind == "engagement":
            points[signal_of[line.rule]] += line.points
    strongest = sorted((signal for signal in points if points[signal] > 0), key=lambda s: (-points[s], s))
    return [_signal_summary(signal, points[signal], facts) for signal in strongest[:TOP_SIGNALS]]


def _signal_summary(signal: str, points: int, facts: MqlFacts) -> dict[str, Any]:
    given = {key: count for key, count in facts.nets.items() if key[0] == signal}
    _, object_key, last_on = max(given, key=lambda key: (key[2], key[1]))
    known = facts.signals.get(signal)
    return {
        "signal": signal, "label": known.label if known else signal, "object": object_key,
        "last_on": last_on.isoformat(), "count": sum(given.values()), "points": points,
    }  # fmt: skip
