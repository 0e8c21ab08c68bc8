"""Bodies of tracking requests: always new messages, of the mixture the history has."""

from __future__ import annotations

import json
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from benchmarks.dataset import KINDS

_NAMES = {
    "email_open": "Email Opened",
    "email_click": "Email Link Clicked",
    "form": "Form Submitted",
    "webinar": "Webinar Attended",
    "demo_request": "Demo Requested",
    "unsubscribe": "Unsubscribed",
}
_OBJECTS = {"form": "form", "webinar": "webinar", "demo_request": "form"}
_SHARES = [share for _, share, _ in KINDS]


def bodies(requests: int, batch: int, leads: int, at: datetime, *, answers: bool = False) -> list[bytes]:
    """Return so many bodies of `batch` messages each, all from leads we know by their user id.

    With `answers`, demo requests name a product: something about the person, so their profile is written too.
    """
    chance = random.Random()
    return [_body(batch, leads, at, chance, answers=answers) for _ in range(requests)]


def _body(batch: int, leads: int, at: datetime, chance: random.Random, *, answers: bool) -> bytes:
    kinds = chance.choices(KINDS, _SHARES, k=batch)
    messages = [_message(kind, variety, leads, at, chance) for kind, _, variety in kinds]
    for message in messages if answers else ():
        if message.get("event") == _NAMES["demo_request"]:
            message["properties"]["product"] = chance.choice(["Platform", "Connect", "Lens"])
    return json.dumps({"batch": messages}, separators=(",", ":")).encode()


def _message(kind: str, variety: int, leads: int, at: datetime, chance: random.Random) -> dict[str, Any]:
    moment = at - timedelta(seconds=chance.random() * 3600)
    message = {
        "messageId": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "userId": f"u{1 + int(leads * chance.random() ** 2)}",
        "timestamp": moment.isoformat(timespec="milliseconds"),
    }
    which = chance.randrange(variety)
    if kind in ("visit", "pricing_page"):
        path = "/pricing" if kind == "pricing_page" else f"/p/{which}"
        return message | {"type": "page", "properties": {"path": path, "url": f"https://example.com{path}"}}
    properties = {_OBJECTS.get(kind, "campaign"): f"c{which}"}
    return message | {"type": "track", "event": _NAMES[kind], "properties": properties}
