"""Definition documents and their parsed form. Pure; `docs/scoring.md` describes the format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.document_check import INTENTS, Check, Problem
from scoring.engine import ascii_lower
from scoring.rulebook import GRADES, Condition, EngagementRule, FitRule, Group, Rulebook, RuleSet, Scenario

STANDARD_FILE = Path(__file__).with_name("standard.json")


class InvalidDocument(ValueError):
    """A definition document that cannot be used; `problems` names every rule and field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def validate(document: Any) -> list[Problem]:
    """Return everything wrong with a document; an empty list means `parse` will succeed."""
    return Check().run(document)


def standard_document() -> dict[str, Any]:
    """Return the definition a new installation starts with."""
    document: dict[str, Any] = json.loads(STANDARD_FILE.read_text())
    return document


def parse(document: Mapping[str, Any]) -> Rulebook:
    """Return the parsed form; raises InvalidDocument."""
    if problems := validate(document):
        raise InvalidDocument(problems)
    engagement, fit, mql, sql = (document[part] for part in ("engagement", "fit", "mql", "sql"))
    exits = document.get("exits", {})
    low, middle, high = engagement["bands"]
    return Rulebook(
        name=document.get("name", ""),
        engagement_max=engagement["max"],
        bands=(low, middle, high),
        groups=tuple(Group(g["id"], g["label"], g["max_points"]) for g in engagement.get("groups", [])),
        engagement_rules=tuple(_engagement_rule(rule) for rule in engagement["rules"]),
        fit_max=fit["max"],
        grades=(fit["grades"][GRADES[0]], fit["grades"][GRADES[1]], fit["grades"][GRADES[2]]),
        fit_rules=tuple(_fit_rule(rule) for rule in fit["rules"]),
        disqualifiers=tuple(_fit_rule(rule) for rule in fit.get("disqualifiers", [])),
        mql=tuple(_rule_set(entry) for entry in mql["rule_sets"]),
        cool_down_days=mql["cool_down_days"],
        requalify_intent=INTENTS[mql["requalify_intent"]],
        handoff_mode=mql["handoff"]["mode"],
        handoff_all=tuple(_condition(entry) for entry in mql["handoff"].get("all", [])),
        sql_meaning=sql["meaning"],
        sql=tuple(_rule_set(entry) for entry in sql.get("rule_sets", [])),
        unsubscribe_exit=exits.get("unsubscribe", "none"),
        nurture_days=exits.get("nurture_days", 90),
        momentum_days=document["momentum_days"],
        scenarios=tuple(_scenario(entry) for entry in document.get("scenarios", [])),
    )


def _engagement_rule(rule: Mapping[str, Any]) -> EngagementRule:
    return EngagementRule(
        id=rule["id"],
        label=rule["label"],
        signal=rule["signal"],
        points=rule["points"],
        half_life_days=rule.get("half_life_days"),
        window_days=rule["window_days"],
        distinct=rule.get("distinct", "none"),
        max_per_day=rule.get("max_per_day"),
        max_points=rule["max_points"],
        group=rule.get("group"),
    )


def _fit_rule(rule: Mapping[str, Any]) -> FitRule:
    value = rule["value"]
    if isinstance(value, list):
        # The engine folds A-Z of the profile; the definition's side is folded here, once.
        value = tuple(ascii_lower(item) if isinstance(item, str) else item for item in value)
    return FitRule(rule["id"], rule["label"], rule["field"], rule["op"], value, rule.get("points", 0))


def _rule_set(entry: Mapping[str, Any]) -> RuleSet:
    conditions = tuple(_condition(condition) for condition in entry["all"])
    return RuleSet(entry["id"], entry["label"], conditions, entry.get("hand_raiser", False))


def _condition(entry: Mapping[str, Any]) -> Condition:
    return Condition(
        kind=entry["kind"],
        value=entry.get("value"),
        signals=tuple(entry.get("signals", ())),
        at_least=entry.get("at_least", 1),
        within_days=entry.get("within_days", 0),
        distinct=entry.get("distinct", "none"),
        fields=tuple(entry.get("fields", ())),
        months=entry.get("months", 0),
    )


def _scenario(entry: Mapping[str, Any]) -> Scenario:
    events = tuple(
        (e["signal"], e.get("object", ""), e["days_ago"], e.get("times", 1)) for e in entry["events"]
    )
    agreed = entry.get("score", {})
    score = (agreed.get("min"), agreed.get("max"))
    return Scenario(entry["name"], dict(entry["profile"]), events, entry["mql"], score)
