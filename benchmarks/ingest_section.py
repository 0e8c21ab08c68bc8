"""P4: events accepted over HTTP, committed before the answer, at 1, 100 and 1,000 a request."""

from __future__ import annotations

import base64

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.load import Job, request, send
from benchmarks.messages import bodies
from benchmarks.results import Result, compare
from benchmarks.servers import Servers, running
from leads import clock
from leads.models import Organisation
from leads.sources import create_source
from scoring.publishing import ensure_standard_definition

CONNECTIONS = 8
# Messages a request, requests at scale 1, and the least share of the floor's rate.
BATCHES = [(1, 20_000, 0.60), (100, 3_000, 0.75), (1000, 400, 0.75)]


def measure(bench: Bench) -> list[Result]:
    """Measure all batch sizes over leads that have a history."""
    leads = bench.size(250_000, 500)
    at = clock.now()
    Organisation.current()
    ensure_standard_definition(at)
    dataset.fill_leads(leads, at)
    dataset.fill_history(leads, leads * dataset.EVENTS_PER_LEAD, clock.day_of(at))
    source, key = create_source("Benchmark", at)
    with running(bench) as servers:
        return [_compared(bench, servers, leads, source.pk, key, *batch) for batch in BATCHES]


def _compared(
    bench: Bench, servers: Servers, leads: int, source: int, key: str, batch: int, requests: int, goal: float
) -> Result:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}",
        "X-Source": str(source),
    }
    count = bench.size(requests, 3 * CONNECTIONS)

    def rate(port: int) -> float:
        _send(port, 2 * CONNECTIONS, batch, leads, headers)  # connections, caches
        seconds = _send(port, count, batch, leads, headers)
        _forget()
        return count * batch / seconds

    name = f"ingest, {batch:,} a request"
    floor, ours = (lambda: rate(servers.floor)), (lambda: rate(servers.leadflow))
    return compare(name, "events/s", goal, floor, ours, bench.runs, faster_is_more=True)


def _send(port: int, count: int, batch: int, leads: int, headers: dict[str, str]) -> float:
    made = bodies(count, batch, leads, clock.now())
    requests = [request("POST", "/v1/batch", headers, body) for body in made]
    return send(Job(port, requests, CONNECTIONS)).seconds


def _forget() -> None:
    """Leave the next run the same tables; day counts stay, few beside the history."""
    dataset.execute("TRUNCATE leads_event, scoring_pendingscore, leads_intakebatch CASCADE")
    dataset.settle("leads_engagementday")
