"""Speeds no person has: every link of a mail at once, many pages in a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LINK_BURST, PAGE_BURST = "link_burst", "page_burst"
CLICK, OPEN, PAGE = "click", "open", "page"
# So many different things within so short a time.
LINKS, LINKS_WITHIN = 4, timedelta(seconds=10)
PAGES, PAGES_WITHIN = 5, timedelta(seconds=2)
# A scanner also fetches the picture that says a mail was opened.
OPENS_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Act:
    """One click, open or page view of one person; `thing` tells links and pages apart."""

    id: int
    person: int
    kind: str
    thing: str
    at: datetime


def bursts(acts: Iterable[Act]) -> dict[int, str]:
    """Return the acts that came too fast for a person, each with why."""
    by_person: dict[int, list[Act]] = defaultdict(list)
    for act in acts:
        by_person[act.person].append(act)
    found: dict[int, str] = {}
    for own in by_person.values():
        own.sort(key=lambda act: (act.at, act.id))
        clicks = _fast([act for act in own if act.kind == CLICK], LINKS, LINKS_WITHIN)
        found |= dict.fromkeys((act.id for act in clicks), LINK_BURST)
        found |= dict.fromkeys((act.id for act in own if act.kind == OPEN and _near(act, clicks)), LINK_BURST)
        pages = _fast([act for act in own if act.kind == PAGE], PAGES, PAGES_WITHIN)
        found |= dict.fromkeys((act.id for act in pages), PAGE_BURST)
    return found


def _fast(acts: Sequence[Act], many: int, within: timedelta) -> list[Act]:
    """Return the acts of every stretch `within` which `many` different things were touched."""
    fast: dict[int, Act] = {}
    start = 0
    for end, act in enumerate(acts):
        while act.at - acts[start].at > within:
            start += 1
        stretch = acts[start : end + 1]
        if len({one.thing for one in stretch}) >= many and not _knows_days_only(stretch):
            fast |= {one.id: one for one in stretch}
    return list(fast.values())


def _knows_days_only(acts: Sequence[Act]) -> bool:
    # A history whose sender knew only days: everything at midnight, to the second.
    return all(act.at.hour == act.at.minute == act.at.second == 0 for act in acts)


def _near(act: Act, clicks: Sequence[Act]) -> bool:
    return any(abs(act.at - click.at) <= OPENS_WITHIN for click in clicks)
