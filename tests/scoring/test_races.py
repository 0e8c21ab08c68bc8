"""Real races between workers, on PostgreSQL only: SQLite has one writer at a time."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction

from leads.enums import Stage
from leads.models import Cycle, Lead
from scoring.explain import breakdown
from scoring.models import PendingScore
from scoring.passes import continue_pass, start_full_pass
from scoring.rescoring import drain, score_batch
from tests.factories import AT
from tests.scoring.world import TODAY, give, good_lead, publish_standard

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs PostgreSQL"),
]


class Worker(threading.Thread):
    """Runs something on a connection of its own and keeps what it raised."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self.work, self.error = work, None
        self.start()

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - shown by `finish`
            self.error = error
        finally:
            connection.close()

    def finish(self) -> None:
        self.join(30)
        assert not self.is_alive()
        if self.error:
            raise self.error


WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


def wait_until_somebody_waits_for_a_lock() -> None:
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def assert_score_is_current(lead: Lead) -> None:
    lead.refresh_from_db()
    assert lead.score == breakdown(lead, TODAY).score


def held_back(first: Lead, slow: Callable[[], object], meanwhile: Callable[[], object]) -> None:
    """Let `slow` run into a lock on its first lead, do something else, then let it go on."""
    with transaction.atomic():
        Lead.objects.select_for_update(no_key=True).get(pk=first.pk)
        worker = Worker(slow)
        wait_until_somebody_waits_for_a_lock()
        other = Worker(meanwhile)
        other.finish()
    worker.finish()


def test_a_slow_worker_cannot_overwrite_a_newer_score():
    publish_standard()
    first, second = good_lead(), good_lead()
    give(first, "guide", obj="g")
    give(second, "guide", obj="g")

    def meanwhile() -> None:
        give(second, "webinar", obj="w")
        assert score_batch(AT) == 1

    held_back(first, lambda: score_batch(AT), meanwhile)

    second.refresh_from_db()
    assert second.engagement_score == 20
    assert_score_is_current(first)
    assert_score_is_current(second)
    assert not PendingScore.objects.exists()


def test_a_slow_pass_cannot_overwrite_a_newer_score():
    publish_standard()
    first, second = good_lead(), good_lead()
    start_full_pass("test", AT)

    def meanwhile() -> None:
        give(second, "webinar", obj="w")
        assert score_batch(AT) == 1

    held_back(first, lambda: continue_pass(AT), meanwhile)

    assert_score_is_current(first)
    assert_score_is_current(second)


def test_an_event_can_be_inserted_while_its_lead_is_being_scored():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")

    with transaction.atomic():
        score_batch(AT)
        Worker(lambda: give(lead, "webinar", obj="w")).finish()
    drain(at=AT)

    assert_score_is_current(lead)


def test_two_workers_share_the_marks_and_promote_each_lead_once():
    publish_standard()
    leads = [good_lead() for _ in range(12)]
    for lead in leads:
        give(lead, "demo_request")
        give(lead, "guide", obj="g")
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        drain(at=AT)

    for worker in [Worker(work) for _ in range(4)]:
        worker.finish()

    assert Cycle.objects.count() == 12
    assert set(Lead.objects.values_list("stage", flat=True)) == {Stage.MQL}
    for lead in leads:
        assert_score_is_current(lead)


def test_scores_are_right_after_events_workers_and_a_pass_ran_at_once():
    publish_standard()
    leads = [good_lead() for _ in range(8)]
    start_full_pass("test", AT)
    posting = threading.Event()

    def post(offset: int) -> Callable[[], None]:
        def events() -> None:
            for turn in range(12):
                lead = leads[(turn * 5 + offset) % 8]
                with transaction.atomic():
                    give(
                        lead,
                        ["visit", "pricing_page", "guide"][turn % 3],
                        obj=f"{offset}-{turn}",
                        days_ago=turn,
                    )

        return events

    def work() -> None:
        while not posting.is_set():
            drain(at=AT)

    workers = [Worker(work) for _ in range(2)]
    for poster in [Worker(post(offset)) for offset in range(2)]:
        poster.finish()
    posting.set()
    for worker in workers:
        worker.finish()
    drain(at=AT + timedelta(seconds=1))

    for lead in leads:
        assert_score_is_current(lead)
