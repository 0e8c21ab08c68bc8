"""F10: the clock of web server and workers jumps about; what is due is due by the database's clock alone."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.faults.installation import ROOT, Installation, eventually
from tests.faults.load import Client, Journal, Load
from tests.faults.test_beats import let_offers_lapse, offered
from tests.faults.test_processes import people_known_first

pytestmark = pytest.mark.timeout(600)
LEADS = 20
HOUR = 3600
# Seconds ahead of the time, or a moment.
JUMPS = (
    2 * HOUR,
    -2 * HOUR,
    40 * 24 * HOUR,
    datetime(2027, 3, 28, 0, 59, 58, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, 58, tzinfo=UTC),
)


def wall_clock_of_the_web_server(installation: Installation) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        return parsedate_to_datetime(connection.getresponse().headers["Date"]).timestamp()
    finally:
        connection.close()


def test_f10_a_clock_that_jumps_moves_no_deadline(installation: Installation) -> None:
    load, journal = Load(110, 1_500, 100), Journal()
    installation.start_redis()
    clock = installation.folder / "clock"
    clock.write_text("0")
    honest = installation.env
    installation.env = honest | {
        "PYTHONPATH": str(Path(__file__).parent / "jumping"), "LEADFLOW_TEST_CLOCK": str(clock),
        "LEADFLOW_WORKER_SILENT_SECONDS": "20",
    }  # fmt: skip
    installation.start_web()
    installation.start_supervised_workers()
    installation.env = honest
    command = [sys.executable, "-m", "tests.faults.webhooks_prepare", "leads", str(LEADS)]
    subprocess.run(command, cwd=ROOT, env=installation.env, check=True)
    eventually(lambda: offered(installation, 1) == LEADS, within=60, what="every lead is offered")
    client = Client(installation.port, installation.key, journal)
    batches = people_known_first(client, load)

    share = len(batches) // len(JUMPS)
    for number, jump in enumerate(JUMPS):
        ahead = jump if isinstance(jump, int) else jump.timestamp() - time.time()
        clock.write_text(str(ahead))
        client.deliver_all(batches[number * share : (number + 1) * share], threads=1)
        time.sleep(3)
        assert abs(wall_clock_of_the_web_server(installation) - time.time() - ahead) < 5
        early = "SELECT count(*) FROM handoff_handoff WHERE status = 'expired'"
        assert installation.query(early) == [(0,)], f"an offer lapsed early at {jump}"
    clock.write_text("0")
    client.deliver_all(batches[len(JUMPS) * share :])
    # A beat that was ahead of the time now waits for it; then the watchdog starts it again.
    installation.drained(within=90)

    assert set(journal.statuses) == {200}
    let_offers_lapse(installation)
    due = "SELECT count(*) FROM handoff_handoff WHERE status = 'offered' AND accept_by < now()"
    eventually(lambda: installation.query(due) == [(0,)], within=60, what="lapsed offers are passed on")
    installation.drained()
    told = "SELECT count(*), count(DISTINCT handoff_id) FROM handoff_notice WHERE kind = 'expired'"
    ((notices, lapsed),) = installation.query(told)
    assert notices == lapsed >= LEADS
    installation.assert_scores_equal_the_oracle(load, journal.acknowledged())
    installation.verify()
