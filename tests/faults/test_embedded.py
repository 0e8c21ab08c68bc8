"""F21: the embedded default on SQLite, killed again and again, and with many who write at the same time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.embedded import Embedded
from tests.faults.load import Client, Journal, Load
from tests.faults.test_processes import people_known_first, sending

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    made = Embedded(tmp_path)
    try:
        made.create(reps=3)
        yield made
    finally:
        made.stop()


def assert_stored(embedded: Embedded, message_ids: list[str]) -> None:
    marks = ", ".join("?" * len(message_ids))
    stored = embedded.query(
        f"SELECT count(*) FROM leads_event WHERE message_id IN ({marks})",
        *message_ids,
    )
    assert stored == [(len(message_ids),)], "an acknowledged event is missing after the kill"


def test_f21_killed_on_sqlite_keeps_what_it_acknowledged(embedded: Embedded, long: bool) -> None:
    events, kills = (100_000, 100) if long else (20_000, 20)
    rng, load, journal = random.Random(121), Load(121, events, 300, batch_size=20), Journal()
    embedded.start()
    client = Client(embedded.port, embedded.key, journal)
    sender = sending(client, people_known_first(client, load))
    for number in range(kills):
        time.sleep(rng.uniform(0.2, 1))
        embedded.kill("work")
        if number % 4 == 0:
            embedded.kill("web")
            assert_stored(embedded, journal.acknowledged()[-500:])
            embedded.start_web()
        embedded.start_work()
    sender.join()

    embedded.drained()

    assert journal.unknown() == []
    assert embedded.query("SELECT count(*), count(DISTINCT message_id) FROM leads_event") == [
        (len(load.messages) + load.people,) * 2
    ]
    assert embedded.query("PRAGMA integrity_check") == [("ok",)]
    embedded.assert_scores_equal_the_oracle(load, journal.acknowledged())
    embedded.verify()


def test_f21_many_writers_wait_for_each_other(embedded: Embedded, tmp_path: Path, long: bool) -> None:
    rows = 20_000 if long else 2_000
    load, journal, file = Load(1210, 20 * rows if long else 6_000, 200), Journal(), tmp_path / "list.csv"
    lines = [f"p{n}@acme{n % 50}.example,P{n},Head of Data,DE" for n in range(rows)]
    file.write_text("Email,First Name,Title,Country\n" + "\n".join(lines) + "\n")
    embedded.start()
    client = Client(embedded.port, embedded.key, journal)
    batches = people_known_first(client, load)

    embedded.spawn("import", "import_leads", str(file), "--as", "lead")
    client.deliver_all(batches, threads=8)
    assert embedded.processes["import"].wait(timeout=300) == 0
    embedded.drained()

    assert set(journal.statuses) == {200}
    assert "locked" not in embedded.said()
    assert embedded.query("SELECT count(*) FROM leads_importrow WHERE result = 'created'") == [(rows,)]
    embedded.assert_scores_equal_the_oracle(load, journal.acknowledged())
    embedded.verify()
