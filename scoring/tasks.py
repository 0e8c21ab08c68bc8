from __future__ import annotations

from typing import Any

from celery import shared_task

from leads import clock
from scoring import backtest_runs, overrides, passes, qualifying, rescoring

# Well under the time limit, so that a task is never cut off in the middle of a long pass.
SECONDS = 240


@shared_task
def score_pending(**kwargs: Any) -> None:
    rescoring.drain(seconds=SECONDS)


@shared_task
def nightly_rollover(**kwargs: Any) -> None:
    passes.roll_over(clock.now())


@shared_task
def expire_overrides(**kwargs: Any) -> None:
    overrides.expire_due()


@shared_task
def run_backtests(**kwargs: Any) -> None:
    backtest_runs.drain(seconds=SECONDS)


@shared_task
def count_qualifying(**kwargs: Any) -> None:
    qualifying.drain(seconds=SECONDS)
