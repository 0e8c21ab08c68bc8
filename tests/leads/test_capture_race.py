"""Several processes meeting the same people at once; only a database with real concurrency can show it."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier

import pytest
from django.db import connection, connections

from leads.capture import Incoming, capture_leads
from leads.enums import Stage
from leads.models import Lead, StageChange

THREADS = 6
PEOPLE = 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)")
def test_concurrent_capture_creates_each_person_once(at: datetime) -> None:
    start = Barrier(THREADS)

    def capture(number: int) -> int:
        rows = [
            Incoming(f"p{n}@acme{n % 7}.example", profile={"first_name": f"P{number}"}) for n in range(PEOPLE)
        ]
        random.Random(number).shuffle(rows)
        start.wait()
        try:
            results = capture_leads(
                rows, stage=Stage.LEAD, at=at, by=None, origin=f"t{number}", overwrite=True
            )
        finally:
            connections.close_all()
        return sum(captured.created for captured in results)

    with ThreadPoolExecutor(THREADS) as pool:
        created = list(pool.map(capture, range(THREADS)))

    assert sum(created) == Lead.objects.count() == PEOPLE
    assert StageChange.objects.count() == PEOPLE
