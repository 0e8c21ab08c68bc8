"""Replays of a routing in the background: asked for on a page, done by a worker, there to be found again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import F, Q

from handoff.models import RoutingReplay, RoutingVersion
from handoff.simulation import simulate
from leads import clock
from leads.models import User
from leads.wakeup import wake

logger = logging.getLogger(__name__)
MOST_DAYS = 400
# Who has not told of progress for so long is taken for dead, and somebody else begins anew.
CLAIM = timedelta(minutes=10)
ATTEMPTS = 3


def request(version: RoutingVersion, days: int, by: User, at: datetime) -> RoutingReplay:
    """Ask for a replay of the last days under a version as it stands now."""
    asked = RoutingReplay.objects.create(
        document=version.document, version=version, days=days, requested_at=at, requested_by=by
    )
    wake("handoff.tasks.run_replays")
    return asked


def drain(at: datetime | None = None) -> int:
    """Run the replays that wait; return how many."""
    done = 0
    while replay := _claim(at or clock.now()):
        _run(replay)
        done += 1
    return done


def _claim(at: datetime) -> RoutingReplay | None:
    pending = RoutingReplay.objects.filter(finished_at=None)
    free = pending.filter(Q(claimed_until=None) | Q(claimed_until__lt=at))
    for replay in free.order_by("pk")[:10]:
        mine = free.filter(pk=replay.pk, attempts=replay.attempts)
        if mine.update(attempts=F("attempts") + 1, claimed_until=at + CLAIM):
            replay.refresh_from_db()
            return replay
    return None


def _run(replay: RoutingReplay) -> None:
    rows = RoutingReplay.objects.filter(pk=replay.pk)

    def progress(done: int) -> None:
        rows.update(done=done, claimed_until=clock.now() + CLAIM)

    if replay.attempts > ATTEMPTS:
        rows.update(
            finished_at=clock.now(), error="It was begun three times and never ended. Try fewer days."
        )
        return
    try:
        result = simulate(replay.document, replay.days, replay.requested_at, progress)
    except DatabaseError:
        raise  # the claim ends, and it is tried again
    except (KeyError, ValueError, TypeError) as error:
        logger.exception("replay %s failed", replay.pk)
        rows.update(finished_at=clock.now(), error=f"It could not be played: {error!r}"[:300])
        return
    rows.update(finished_at=clock.now(), result=result, done=result["leads"], total=result["leads"])
