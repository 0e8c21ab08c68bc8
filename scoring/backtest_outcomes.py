"""What sales made of a cycle, as a replay reads it."""

from __future__ import annotations

from leads.models import Cycle
from scoring.backtest_history import Outcome


def outcome_of(cycle: Cycle, mql_on: int) -> Outcome:
    """Return what sales made of a cycle, as a replay reads it."""
    return Outcome(
        cycle.pk,
        cycle.number,
        mql_on,
        cycle.decision,
        cycle.reason,
        cycle.sql_at is not None,
        cycle.won_at is not None,
        cycle.rep_id,
        cycle.rule,
    )
