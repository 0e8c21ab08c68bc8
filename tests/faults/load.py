"""What the fault tests send, and the journal of what was sent and answered (written before and after sending).

People and events are made from a seed. Every message carries what it should count as, so that the oracle can
score from the journal alone.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.oracle.scorer import Deed

Message = dict[str, Any]
# Event as sent, the signal of the standard catalogue it counts as, and how its object is named.
KINDS: list[tuple[Message, str, str]] = [
    ({"type": "page", "properties": {"path": "/blog/{n}"}}, "visit", "/blog/{n}"),
    ({"type": "page", "properties": {"path": "/product/{n}"}}, "product_page", "/product/{n}"),
    ({"type": "page", "properties": {"path": "/pricing"}}, "pricing_page", "/pricing"),
    ({"type": "track", "event": "Email Opened", "properties": {"campaign": "c{n}"}}, "email_open", "c{n}"),
    (
        {"type": "track", "event": "Email Link Clicked", "properties": {"campaign": "c{n}"}},
        "email_click",
        "c{n}",
    ),
    ({"type": "track", "event": "Guide Downloaded", "properties": {"asset": "g{n}"}}, "guide", "g{n}"),
    ({"type": "track", "event": "Webinar Attended", "properties": {"webinar": "w{n}"}}, "webinar", "w{n}"),
    ({"type": "track", "event": "Unsubscribed", "properties": {"list": "news"}}, "unsubscribe", "news"),
]
WEIGHTS = (30, 12, 8, 20, 10, 8, 6, 2)
TITLES = ["Head of Data Platform", "IT Manager", "Data Analyst", "Student", "COO", ""]
INDUSTRIES = ["logistics", "software", "retail", "education", ""]


@dataclass
class Load:
    """`events` messages about `people` people, in batches; the same seed gives the same load."""

    seed: int
    events: int
    people: int
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    batch_size: int = 50

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.expected: dict[str, tuple[str, str, date]] = {}  # message id → signal, object, day
        self.person_of: dict[str, int] = {}
        self.identifies = [self._identify(rng, number) for number in range(self.people)]
        self.messages = [self._event(rng, index) for index in range(self.events)]

    def email(self, number: int) -> str:
        return f"p{number}.s{self.seed}@firm{number % 40}.example"

    def batches(self) -> list[list[Message]]:
        """Identifies come first in their own batches, then the events."""
        size = self.batch_size
        parts = (self.identifies, self.messages)
        return [part[start : start + size] for part in parts for start in range(0, len(part), size)]

    def _identify(self, rng: random.Random, number: int) -> Message:
        traits: Message = {
            "email": self.email(number),
            "firstName": f"P{number}",
            "title": rng.choice(TITLES),
            "company": {
                "name": f"Firm {number % 40}",
                "industry": rng.choice(INDUSTRIES),
                "employees": rng.choice([20, 300, 9000]),
            },
            "address": {"country": rng.choice(["DK", "DE", "FR", "US"])},
        }
        return {
            "type": "identify",
            "messageId": f"id-{self.seed}-{number}",
            "userId": f"u{self.seed}-{number}",
            "traits": traits,
            "timestamp": self._moment(rng, 89)[0],
        }

    def _event(self, rng: random.Random, index: int) -> Message:
        shape, signal, thing = rng.choices(KINDS, WEIGHTS)[0]
        number, n = int(self.people * rng.random() ** 2), rng.randrange(6)
        text, day = self._moment(rng, rng.randrange(0, 60))
        message = json.loads(json.dumps(shape).replace("{n}", str(n)))
        message |= {
            "messageId": f"ev-{self.seed}-{index}",
            "userId": f"u{self.seed}-{number}",
            "timestamp": text,
        }
        self.expected[message["messageId"]] = (signal, thing.replace("{n}", str(n)), day)
        self.person_of[message["messageId"]] = number
        return message

    def _moment(self, rng: random.Random, days_ago: int) -> tuple[str, date]:
        # Early in the day, so that nothing lies in the future while the test runs.
        day = self.today - timedelta(days=days_ago)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=rng.randrange(60))
        return moment.isoformat(), day

    def deeds(self, acknowledged: Iterable[str]) -> dict[str, list[Deed]]:
        """What each person did, by e-mail, counting each acknowledged message once."""
        done: dict[str, list[Deed]] = {self.email(number): [] for number in range(self.people)}
        for message_id in set(acknowledged) & set(self.expected):
            signal, thing, day = self.expected[message_id]
            done[self.email(self.person_of[message_id])].append(Deed(signal, thing, day, self.today))
        return done


class Journal:
    """What was sent and what came back, by message id: "acked", "rejected", or "unknown" after a cut-off answer."""

    def __init__(self) -> None:
        self.outcome: dict[str, str] = {}
        self.statuses: list[int] = []
        self.latencies: list[float] = []
        self._lock = threading.Lock()

    def before(self, batch: list[Message]) -> None:
        with self._lock:
            for message in batch:
                self.outcome.setdefault(message["messageId"], "unknown")

    def after(self, batch: list[Message], status: int, body: Message, seconds: float) -> None:
        with self._lock:
            self.statuses.append(status)
            self.latencies.append(seconds)
            if status != 200:
                return
            refused = {item["index"] for item in body.get("results", []) if item.get("outcome") == "rejected"}
            for index, message in enumerate(batch):
                if self.outcome[message["messageId"]] != "acked":
                    self.outcome[message["messageId"]] = "rejected" if index in refused else "acked"

    def acknowledged(self) -> list[str]:
        return self._that_are("acked")

    def unknown(self) -> list[str]:
        return self._that_are("unknown")

    def _that_are(self, wanted: str) -> list[str]:
        with self._lock:
            return [message_id for message_id, outcome in self.outcome.items() if outcome == wanted]


class Client:
    """A plain HTTP client of the tracking API that tries again as an SDK does."""

    def __init__(self, port: int, key: str, journal: Journal) -> None:
        self.port, self.journal = port, journal
        self.headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        }

    def send(self, batch: list[Message]) -> int:
        """Send once; return the status, 0 when the connection broke."""
        self.journal.before(batch)
        body = json.dumps({"batch": batch, "sentAt": datetime.now(UTC).isoformat()})
        started = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/v1/batch", body, self.headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        parsed = json.loads(content) if answer.status == 200 else {}
        self.journal.after(batch, answer.status, parsed, time.monotonic() - started)
        return answer.status

    def deliver(self, batch: list[Message], *, patience: float = 180) -> None:
        """Send until it is accepted, as an SDK with retries does."""
        until = time.monotonic() + patience
        while (status := self.send(batch)) != 200:
            assert status in (0, 429, 500, 503), f"a batch was answered {status}"
            assert time.monotonic() < until, (
                f"a batch was not accepted within {patience} s (last status {status})"
            )
            time.sleep(0.2)

    def deliver_all(self, batches: list[list[Message]], threads: int = 4) -> None:
        """Deliver every batch, several at a time; the first part (identifies) is sent before the rest by one."""
        waiting = list(reversed(batches))
        lock = threading.Lock()
        failures: list[BaseException] = []

        def work() -> None:
            while True:
                with lock:
                    if not waiting or failures:
                        return
                    batch = waiting.pop()
                try:
                    self.deliver(batch)
                except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
                    failures.append(error)

        runners = [threading.Thread(target=work) for _ in range(threads)]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        if failures:
            raise failures[0]
