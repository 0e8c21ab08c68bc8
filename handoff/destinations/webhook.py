"""Signed webhooks: a CloudEvents-shaped JSON body under Standard Webhooks headers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from handoff.destinations import sender, signing
from handoff.destinations.base import Answer, Message, judge


class Webhook:
    signs = True

    def send(self, url: str, message: Message, secrets: Sequence[str], at: datetime) -> Answer:
        body = body_of(message)
        signed = signing.headers(message.uid, at, body, secrets)
        return judge(sender.post(url, body, {"Content-Type": "application/json", **signed}))


def body_of(message: Message) -> bytes:
    """Return the body, to the byte the same for every try."""
    return json.dumps(envelope(message), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def envelope(message: Message) -> dict[str, Any]:
    """Return the message as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": message.uid,
        "source": message.source,
        "type": f"leadflow.{message.kind}",
        "subject": message.subject,
        "time": message.at.isoformat(),
        "datacontenttype": "application/json",
        # Of two messages about one lead the later has the higher number. Padded, so that it sorts as text, too.
        "sequence": f"{message.sequence:012d}",
        "data": message.data,
    }
