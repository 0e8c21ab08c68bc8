"""Pending marks turned into scores and promotions, in batches of many leads (docs/scoring.md, "Late work").

A batch is one transaction: claim marks, lock their leads, then read, score, promote, and delete the marks.
The order matters: what is read after the lock is newer than any score another worker has written.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from leads import clock
from leads.wakeup import wake
from scoring.contention import with_retries
from scoring.deaths import is_suspect, went_well
from scoring.live import Rules
from scoring.models import MAX_ATTEMPTS, PendingScore
from scoring.passes import continue_pass, start_full_pass
from scoring.promotion import Occasion, promote_late, promote_scored
from scoring.storing import Chosen, Present, store_scores

__all__ = ["drain", "retry_given_up", "score_batch", "score_leads", "start_full_pass"]

logger = logging.getLogger(__name__)
BATCH = 5000
BACKOFF = timedelta(seconds=10)
# How long the marks of a batch rest whose worker died or ran out of time.
REST = timedelta(seconds=10)
TASK = "scoring.tasks.score_pending"
# An event may be dated up to five minutes ahead of its receipt, so around midnight it belongs to tomorrow.
AHEAD = timedelta(minutes=6)


def drain(at: datetime | None = None, *, seconds: float | None = None) -> int:
    """Score all that waits, marks before passes; return how many leads were scored.

    `at` is the moment of scoring for tests and the demo; `seconds` bounds how long to go on, after which a
    worker is woken for the rest.
    """
    until = time.monotonic() + seconds if seconds else None
    total = 0
    while done := score_batch(at) or continue_pass(at):
        total += done
        if until and time.monotonic() > until:
            wake(TASK)
            break
    return total


def score_batch(at: datetime | None = None) -> int:
    """Work off one batch of marks; return how many leads it had.

    A batch that fails is halved until the lead that makes it fail is alone; that one is put off, and given
    up after five attempts. One that killed its worker is found again in batches a tenth as large each time,
    so that it comes to the same. A database that is busy or away is nobody's fault: that error is raised.
    """
    done = _attempt(None, at)
    if done:
        went_well()
    return done


def score_leads(ids: Sequence[int], day: date, at: datetime | None = None) -> int:
    """Store the scores of these leads as of `day` and promote nobody; return how many rows changed."""
    with transaction.atomic():
        chosen = Chosen(ids=sorted(set(ids)))
        chosen.lock()
        present = Present.read(at)
        return store_scores(chosen, day, present.rules, present.catalogue) if present.rules else 0


def retry_given_up(ids: Sequence[int] | None = None) -> int:
    """Have marks that were given up tried again, all of them or those with these ids; return how many."""
    given_up = PendingScore.objects.given_up()
    if ids is not None:
        given_up = given_up.filter(pk__in=ids)
    renewed = given_up.update(set_aside="", attempts=0, not_before=None)
    wake(TASK)
    return renewed


def _attempt(mark_ids: Sequence[int] | None, at: datetime | None, *, counted: bool = False) -> int:
    """Score the leads of these marks, or of the longest waiting ones, in one transaction.

    `counted`: this attempt is in the marks already.
    """
    claimed: list[PendingScore] = []

    def work() -> int:
        nonlocal mark_ids, counted
        with transaction.atomic():
            claimed[:] = _claim(mark_ids, at)
            if mark_ids is not None or not _is_suspicious(claimed):
                return _score(claimed, at)
            if claimed[0].attempts >= MAX_ATTEMPTS:
                return _give_up(claimed)
            _strike(claimed, at or clock.now())
        mark_ids, counted = [mark.pk for mark in claimed], True
        return work()

    try:
        return with_retries(work)
    except (OperationalError, InterfaceError):
        raise
    except SoftTimeLimitExceeded:
        # No time is left to look for the lead; the next attempt is with fewer.
        if not counted:
            _strike(claimed, at or clock.now())
        raise
    except Exception as error:
        if not claimed:
            raise  # no lead is at fault
        # Whatever one lead makes scoring raise must not stop the others.
        return _isolate(claimed, error, at, counted=counted)


def _is_suspicious(claimed: Sequence[PendingScore]) -> bool:
    return bool(claimed) and (is_suspect() or claimed[0].attempts > 0)


def _strike(marks: Sequence[PendingScore], at: datetime) -> None:
    """Count an attempt before it is made: if it kills the worker, nobody is left to count it."""
    rows = PendingScore.objects.filter(pk__in=[mark.pk for mark in marks])
    rows.update(attempts=F("attempts") + 1, not_before=at + REST)


def _give_up(marks: Sequence[PendingScore]) -> int:
    reason = "The worker died or ran out of time whenever it scored this lead."
    PendingScore.objects.filter(pk__in=[mark.pk for mark in marks]).update(set_aside=reason)
    logger.error("lead %s is set aside: %s", marks[0].lead_id, reason)
    return len(marks)


def _isolate(claimed: Sequence[PendingScore], error: Exception, at: datetime | None, *, counted: bool) -> int:
    leads = sorted({mark.lead_id for mark in claimed})
    if len(leads) == 1:
        attempts = max(mark.attempts for mark in claimed) + (not counted)
        _put_off(claimed, attempts, error, at or clock.now())
        return 1
    first = set(leads[: len(leads) // 2])
    halves = (
        [mark.pk for mark in claimed if mark.lead_id in first],
        [mark.pk for mark in claimed if mark.lead_id not in first],
    )
    return sum(_attempt(half, at, counted=counted) for half in halves if half)


def _put_off(marks: Sequence[PendingScore], attempts: int, error: Exception, at: datetime) -> None:
    given_up = attempts >= MAX_ATTEMPTS
    reason = f"{type(error).__name__}: {error}"[:300] if given_up else ""
    rows = PendingScore.objects.filter(pk__in=[mark.pk for mark in marks])
    rows.update(attempts=attempts, not_before=at + BACKOFF * 4 ** (attempts - 1), set_aside=reason)
    lead_id = marks[0].lead_id
    logger.error("lead %s could not be scored, attempt %d of %d: %r", lead_id, attempts, MAX_ATTEMPTS, error)


def _claim(mark_ids: Sequence[int] | None, at: datetime | None) -> list[PendingScore]:
    """Return marks nobody else works on; on PostgreSQL others pass them by until we commit.

    Those with failed attempts come in batches of their own, a tenth as large for each.
    """
    if mark_ids is not None:
        chosen = PendingScore.objects.filter(pk__in=mark_ids).select_for_update(skip_locked=True)
        return list(chosen.order_by("pk"))
    due = PendingScore.objects.due(at or clock.now()).select_for_update(skip_locked=True)
    marks = list(due.order_by("created_at", "pk")[:BATCH])
    if not marks:
        return []
    attempts = marks[0].attempts
    return [mark for mark in marks if mark.attempts == attempts][: max(1, BATCH // 10**attempts)]


def _score(marks: Sequence[PendingScore], at: datetime | None) -> int:
    if not marks:
        return 0
    ids = sorted({mark.lead_id for mark in marks})
    chosen = Chosen(ids=ids)
    chosen.lock()
    present = Present.read(at)
    # Without rules there is nothing to score; the first publish scores everybody.
    if present.rules:
        _score_days_gone_by(marks, present, present.rules)
        store_scores(chosen, present.today, present.rules, present.catalogue)
        occasion = Occasion(present.today, present.at)
        promote_scored(chosen, occasion, present.rules, present.catalogue)
    PendingScore.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    _mark_for_tomorrow(ids, present)
    return len(ids)


def _score_days_gone_by(marks: Sequence[PendingScore], present: Present, rules: Rules) -> None:
    """Ask the rules as of the days on which things became known; a promotion is dated by its mark."""
    late: dict[date, dict[int, datetime]] = defaultdict(dict)
    for mark in sorted(marks, key=lambda mark: mark.created_at):
        if mark.day < present.today:
            late[mark.day].setdefault(mark.lead_id, mark.created_at)
    for day, marked_at in sorted(late.items()):
        promote_late(marked_at, Occasion(day, present.at, marked_at), rules, present.catalogue)


def _mark_for_tomorrow(ids: Sequence[int], present: Present) -> None:
    tomorrow = clock.day_of(present.at + AHEAD, present.zone)
    if tomorrow == present.today:
        return
    midnight = datetime.combine(tomorrow, time_of_day(), ZoneInfo(present.zone))
    PendingScore.objects.bulk_create(
        PendingScore(lead_id=pk, day=tomorrow, created_at=midnight, not_before=midnight) for pk in ids
    )
