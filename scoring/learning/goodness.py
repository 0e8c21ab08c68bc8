"""How good an ordering or a probability is: AUC, its uncertainty, Brier score, and a table of foretold against seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054


def auc(scores: Sequence[float], outcomes: Sequence[bool]) -> float | None:
    """Return the chance that a lead with the outcome is placed above one without; ties count half.

    None unless both kinds are there.
    """
    positives = sum(outcomes)
    negatives = len(outcomes) - positives
    if not positives or not negatives:
        return None
    order = sorted(range(len(scores)), key=lambda index: scores[index])
    ranks, start = 0.0, 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and scores[order[end + 1]] == scores[order[start]]:
            end += 1
        middle = (start + end) / 2 + 1  # tied rows share the middle of their ranks
        ranks += middle * sum(outcomes[index] for index in order[start : end + 1])
        start = end + 1
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def auc_interval(area: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return the 95 % interval of an AUC (Hanley and McNeil, Radiology 143, 1982)."""
    first, second = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2)
    error = Z_95 * sqrt(max(spread, 0.0) / (positives * negatives))
    return max(0.0, area - error), min(1.0, area + error)


def brier(probabilities: Sequence[float], outcomes: Sequence[bool]) -> float:
    """Return the mean square of what a probability was off by; smaller is better."""
    pairs = zip(probabilities, outcomes, strict=True)
    return sum((probability - outcome) ** 2 for probability, outcome in pairs) / len(outcomes)


@dataclass(frozen=True)
class Foretold:
    """A part of the leads, from least to most promising: the mean probability, and what really came of them."""

    low: float
    high: float
    expected: float
    count: int
    happened: int


def foretold(probabilities: Sequence[float], outcomes: Sequence[bool], parts: int = 5) -> list[Foretold]:
    """Cut the rows into equally large parts by probability and compare each with its outcomes."""
    order = sorted(range(len(outcomes)), key=lambda index: (probabilities[index], index))
    found = []
    for part in range(parts):
        rows = order[len(order) * part // parts : len(order) * (part + 1) // parts]
        if rows:
            chances = [probabilities[row] for row in rows]
            happened = sum(outcomes[row] for row in rows)
            found.append(Foretold(chances[0], chances[-1], sum(chances) / len(rows), len(rows), happened))
    return found
