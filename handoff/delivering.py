"""Delivering facts to destinations: claimed, sent many at once, tried again later and later.

At least once: a try is counted and the next one dated before anything is sent, so whoever dies in between costs
a delay and perhaps a repeat under the same webhook-id. Threads only send; all rows are written by one.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from handoff import standing
from handoff.destinations import TARGETS, Answer, DeliveryError, Message
from handoff.destinations.sender import SECONDS
from handoff.outgoing import Attempt, Delivery, Destination
from leads import clock
from leads.wakeup import wake

WAITING = Delivery.Status.WAITING
THREADS = 32
AT_ONCE = 8  # to one destination; one that fails gets one at a time
BUDGET = 20.0  # seconds after which a run sends nothing new
# Longer than any try takes: nobody else takes up what is under way.
UNDER_WAY = timedelta(seconds=60)


def deliver_due(at: datetime | None = None) -> int:
    """Send what is due; return how many tries were made. Safe to run several times at once."""
    run = Run(at)
    tried = run.go()
    if at is None and tried and run.is_left_over:
        wake("handoff.tasks.deliver_webhooks")
    return tried


class Run:
    """One round over the destinations that nobody else is delivering to."""

    def __init__(self, at: datetime | None) -> None:
        self._at = at
        self._until = time.monotonic() + BUDGET
        self._claimed: dict[int, Destination] = {}
        self._under_way: dict[Future[Answer], tuple[Delivery, float]] = {}
        self._busy: Counter[int] = Counter()
        self.is_left_over = False

    def go(self) -> int:
        self._claim()
        if not self._claimed:
            return 0
        tried = 0
        with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="deliver") as pool:
            try:
                while self._claimed:
                    tried += self._fill(pool)
                    self._release_idle()
                    self._collect()
            finally:
                self._release(list(self._claimed))
        return tried

    def _now(self) -> datetime:
        return self._at or clock.now()

    def _claim(self) -> None:
        """Claim the destinations with something due, each for one run at a time."""
        at = self._now()
        due = Delivery.objects.filter(destination=OuterRef("pk"), status=WAITING, due_at__lte=at)
        for one in Destination.objects.ready(at).filter(Exists(due)).order_by("pk"):
            mine = Destination.objects.ready(at).filter(pk=one.pk)
            if mine.update(claimed_until=at + timedelta(seconds=BUDGET + 2 * SECONDS)):
                self._claimed[one.pk] = one

    def _fill(self, pool: ThreadPoolExecutor) -> int:
        """Start as many tries as the destinations may have at once."""
        if time.monotonic() >= self._until:
            self.is_left_over = True
            return 0
        return sum(self._start(pool, one) for one in list(self._claimed.values()))

    def _start(self, pool: ThreadPoolExecutor, destination: Destination) -> int:
        free = (1 if destination.failures else AT_ONCE) - self._busy[destination.pk]
        at = self._now()
        if free <= 0 or not destination.is_active or _rests(destination, at):
            return 0
        due = Delivery.objects.filter(destination=destination, status=WAITING, due_at__lte=at)
        started = 0
        for delivery in due.select_related("fact").order_by("due_at", "pk")[:free]:
            if _take(delivery, at):
                self._send(pool, delivery, destination, at)
                started += 1
        return started

    def _send(
        self, pool: ThreadPoolExecutor, delivery: Delivery, destination: Destination, at: datetime
    ) -> None:
        target = TARGETS[destination.kind]
        message, secrets = message_of(delivery), destination.secrets_at(at)
        future = pool.submit(target.send, destination.url, message, secrets, at)
        self._under_way[future] = (delivery, time.monotonic())
        self._busy[destination.pk] += 1

    def _collect(self) -> None:
        """Wait for a try to end and write down what came of it."""
        if not self._under_way:
            return
        ended, _ = wait(self._under_way, timeout=1.0, return_when=FIRST_COMPLETED)
        for future in ended:
            delivery, began = self._under_way.pop(future)
            destination = self._claimed[delivery.destination_id]
            self._busy[destination.pk] -= 1
            milliseconds = int((time.monotonic() - began) * 1000)
            _write(delivery, destination, future, milliseconds, self._now())

    def _release_idle(self) -> None:
        # What has nothing more under way is not kept from others by the slow ones.
        self._release([pk for pk in self._claimed if not self._busy[pk]])

    def _release(self, ids: list[int]) -> None:
        Destination.objects.filter(pk__in=ids).update(claimed_until=None)
        for pk in ids:
            del self._claimed[pk]


def message_of(delivery: Delivery) -> Message:
    """Return what is sent; load the delivery with its fact."""
    fact = delivery.fact
    subject = f"lead/{fact.lead_id}" if fact.lead_id else fact.subject.replace(":", "/")
    source = settings.LEADFLOW_PUBLIC_URL.rstrip("/")
    return Message(fact.uid, fact.kind, fact.pk, fact.at, source, subject, fact.data)


def backoff(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed tries; None when it was the last."""
    steps: list[int] = settings.LEADFLOW_WEBHOOK_BACKOFF
    return timedelta(seconds=steps[attempts - 1]) if attempts <= len(steps) else None


def _rests(destination: Destination, at: datetime) -> bool:
    return destination.paused_until is not None and destination.paused_until > at


def _take(delivery: Delivery, at: datetime) -> bool:
    """Count the try and date the next one, unless somebody else just did."""
    wait_for = max(backoff(delivery.attempts + 1) or UNDER_WAY, UNDER_WAY)
    untouched = Delivery.objects.filter(
        pk=delivery.pk, status=WAITING, attempts=delivery.attempts, due_at=delivery.due_at
    )
    if not untouched.update(attempts=F("attempts") + 1, due_at=at + wait_for):
        return False
    delivery.attempts += 1
    return True


def _write(
    delivery: Delivery, destination: Destination, future: Future[Answer], milliseconds: int, at: datetime
) -> None:
    answer: Answer | None = None
    error: DeliveryError | None = None
    try:
        answer = future.result()
    except DeliveryError as failed:
        answer, error = failed.answer, failed
    with transaction.atomic():
        Attempt.objects.create(
            delivery=delivery, at=at, milliseconds=milliseconds, status=answer.status if answer else None,
            error=str(error or "")[:200], answer=answer.text[:1000] if answer else "",
        )  # fmt: skip
        if error is None:
            Delivery.objects.filter(pk=delivery.pk).update(
                status=Delivery.Status.DELIVERED, delivered_at=at, due_at=None
            )
            standing.succeeded(destination)
        else:
            _failed(delivery, error, at)
            standing.failed(destination, error, at)


def _failed(delivery: Delivery, error: DeliveryError, at: datetime) -> None:
    pause = None if error.permanent else backoff(delivery.attempts)
    waiting = Delivery.objects.filter(pk=delivery.pk, status=WAITING)
    if pause is None:
        waiting.update(status=Delivery.Status.FAILED, due_at=None)
    else:
        asked = timedelta(seconds=error.answer.retry_after if error.answer else 0)
        waiting.update(due_at=at + max(pause, asked))
