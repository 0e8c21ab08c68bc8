"""F17: everything is scored anew under live traffic, while workers die and a second publish overtakes the first."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.installation import ROOT, Installation, eventually
from tests.faults.load import Client, Journal, Load
from tests.faults.test_processes import people_known_first, sending
from tests.oracle.scorer import read_json

pytestmark = pytest.mark.timeout(1200)


def standard_with(points: int) -> dict[str, Any]:
    """Return the standard definition with other points for a guide."""
    document: dict[str, Any] = read_json(ROOT / "scoring" / "standard.json")
    next(rule for rule in document["engagement"]["rules"] if rule["id"] == "guide")["points"] = points
    return document


def publish(installation: Installation, folder: Path, document: dict[str, Any]) -> None:
    file = folder / "definition.json"
    file.write_text(json.dumps(document))
    installation.manage("definition", "publish", "--file", str(file), "--without-approvals")


def passes(installation: Installation) -> dict[int, tuple[int, bool]]:
    """Return how far each pass after a publish has come, and whether it is over."""
    rows = installation.query("SELECT id, leads_done, finished_at IS NOT NULL FROM scoring_rescore")
    return {row[0]: (row[1], row[2]) for row in rows}


def test_f17_killed_and_overtaken_rescoring_ends_in_one_version(
    installation: Installation, tmp_path: Path, long: bool
) -> None:
    leads, kills = (100_000, 20) if long else (12_000, 10)
    rng, load, journal = random.Random(117), Load(117, 4 * leads // 10, 300, batch_size=20), Journal()
    subprocess.run(
        [sys.executable, "-m", "tests.faults.rescoring_prepare", str(leads)],
        cwd=ROOT, env=installation.env, check=True,
    )  # fmt: skip
    installation.start()
    client = Client(installation.port, installation.key, journal)
    batches = people_known_first(client, load)
    installation.drained(within=120)
    sender = sending(client, batches)
    publish(installation, tmp_path, standard_with(2))

    seen, during = passes(installation), 0
    for number in range(kills):
        if number == kills // 2:
            publish(installation, tmp_path, standard_with(12))
        time.sleep(rng.uniform(0.1, 1.5))
        during += any(not over for _, over in passes(installation).values())
        if number % 5 == 4 or not installation.kill_child("worker", rng):
            installation.kill("worker")
            installation.start_worker()
        now = passes(installation)
        assert all(now[one] >= before for one, before in seen.items()), "a pass went backwards"
        seen = now
    sender.join()
    eventually(
        lambda: all(over for _, over in passes(installation).values()), within=120, what="the passes end"
    )
    installation.drained(within=60)

    assert during >= kills / 2, f"only {during} kills fell into a pass"
    # What a killed worker began, the database may take a while to give up; a client waits that long and sends again.
    assert set(journal.statuses) <= {200, 503}
    assert journal.statuses.count(503) <= kills
    live = installation.query("SELECT version FROM leads_definition WHERE status = 'live'")
    assert installation.query("SELECT DISTINCT score_version FROM leads_lead") == live == [(3,)]
    installation.assert_scores_equal_the_oracle(load, journal.acknowledged(), standard_with(12))
    installation.verify()
