"""A second opinion on the score: a logistic model of the organisation's own outcomes, tried on later leads.

It learns from the older part of the MQL entries and is judged by the newer part alone, as it would have been in
use. It is shown and may suggest points for a draft; no score, promotion or route ever uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log1p

from scoring.learning import goodness, logistic
from scoring.learning.entries import Entry
from scoring.learning.goodness import Foretold
from scoring.learning.lift import CAME, FIT, SIGNAL, WHOLE

NEWEST = 5000  # entries learned from and tried on
LEARNED = 0.7  # the older part
LEAST = 30  # leads of either outcome to learn from
LEAST_TRIED = 15  # and to try it on
COMMON = 10  # leads that must have a feature, and lack it
Feature = tuple[str, str]  # kind and key, as in `lift`


@dataclass(frozen=True)
class Weight:
    """What one more of a feature is worth in log odds; `is_clear` where 0 lies outside its 95 % interval."""

    kind: str
    key: str
    leads: int
    effect: float
    error: float

    @property
    def is_clear(self) -> bool:
        return abs(self.effect) > goodness.Z_95 * self.error

    @property
    def odds(self) -> float:
        """By how much the odds of the outcome are multiplied."""
        return exp(self.effect)

    @property
    def odds_interval(self) -> tuple[float, float]:
        margin = goodness.Z_95 * self.error
        return exp(self.effect - margin), exp(self.effect + margin)


@dataclass(frozen=True)
class Opinion:
    """How the model did on the newer entries, beside the score itself. `status` is `few`, `no`, `same` or `yes`.

    `few`: too little to learn from. `no`: it orders leads no better than chance. `same`: no better than the score.
    """

    outcome: str
    status: str
    learned: int
    tried: int
    happened: int = 0
    area: float | None = None
    interval: tuple[float, float] | None = None
    score_area: float | None = None
    brier: float | None = None
    base_brier: float | None = None
    parts: Sequence[Foretold] = ()
    weights: Sequence[Weight] = ()


def second_opinion(entries: Sequence[Entry], outcome: str) -> Opinion:
    """Learn from entries, newest first as `read_entries` gives them, whether `outcome` follows."""
    known = [entry for entry in entries if CAME[WHOLE[outcome]](entry)][:NEWEST][::-1]
    cut = int(len(known) * LEARNED)
    older, newer = known[:cut], known[cut:]
    if min(_rarer(older, outcome) - LEAST, _rarer(newer, outcome) - LEAST_TRIED) < 0:
        return Opinion(outcome, "few", len(older), len(newer))
    features = common_features(older)
    rows = [_row(entry, features) for entry in older]
    model = logistic.fit(rows, _came(older, outcome), len(features))
    return _judged(model, features, older, newer, outcome)


def _judged(
    model: logistic.Model, features: Mapping[Feature, int], older: Sequence[Entry], newer: Sequence[Entry], outcome: str
) -> Opinion:  # fmt: skip
    came = _came(newer, outcome)
    chances = [model.probability(_row(entry, features)) for entry in newer]
    area = goodness.auc(chances, came)
    score_area = goodness.auc([entry.score for entry in newer], came)
    assert area is not None  # both outcomes are there
    assert score_area is not None
    bounds = goodness.auc_interval(area, sum(came), len(came) - sum(came))
    base = sum(_came(older, outcome)) / len(older)
    return Opinion(
        outcome=outcome,
        status="no" if bounds[0] <= 0.5 else "same" if area <= score_area else "yes",
        learned=len(older),
        tried=len(newer),
        happened=sum(came),
        area=area,
        interval=bounds,
        score_area=score_area,
        brier=goodness.brier(chances, came),
        base_brier=goodness.brier([base] * len(came), came),
        parts=goodness.foretold(chances, came),
        weights=_weights(model, features, older),
    )


def _weights(
    model: logistic.Model, features: Mapping[Feature, int], entries: Sequence[Entry]
) -> list[Weight]:
    made = []
    for (kind, key), column in features.items():
        size = log1p(1) if kind == SIGNAL else 1.0  # the first time counts most: log1p
        leads = sum(_value(entry, kind, key) > 0 for entry in entries)
        made.append(Weight(kind, key, leads, model.coefficients[column] * size, model.errors[column] * size))
    return sorted(made, key=lambda weight: (-abs(weight.effect), weight.key))


def common_features(entries: Sequence[Entry]) -> dict[Feature, int]:
    """Return the signals and fit rules that enough entries have and enough lack, each with its column."""
    counts: dict[Feature, int] = {}
    for entry in entries:
        for feature in [*((SIGNAL, key) for key in entry.signals), *((FIT, key) for key in entry.fit_rules)]:
            counts[feature] = counts.get(feature, 0) + 1
    common = [f for f, count in sorted(counts.items()) if COMMON <= count <= len(entries) - COMMON]
    return {feature: column for column, feature in enumerate(common)}


def _row(entry: Entry, features: Mapping[Feature, int]) -> list[tuple[int, float]]:
    values = ((column, _value(entry, kind, key)) for (kind, key), column in features.items())
    return [(column, value) for column, value in values if value]


def _value(entry: Entry, kind: str, key: str) -> float:
    return log1p(entry.signals.get(key, 0)) if kind == SIGNAL else float(key in entry.fit_rules)


def _came(entries: Sequence[Entry], outcome: str) -> list[bool]:
    return [CAME[outcome](entry) for entry in entries]


def _rarer(entries: Sequence[Entry], outcome: str) -> int:
    came = sum(_came(entries, outcome))
    return min(came, len(entries) - came)
