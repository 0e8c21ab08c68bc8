"""Real races on PostgreSQL: several connections, forced interleavings where chance would not do."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from leads.checks import CHECKS
from leads.intake import effects, recording, tracking
from leads.models import EngagementDay, Event, Identity, Lead, StageChange
from tests.factories import AT, make_catalogue, make_lead, make_source

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer; needs PostgreSQL"),
]


@pytest.fixture(autouse=True)
def _no_second_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    # A deadlock that a retry would hide must fail the test.
    monkeypatch.setattr(recording, "_PASSING", ())
    make_catalogue()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, job) for job in jobs]]


def sending(source, *messages):
    return lambda: tracking.receive_messages(messages, source=source, received_at=AT)


def page(message_id, **ids):
    return {"type": "page", "messageId": message_id, "properties": {"path": "/pricing"}} | ids


def identify(message_id, email="ann@acme.test", **ids):
    return {"type": "identify", "messageId": message_id, "traits": {"email": email}} | ids


def findings():
    return [finding for _, _, check in CHECKS for finding in check(AT)]


def known_leads(count):
    leads = [make_lead() for _ in range(count)]
    Identity.objects.bulk_create(
        Identity(lead=lead, kind="user", value=f"u-{n}", since=AT) for n, lead in enumerate(leads)
    )
    return leads


@pytest.mark.parametrize("round_", range(2))
def test_same_batch_from_four_senders_counts_once(round_):
    source = make_source()
    known_leads(5)
    batch = [page(f"m-{n}", userId=f"u-{n % 5}") for n in range(50)]

    results = at_once(*[sending(source, *batch)] * 4)

    outcomes = sorted(result.outcome for results_of_one in results for result in results_of_one)
    assert outcomes == ["counted"] * 50 + ["duplicate"] * 150
    assert sum(EngagementDay.objects.values_list("count", flat=True)) == 50
    assert findings() == []


@pytest.mark.parametrize("seed", range(2))
def test_crosswise_batches_never_deadlock(seed):
    rng = random.Random(seed)
    source = make_source()
    known_leads(20)
    batches = []
    for sender in range(6):
        batch = [page(f"m-{n}", userId=f"u-{n % 20}") for n in range(60)]
        batch += [page(f"s{sender}-{n}", anonymousId=f"a-{n % 7}") for n in range(20)]
        rng.shuffle(batch)
        batches.append(batch)

    at_once(*[sending(source, *batch) for batch in batches])

    assert Event.objects.count() == 60 + 6 * 20
    assert findings() == []


@pytest.mark.parametrize("seed", range(3))
def test_identify_racing_first_events_loses_nothing(seed):
    rng = random.Random(seed)
    source = make_source()
    jobs = [
        sending(source, page(f"p-{n}", anonymousId="a-1"), page(f"q-{n}", anonymousId="a-2"))
        for n in range(5)
    ]
    jobs += [sending(source, identify(f"i-{n}", userId="u-1", anonymousId="a-1")) for n in range(2)]
    rng.shuffle(jobs)

    at_once(*jobs)

    lead = Lead.objects.get()
    assert Event.objects.filter(anonymous_id="a-1", lead=None).count() == 0
    assert EngagementDay.objects.get().count == 5
    assert Event.objects.filter(anonymous_id="a-2", lead=None).count() == 5
    assert lead.stage == "lead"
    assert findings() == []


@pytest.mark.parametrize("first", ["event", "identify"])
def test_whichever_of_event_and_identify_is_not_committed_yet_the_other_waits(first, monkeypatch):
    source = make_source()
    jobs = {
        "event": sending(source, page("p-1", anonymousId="a-1")),
        "identify": sending(source, identify("i-1", userId="u-1", anonymousId="a-1")),
    }
    second = "identify" if first == "event" else "event"

    second_waits(jobs[first], jobs[second], monkeypatch)

    assert Event.objects.filter(lead=None).count() == 0
    assert EngagementDay.objects.get().count == 1


def test_visits_of_the_same_day_and_page_are_all_counted_whichever_is_committed_first(monkeypatch):
    source = make_source()
    known_leads(1)
    sending(source, page("p-0", userId="u-0"))()

    second_waits(
        sending(source, page("p-1", userId="u-0"), page("p-2", userId="u-0")),
        sending(source, page("p-3", userId="u-0")),
        monkeypatch,
    )

    assert EngagementDay.objects.get().count == 4
    assert findings() == []


def second_waits(
    first: Callable[[], Any], second: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold the first job back before its commit; the second must wait for it, and then both go through."""
    written, go_on = threading.Event(), threading.Event()
    original = effects.finish

    def pause(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        if threading.current_thread().name == "first":
            written.set()
            go_on.wait(timeout=10)

    monkeypatch.setattr(effects, "finish", pause)
    done: list[str] = []
    threads = [
        threading.Thread(target=_work, args=(job, done, name), name=name)
        for name, job in (("first", first), ("second", second))
    ]

    threads[0].start()
    assert written.wait(timeout=10)  # everything written, nothing committed
    threads[1].start()
    threads[1].join(timeout=1)
    assert done == []
    go_on.set()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(done) == ["first", "second"]


def _work(job: Callable[[], Any], done: list[str], name: str) -> None:
    try:
        job()
        done.append(name)
    finally:
        connection.close()


@pytest.mark.parametrize("round_", range(2))
def test_new_address_from_many_senders_makes_one_lead(round_):
    source = make_source()
    form = {
        "type": "track",
        "event": "Form Submitted",
        "properties": {"email": "ann@acme.test", "first_name": "Ann"},
    }
    jobs = [sending(source, form | {"messageId": f"f-{n}", "anonymousId": f"a-{n}"}) for n in range(3)]
    jobs += [sending(source, identify(f"i-{n}", userId=f"u-{n}")) for n in range(3)]

    at_once(*jobs)

    lead = Lead.objects.get()
    assert lead.stage == "lead"
    assert Identity.objects.filter(lead=lead).count() == 6
    assert EngagementDay.objects.get().count == 3
    assert StageChange.objects.filter(lead=lead).count() in (1, 2)
    assert findings() == []


def test_event_that_meets_a_merge_goes_to_the_survivor():
    source = make_source()
    survivor, merged = known_leads(2)
    merging, merge = threading.Event(), threading.Event()

    def merge_slowly() -> None:
        with transaction.atomic():
            list(Lead.objects.select_for_update().filter(pk__in=[survivor.pk, merged.pk]).order_by("pk"))
            merging.set()
            merge.wait(timeout=10)
            Lead.objects.filter(pk=merged.pk).update(merged_into=survivor)

    def send() -> None:
        merging.wait(timeout=10)
        threading.Timer(0.5, merge.set).start()
        sending(source, page("p-1", userId="u-1"))()

    at_once(merge_slowly, send)

    assert EngagementDay.objects.get().lead == survivor
    assert Event.objects.get().lead == survivor


@pytest.mark.parametrize("seed", range(3))
def test_storm_of_everything_keeps_the_books(seed):
    rng = random.Random(seed)
    source = make_source()
    messages = [page(f"p-{n}", anonymousId=f"a-{rng.randrange(6)}") for n in range(80)]
    messages += [
        page(f"u-{n}", userId=f"u-{rng.randrange(6)}", anonymousId=f"a-{rng.randrange(6)}") for n in range(40)
    ]
    messages += [
        identify(f"i-{n}", f"p{n}@acme.test", userId=f"u-{n}", anonymousId=f"a-{n}") for n in range(6)
    ]
    messages += [
        {"type": "alias", "messageId": f"x-{n}", "userId": f"u-{n}", "previousId": f"a-{n}"} for n in range(6)
    ]
    messages += rng.sample(messages, 40)
    rng.shuffle(messages)
    batches = [messages[n::8] for n in range(8)]

    at_once(*[sending(source, *batch) for batch in batches])

    assert Event.objects.count() == 132
    assert Event.objects.filter(lead=None).count() == 0
    assert Lead.objects.count() <= 6  # some devices had several users
    assert sum(EngagementDay.objects.values_list("count", flat=True)) == 120
    assert findings() == []
