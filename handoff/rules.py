"""Which routing rule takes a lead: the first whose conditions all hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handoff.errors import Invalid
from handoff.models import Handoff, HandoffStatus, QueueReason, RoutingRule
from leads.wakeup import wake


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What routing knows of a lead. Texts are compared without case; an empty one is unknown."""

    lead_id: int = 0
    country: str = ""
    region: str = ""
    industry: str = ""
    product_interest: str = ""
    source: str = ""
    campaign: str = ""
    segment: str = ""
    domains: tuple[str, ...] = ()  # of the company and of the e-mail address
    score: int = 0
    company_owner: int | None = None  # user ids
    previous_owner: int | None = None
    turned_down_by: Mapping[int, str] | None = None  # rep id: a verdict on who passed on it in this cycle
    # Of those, whom it may be offered once more; who passed on it first comes first.
    may_have_again: tuple[int, ...] = ()

    def offered_again(self, *verdicts: str) -> LeadFacts:
        """Return the lead as one that these have not passed on, as far as it may be offered to them once more."""
        passed = self.turned_down_by or {}
        left = {
            rep: verdict
            for rep, verdict in passed.items()
            if not (verdict in verdicts and rep in self.may_have_again)
        }
        return replace(self, turned_down_by=left)


# Condition → how to read it off the lead.
FIELDS: dict[str, Callable[[LeadFacts], Iterable[str]]] = {
    "country": lambda lead: (lead.country,),
    "region": lambda lead: (lead.region,),
    "industry": lambda lead: (lead.industry,),
    "product_interest": lambda lead: (lead.product_interest,),
    "source": lambda lead: (lead.source,),
    "campaign": lambda lead: (lead.campaign,),
    "segment": lambda lead: (lead.segment,),
    "company": lambda lead: lead.domains,
}
MAX_VALUES = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """A routing rule made ready: ids of its one target, and its conditions with lower-case values."""

    id: int | None
    name: str
    pool_id: int | None
    rep_id: int | None
    accepted: tuple[tuple[str, frozenset[str]], ...]
    min_score: int | None

    def matches(self, lead: LeadFacts) -> bool:
        """Tell whether every condition holds; an unknown value matches no condition."""
        if self.min_score is not None and lead.score < self.min_score:
            return False
        return all(
            any(value and value.lower() in values for value in FIELDS[field](lead))
            for field, values in self.accepted
        )


def ready(rule: RoutingRule) -> Rule:
    """Make a stored rule ready to be asked."""
    accepted = tuple(
        (field, frozenset(str(value).strip().lower() for value in values))
        for field, values in sorted(rule.conditions.items())
        if field != "min_score"
    )
    return Rule(rule.pk, rule.name, rule.pool_id, rule.rep_id, accepted, rule.conditions.get("min_score"))


def active_rules() -> list[Rule]:
    """Read the rules in force, in their order."""
    return [ready(rule) for rule in RoutingRule.objects.filter(is_active=True)]


def first_match(rules: Sequence[Rule], lead: LeadFacts) -> Rule | None:
    """Return the first rule that takes the lead."""
    return next((rule for rule in rules if rule.matches(lead)), None)


def check_conditions(conditions: Any) -> dict[str, Any]:
    """Return conditions as a rule stores them, or raise Invalid naming each field that cannot be used."""
    if not isinstance(conditions, dict):
        raise Invalid({"conditions": "Conditions are fields with their accepted values."})
    problems = {
        str(field): problem for field, value in conditions.items() if (problem := _problem(field, value))
    }
    if problems:
        raise Invalid(problems)
    return conditions


def _problem(field: Any, value: Any) -> str:
    if field == "min_score":
        is_score = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100
        return "" if is_score else "The least score is a whole number from 0 to 100."
    if field not in FIELDS:
        return f"Leads have no “{field}” to route by. There are {', '.join(FIELDS)} and min_score."
    if not isinstance(value, list) or not value or len(value) > MAX_VALUES:
        return f"Give {field} a list of 1 to {MAX_VALUES} accepted values."
    if not all(isinstance(entry, str) and 0 < len(entry.strip()) <= 253 for entry in value):
        return f"Each accepted value of {field} is a text of 1 to 253 characters."
    return ""


LABELS = {
    "country": "country", "region": "region", "industry": "industry", "product_interest": "interest in",
    "source": "source", "campaign": "campaign", "segment": "segment", "company": "account",
}  # fmt: skip


def condition_words(conditions: Mapping[str, Any]) -> str:
    """Say which leads conditions take: "country DE or AT, and score 70 or more"; "everything" without any."""
    parts = [
        f"{LABELS.get(name, name)} {' or '.join(values)}"
        for name, values in conditions.items()
        if name != "min_score"
    ]
    if conditions.get("min_score") is not None:
        parts.append(f"score {conditions['min_score']} or more")
    return ", and ".join(parts) or "everything"


def rules_changed() -> int:
    """Have all that waits for a rep routed anew; call in the transaction that changed rules or pools."""
    waiting = Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason__in=TRIED)
    count = waiting.update(queue_reason=QueueReason.NEW)
    wake("handoff.tasks.route_waiting")
    return count


# Waiting although routing has tried.
TRIED = [QueueReason.NO_RULE, QueueReason.NO_ELIGIBLE_REP, QueueReason.AT_CAPACITY, QueueReason.ALL_LAPSED]
