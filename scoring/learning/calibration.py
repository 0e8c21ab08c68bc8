"""Calibration: do MQLs with higher scores at their entry fare better with sales?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from scoring.learning.entries import Entry
from scoring.learning.goodness import Z_95
from scoring.learning.lift import CAME, WHOLE

SCORE, GRADE = "score", "grade"
BOUNDS = (0, 20, 40, 60, 80)
TOP = 100
# Below this many decisions, or with fewer than two bands of FEW, nothing is said about the order of bands.
ENOUGH, FEW = 50, 10


@dataclass(frozen=True)
class Band:
    """The entries of one band, the lowest band first in a list; counts by the names of `lift.CAME`."""

    kind: str
    key: str
    label: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Verdict:
    """`better`, `worse`, `flat` or `few`, with the sentence that says so."""

    kind: str
    text: str


def score_bands(entries: Sequence[Entry]) -> list[Band]:
    """Return the entries by score, in bands of twenty points."""
    made = []
    for low, end in zip(BOUNDS, (*BOUNDS[1:], TOP + 1), strict=True):
        here = [entry for entry in entries if low <= entry.score < end]
        made.append(_band(SCORE, f"{low}-{end - 1}", f"{low}–{end - 1}", here))
    return made


def grade_bands(entries: Sequence[Entry]) -> list[Band]:
    """Return the entries by grade, D first; those moved by hand before grades were kept are left out."""
    return [
        _band(GRADE, grade, f"Grade {grade}", [entry for entry in entries if entry.grade == grade])
        for grade in "DCBA"
    ]


def _band(kind: str, key: str, label: str, entries: Sequence[Entry]) -> Band:
    return Band(kind, key, label, {name: sum(map(test, entries)) for name, test in CAME.items()})


def in_band(entry: Entry, kind: str, key: str) -> bool:
    """Tell whether an entry lies in a band; raises ValueError for a band there is not."""
    if kind == GRADE:
        return entry.grade == key
    low, high = (int(bound) for bound in key.split("-"))
    return low <= entry.score <= high


def verdict(bands: Sequence[Band], outcome: str, said: str) -> Verdict:
    """Say whether higher bands do better by an outcome, such as `accepted`; `said` is it in words.

    By the Cochran-Armitage test for a trend over the order of the bands, at 5 %, two-sided.
    """
    groups = [(band.counts[outcome], band.counts[WHOLE[outcome]]) for band in bands]
    known = sum(whole for _, whole in groups)
    if known < ENOUGH:
        return Verdict(
            "few",
            f"Not enough decisions yet to say whether higher {_what(bands)} {said}: {known} of {ENOUGH}.",
        )
    if sum(whole >= FEW for _, whole in groups) < 2:
        return Verdict(
            "few", f"Nearly all leads lie in one band, so nothing can be said of higher {_what(bands)}."
        )
    z = trend(groups)
    if z > Z_95:
        return Verdict(
            "better", f"Higher {_what(bands)} {said} more often, clearly more than chance would make it."
        )
    if z < -Z_95:
        return Verdict(
            "worse", f"Higher {_what(bands)} {said} less often. The points put leads in the wrong order."
        )
    return Verdict(
        "flat",
        f"Higher {_what(bands)} do not {_bare(said)} clearly more often. "
        "The points do not order leads by what sales makes of them.",
    )


def _what(bands: Sequence[Band]) -> str:
    return "grades" if bands and bands[0].kind == GRADE else "scores"


def _bare(said: str) -> str:
    return {"are accepted": "get accepted"}.get(said, said)


def trend(groups: Sequence[tuple[int, int]]) -> float:
    """Return the z of the Cochran-Armitage trend test: groups of (successes, all), evenly spaced in their order."""
    total, successes = sum(n for _, n in groups), sum(k for k, _ in groups)
    if not 0 < successes < total:
        return 0.0
    share = successes / total
    middle = sum(place * n for place, (_, n) in enumerate(groups)) / total
    above = sum((place - middle) * (k - n * share) for place, (k, n) in enumerate(groups))
    spread = share * (1 - share) * sum(n * (place - middle) ** 2 for place, (_, n) in enumerate(groups))
    return above / sqrt(spread) if spread > 0 else 0.0
