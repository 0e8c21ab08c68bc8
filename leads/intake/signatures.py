"""What gives automated traffic away: names of robots and mail scanners (`signatures.json`), and marks senders set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("signatures.json")
_SIGNATURES: list[dict[str, Any]] = json.loads(_FILE.read_text())
_PATTERNS = [(one["kind"], re.compile("|".join(one["patterns"]), re.IGNORECASE)) for one in _SIGNATURES]
PREFETCH = "prefetch"
MACHINE_OPEN = "machine_open"
# Marks of e-mail providers and browsers that a machine, not a person, asked for something.
_MARKS = {
    "machine_open": MACHINE_OPEN, "sg_machine_open": MACHINE_OPEN, "machineOpen": MACHINE_OPEN,
    "apple_mpp": MACHINE_OPEN,
    "prefetch": PREFETCH, "prerender": PREFETCH, "is_bot": "crawler", "isBot": "crawler",
}  # fmt: skip

# Why an event stands in quarantine → how people read it. Besides these: `by_hand`, and what older versions wrote.
REASONS: dict[str, str] = {
    **{one["kind"]: one["label"] for one in _SIGNATURES},
    PREFETCH: "Page loaded ahead, not opened",
    MACHINE_OPEN: "Mail program opened it by itself",
    "link_burst": "Every link of a mail at once",
    "page_burst": "Many pages in a moment",
    "by_hand": "Put here by hand",
    "automated": "Automated traffic",
}


@lru_cache(maxsize=8192)
def kind_of(user_agent: str) -> str:
    """Return what kind of machine a browser's name is that of, "" if of none we know."""
    return next((kind for kind, pattern in _PATTERNS if pattern.search(user_agent)), "")


def marked(properties: Mapping[str, Any]) -> str:
    """Return why the sender itself marks an event as a machine's, "" if it does not."""
    if _MARKS.keys().isdisjoint(properties):
        return ""
    return next(
        (why for name, why in _MARKS.items() if properties.get(name) in (True, 1, "true", "True", "1")), ""
    )
