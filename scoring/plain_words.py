"""A definition in plain words, for the Definitions page and whoever has to agree to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scoring.conditions import signal_name
from scoring.engine import SignalFacts
from scoring.rulebook import GRADES, Condition, EngagementRule, FitRule, Rulebook, RuleSet

Signals = Mapping[str, SignalFacts]

SQL_MEANINGS = {
    "accepted": "A lead is an SQL as soon as its sales owner accepts the handoff.",
    "discovery": "A lead is an SQL when discovery confirms it: one of the rules below is met.",
    "conversation": "A lead is an SQL when sales spoke with it and puts it in the pipeline, in one act.",
    "rule": "A lead is an SQL as soon as one of the rules below is met.",
}
INTENTS = {1: "low", 2: "medium", 3: "high"}
FIELD_NAMES = {
    "job_title": "job title", "role": "role", "seniority": "seniority", "industry": "industry",
    "employees": "number of employees", "country": "country", "region": "region", "tech_stack": "tech stack",
    "data_maturity": "data maturity", "product_interest": "product interest", "is_free_mail": "free mail address",
    "is_competitor": "competitor", "is_student": "student",
}  # fmt: skip
ANSWERS = {
    "need_problem": "the problem", "need_trigger": "what set it off", "need_success": "what success looks like",
    "decision_maker": "the decision maker", "buyer": "the buyer", "champion": "the champion", "timing": "the timing",
    "budget": "the budget", "next_step": "the next step",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule set: its name and its conditions, each completing "when …"."""

    label: str
    conditions: tuple[str, ...]
    hand_raiser: bool = False


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One line of the points table."""

    label: str
    points: int
    counts: str
    fades: str
    window: str
    at_most: int
    group: str


@dataclass(frozen=True, slots=True)
class FitRow:
    label: str
    test: str
    points: int


@dataclass(frozen=True)
class Words:
    """Everything the Definitions page says about one version."""

    mql: tuple[Rule, ...]
    left_out: tuple[str, ...]
    again: tuple[str, ...]
    handoff: tuple[str, ...]
    sql_meaning: str
    sql: tuple[Rule, ...]
    points: tuple[PointsRow, ...]
    groups: tuple[str, ...]
    fit: tuple[FitRow, ...]
    scale: tuple[str, ...]
    exits: tuple[str, ...]


def in_words(rules: Rulebook, signals: Signals) -> Words:
    """Put a whole definition into words."""
    return Words(
        mql=tuple(_rule(rule_set, signals) for rule_set in rules.mql),
        left_out=tuple(_left_out(rule) for rule in rules.disqualifiers),
        again=_again(rules),
        handoff=_handoff(rules, signals),
        sql_meaning=SQL_MEANINGS[rules.sql_meaning],
        sql=tuple(_rule(rule_set, signals) for rule_set in rules.sql),
        points=tuple(points_row(rule, rules) for rule in rules.engagement_rules),
        groups=tuple(f"{group.label} counts {group.max_points} points at most." for group in rules.groups),
        fit=tuple(FitRow(rule.label, profile_test(rule), rule.points) for rule in rules.fit_rules),
        scale=_scale(rules),
        exits=_exits(rules),
    )


def condition_words(condition: Condition, signals: Signals) -> str:
    """Say what a condition of an MQL or SQL rule set asks; completes "when …"."""
    return _CONDITIONS[condition.kind](condition, signals)


def _rule(rule_set: RuleSet, signals: Signals) -> Rule:
    words = tuple(condition_words(condition, signals) for condition in rule_set.all)
    return Rule(rule_set.label, words, rule_set.hand_raiser)


def _signal(condition: Condition, signals: Signals) -> str:
    which = listed([_label(signal, signals) for signal in condition.signals], "or")
    unit = {"day": "on {} different days", "object": "{} different ones"}.get(condition.distinct, "{} times")
    often = "" if condition.at_least == 1 else f" {unit.format(condition.at_least)}"
    return f"{which} came{often} within {_days(condition.within_days)}"


def _hand_raise_fit(condition: Condition, signals: Signals) -> str:
    return f"the fit is at least {condition.value}, or nothing is known about it yet"


def _answered(condition: Condition, signals: Signals) -> str:
    names = [ANSWERS.get(field, field.replace("_", " ")) for field in condition.fields]
    return f"{listed(names, 'and')} {'is' if len(names) == 1 else 'are'} known"


def _form(condition: Condition, signals: Signals) -> str:
    return f"a form with a product came within {_days(condition.within_days)}"


def _return(condition: Condition, signals: Signals) -> str:
    return f"they came back on a later day, within {_days(condition.within_days)} of their first engagement"


_CONDITIONS: dict[str, Callable[[Condition, Signals], str]] = {
    "score_at_least": lambda condition, _: f"the score is at least {condition.value}",
    "fit_at_least": lambda condition, _: f"the fit is at least {condition.value}",
    "engagement_at_least": lambda condition, _: f"the engagement is at least {condition.value}",
    "momentum_at_least": lambda condition, _: f"the momentum is at least {condition.value}",
    "band_at_least": lambda condition, _: f"the engagement band is at least {condition.value}",
    "grade_at_least": lambda condition, _: (
        f"the fit grade is {condition.value}" + (" or better" if condition.value != GRADES[0] else "")
    ),
    "signal": _signal,
    "form_with_product": _form,
    "re_engagement": _return,
    "hand_raise_fit": _hand_raise_fit,
    "answered": _answered,
    "conversation": lambda condition, _: f"sales spoke with them within {_days(condition.within_days)}",
    "meeting_set": lambda condition, _: "a meeting is set",
    "timing_within": lambda condition, _: f"they want to decide within {condition.months} months",
    "stakeholders_at_least": lambda condition, _: f"at least {condition.value} stakeholders are known",
}


def _again(rules: Rulebook) -> tuple[str, ...]:
    intent = INTENTS[rules.requalify_intent]
    new = f"After sales decided, only new engagement of {intent} intent or higher makes a lead an MQL again"
    if rules.cool_down_days == 0:
        return (f"{new}.",)
    return (
        f"{new}, and not before {_days(rules.cool_down_days)} have passed.",
        "Whoever asks for us anew need not wait.",
    )


def _handoff(rules: Rulebook, signals: Signals) -> tuple[str, ...]:
    if rules.handoff_mode == "every":
        return ("Every MQL is handed to sales at once.",)
    conditions = [condition_words(condition, signals) for condition in rules.handoff_all]
    return (f"An MQL is handed to sales when {listed(conditions, 'and')}; the others are nurtured as MQLs.",)


def points_row(rule: EngagementRule, rules: Rulebook) -> PointsRow:
    """Put one engagement rule into the words of the points table."""
    group = next((group.label for group in rules.groups if group.id == rule.group), "")
    fades = f"halves every {_days(rule.half_life_days)}" if rule.half_life_days else "does not fade"
    return PointsRow(
        rule.label, rule.points, _counts(rule), fades, _days(rule.window_days), rule.max_points, group
    )


def _counts(rule: EngagementRule) -> str:
    what = {"none": "each time", "day": "once a day", "object": "each page or form once"}[rule.distinct]
    if rule.max_per_day is None or rule.distinct == "day":
        return what
    return f"{what}, {rule.max_per_day} a day at most"


def _left_out(rule: FitRule) -> str:
    label = rule.label.lower()
    return label if rule.op == "is" else f"{label} ({profile_test(rule)})"


def profile_test(rule: FitRule) -> str:
    """Say what a fit rule or disqualifier asks of the profile."""
    name = FIELD_NAMES[rule.field]
    if rule.op == "is":
        return name if rule.value else f"not {name}"
    if rule.op == "between":
        low, high = rule.value
        if high is None:
            return f"{name} {low:,} or more"
        return f"{name} up to {high:,}" if low is None else f"{name} {low:,} to {high:,}"
    values = listed([str(value).replace("_", " ") for value in rule.value], "or")
    return f"{name} is {values}" if rule.op == "in" else f"{name} {_VERBS[rule.op]} {values}"


_VERBS = {"not_in": "is known and not", "contains_any": "names"}


def _scale(rules: Rulebook) -> tuple[str, ...]:
    grades = ", ".join(f"{letter} from {least}" for letter, least in zip(GRADES, rules.grades, strict=False))
    bands = ", ".join(f"{number} from {least}" for number, least in enumerate(rules.bands, start=2))
    return (
        f"Fit counts 0 to {rules.fit_max}, engagement 0 to {rules.engagement_max}; the score is their sum.",
        f"Fit grade: {grades}, else D.",
        f"Engagement band: {bands}, else 1.",
        f"Momentum: the points of the last {_days(rules.momentum_days)} less those of as many days before.",
    )


def _exits(rules: Rulebook) -> tuple[str, ...]:
    if rules.unsubscribe_exit == "nurture":
        return (f"A lead that unsubscribes goes to nurture for {_days(rules.nurture_days)}.",)
    return ("Unsubscribing costs points and changes nothing else.",)


def listed(names: Sequence[str], last: str) -> str:
    """Join names as in "a, b or c"."""
    *first, final = names
    return f"{', '.join(first)} {last} {final}" if first else final


def _days(number: int | None) -> str:
    return "a day" if number == 1 else f"{number} days"


def _label(signal: str, signals: Signals) -> str:
    label = signal_name(signal, signals)
    return f"{'an' if label[:1].lower() in 'aeiou' else 'a'} {label}"
