"""P10: the list of leads as a page and as JSON, first page, 95th percentile on one connection."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.load import Job, request, send
from benchmarks.results import Result, compare
from benchmarks.servers import Servers, running
from leadflow.keys import create_key
from leads import clock
from leads.enums import Role
from leads.models import User
from scoring.publishing import ensure_standard_definition

SIZES = (10_000, 100_000, 1_000_000)
REQUESTS = (200, 60)  # at scale 1, at the least
WARM_UP = 20
GOAL = 2.0


def measure(bench: Bench) -> list[Result]:
    """Measure both lists at all sizes."""
    ensure_standard_definition(clock.now())
    page, api = _credentials()
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


def _credentials() -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers of a signed-in marketer and of a key that acts as them."""
    user = User.objects.create_user("reader@example.com", name="Reader", role=Role.MARKETER)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    _, secret = create_key("Benchmark", user=user, scopes=["leads:read"], by=user, at=clock.now())
    cookie = f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    return {"Cookie": cookie}, {"Authorization": f"Bearer {secret}"}


def _compared(bench: Bench, servers: Servers, name: str, path: str, headers: dict[str, str]) -> Result:
    wanted = request("GET", path, headers)

    def slow_ones(port: int) -> float:
        took = send(Job(port, [wanted] * (WARM_UP + bench.size(*REQUESTS)))).took[WARM_UP:]
        return 1000 * sorted(took)[int(len(took) * 0.95)]

    floor, ours = (lambda: slow_ones(servers.floor)), (lambda: slow_ones(servers.leadflow))
    return compare(name, "ms p95", GOAL, floor, ours, bench.runs)
