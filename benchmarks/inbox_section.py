"""The inbox of a rep with a dozen open offers, and of one with all that a group shows, 95th percentile."""

from __future__ import annotations

from functools import partial

from benchmarks.environment import Bench
from benchmarks.reading import signed_in, slow_ones
from benchmarks.results import Result, compare
from benchmarks.routing_section import REPS, fill_queue
from benchmarks.servers import running
from handoff import routing
from handoff.inbox import MOST
from handoff.models import Handoff, HandoffStatus, Rep
from leads import clock

OPEN = (12, MOST)  # offers of the first rep and of the second
GOAL = 2.0


def measure(bench: Bench) -> list[Result]:
    """Measure both inboxes beside one SELECT and a bare template."""
    reps = _prepare()
    results = []
    with running(bench) as servers:
        for rep, offers in zip(reps, OPEN, strict=True):
            floor = partial(slow_ones, bench, servers.floor, f"/inbox/{rep.pk}/", {})
            ours = partial(slow_ones, bench, servers.leadflow, "/inbox/", signed_in(rep.user))
            results.append(compare(f"inbox with {offers} offers", "ms p95", GOAL, floor, ours, bench.runs))
    return results


def _prepare() -> list[Rep]:
    """Route offers to everybody, then take from the first rep all but a dozen."""
    fill_queue(REPS * MOST)
    at = clock.now()
    routing.drain(at)
    reps = list(Rep.objects.select_related("user").order_by("pk")[: len(OPEN)])
    for rep, offers in zip(reps, OPEN, strict=True):
        mine = Handoff.objects.filter(rep=rep).order_by("pk")
        kept = list(mine.values_list("pk", flat=True)[:offers])
        if len(kept) < offers:
            raise AssertionError(f"{rep} was offered {len(kept)} leads only.")
        mine.exclude(pk__in=kept).update(status=HandoffStatus.WITHDRAWN, closed_at=at, decided_at=at)
    return reps
