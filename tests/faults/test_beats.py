"""F11: one beat, three beats, none for a while: whatever is due by the clock happens once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.faults.installation import ROOT, Installation, eventually

pytestmark = pytest.mark.timeout(600)
LEADS = 40


def offered(installation: Installation, attempt: int) -> int:
    rows = installation.query(
        "SELECT count(*) FROM handoff_handoff WHERE attempt = %s AND status = 'offered'", attempt
    )
    return int(rows[0][0])


def let_offers_lapse(installation: Installation) -> None:
    """Move the deadlines in place of waiting for them, of offers and of what was warned of."""
    shift = ", ".join(
        f"{name} = {name} - interval '2 days'"
        for name in ("offered_at", "accept_warn_at", "accept_escalate_at", "accept_by")
    )
    installation.query(f"UPDATE handoff_handoff SET {shift} WHERE status = 'offered'")


def test_f11_beats_at_once_paused_and_gone_have_the_effect_of_one(installation: Installation) -> None:
    installation.start_redis()
    installation.start_worker()  # has a beat of its own
    for name in ("second beat", "third beat"):
        installation.start_beat(name)
    command = [sys.executable, "-m", "tests.faults.webhooks_prepare", "leads", str(LEADS)]
    subprocess.run(command, cwd=ROOT, env=installation.env, check=True)
    eventually(lambda: offered(installation, 1) == LEADS, within=60, what="every lead is offered")

    # Three beats at once.
    let_offers_lapse(installation)
    eventually(lambda: offered(installation, 2) == LEADS, within=60, what="every lapsed offer is passed on")

    # All paused, then resumed, one of them for good: what they missed is found, and once.
    for name in ("worker", "second beat", "third beat"):
        installation.signal(name, signal.SIGSTOP)
    let_offers_lapse(installation)
    time.sleep(3)
    installation.kill("third beat")
    for name in ("worker", "second beat"):
        installation.signal(name, signal.SIGCONT)
    eventually(lambda: offered(installation, 3) == LEADS, within=60, what="what was missed is passed on")

    assert installation.query("SELECT attempt, count(*) FROM handoff_handoff GROUP BY 1 ORDER BY 1") == [
        (attempt, LEADS) for attempt in (1, 2, 3)
    ]
    told = "SELECT count(*), count(DISTINCT handoff_id) FROM handoff_notice WHERE kind = %s"
    assert installation.query(told, "expired") == [(2 * LEADS, 2 * LEADS)]
    assert installation.query(told, "offered") == [(3 * LEADS, 3 * LEADS)]
    installation.verify()
