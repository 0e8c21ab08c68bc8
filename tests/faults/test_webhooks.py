"""F22: sinks that fail in every way: each fact arrives at least once, under one id, and disturbs nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.faults.installation import ROOT, Installation, eventually
from tests.handoff.sink import Call, Sink, running

FACTS, LONG_FACTS = 286, 2860  # to seven destinations each
STEPS = [1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5, 5]


def _every(nth: int, what: str) -> Any:
    """Fail the first time for every nth message, by its id; a repeat is taken."""
    seen: set[str] = set()

    def behave(call: Call) -> None:
        uid = call.headers["webhook-id"]
        is_first = uid not in seen
        seen.add(uid)
        if not is_first or int(uid[-4:], 16) % nth:
            call.answer(200, b"ok")
        elif what == "500":
            call.answer(500, b"out of order")
        elif what == "drop":
            call.close_connection = True  # taken, and never said so
        else:
            call.reset()

    return behave


def _hang_twice(call: Call) -> None:
    if call.number <= 2:
        call.hang(20)
    call.answer(200)


def _slow(call: Call) -> None:
    call.hang(2)
    call.answer(200)


def _elsewhere(call: Call) -> None:
    call.answer(301, Location=call.server.url("/inside"))


BEHAVIOURS: dict[str, Any] = {
    "errors": _every(8, "500"), "resets": _every(8, "reset"), "drops": _every(8, "drop"), "hangs": _hang_twice,
    "slow": _slow, "gone": lambda call: call.answer(410), "moved": _elsewhere,
}  # fmt: skip
WELL = ("errors", "resets", "drops", "hangs", "slow")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running() as sink:
        sink.behaviours = {f"/{name}": behave for name, behave in BEHAVIOURS.items()}
        yield sink


def prepare(installation: Installation, *arguments: str) -> str:
    command = [sys.executable, "-m", "tests.faults.webhooks_prepare", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=installation.env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.timeout(900)
def test_f22_failing_sinks(installation: Installation, sink: Sink, long: bool) -> None:
    facts = LONG_FACTS if long else FACTS
    installation.env |= {
        "LEADFLOW_ALLOW_LOCAL_WEBHOOKS": "true", "LEADFLOW_WEBHOOK_BACKOFF": ",".join(map(str, STEPS)),
    }  # fmt: skip
    secrets = json.loads(prepare(installation, "destinations", sink.url(""), *BEHAVIOURS))
    installation.start_redis()
    # As `manage.py up` does: deliveries have workers of their own.
    installation.start_worker(1, "worker", queues="score,route,bulk")
    installation.start_worker(2, "deliver", queues="deliver")
    prepare(installation, "leads", str(facts))

    eventually(lambda: len(sink.calls["/slow"]) > 10, within=60, what="deliveries begin")
    # What is under way now is sent again once its claim has run out.
    installation.kill("deliver")
    installation.start_worker(2, "deliver", queues="deliver")
    prepare(installation, "marks")
    began = time.monotonic()
    installation.drained(within=30)
    scored_in = time.monotonic() - began

    eventually(lambda: _waiting(installation) == 0, within=600 if long else 300, what="all is delivered")

    sent = _facts(installation)
    assert len(sent) == facts
    for name in WELL:
        _assert_each_arrived(sink, name, sent, secrets[name])
    assert _states(installation, "gone").get("delivered", 0) == 0
    assert 1 <= len(sink.calls["/gone"]) <= 8
    assert not sink.calls["/inside"]
    assert _states(installation, "moved").get("delivered", 0) == 0
    assert sink.calls["/moved"]
    _assert_schedule(installation)
    undone = installation.query("SELECT count(*) FROM leads_lead WHERE email LIKE 'undone%%'")
    assert undone == [(0,)]
    installation.verify()
    print(f"{facts * len(BEHAVIOURS)} deliveries; scored beside them in {scored_in:.1f} s")  # noqa: T201


def _assert_each_arrived(sink: Sink, name: str, sent: set[str], secret: str) -> None:
    """Each fact, nothing else, each under one id with one body that the real package verifies."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for headers, body, _ in sink.calls[f"/{name}"]:
        assert Webhook(secret).verify(body, headers)["id"] == headers["webhook-id"]
        bodies[headers["webhook-id"]].add(body)
    assert bodies.keys() == sent, name
    assert {len(found) for found in bodies.values()} == {1}, name


def _assert_schedule(installation: Installation) -> None:
    """No try came earlier after the one before than its step of the schedule."""
    rows = installation.query(
        "SELECT delivery_id, at - make_interval(secs => milliseconds / 1000.0), at FROM handoff_attempt ORDER BY id"
    )
    tries: dict[int, list[Any]] = defaultdict(list)
    for delivery, began, ended in rows:
        tries[delivery].append((began, ended))
    early = [
        (delivery, number)
        for delivery, list_ in tries.items()
        for number, (one, other) in enumerate(pairwise(list_))
        if (other[0] - one[1]).total_seconds() < STEPS[number] - 0.3
    ]
    assert not early


def _facts(installation: Installation) -> set[str]:
    return {uid for (uid,) in installation.query("SELECT uid FROM handoff_fact WHERE kind = 'lead.mql'")}


def _waiting(installation: Installation) -> int:
    ((count,),) = installation.query(
        "SELECT count(*) FROM handoff_delivery d JOIN handoff_destination o ON o.id = d.destination_id"
        " WHERE d.status = 'waiting' AND o.name NOT IN ('gone', 'moved')"
    )
    return int(count)


def _states(installation: Installation, name: str) -> Counter[str]:
    return Counter(
        dict(
            installation.query(
                "SELECT d.status, count(*) FROM handoff_delivery d JOIN handoff_destination o"
                " ON o.id = d.destination_id WHERE o.name = %s GROUP BY 1",
                name,
            )
        )
    )
