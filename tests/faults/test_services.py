"""F4, F5: Redis or PostgreSQL goes away under a Leadflow at work, and comes back."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import left_out
from tests.faults.installation import Installation, eventually, free_port
from tests.faults.load import Client, Journal, Load
from tests.faults.test_processes import people_known_first, sending

pytestmark = pytest.mark.timeout(1200)


class Cluster:
    """A PostgreSQL of our own, to be restarted at will; the one the tests were given is left alone."""

    def __init__(self) -> None:
        found = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default="")
        if not found:
            left_out("no initdb here")
        self.programs = Path(found).parent
        self.folder = Path(tempfile.mkdtemp(prefix="leadflow-pg-"))
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._run("initdb", "-A", "trust", "-U", "postgres", "-D", str(self.data))
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "-w", "-t", "120", "-o", settings, "-l", str(self.folder / "log"), "start")

    def restart(self, mode: str) -> None:
        self._run("pg_ctl", "-w", "-t", "120", "-m", mode, "-l", str(self.folder / "log"), "restart")

    def stop(self) -> None:
        if self.data.exists():
            self._run("pg_ctl", "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments], user=self.user, cwd=self.folder, check=check,
            env={**os.environ, "PGDATA": str(self.data)}, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if shutil.which("redis-server") is None:
        left_out("no redis-server here")
    made = Cluster()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_f5_postgres_restarted_under_load_loses_nothing(cluster: Cluster, tmp_path: Path, long: bool) -> None:
    installation = Installation("restarted", tmp_path, cluster.url)
    load, journal = Load(105, 40_000 if long else 8_000, 300), Journal()
    try:
        installation.create(reps=3)
        installation.start()
        client = Client(installation.port, installation.key, journal)
        sender = sending(client, people_known_first(client, load))
        for number in range(10 if long else 2):
            known = len(journal.acknowledged())
            eventually(
                lambda known=known: len(journal.acknowledged()) > known + 500 or not sender.is_alive(),
                within=120, what="events are accepted again",
            )  # fmt: skip
            cluster.restart(["fast", "immediate"][number % 2])
        sender.join()
        # No worker needed a hand.
        installation.drained(within=180)

        assert set(journal.statuses) <= {200, 503}, "an outage is answered 503"
        assert journal.unknown() == []
        stored = {row[0] for row in installation.query("SELECT message_id FROM leads_event")}
        assert stored == set(journal.acknowledged())
        installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
        installation.verify()
    finally:
        installation.stop()


def test_f4_redis_hung_then_gone_then_empty_holds_nothing_up(installation: Installation, long: bool) -> None:
    outages = 5 if long else 1
    load, journal = Load(104, 2_000 + 3_000 * outages, 300, batch_size=10), Journal()
    installation.start_redis()
    installation.start_web()
    # As in production: with the watchdog that restarts a worker which falls silent.
    installation.start_supervised_workers()
    client = Client(installation.port, installation.key, journal)
    batches = people_known_first(client, load)
    client.deliver_all(batches[:200], threads=1)
    normal = p99(journal.latencies)
    sender = threading.Thread(target=send_slowly, args=(client, batches[200:]), daemon=True)
    sender.start()
    for _ in range(outages):
        installation.signal("redis", signal.SIGSTOP)
        time.sleep(15)
        installation.kill("redis")
        time.sleep(15)
        assert sender.is_alive(), "nothing was sent while Redis was away"
        installation.start_redis()
        time.sleep(5)
    sender.join()
    # Nobody lends a hand: either the workers go on, or the watchdog starts them again.
    installation.drained(within=90)

    assert set(journal.statuses) == {200}
    print(f"P99 {normal} ms; with Redis away {p99(journal.latencies[200:])} ms")  # noqa: T201
    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()


def send_slowly(client: Client, batches: list[list[dict]]) -> None:
    for batch in batches:
        client.deliver(batch)
        time.sleep(0.1)


def p99(seconds: list[float]) -> int:
    return round(sorted(seconds)[len(seconds) * 99 // 100] * 1000)
