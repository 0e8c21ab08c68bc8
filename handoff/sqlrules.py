"""Whether what is known of an MQL meets the definition's SQL rule sets. No database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from handoff.questions import BY_FIELD, GROUPS, Answers

Condition = Mapping[str, Any]


@dataclass(frozen=True)
class SqlFacts:
    """All that the conditions read; `talked_on` is the day of the last conversation that reached them."""

    day: date
    answers: Answers
    score: int = 0
    talked_on: date | None = None
    has_meeting: bool = False


@dataclass(frozen=True)
class ConditionResult:
    met: bool
    text: str  # what was asked for, in words
    missing: str = ""  # what is still open, in words


@dataclass(frozen=True)
class RuleSetResult:
    """One rule set with its conditions; any one met rule set makes an SQL."""

    id: str
    label: str
    conditions: list[ConditionResult] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return all(condition.met for condition in self.conditions)

    @property
    def count_met(self) -> int:
        return sum(condition.met for condition in self.conditions)

    @property
    def missing(self) -> list[str]:
        return [condition.missing for condition in self.conditions if not condition.met]

    @property
    def sentence(self) -> str:
        """Say how far it is: "2 of 3 met: timing is open"."""
        said = f"{self.count_met} of {len(self.conditions)} met"
        return f"{said}: {', '.join(self.missing)}" if self.missing else said


def answer_rule_sets(document: Mapping[str, Any], facts: SqlFacts) -> list[RuleSetResult]:
    """Answer every SQL rule set of a definition's document."""
    return [
        RuleSetResult(rule_set["id"], rule_set["label"], _conditions(rule_set["all"], facts))
        for rule_set in document.get("sql", {}).get("rule_sets", [])
    ]


def _conditions(conditions: Iterable[Condition], facts: SqlFacts) -> list[ConditionResult]:
    return [result for condition in conditions for result in _ASK[condition["kind"]](condition, facts)]


def _answered(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    # Each field counts by itself, so that "2 of 3 met" says something.
    return [
        ConditionResult(name in facts.answers, label, "" if name in facts.answers else f"{label} is open")
        for name in condition["fields"]
        for label in [_label(name)]
    ]


def _label(name: str) -> str:
    question = BY_FIELD.get(name)
    if question is None:
        return name
    group = GROUPS[question.group]
    return group.lower() if question.label == group else f"{group.lower()} ({question.label.lower()})"


def _conversation(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    days = condition["within_days"]
    met = facts.talked_on is not None and 0 <= (facts.day - facts.talked_on).days < days
    return [ConditionResult(met, f"spoken within {days} days", "" if met else "a conversation is open")]


def _meeting_set(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    met = facts.has_meeting or "meeting" in facts.answers
    return [ConditionResult(met, "a meeting is set", "" if met else "a meeting is open")]


def _score(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    least = condition["value"]
    lacking = least - facts.score
    return [
        ConditionResult(lacking <= 0, f"score {least} or more", f"{lacking} points" if lacking > 0 else "")
    ]


def _timing_within(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    months = condition["months"]
    timing = facts.answers.get("timing", {}).get("value", {})
    end = timing.get("to") or timing.get("from")
    met = end is not None and facts.day <= date.fromisoformat(end) <= _later(facts.day, months)
    missing = f"a date within {months} months" if timing else "timing is open"
    return [ConditionResult(met, f"timing within {months} months", "" if met else missing)]


def _later(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 + months
    # The 28th exists in every month; a few days at the end of one decide nothing here.
    return date(month // 12, month % 12 + 1, min(day.day, 28))


def _stakeholders(condition: Condition, facts: SqlFacts) -> list[ConditionResult]:
    least, known = condition["value"], len(_people(facts.answers))
    missing = "" if known >= least else f"{least - known} more of those who decide"
    return [ConditionResult(known >= least, f"{least} stakeholders named", missing)]


def _people(answers: Answers) -> set[str]:
    """Return who is named anywhere as taking part in the decision, each once."""
    named = list(answers.get("stakeholders", {}).get("value", []))
    named += [answers[name]["value"] for name in ("decision_maker", "buyer", "champion") if name in answers]
    return {person.partition(",")[0].strip().casefold() for person in named}


_ASK: dict[str, Callable[[Condition, SqlFacts], list[ConditionResult]]] = {
    "answered": _answered,
    "conversation": _conversation,
    "meeting_set": _meeting_set,
    "score_at_least": _score,
    "timing_within": _timing_within,
    "stakeholders_at_least": _stakeholders,
}
