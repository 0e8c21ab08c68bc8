"""P2: scoring those with new events, over a short history and one five times as long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.rescore_section import add_history, floor_of_live_rules
from benchmarks.results import Result, compare, timed
from leads import clock
from scoring import rescoring

NEW_EVENTS = 10_000
HISTORIES = (1_000_000, 5_000_000)
GOAL = 1.5
MARKED = "SELECT lead_id FROM scoring_pendingscore"


def measure(bench: Bench) -> list[Result]:
    """Measure both histories beside their floors, then how each side grew from the one to the other."""
    leads = bench.size(250_000, 500)
    at = clock.now()
    dataset.fill_leads(leads, at)
    results: list[Result] = []
    there = 0
    for history in HISTORIES:
        wanted = bench.size(history, 2000)
        add_history(leads, wanted - there, at)
        there = wanted
        results.append(_incremental(bench, leads, there, at))
    short, long = results
    for name, side in (("floor", "floor"), ("Leadflow", "leadflow")):
        name = f"{name} after the longer history beside the shorter (as floor)"
        before, after = getattr(short, side), getattr(long, side)
        results.append(Result(name, "s", before, after, GOAL, faster_is_more=False))
    return results


def _incremental(bench: Bench, leads: int, history: int, at: datetime) -> Result:
    events = bench.size(NEW_EVENTS, 100)
    day = clock.day_of(at)
    floor = floor_of_live_rules()

    def with_new_events(work: Callable[[], object]) -> float:
        dataset.add_and_mark(leads, events, day)
        dataset.settle("scoring_pendingscore", "leads_lead", "leads_engagementday")
        return timed(work)

    return compare(
        f"rescore after {events:,} new events on {history:,}",
        "s",
        GOAL,
        lambda: with_new_events(lambda: floor(day, MARKED)),
        lambda: with_new_events(lambda: rescoring.drain(clock.now())),
        bench.runs,
    )
