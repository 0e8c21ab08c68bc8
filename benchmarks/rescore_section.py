"""P1 and P3: scoring everybody, and the nightly sweep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

from django.db import connection, transaction

from benchmarks import dataset
from benchmarks.dataset import execute
from benchmarks.environment import Bench
from benchmarks.floor_sql import COLUMNS, rescore
from benchmarks.results import Result, compare, timed
from leads import clock
from leads.definitions import live_definition
from scoring import passes, rescoring
from scoring.models import PendingScore, Rescore
from scoring.publishing import ensure_standard_definition


def measure(bench: Bench) -> list[Result]:
    """Measure both; the scores of both sides are compared first."""
    leads = bench.size(250_000, 500)
    at = clock.now()
    day = clock.day_of(at)
    dataset.fill_leads(leads, at)
    add_history(leads, leads * dataset.EVENTS_PER_LEAD, at)
    floor = floor_of_live_rules()
    _check_equal(floor, day)
    return [
        _everything(bench, leads, at, day, floor),
        _nightly(bench, leads, at, day, floor),
    ]


def add_history(leads: int, events: int, at: datetime) -> None:
    """Count so many more events and score all leads, so that whoever qualifies already is an MQL."""
    days = dataset.fill_history(leads, events, clock.day_of(at))
    dataset.settle("leads_lead", "leads_engagementday")
    ensure_standard_definition(at)
    passes.start_full_pass("first", at)
    seconds = timed(lambda: rescoring.drain(at))
    PendingScore.objects.all().delete()
    print(
        f"{leads:,} leads, {days:,} day counts; their scores and promotions took {seconds:.1f} s",
        flush=True,
    )


def floor_of_live_rules() -> Callable[..., None]:
    """Return what stores the scores as of a day by hand-written SQL: of all leads, or of those in a SELECT."""
    live = live_definition()
    assert live is not None
    return partial(_floor, version=live.version)


def _floor(day: date, leads: str = "", *, version: int) -> None:
    with transaction.atomic():
        execute("SET LOCAL work_mem = '64MB'")
        execute(rescore(day, version, leads))
        if leads:
            execute("DELETE FROM scoring_pendingscore")


def _scores() -> str:
    with connection.cursor() as cursor:
        columns = ", ".join(COLUMNS)
        cursor.execute(f"SELECT md5(string_agg(({columns})::text, '|' ORDER BY id)) FROM leads_lead")
        return str(cursor.fetchone()[0])


def _check_equal(floor: Callable[[date], None], day: date) -> None:
    ours = _scores()
    _disturb()
    floor(day)
    if _scores() != ours:
        raise AssertionError("The floor's scores are not Leadflow's, so there is nothing to compare.")


def _disturb() -> None:
    """Make every stored score wrong, as a newly published definition does."""
    execute("UPDATE leads_lead SET score = score + 1, score_version = 0")
    dataset.settle("leads_lead")


def _everything(bench: Bench, leads: int, at: datetime, day: date, floor: Callable[[date], None]) -> Result:
    def ours() -> None:
        passes.start_full_pass("bench", at)
        rescoring.drain(at)

    def after_disturbing(work: Callable[[], None]) -> float:
        _disturb()
        return timed(work)

    return compare(
        f"rescore {leads:,} leads",
        "s",
        1.2,
        lambda: after_disturbing(lambda: floor(day)),
        lambda: after_disturbing(ours),
        bench.runs,
    )


def _nightly(bench: Bench, leads: int, at: datetime, day: date, floor: Callable[[date], None]) -> Result:
    def from_today(work: Callable[[], None]) -> float:
        floor(day)
        Rescore.objects.all().delete()
        PendingScore.objects.all().delete()
        dataset.settle("leads_lead")
        return timed(work)

    def ours() -> None:
        tomorrow = at + timedelta(days=1)
        passes.roll_over(tomorrow)
        rescoring.drain(tomorrow)

    return compare(
        f"nightly sweep of {leads:,} leads",
        "s",
        1.2,
        lambda: from_today(lambda: floor(day + timedelta(days=1))),
        lambda: from_today(ours),
        bench.runs,
    )
