"""P10: the list of leads as a page and as JSON, first page, 95th percentile on one connection."""

from __future__ import annotations

from functools import partial

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.reading import credentials, slow_ones
from benchmarks.results import Result, compare
from benchmarks.servers import Servers, running
from leads import clock
from scoring.publishing import ensure_standard_definition

SIZES = (10_000, 100_000, 1_000_000)
GOAL = 2.0


def measure(bench: Bench) -> list[Result]:
    """Measure both lists at all sizes."""
    ensure_standard_definition(clock.now())
    page, api = credentials()
    results = []
    with running(bench) as servers:
        for size in SIZES:
            leads = bench.size(size, 100)
            _fill(leads)
            results.append(_compared(bench, servers, f"page of {leads:,} leads", "/leads/", page))
            results.append(_compared(bench, servers, f"JSON of {leads:,} leads", "/api/v1/leads/", api))
    return results


def _fill(leads: int) -> None:
    dataset.fill_leads(leads, clock.now())
    dataset.execute("UPDATE leads_lead SET score = mod(id * 7919, 101)")
    dataset.settle("leads_lead")


def _compared(bench: Bench, servers: Servers, name: str, path: str, headers: dict[str, str]) -> Result:
    floor = partial(slow_ones, bench, servers.floor, path, headers)
    ours = partial(slow_ones, bench, servers.leadflow, path, headers)
    return compare(name, "ms p95", GOAL, floor, ours, bench.runs)
