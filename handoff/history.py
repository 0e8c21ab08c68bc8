"""What earlier reps did with a lead, in this cycle and in those before, for the context note."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from handoff import outcomes
from handoff.models import Handoff, QueueReason, RejectionReason
from leads.enums import Stage
from leads.models import Cycle, Lead, StageChange

Attempts = dict[int, list[dict[str, Any]]]


def past_attempts(cycles: Sequence[Cycle]) -> tuple[dict[int, list[str]], Attempts]:
    """Return, by cycle id, the words of who had the lead, and what each of them did."""
    said: dict[int, list[str]] = defaultdict(list)
    attempts: Attempts = defaultdict(list)
    ended = Handoff.objects.filter(cycle__in=cycles).exclude(closed_at=None, decided_at=None)
    for handoff in ended.select_related("reason", "rep__user").order_by("pk"):
        if handoff.note or handoff.reason:
            said[handoff.cycle_id].append(": ".join(filter(None, [str(handoff.reason or ""), handoff.note])))
        if handoff.rep_id:
            attempts[handoff.cycle_id].append(outcomes.attempt(handoff))
    return said, attempts


@dataclass(slots=True)
class Words:
    """Labels for what a cycle holds as slugs."""

    rules: dict[tuple[int, int], str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def words_of(cycles: Sequence[Cycle]) -> Words:
    """Read the labels for these cycles; nothing is asked where there are none."""
    if not cycles:
        return Words()
    lines = StageChange.objects.filter(lead_id__in={cycle.lead_id for cycle in cycles}, to_stage=Stage.MQL)
    return Words(
        {
            (lead, number): evidence.get("rule_label", "")
            for lead, number, evidence in lines.values_list("lead_id", "cycle_number", "evidence")
        },
        dict(RejectionReason.objects.values_list("slug", "label")),
    )


def earlier(cycle: Cycle, said: list[str], attempts: list[dict[str, Any]], words: Words) -> dict[str, Any]:
    """Return one earlier cycle as the note keeps it."""
    return {
        "number": cycle.number,
        "mql_at": cycle.mql_at.isoformat(),
        "rule": cycle.rule,
        "rule_label": words.rules.get((cycle.lead_id, cycle.number)) or cycle.rule,
        "version": cycle.version,
        "owner": str(cycle.owner or ""),
        "decision": cycle.decision,
        "reason": cycle.reason,
        "reason_label": words.reasons.get(cycle.reason, cycle.reason),
        "said": said,
        "attempts": attempts,
        "was_sql": cycle.sql_at is not None,
        "was_won": cycle.won_at is not None,
        "ended_at": cycle.ended_at.isoformat() if cycle.ended_at else None,
        "end_reason": cycle.end_reason,
    }


def given_back(waiting: Handoff) -> dict[str, Any] | None:
    """Return what sales said of a handoff that waits for marketing; None where it waits for something else."""
    if waiting.queue_reason != QueueReason.RETURNED:
        return None
    ended = Handoff.objects.filter(cycle=waiting.cycle_id, attempt__lt=waiting.attempt)
    last = ended.select_related("reason", "rep__user").order_by("-attempt").first()
    return outcomes.attempt(last) if last else None


def words_of_returned(leads: Iterable[Lead]) -> dict[int, str]:
    """Return for each lead that waits for marketing who gave it back, why, and in which words; one query."""
    ended = Handoff.objects.filter(lead__in=list(leads), closed_at__isnull=False, rep__isnull=False)
    said = {}
    for handoff in ended.select_related("reason", "rep__user").order_by("pk"):
        one = outcomes.attempt(handoff)
        why = ", ".join(filter(None, [one["reason"], *one["missing"]]))
        said[handoff.lead_id] = f"{one['who']}: {why or one['did']}" + (
            f". “{one['note']}”" if one["note"] else ""
        )
    return said
