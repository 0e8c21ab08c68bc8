"""From what a request says to what was recorded: parse each message, keep the good ones, note the bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from leads.enums import Outcome
from leads.intake import setting
from leads.intake.events import IncomingEvent, ItemResult, Rejection, Unacceptable
from leads.intake.parsing import Envelope, parse
from leads.intake.problems import Refused
from leads.intake.recording import record_events
from leads.intake.setting import Setting
from leads.intake.strict_json import MAX_ITEM, Flaw, RawItem, find_flaw
from leads.intake.times import skew_of
from leads.models import Source

# How an item is refused that is a request of its own; in a batch it is rejected alone (bad-input rows 4-19).
_ALONE = {"event_too_large": 413}
_ALONE_CODES = {"invalid_number": "invalid_json"}


def receive(
    raw: Sequence[RawItem], text: str, fields: dict[str, Any], *, kind: str, source_id: int, now: Setting
) -> list[ItemResult]:
    """Record the items of a request; `fields` are those beside them, `kind` is the endpoint's type or ""."""
    envelope = Envelope(now.now, skew_of(fields.get("sentAt"), now.now), kind, _shared_context(fields))
    events: list[IncomingEvent] = []
    rejected: list[Rejection] = []
    for index, item in enumerate(raw):
        if item.flaw is None:
            try:
                events.append(parse(item.value, envelope, index))
            except Unacceptable as bad:
                rejected.append(_rejection(index, bad, _text_of(item, text, kind)))
        else:
            rejected.append(_rejection(index, item.flaw, _text_of(item, text, kind)))
    return record_events(events, source=source_id, received_at=now.now, rejected=rejected, now=now)


def _rejection(index: int, why: Flaw | Unacceptable, item: str) -> Rejection:
    return Rejection(index, why.code, why.pointer, why.detail, item[:MAX_ITEM])


def _text_of(item: RawItem, text: str, kind: str) -> str:
    """Return an item as sent, with the type that was only in its address, so that it can be sent again."""
    as_sent = text[item.start : item.end]
    if kind and as_sent.startswith("{") and '"type"' not in as_sent:
        return f'{{"type":"{kind}",{as_sent[1:]}'
    return as_sent


def _shared_context(fields: dict[str, Any]) -> dict[str, Any] | None:
    """Return the context a batch gives for all its messages."""
    context = fields.get("context")
    if not isinstance(context, dict) or not context:
        return None
    if flaw := find_flaw(context):
        raise Refused(422, flaw.code, flaw.detail, pointer=f"/context{flaw.pointer}")
    return context


def receive_messages(
    messages: Iterable[dict[str, Any]],
    *,
    source: Source,
    received_at: datetime,
    origin: str = "api",
    sent_at: datetime | None = None,
) -> list[ItemResult]:
    """Record messages that came another way than over HTTP: the demo's, or a dead letter sent again."""
    envelope = Envelope(received_at, skew_of(sent_at.isoformat() if sent_at else None, received_at))
    events: list[IncomingEvent] = []
    rejected: list[Rejection] = []
    for index, message in enumerate(messages):
        try:
            if flaw := find_flaw(message):
                raise Unacceptable(flaw.code, flaw.pointer, flaw.detail)
            events.append(parse(message, envelope, index))
        except Unacceptable as bad:
            rejected.append(_rejection(index, bad, json.dumps(message)))
    return record_events(
        events, source=source, received_at=received_at, origin=origin, rejected=rejected, now=setting.read()
    )


def refusal_of(result: ItemResult, flaw: Flaw | None) -> Refused | None:
    """Return how a request that is one item is refused, or None if the item was taken."""
    if result.outcome != Outcome.REJECTED:
        return None
    code = result.reason
    status = _ALONE.get(code, 400 if flaw and flaw.malformed else 422)
    return Refused(status, _ALONE_CODES.get(code, code), result.detail, pointer=result.pointer)
