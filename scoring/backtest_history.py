"""What a replay knows of one lead: its counts, its profile over time, and where it stood when (docs/scoring.md).

Plain data, made by `scoring.backtest_loading`. The ledger is read without its rule promotions, because those are
what a replay finds out: a lead that a rule made an MQL stays open to be found by other rules. What people did stands
as it happened: cycles ended, nurture, disqualification, and leads made MQL by hand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from scoring.backtest_counts import Row
from scoring.conditions import Boundary
from scoring.engine import DayCount


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a lead stood from `day` on. `attempt` counts the cycles that have ended before.

    `boundary` is the one in force from here on; `opens_boundary` says that it begins here, so that what was known
    up to that very moment can be asked, too. `profile` is that of this moment, if it changed later on the same day.
    """

    day: int
    is_open: bool
    attempt: int
    boundary: Boundary | None = None
    opens_boundary: bool = False
    enters_mql: bool = False
    profile: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The cycle a promotion is matched with, and what sales made of it."""

    cycle: int
    number: int
    mql_on: int
    decision: str
    reason: str
    is_sql: bool
    is_won: bool
    rep: int | None
    by_rule: str  # of the live promotion; "manual" by hand


@dataclass
class History:
    """One lead's whole past."""

    lead: int
    counts: Sequence[DayCount]
    profiles: Sequence[tuple[int, Mapping[str, Any]]]  # from which day on; the first from ever
    standings: Sequence[Standing]
    cycles: Mapping[int, Outcome] = field(default_factory=dict)  # by number

    @cached_property
    def rows(self) -> list[Row]:
        """The counts in the order in which they came to count."""
        return sorted(
            Row(max(known, occurred), row.signal, row.object_key, occurred, row.count)
            for row in self.counts
            for known, occurred in [(row.known_on.toordinal(), row.occurred_on.toordinal())]
        )

    def profile(self, day: int) -> Mapping[str, Any]:
        """Return the profile at the end of `day`; the same object for days with the same profile."""
        profiles = self.profiles
        if len(profiles) == 1:
            return profiles[0][1]
        return profiles[max(0, bisect_right(profiles, day, key=lambda part: part[0]) - 1)][1]

    def known_when(self, standing: Standing) -> tuple[Mapping[str, Any], list[DayCount]]:
        """Return profile and counts as they were known at the very moment a standing's boundary began."""
        boundary = standing.boundary
        assert boundary is not None
        before = [row for row in self.counts if row.known_on < boundary.day]
        noted = [
            DayCount(signal, key, occurred, boundary.day, n)
            for (signal, key, occurred), n in boundary.known.items()
        ]
        return standing.profile or self.profile(standing.day), before + noted

    def outcome(self, attempt: int, day: int, within: int) -> Outcome | None:
        """Return the cycle that was open on `day` or opened within so many days after, never one before."""
        cycle = self.cycles.get(attempt + 1)
        return cycle if cycle and cycle.mql_on <= day + within else None


def day_of(ordinal: int) -> date:
    return date.fromordinal(ordinal)
