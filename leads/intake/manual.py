"""Signals a marketer enters by hand: a chat at a fair, a letter, a webinar nobody tracked."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from leads.intake import setting
from leads.intake.events import IncomingEvent, ItemResult
from leads.intake.recording import record_events
from leads.intake.times import settle
from leads.models import Lead, Signal, User
from leads.sources import MANUAL, internal_source


class UnknownSignal(ValueError):
    """The catalogue has no such signal in use."""


def record_manual_event(
    lead: Lead,
    signal: Signal,
    *,
    occurred_at: datetime,
    at: datetime,
    by: User,
    object_key: str = "",
    note: str = "",
    entry_id: str = "",
) -> ItemResult:
    """Record one signal of a lead. `entry_id` names the entry, so that a form sent twice counts once.

    Raises UnknownSignal, and BadTime (leads.intake.times) for a time before 2000 or more than a day ahead.
    """
    now = setting.read()
    entry = now.catalogue.by_id.get(signal.pk)
    if entry is None:
        raise UnknownSignal(signal.slug)
    moment, _ = settle(occurred_at, at)
    event = IncomingEvent(
        type=entry.type[:10],
        name=entry.label,
        message_id=f"manual-{entry_id or uuid4().hex}"[:128],
        occurred_at=moment,
        lead_id=lead.pk,
        properties={"by": by.pk, "note": note[:2000]} if note else {"by": by.pk},
        entry=entry,
        object_key=object_key[:200],
        classified=True,
    )
    source = internal_source(MANUAL, at)
    (result,) = record_events([event], source=source, received_at=at, origin="manual", now=now)
    return result
