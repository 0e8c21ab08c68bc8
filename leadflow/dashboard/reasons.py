"""Why sales turned MQLs down, most frequent first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from handoff.models import RejectionReason
from leadflow.dashboard import measures
from leadflow.dashboard.period import Period
from leads.enums import Decision
from leads.models import Cycle


@dataclass(frozen=True)
class Reason:
    """`key` names it in an address; `running` is the share of all refusals up to here."""

    key: str
    label: str
    count: int
    running: float


def pareto(cycles: QuerySet[Cycle], period: Period, labels: Mapping[str, str]) -> list[Reason]:
    """Return the reasons of the refusals decided in a period."""
    refused = cycles.filter(measures.REFUSED, period.around("decided_at"))
    rows = refused.order_by().values_list("decision", "reason").annotate(count=Count("pk"))
    found = sorted(rows, key=lambda row: (-row[2], row[1]))
    total, so_far, reasons = sum(row[2] for row in found), 0, []
    for decision, slug, count in found:
        so_far += count
        label = labels.get(slug) or slug or Decision(decision).label
        reasons.append(Reason(slug or decision, label, count, so_far / total))
    return reasons


def reason_labels() -> dict[str, str]:
    """Return the label of every reason there is or was."""
    return dict(RejectionReason.objects.values_list("slug", "label"))


def for_reason(key: str) -> Q:
    """Return the condition for refusals of one reason, as named by its key."""
    if key in (Decision.REJECTED, Decision.RETURNED):
        return Q(decision=key, reason="")
    return Q(reason=key)
