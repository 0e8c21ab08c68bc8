"""P13: the page of one lead, with a short, a long and a very long history, 95th percentile on one connection."""

from __future__ import annotations

from functools import partial

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.reading import credentials, slow_ones
from benchmarks.results import Result, compare
from benchmarks.servers import running
from leads import clock
from leads.sources import create_source
from scoring.publishing import ensure_standard_definition
from scoring.rescoring import score_leads

LEADS = 1000
# Lead id → events, at any scale. A page of the timeline is full from 240 on: only the history differs beyond.
HISTORIES = {1: 10, 2: 1_000, 3: 10_000}
GOAL = 2.0
GROWTH = 1.2


def measure(bench: Bench) -> list[Result]:
    """Measure each page beside its floor, then the longest history beside the one a tenth as long."""
    _prepare()
    page, _ = credentials()
    results = []
    with running(bench) as servers:
        for lead, events in HISTORIES.items():
            floor, ours = (
                partial(slow_ones, bench, port, f"/leads/{lead}/", page)
                for port in (servers.floor, servers.leadflow)
            )
            name = f"page of a lead with {events:,} events"
            results.append(compare(name, "ms p95", GOAL, floor, ours, bench.runs))
        shorter, longest = (
            partial(slow_ones, bench, servers.leadflow, f"/leads/{lead}/", page)
            for lead in list(HISTORIES)[-2:]
        )
        name = "the last beside the one before it (as floor)"
        results.append(compare(name, "ms p95", GROWTH, shorter, longest, bench.runs))
    return results


def _prepare() -> None:
    at = clock.now()
    day = clock.day_of(at)
    ensure_standard_definition(at)
    dataset.fill_leads(LEADS, at)
    source, _ = create_source("Benchmark pages", at)
    for lead, events in HISTORIES.items():
        dataset.fill_events(lead, events, source.pk, at)
    days = dataset.count_events()
    dataset.settle("leads_lead", "leads_event", "leads_engagementday")
    # Scored, but left a lead, so that the page says what is missing for an MQL, too.
    score_leads(list(HISTORIES), day)
    print(f"{sum(HISTORIES.values()):,} events of {len(HISTORIES)} leads, {days:,} day counts", flush=True)
