"""P14: a back-test of 12 months beside one full rescore of the same data."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta

from benchmarks import dataset
from benchmarks.environment import Bench
from benchmarks.results import Result, compare, timed
from leads import clock
from leads.models import Definition
from scoring import backtest_runs, passes, rescoring
from scoring.documents import standard_document
from scoring.models import Backtest, PendingScore
from scoring.publishing import ensure_standard_definition, save_draft

DAYS = 365
GOAL = 10.0


def measure(bench: Bench) -> list[Result]:
    """Measure the stored back-test of a draft with a lower line; each replay is checked to have found MQLs."""
    leads = bench.size(100_000, 500)
    at = _prepare(leads)
    draft = save_draft(_looser(), at=at)
    return [
        compare(
            f"back-test of {DAYS} days, {leads:,} leads",
            "s",
            GOAL,
            lambda: _rescore(at),
            lambda: _backtest(draft, at),
            bench.runs,
        )
    ]


def _prepare(leads: int) -> datetime:
    at = clock.now()
    dataset.fill_leads(leads, at)
    day = clock.day_of(at)
    spread = f"date '{day}' - floor(random() * {DAYS})::int"
    days = dataset.add_days(leads, leads * dataset.EVENTS_PER_LEAD, spread)
    ensure_standard_definition(at)
    # There is history to replay only from where a definition was live and the leads were there.
    Definition.objects.update(live_from=at - timedelta(days=DAYS))
    dataset.execute(f"UPDATE leads_lead SET stage_since = stage_since - interval '{DAYS} days'")
    dataset.execute("ALTER TABLE leads_stagechange DISABLE TRIGGER stagechange_no_update")
    dataset.execute(f"UPDATE leads_stagechange SET at = at - interval '{DAYS} days'")
    dataset.execute("ALTER TABLE leads_stagechange ENABLE TRIGGER stagechange_no_update")
    PendingScore.objects.all().delete()
    dataset.settle("leads_lead", "leads_engagementday", "leads_stagechange")
    print(f"{leads:,} leads, {days:,} day counts over {DAYS} days", flush=True)
    return at


def _looser() -> dict[str, object]:
    document = copy.deepcopy(standard_document())
    for rule_set in document["mql"]["rule_sets"]:
        for asked in rule_set["all"]:
            if asked["kind"] == "score_at_least":
                asked["value"] -= 5
    return document


def _rescore(at: datetime) -> float:
    dataset.execute("UPDATE leads_lead SET score = score + 1, score_version = 0")
    dataset.settle("leads_lead")

    def everything() -> None:
        passes.start_full_pass("bench", at)
        rescoring.drain(at)

    return timed(everything)


def _backtest(draft: Definition, at: datetime) -> float:
    Backtest.objects.all().delete()
    backtest = backtest_runs.start_backtest(draft, days=DAYS, at=at)
    seconds = timed(backtest_runs.drain)
    backtest.refresh_from_db()
    if not backtest.summary.get("draft_mqls"):
        raise AssertionError(f"The back-test found nobody: {backtest.failed or backtest.summary}")
    return seconds
