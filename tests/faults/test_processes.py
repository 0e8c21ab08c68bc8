"""F1, F2, F3, F6, F7, F19: processes die, Redis forgets, messages come twice and out of order."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest

from tests.faults.installation import Installation, eventually
from tests.faults.load import Client, Journal, Load


def people_known_first(client: Client, load: Load) -> list[list[dict]]:
    """Deliver the identifies, so that no event needs to wait for its person; return the other batches."""
    batches = load.batches()
    known = -(-load.people // load.batch_size)
    client.deliver_all(batches[:known])
    return batches[known:]


def sending(client: Client, batches: list[list[dict]]) -> threading.Thread:
    thread = threading.Thread(target=client.deliver_all, args=(batches,), daemon=True)
    thread.start()
    return thread


def test_f1_killed_workers_lose_and_double_nothing(installation: Installation, long: bool) -> None:
    events, kills = (100_000, 100) if long else (10_000, 15)
    rng, load, journal = random.Random(101), Load(101, events, 400), Journal()
    installation.start(workers=4)
    client = Client(installation.port, installation.key, journal)
    sender = sending(client, people_known_first(client, load))
    for number in range(kills):
        time.sleep(rng.uniform(0.2, 3 if long else 1.5))
        if number % 3 == 2 or not installation.kill_child("worker", rng):
            installation.kill("worker")
            installation.start_worker(4)
    sender.join()

    installation.drained(within=60)

    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    assert journal.unknown() == []
    installation.verify()


def test_f2_killed_web_server_keeps_what_it_acknowledged(installation: Installation, long: bool) -> None:
    batches, kills = (20_000, 60) if long else (2_000, 10)
    rng, load, journal = random.Random(102), Load(102, batches * 5, 300, batch_size=5), Journal()
    installation.start()
    client = Client(installation.port, installation.key, journal)
    sender = sending(client, people_known_first(client, load))
    for _ in range(kills):
        time.sleep(rng.uniform(0.2, 1.2))
        installation.kill("web")
        acknowledged = journal.acknowledged()[-200:]
        stored = installation.query(
            "SELECT count(*) FROM leads_event WHERE message_id = ANY(%s)", acknowledged
        )[0][0]
        assert stored == len(acknowledged), "an acknowledged event is missing after the kill"
        installation.start_web()
    sender.join()

    installation.drained()

    counted = installation.query("SELECT count(*), count(DISTINCT message_id) FROM leads_event")[0]
    assert counted == (len(load.messages) + load.people,) * 2
    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()


def test_f3_flushed_redis_changes_no_outcome(installation: Installation, long: bool) -> None:
    events, flushes = (100_000, 20) if long else (10_000, 3)
    load, journal = Load(103, events, 400), Journal()
    installation.start()
    client = Client(installation.port, installation.key, journal)
    sender = sending(client, people_known_first(client, load))
    for _ in range(flushes):
        time.sleep(1.5)
        installation.flush_redis()
    sender.join()

    installation.drained(within=90)

    assert set(journal.statuses) == {200}
    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()


def test_f6_repeated_and_rebatched_messages_count_once(installation: Installation, long: bool) -> None:
    rng, load, journal = random.Random(106), Load(106, 100_000 if long else 10_000, 300), Journal()
    installation.start()
    client = Client(installation.port, installation.key, journal)
    batches = people_known_first(client, load)
    again = [batch for batch in batches for _ in range(4 if rng.random() < 0.05 else rng.random() < 0.3)]
    mixed = [message for batch in again[::2] for message in batch]
    rng.shuffle(mixed)
    rebatched = [mixed[start : start + 50] for start in range(0, len(mixed), 50)]
    twice_inside = [[*batch[:10], batch[9], batch[9]] for batch in batches[:20]]
    everything = [*batches, *again[1::2], *rebatched, *twice_inside]
    rng.shuffle(everything)

    client.deliver_all(everything)
    changed = [{**batches[0][0], "properties": {"path": "/changed"}, "event": "Changed"}]
    client.deliver(changed)
    installation.drained()

    installation.assert_scores_equal_the_oracle(load, list(load.expected))
    conflicts = installation.query(
        "SELECT sum((reasons->>'duplicate:duplicate_conflict')::int) FROM leads_intakebatch"
    )[0][0]
    assert conflicts == 1
    installation.verify()


def test_f7_order_of_arrival_does_not_matter(installation: Installation, long: bool) -> None:
    rng, events = random.Random(107), 50_000 if long else 5_000
    installation.start()
    orders = {
        "shuffled": lambda messages: rng.sample(messages, len(messages)),
        "reversed": lambda messages: messages[::-1],
        "by person": lambda messages: sorted(messages, key=lambda message: message["userId"]),
    }
    for seed, order in enumerate(orders.values(), start=1071):
        load, journal = Load(seed, events, 150), Journal()
        client = Client(installation.port, installation.key, journal)
        # Events may come before anybody is known: then they wait for their person.
        mixed = order([*load.identifies, *load.messages])
        client.deliver_all([mixed[start : start + 50] for start in range(0, len(mixed), 50)], threads=1)
        installation.drained()

        installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()


@pytest.mark.parametrize("ending", [signal.SIGTERM], ids=["terminated"])
def test_f19_stopping_drains_and_starting_takes_the_rest(installation: Installation, ending: int) -> None:
    load, journal = Load(119, 5_000, 200), Journal()
    installation.start()
    client = Client(installation.port, installation.key, journal)
    sender = sending(client, people_known_first(client, load))
    for _ in range(3):
        time.sleep(1)
        started = time.monotonic()
        web, worker = installation.processes["web"], installation.processes["worker"]
        web.send_signal(ending)
        worker.send_signal(ending)
        eventually(
            lambda web=web, worker=worker: web.poll() is not None and worker.poll() is not None,
            within=25,
            what="both stop by themselves",
        )
        assert time.monotonic() - started < 25
        installation.start_web()
        installation.start_worker()
    sender.join()

    installation.drained(within=60)

    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()
