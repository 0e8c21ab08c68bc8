"""Back-tests as rows that workers go on with, batch by batch: killed at any point, nothing is lost or counted twice."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from leads import clock
from leads.audit import audit
from leads.models import Cycle, Definition, Lead, User
from leads.wakeup import wake
from scoring.backtest import BATCH, Engine, Entry, Plan, Promotion, end_of_batch, promoted, swept
from scoring.backtest_history import Outcome
from scoring.backtest_outcomes import outcome_of
from scoring.backtest_summary import summarise
from scoring.live import rules_from
from scoring.models import MAX_ATTEMPTS, Backtest, BacktestEntry

logger = logging.getLogger(__name__)
TASK = "scoring.tasks.run_backtests"
Kind = BacktestEntry.Kind


def start_backtest(definition: Definition, *, days: int, at: datetime, by: User | None = None) -> Backtest:
    """Have a stored version replayed over the last `days` days; one already running is returned instead.

    Raises InvalidDocument for a draft that is broken, and NoHistory before the first publish.
    """
    today = clock.day_of(at)
    plan = Plan.of(days, today, rules_from(definition.document, definition.version))
    with transaction.atomic():
        running = Backtest.objects.unfinished().filter(version=definition.version, days=days).first()
        if running and running.document == definition.document:
            return running
        if running:
            # The draft was changed meanwhile: what is asked about is the draft of now.
            Backtest.objects.filter(pk=running.pk).update(finished_at=at, failed="The draft was changed.")
        backtest = Backtest.objects.create(
            definition=definition,
            version=definition.version,
            document=definition.document,
            days=days,
            first_day=plan.first,
            last_day=plan.last,
            by=by,
            created_at=at,
            leads_total=Lead.objects.live().count(),
        )
        audit("backtest.start", backtest, by=by, at=at)
        wake(TASK)
    return backtest


def tried(definition: Definition) -> list[Backtest]:
    """Return the last back-tests of a version, the newest first; `is_of_now` says whether it was as it is now."""
    found = list(Backtest.objects.filter(version=definition.version).defer("sweep")[:3])
    for backtest in found:
        backtest.is_of_now = backtest.document == definition.document
    return found


def drain(*, seconds: float | None = None) -> int:
    """Go on with the back-tests that are not done; return how many leads were replayed."""
    until = time.monotonic() + seconds if seconds else None
    total = 0
    while (done := advance()) is not None:
        total += done
        if until and time.monotonic() > until:
            wake(TASK)
            break
    return total


def advance() -> int | None:
    """Replay the next batch of the oldest back-test; return how many leads it had, None with nothing to do."""
    backtest = Backtest.objects.unfinished().first()
    if backtest is None:
        return None
    try:
        return _advance(backtest)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - what one history makes fail must not stop the other back-tests
        _note_failure(backtest, error)
        return 0


def _advance(backtest: Backtest) -> int:
    upto = end_of_batch(backtest.last_lead_id, BATCH)
    if upto is None:
        return _finish(backtest)
    entries = _engine(backtest.pk, backtest.created_at).batch(backtest.last_lead_id, upto)
    leads = Lead.objects.live().filter(pk__gt=backtest.last_lead_id, pk__lte=upto).count()
    with transaction.atomic():
        sweep = swept(entries, backtest.sweep).steps
        # Whoever comes second to a batch finds the step taken and leaves its own work alone.
        stepped = Backtest.objects.filter(
            pk=backtest.pk, last_lead_id=backtest.last_lead_id, finished_at=None
        ).update(last_lead_id=upto, leads_done=F("leads_done") + leads, sweep=sweep, attempts=0)
        if stepped:
            BacktestEntry.objects.bulk_create(
                [_row(backtest, entry) for entry in promoted(entries)], batch_size=500
            )
    return leads


@lru_cache(maxsize=4)
def _engine(backtest_id: int, created_at: datetime) -> Engine:
    # Made ready once per worker and back-test, not once per batch.
    return Engine.ready(plan_of(Backtest.objects.get(pk=backtest_id)))


def plan_of(backtest: Backtest) -> Plan:
    """Return what the back-test replays."""
    draft = rules_from(backtest.document, backtest.version)
    return Plan(backtest.first_day, backtest.last_day, backtest.days, draft)


def _row(backtest: Backtest, entry: Entry) -> BacktestEntry:
    live, draft = entry.live, entry.draft
    side = draft or live
    told = side.outcome if side else None
    return BacktestEntry(
        backtest=backtest,
        lead_id=entry.lead,
        attempt=entry.attempt,
        kind=_kind(entry),
        live_on=live.day if live else None,
        live_rule=live.rule if live else "",
        live_cycle_id=live.outcome.cycle if live and live.outcome else None,
        draft_on=draft.day if draft else None,
        draft_rule=draft.rule if draft else "",
        draft_cycle_id=draft.outcome.cycle if draft and draft.outcome else None,
        decision=told.decision if told else "",
        reason=told.reason if told else "",
        is_sql=bool(told and told.is_sql),
        is_won=bool(told and told.is_won),
    )


def _kind(entry: Entry) -> str:
    if entry.live is None:
        return Kind.GAINED
    if entry.draft is None:
        return Kind.LOST
    return Kind.SAME if entry.live.day == entry.draft.day else Kind.MOVED


def _finish(backtest: Backtest) -> int:
    rows = backtest.entries.select_related("live_cycle", "draft_cycle").order_by("pk")
    entries = [_entry(row) for row in rows.iterator(chunk_size=2000)]
    summary = summarise(entries, plan_of(backtest))
    Backtest.objects.filter(pk=backtest.pk, finished_at=None).update(finished_at=clock.now(), summary=summary)
    return 0


def _entry(row: BacktestEntry) -> Entry:
    live = Promotion(row.live_on, row.live_rule, _outcome(row.live_cycle)) if row.live_on else None
    draft = Promotion(row.draft_on, row.draft_rule, _outcome(row.draft_cycle)) if row.draft_on else None
    return Entry(row.lead_id, row.attempt, live, draft)


def _outcome(cycle: Cycle | None) -> Outcome | None:
    return outcome_of(cycle, 0) if cycle else None


def _note_failure(backtest: Backtest, error: Exception) -> None:
    logger.exception("back-test %s could not go on", backtest.pk)
    attempts = backtest.attempts + 1
    changes: dict[str, Any] = {"attempts": attempts}
    if attempts >= MAX_ATTEMPTS:
        changes |= {"failed": f"{type(error).__name__}: {error}"[:300], "finished_at": clock.now()}
    Backtest.objects.filter(pk=backtest.pk, finished_at=None).update(**changes)
