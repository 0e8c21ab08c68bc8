"""Incoming webhooks as Slack, Mattermost, Rocket.Chat and others take them: one line of text with a link."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from handoff.destinations import sender
from handoff.destinations.base import Answer, Message, judge

Data = dict[str, Any]


class Slack:
    signs = False

    def send(self, url: str, message: Message, secrets: Sequence[str], at: datetime) -> Answer:
        body = json.dumps({"text": text_of(message)}, ensure_ascii=False).encode()
        return judge(sender.post(url, body, {"Content-Type": "application/json"}))


def text_of(message: Message) -> str:
    """Say in a line what happened, with a link to it."""
    data = message.data
    said = _SENTENCES[message.kind](data) if message.kind in _SENTENCES else message.kind
    place = data.get("handoff") or data.get("lead")
    return f"{escape(said)} <{place['url']}|Open>" if place else escape(said)


def escape(text: str) -> str:
    """Make a text say what it says: no links, mentions or commands of whoever wrote it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _who(data: Data) -> str:
    lead = data["lead"]
    company = f" of {lead['company']}" if lead.get("company") else ""
    return f"{lead['name']}{company}"


def _rep(data: Data) -> str:
    rep = data["handoff"]["rep"]
    return rep["name"] if rep else "nobody"


def _late(data: Data) -> str:
    what = "an answer" if data["clock"] == "accept" else "the first contact"
    return f"{what} is due by {data['due'][:16].replace('T', ' ')} UTC"


def _because(data: Data) -> str:
    reason = data["handoff"]["reason"]
    return f": {reason['label']}" if reason else ""


def _why(data: Data) -> str:
    return f" {data['change']['why']}" if data["change"].get("why") else ""


_SENTENCES: dict[str, Callable[[Data], str]] = {
    "lead.mql": lambda d: f"{_who(d)} is an MQL (score {d['lead']['score']}).{_why(d)}",
    "lead.sql": lambda d: f"{_who(d)} is an SQL.",
    "lead.opportunity": lambda d: f"{_who(d)} is an opportunity.",
    "lead.won": lambda d: f"Won: {_who(d)}.",
    "lead.lost": lambda d: f"Lost: {_who(d)}. {d['change']['reason']}",
    "handoff.offered": lambda d: f"{_who(d)} is offered to {_rep(d)}.",
    "handoff.accepted": lambda d: f"{_rep(d)} accepted {_who(d)}.",
    "handoff.rejected": lambda d: f"{_rep(d)} rejected {_who(d)}{_because(d)}.",
    "handoff.returned": lambda d: (
        f"{_rep(d)} returned {_who(d)} to marketing. {d['handoff']['note']}".strip()
    ),
    "handoff.expired": lambda d: f"{_rep(d)} let {_who(d)} lapse; it is routed again.",
    "handoff.reassigned": lambda d: f"{_who(d)} was taken from {_rep(d)}.",
    "handoff.withdrawn": lambda d: f"{_who(d)} is no longer offered to {_rep(d)}.",
    "handoff.warned": lambda d: f"{_rep(d)} was reminded of {_who(d)}: {_late(d)}.",
    "handoff.escalated": lambda d: f"{_rep(d)} keeps {_who(d)} waiting: {_late(d)}.",
    "definition.live": lambda d: f"Definition {d['definition']['version']} is in force now.",
    "test": lambda d: str(d["message"]),
}
