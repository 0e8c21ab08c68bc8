"""What routing reads of leads, for one or for many in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handoff.models import Handoff, HandoffStatus, NextPath
from handoff.planning import Verdict
from handoff.rules import LeadFacts

# Columns of Lead, to be asked for with whatever prefix leads to it.
COLUMNS = (
    "email", "country", "region", "industry", "product_interest", "source", "campaign", "score", "owner_id",
    "company__domain", "company__owner_id",
)  # fmt: skip
# Had the lead and would take it again.
KNEW_IT = (HandoffStatus.ACCEPTED, HandoffStatus.RETURNED)


@dataclass(slots=True)
class Past:
    """What earlier handoffs of each lead say: who passed on it in this cycle, and who knew it last."""

    turned_down: dict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    # Of those, whom it may be offered once more; a dict for its order: who passed on it first comes first.
    may_have_again: dict[int, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))
    previous_owner: dict[int, int] = field(default_factory=dict)


def read_past(cycles: Mapping[int, int]) -> Past:
    """Read the past of leads, given as lead id → id of the present cycle."""
    past = Past()
    handoffs = Handoff.objects.filter(lead_id__in=list(cycles), rep__isnull=False, closed_at__isnull=False)
    rows = handoffs.order_by("pk").values_list(
        "lead_id", "cycle_id", "rep_id", "rep__user_id", "status", "reason__next_path", "contact_rerouted_at"
    )
    for lead_id, cycle_id, rep_id, user_id, status, next_path, taken_away in rows:
        # A reason on an accepted one means it was turned down after all.
        if status in KNEW_IT and not next_path:
            past.previous_owner[lead_id] = user_id
        if cycle_id == cycles[lead_id]:
            _note_pass(past, lead_id, rep_id, _passed(status, next_path, taken_away), next_path)
    return past


def _passed(status: str, next_path: str | None, taken_away: datetime | None) -> str:
    if status == HandoffStatus.EXPIRED or taken_away:
        return Verdict.LAPSED
    return Verdict.REJECTED if next_path else ""


def _note_pass(past: Past, lead_id: int, rep_id: int, passed: str, next_path: str | None) -> None:
    turned_down, again = past.turned_down[lead_id], past.may_have_again[lead_id]
    if rep_id in turned_down:
        # Had it a second time after passing on it, by routing or by hand, whatever became of that.
        turned_down[rep_id] = Verdict.ASKED_AGAIN
        again.pop(rep_id, None)
    elif passed:
        turned_down[rep_id] = passed
        if passed == Verdict.LAPSED or next_path == NextPath.REROUTE:
            again[rep_id] = None


def facts_of(row: Mapping[str, Any], prefix: str, segment: str, past: Past) -> LeadFacts:
    """Put the values of COLUMNS, read under `prefix`, and the lead's past together; needs the lead's id."""
    lead_id = row["lead_id"]

    def value(column: str) -> Any:
        return row[prefix + column]

    domains = (value("company__domain") or "", (value("email") or "").rpartition("@")[2])
    return LeadFacts(
        lead_id=lead_id,
        country=value("country"),
        region=value("region"),
        industry=value("industry"),
        product_interest=value("product_interest"),
        source=value("source"),
        campaign=value("campaign"),
        segment=segment,
        domains=domains,
        score=value("score"),
        company_owner=value("company__owner_id"),
        previous_owner=past.previous_owner.get(lead_id) or value("owner_id"),
        turned_down_by=past.turned_down.get(lead_id),
        may_have_again=tuple(past.may_have_again.get(lead_id, ())),
    )
