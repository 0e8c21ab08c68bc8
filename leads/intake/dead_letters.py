"""What arrived and could not be used: events the catalogue does not know, and items that were turned away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet

from leads import clock
from leads.enums import Outcome
from leads.intake import setting
from leads.intake.events import UNMATCHED, ItemResult, Unacceptable
from leads.intake.parsing import Envelope, parse
from leads.intake.problems import Refused
from leads.intake.recording import record_events
from leads.intake.strict_json import read_single
from leads.models import DeadLetter, Event

SHOWN_DAYS = 30


@dataclass(frozen=True)
class UnmatchedEvent:
    """A kind of event that matches no entry of the catalogue and therefore scores nothing."""

    type: str
    name: str
    times: int
    last: datetime


def unmatched_events(*, since: datetime | None = None, most: int = 100) -> list[UnmatchedEvent]:
    """Return the kinds of unmatched events received since then (by default in 30 days), the most frequent first."""
    since = since or clock.now() - timedelta(days=SHOWN_DAYS)
    events = Event.objects.filter(outcome=Outcome.IGNORED, outcome_reason=UNMATCHED, received_at__gte=since)
    rows = events.values("type", "name").annotate(times=Count("id"), last=Max("received_at"))
    return [UnmatchedEvent(**row) for row in rows.order_by("-times", "name")[:most]]


def waiting_letters() -> QuerySet[DeadLetter]:
    """Return the rejected items nobody has sent again with success, the newest first."""
    return DeadLetter.objects.filter(retried_at=None).select_related("batch__source").order_by("-id")


def retry(letter: DeadLetter, *, at: datetime, item: str | None = None) -> ItemResult:
    """Send a rejected item again, as it was or mended as the JSON text `item`; only success marks it as retried.

    Safe to repeat: the item's message id counts once. An item without a time happened when it was first received.
    """
    batch = letter.batch
    try:
        event = parse(_message(letter.item if item is None else item), Envelope(at))
        if batch.source_id is None:
            raise Unacceptable("source_gone", "", "The source it came from is gone.")
    except Unacceptable as bad:
        return ItemResult(0, Outcome.REJECTED, bad.code, pointer=bad.pointer, detail=bad.detail)
    if not event.sent_as:
        event.occurred_at = batch.received_at
    event.message_id = event.message_id or f"letter-{letter.pk}"
    (result,) = record_events(
        [event], source=batch.source_id, received_at=at, origin="retry", now=setting.read()
    )
    DeadLetter.objects.filter(pk=letter.pk, retried_at=None).update(retried_at=at)
    return result


def _message(text: str) -> dict[str, Any]:
    try:
        (item,) = read_single(text).items
    except Refused as refused:
        raise Unacceptable(refused.code, refused.pointer, refused.detail) from refused
    if item.flaw:
        raise Unacceptable(item.flaw.code, item.flaw.pointer, item.flaw.detail)
    message: dict[str, Any] = item.value
    return message
