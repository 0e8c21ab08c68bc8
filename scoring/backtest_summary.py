"""The figures of a back-test: side by side with live, by week, by rep, and what acceptance to expect."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from leads.enums import Decision
from leads.statistics import wilson
from scoring.backtest import Entry, Plan, Promotion

# Below these, a back-test shows what it found and concludes nothing.
LEAST_DAYS = 28
LEAST_DECIDED = 20


def summarise(entries: Sequence[Entry], plan: Plan) -> dict[str, Any]:
    """Return the figures, ready for JSON; names are the callers' to add."""
    live = [entry.live for entry in entries if entry.live]
    draft = live if plan.draft is None else [entry.draft for entry in entries if entry.draft]
    return {
        "days": plan.days,
        "first_day": plan.first.isoformat(),
        "last_day": plan.last.isoformat(),
        "history_days": plan.history_days,
        "live_mqls": len(live),
        "draft_mqls": len(draft),
        "live": _side(live),
        "draft": _side(draft),
        "predicted_acceptance": predicted(draft, plan.history_days),
        "weeks": _weeks(live, draft, plan),
        "at_the_start": sum(one.day == plan.first for one in draft),
        "reps": _reps(live, draft, plan),
    }


def _side(promotions: Sequence[Promotion]) -> dict[str, Any]:
    """What came of one side's MQLs, as far as sales ever saw them."""
    outcomes = [one.outcome for one in promotions if one.outcome]
    decisions = Counter(outcome.decision for outcome in outcomes if outcome.decision)
    reasons = Counter(o.reason for o in outcomes if o.reason and o.decision != Decision.ACCEPTED)
    decided = sum(decisions.values())
    return {
        "mqls": len(promotions),
        "decided": decided,
        "undecided": len(promotions) - decided,
        **{decision: decisions[decision] for decision in Decision.values},
        "sql": sum(outcome.is_sql for outcome in outcomes),
        "won": sum(outcome.is_won for outcome in outcomes),
        "reasons": dict(reasons.most_common()),
        "rules": dict(Counter(one.rule for one in promotions).most_common()),
    }


def predicted(promotions: Iterable[Promotion], days: int) -> dict[str, Any]:
    """Return the share accepted of those decided, with its 95 % Wilson interval; no rate from too little."""
    decisions = [one.outcome.decision for one in promotions if one.outcome and one.outcome.decision]
    accepted, decided = decisions.count(Decision.ACCEPTED), len(decisions)
    return acceptance(accepted, decided, days)


def acceptance(accepted: int, decided: int, days: int) -> dict[str, Any]:
    """Return rate and interval, or why there is none."""
    lacking = _lacking(decided, days)
    bounds = None if lacking else wilson(accepted, decided)
    low, high = bounds or (None, None)
    return {
        "rate": None if lacking else accepted / decided,
        "low": low,
        "high": high,
        "accepted": accepted,
        "decided": decided,
        "not_enough": lacking,
    }


def _lacking(decided: int, days: int) -> str:
    if days < LEAST_DAYS:
        return f"Not enough history: {days} days, at least {LEAST_DAYS} are needed."
    if decided < LEAST_DECIDED:
        return f"Not enough history: sales decided on {decided} of these MQLs, at least {LEAST_DECIDED} are needed."
    return ""


def _weeks(live: Sequence[Promotion], draft: Sequence[Promotion], plan: Plan) -> list[dict[str, Any]]:
    counted = [Counter(_monday(one.day) for one in side) for side in (live, draft)]
    week, found = _monday(plan.first), []
    while week <= plan.last:
        found.append({"week": week.isoformat(), "live": counted[0][week], "draft": counted[1][week]})
        week += timedelta(days=7)
    return found


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _reps(live: Sequence[Promotion], draft: Sequence[Promotion], plan: Plan) -> list[dict[str, Any]]:
    """Count by the rep who was asked last in the cycle; without a cycle nobody was, `rep` is None."""
    found: dict[int | None, Counter[str]] = defaultdict(Counter)
    for name, side in (("live", live), ("draft", draft)):
        for one in side:
            found[one.outcome.rep if one.outcome else None][name] += 1
    weeks = plan.history_days / 7
    return [
        {
            "rep": rep,
            "live": counts["live"],
            "draft": counts["draft"],
            "live_per_week": round(counts["live"] / weeks, 2),
            "draft_per_week": round(counts["draft"] / weeks, 2),
        }
        for rep, counts in sorted(found.items(), key=lambda item: (item[0] is None, -item[1]["draft"]))
    ]
