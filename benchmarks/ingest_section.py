"""P4: events accepted over HTTP, committed before the answer, at 1, 100 and 1,000 a request."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.load import Job, request, send
from benchmarks.messages import bodies
from benchmarks.results import Measurement, Result, compare
from benchmarks.servers import running
from leads import clock
from leads.models import Organisation
from leads.sources import create_source
from scoring.publishing import ensure_standard_definition

CONNECTIONS = 8
# Messages a request, requests at scale 1 and at the least, the least share of the floor's rate, with answers or not.
BATCHES = [
    (1, 20_000, 400, 0.60, False),
    (100, 3_000, 100, 0.75, False),
    (1000, 400, 24, 0.75, False),
    (100, 3_000, 100, 0.75, True),
]


@dataclass(frozen=True)
class Sender:
    """Somebody who holds a write key and knows so many leads."""

    leads: int
    headers: dict[str, str]
    answers: bool = False

    def rate(self, port: int, requests: int, batch: int) -> float:
        """Return the events a second that the server on this port accepts."""
        self.send(port, 2 * CONNECTIONS, batch)  # opens connections, fills caches
        seconds = self.send(port, requests, batch)
        _forget()
        return requests * batch / seconds

    def send(self, port: int, requests: int, batch: int) -> float:
        """Send new events and return how many seconds that took."""
        made = bodies(requests, batch, self.leads, clock.now(), answers=self.answers)
        whole = [request("POST", "/v1/batch", self.headers, body) for body in made]
        return send(Job(port, whole, CONNECTIONS)).seconds


def measure(bench: Bench) -> list[Result]:
    """Measure all batch sizes over leads that have a history."""
    sender = _prepare(bench.size(250_000, 500))
    results = []
    with running(bench) as servers:
        for batch, requests, least, goal, answers in BATCHES:
            count = bench.size(requests, least)
            sender = replace(sender, answers=answers)
            floor = _measurement(sender, servers.floor, count, batch)
            ours = _measurement(sender, servers.leadflow, count, batch)
            name = f"ingest, {batch:,} a request" + ", 1 % with answers" * answers
            results.append(compare(name, "events/s", goal, floor, ours, bench.runs, faster_is_more=True))
    return results


def _measurement(sender: Sender, port: int, requests: int, batch: int) -> Measurement:
    return lambda: sender.rate(port, requests, batch)


def _prepare(leads: int) -> Sender:
    at = clock.now()
    Organisation.current()
    ensure_standard_definition(at)
    dataset.fill_leads(leads, at)
    dataset.fill_history(leads, leads * dataset.EVENTS_PER_LEAD, clock.day_of(at))
    source, key = create_source("Benchmark", at)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}",
        "X-Source": str(source.pk),  # for the floor, which asks for no key
    }
    return Sender(leads, headers)


def _forget() -> None:
    """Leave the next run the same tables; day counts stay, few beside the history."""
    dataset.execute("TRUNCATE leads_event, scoring_pendingscore, leads_intakebatch CASCADE")
    dataset.settle("leads_engagementday")
