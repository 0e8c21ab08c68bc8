"""Full passes over all leads, by ranges of lead ids: at night, after a publish, or on demand."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from leads import clock
from leads.models import Lead
from leads.wakeup import wake
from scoring.contention import with_retries
from scoring.deaths import is_suspect
from scoring.live import live_rules
from scoring.models import PendingScore, Rescore
from scoring.promotion import Occasion, promote_scored
from scoring.storing import Chosen, Present, store_scores

logger = logging.getLogger(__name__)
NIGHTLY = "nightly"
PUBLISH = "publish"
# A chunk is one transaction: long enough to pay, short enough that no event waits for its lead until the lock timeout.
CHUNK = {"postgresql": 5000, "sqlite": 2000}
TASK = "scoring.tasks.score_pending"


def start_full_pass(reason: str, at: datetime) -> Rescore | None:
    """Have every lead scored anew by the workers; an equal pass already under way is returned instead.

    None while no definition was published.
    """
    rules = live_rules()
    if rules is None:
        return None
    wanted = {"reason": reason[:60], "day": clock.day_of(at), "version": rules.version}
    wake(TASK)
    if running := Rescore.objects.filter(finished_at=None, **wanted).first():
        return running
    try:
        with transaction.atomic():
            return Rescore.objects.create(started_at=at, leads_total=Lead.objects.live().count(), **wanted)
    except IntegrityError:
        return Rescore.objects.get(finished_at=None, **wanted)


def under_way() -> Rescore | None:
    """Return the pass that is being worked on, the oldest unfinished one; None while all scores are of one version."""
    return Rescore.objects.filter(finished_at=None).order_by("pk").first()


def roll_over(at: datetime) -> Rescore | None:
    """Start the day's nightly pass unless it was started before; safe to call at any time, any often."""
    if Rescore.objects.filter(reason=NIGHTLY, day=clock.day_of(at)).exists():
        return None
    return start_full_pass(NIGHTLY, at)


def continue_pass(at: datetime | None = None) -> int:
    """Score the next chunk of the oldest unfinished pass; return how many leads it had, 0 if nothing is left.

    The scores, the promotions and the step forward are one transaction, so a killed worker loses nothing
    and repeats nothing. A chunk that fails, or that an earlier worker may have died of, is left to pending
    marks, with which the lead at fault is found and the others go on.
    """
    while (leads := _attempt(at)) == 0:
        pass  # that pass is over, but another may be waiting
    return leads or 0


def _attempt(at: datetime | None) -> int | None:
    try:
        return with_retries(lambda: _next_chunk(at, leave_to_marks=is_suspect()))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a chunk of a full pass failed; its leads are scored by marks")
        return with_retries(lambda: _next_chunk(at, leave_to_marks=True))


@transaction.atomic
def _next_chunk(at: datetime | None, *, leave_to_marks: bool) -> int | None:
    """Return how many leads the chunk had, 0 where a pass ended, None without one."""
    unfinished = Rescore.objects.filter(finished_at=None).order_by("pk")
    run = unfinished.select_for_update(skip_locked=True).first()
    if run is None:
        return None
    chosen = Chosen(after=run.last_lead_id, upto=_end_of_chunk(run.last_lead_id))
    leads = chosen.lock() if chosen.upto else 0
    present = Present.read(at) if leads else None
    # A later publish has a pass of its own, so the rest of this one would be written twice.
    if present is None or (rules := present.rules) is None or rules.version != run.version:
        unfinished.filter(pk=run.pk).update(finished_at=at or clock.now())
        return 0
    changed = 0
    if leave_to_marks:
        _mark(chosen, present)
    else:
        changed = store_scores(chosen, present.today, rules, present.catalogue)
        occasion = Occasion(present.today, present.at, overnight=run.reason == NIGHTLY)
        promote_scored(chosen, occasion, rules, present.catalogue)
    # A chunk that is not full was the last; who comes later brings a mark along.
    ended = {"finished_at": present.at} if leads < CHUNK[connection.vendor] else {}
    unfinished.filter(pk=run.pk).update(
        last_lead_id=chosen.upto, leads_done=F("leads_done") + leads, changed=F("changed") + changed, **ended
    )
    return leads


def _mark(chosen: Chosen, present: Present) -> None:
    ids = Lead.objects.live().filter(chosen.condition).order_by("pk").values_list("pk", flat=True)
    marks = (PendingScore(lead_id=pk, day=present.today, created_at=present.at) for pk in ids)
    PendingScore.objects.bulk_create(marks, batch_size=1000)


def _end_of_chunk(after: int) -> int | None:
    """Return the last lead id of the chunk that follows, or None behind the last lead."""
    size = CHUNK[connection.vendor]
    ids = Lead.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    return ids[size - 1 : size].first() or ids.last()
