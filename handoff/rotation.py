"""Whose turn it is: weighted fair rotation, exact in whole numbers (docs/routing.md has the proof).

The earliest-deadline rule for the chairman assignment problem (R. Tijdeman, 1980). With weights w of sum W
and n reps, after any N turns every rep has had within 1 - 1/(2n - 2) turns of N*w/W; with equal weights no
two reps differ by more than one turn.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

# Arrears are kept in millionths of a turn.
TURN = 1_000_000
# How many turns ahead a wish is checked; one that would need more waits for its own deadline.
LOOK_AHEAD = 200


@dataclass(slots=True)
class Rotation:
    """Turns taken so far by one eligible set. `weights` never changes; `turns` and `total` advance."""

    weights: Mapping[int, int]
    turns: dict[int, int] = field(default_factory=dict)
    total: int = 0
    _weight_sum: int = field(init=False)
    _spread: int = field(init=False)

    def __post_init__(self) -> None:
        self._weight_sum = sum(self.weights.values())
        self._spread = max(2 * len(self.weights) - 2, 1)  # a lone rep is always due

    def next_rep(
        self, arrears: Mapping[int, int] | None = None, overall: Mapping[int, int] | None = None
    ) -> int:
        """Return the rep whose turn it is, without taking the turn.

        Of all whom the bound allows to be chosen now, the rep furthest behind their share of the whole pool
        (`arrears`) comes first; then the most urgent, the one with the fewest turns overall, the lowest id.
        """
        arrears, overall = arrears or {}, overall or {}
        deadlines = {
            rep: self._deadline(rep, self.turns.get(rep, 0)) for rep in self.weights if self._is_released(rep)
        }
        most_urgent = min(deadlines.values())
        wish = sorted(
            deadlines, key=lambda rep: (-arrears.get(rep, 0), deadlines[rep], overall.get(rep, 0), rep)
        )
        return next(
            rep for rep in wish if deadlines[rep] == most_urgent or self._can_go_first(rep, deadlines[rep])
        )

    def take(self, rep: int) -> None:
        """Count the next turn for `rep`."""
        self.turns[rep] = self.turns.get(rep, 0) + 1
        self.total += 1

    def _is_released(self, rep: int) -> bool:
        # Taking turn N+1 must not put the rep more than the bound ahead: (N+1)*w/W - turns >= 1/(2n-2).
        weight_sum, spread = self._weight_sum, self._spread
        ahead = (self.total + 1) * self.weights[rep] - weight_sum * self.turns.get(rep, 0)
        return spread * ahead >= weight_sum

    def _deadline(self, rep: int, turns: int) -> int:
        # The first turn k at which still waiting would break the bound: k*w/W - turns > 1 - 1/(2n-2).
        owed = self._spread * turns + self._spread - 1
        return self._weight_sum * owed // (self._spread * self.weights[rep]) + 1

    def _can_go_first(self, rep: int, deadline: int) -> bool:
        """Tell whether every turn with an earlier deadline still finds its place if `rep` takes this one."""
        now = self.total + 1
        turns = {other: self.turns.get(other, 0) for other in self.weights if other != rep}
        waiting = [(self._deadline(other, taken), other) for other, taken in turns.items()]
        heapq.heapify(waiting)
        for place in range(1, LOOK_AHEAD):
            urgent, other = waiting[0]
            if urgent >= deadline:
                return True
            if place > urgent - now:
                return False
            turns[other] += 1
            heapq.heapreplace(waiting, (self._deadline(other, turns[other]), other))
        return False

    def breaches(self) -> list[int]:
        """Return the reps outside the bound, of which there are none unless turns were changed by hand."""
        weight_sum, spread = self._weight_sum, self._spread
        return [
            rep
            for rep, weight in self.weights.items()
            if spread * abs(self.turns.get(rep, 0) * weight_sum - self.total * weight)
            > (spread - 1) * weight_sum
        ]


def charge(arrears: dict[int, int], weights: Mapping[int, int], rep: int) -> None:
    """Book one turn over the whole pool: every eligible rep was due a share of it, and `rep` took it."""
    weight_sum = sum(weights.values())
    for eligible, weight in weights.items():
        arrears[eligible] = arrears.get(eligible, 0) + TURN * weight // weight_sum
    arrears[rep] -= TURN


def state_key(weights: Mapping[int, int]) -> str:
    """Name the eligible set and its weights: 64 characters, the same in whatever order the reps come."""
    text = ",".join(f"{rep}:{weights[rep]}" for rep in sorted(weights))
    return hashlib.sha256(text.encode()).hexdigest()
