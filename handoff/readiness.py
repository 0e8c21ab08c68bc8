"""Which MQLs are sales-ready, where the definition hands off only those (R22); asked in SQL, in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from handoff.models import Handoff, HandoffStatus, QueueReason
from leads.definitions import live_definition
from leads.models import EngagementDay, Lead

Condition = Mapping[str, Any]


def sales_ready(lead_ids: Iterable[int], day: date) -> set[int]:
    """Return which of these MQLs may go to sales now."""
    ids = list(lead_ids)
    conditions = _conditions()
    if not conditions:
        return set(ids)
    return set(Lead.objects.filter(_holds(conditions, day), pk__in=ids).values_list("pk", flat=True))


def release_ready(day: date) -> int:
    """Let MQLs that were held back and have become sales-ready wait for a rep; return how many."""
    held = Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason=QueueReason.NOT_SALES_READY)
    if not held.exists():
        return 0
    ready = Lead.objects.filter(_holds(_conditions(), day))
    return held.filter(lead__in=ready).update(queue_reason=QueueReason.NEW)


def _conditions() -> list[Condition]:
    definition = live_definition()
    handoff = definition.document.get("mql", {}).get("handoff", {}) if definition else {}
    return handoff.get("all", []) if handoff.get("mode") == "sales_ready" else []


def _holds(conditions: Iterable[Condition], day: date) -> Q:
    combined = Q()
    for condition in conditions:
        combined &= KINDS[condition["kind"]](condition, day)
    return combined


def _grades_from(grade: str) -> list[str]:
    return [better for better in "ABCD" if better <= grade]


def _days(condition: Condition, day: date) -> QuerySet[EngagementDay]:
    since = day - timedelta(days=condition["within_days"] - 1)
    return EngagementDay.objects.filter(lead=OuterRef("pk"), occurred_on__range=(since, day)).order_by()


# What a repeated signal is counted by.
_TIMES = {"day": Count("occurred_on", distinct=True), "object": Count("object_key", distinct=True)}


def _signal(condition: Condition, day: date) -> Q:
    counted = _days(condition, day).filter(signal__slug__in=condition["signals"]).values("lead")
    times = _TIMES.get(condition.get("distinct", ""), Sum("count"))
    return Q(
        Exists(
            counted.annotate(times=times, net=Sum("count")).filter(
                times__gte=condition["at_least"], net__gt=0
            )
        )
    )


def _form_with_product(condition: Condition, day: date) -> Q:
    counted = _days(condition, day).filter(signal__slug="form", object_key__contains="#").values("lead")
    return Q(Exists(counted.annotate(net=Sum("count")).filter(net__gt=0)))


def _re_engagement(condition: Condition, day: date) -> Q:
    counted = _days(condition, day).filter(signal__is_engagement=True, count__gt=0).values("lead")
    return Q(Exists(counted.annotate(days=_TIMES["day"]).filter(days__gte=2)))


KINDS: dict[str, Callable[[Condition, date], Q]] = {
    "score_at_least": lambda condition, _: Q(score__gte=condition["value"]),
    "fit_at_least": lambda condition, _: Q(fit_score__gte=condition["value"]),
    "hand_raise_fit": lambda condition, _: Q(fit_score__gte=condition["value"]),
    "engagement_at_least": lambda condition, _: Q(engagement_score__gte=condition["value"]),
    "grade_at_least": lambda condition, _: Q(grade__in=_grades_from(condition["value"])),
    "band_at_least": lambda condition, _: Q(band__gte=condition["value"]),
    "momentum_at_least": lambda condition, _: Q(momentum__gte=condition["value"]),
    "signal": _signal,
    "form_with_product": _form_with_product,
    "re_engagement": _re_engagement,
}
