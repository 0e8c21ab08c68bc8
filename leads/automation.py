"""The sweep that finds bursts no person makes, shortly after they arrived, and puts them into quarantine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from leads import clock
from leads.enums import Outcome
from leads.intake.bursts import CLICK, LINKS, OPEN, PAGE, PAGES, Act, bursts
from leads.models import AutomationLook, Event
from leads.quarantine import MOST, RELEASED, quarantine

CLICK_SIGNAL, OPEN_SIGNAL = "email_click", "email_open"
# Looked at again each time: a burst may arrive in several requests, and some commit late.
OVERLAP = timedelta(seconds=90)
SLICE = timedelta(hours=1)
FIRST = timedelta(days=1)


def drain(at: datetime | None = None) -> int:
    """Look through what arrived since the last look and return how many events went into quarantine.

    Safe to run twice, at once or seldom: the next look begins where the last one that ended did.
    """
    at, found = at or clock.now(), 0
    since = _looked_upto() or at - FIRST
    while since < at:
        upto = min(since + SLICE, at)
        found += _look(since - OVERLAP, upto, at)
        AutomationLook.objects.update_or_create(id=1, defaults={"upto": upto})
        since = upto
    return found


def _looked_upto() -> datetime | None:
    return AutomationLook.objects.filter(id=1).values_list("upto", flat=True).first()


def _look(since: datetime, upto: datetime, at: datetime) -> int:
    by_reason: dict[str, list[int]] = defaultdict(list)
    for pk, reason in bursts(_acts(since, upto)).items():
        by_reason[reason].append(pk)
    found = 0
    for reason, ids in sorted(by_reason.items()):
        for start in range(0, len(ids), MOST):
            results = quarantine(sorted(ids)[start : start + MOST], at=at, reason=reason)
            found += sum(not result.problem for result in results)
    return found


def _acts(since: datetime, upto: datetime) -> list[Act]:
    """Return what people did who did so much in this time that there may be a burst in it."""
    events = Event.objects.filter(
        received_at__gt=since, received_at__lte=upto, outcome=Outcome.COUNTED, lead__isnull=False
    ).exclude(outcome_reason=RELEASED)
    busy = [*_busy(events, Q(signal__slug=CLICK_SIGNAL), LINKS), *_busy(events, Q(type="page"), PAGES)]
    mine = events.filter(Q(type="page") | Q(signal__slug__in=[CLICK_SIGNAL, OPEN_SIGNAL]), lead_id__in=busy)
    return [_act(event) for event in mine.select_related("signal").iterator(chunk_size=2000)]


def _busy(events: QuerySet[Event], kind: Q, many: int) -> Sequence[int]:
    grouped = events.filter(kind).order_by().values("lead_id").annotate(times=Count("pk"))
    return list(grouped.filter(times__gte=many).values_list("lead_id", flat=True))


def _act(event: Event) -> Act:
    slug = event.signal.slug if event.signal else ""
    kind = {CLICK_SIGNAL: CLICK, OPEN_SIGNAL: OPEN}.get(slug, PAGE)
    link = event.properties.get("link") or event.properties.get("url") or ""
    thing = str(link) if kind == CLICK and link else event.object_key or event.name
    return Act(event.pk, event.lead_id or 0, kind, thing, event.occurred_at)
