"""What the organisation's own outcomes say of its signals, rules and points: for pages, lists, CSV and the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leadflow.charts import FEW
from leadflow.dashboard import definitions, measures, speed
from leadflow.dashboard.keeping import kept
from leadflow.dashboard.parameters import BadParameter, Parameters
from leadflow.dashboard.tables import Row, share
from leads.models import Signal, User
from scoring.learning import calibration, lift
from scoring.learning.calibration import Band
from scoring.learning.entries import MOST, Entry, read_entries
from scoring.learning.lift import CAME, KINDS, Lift
from scoring.learning.opinion import Opinion, Weight, second_opinion
from scoring.live import Rules, live_rules

SPAN = "365"
OUTCOMES = {"accepted": "are accepted", "converted": "become SQLs"}


@dataclass(frozen=True)
class Learned:
    """Lift and calibration over the MQLs of one period. `is_cut`: there were more than are looked at."""

    at: datetime
    entries: int
    is_cut: bool
    lifts: list[Lift]
    scores: list[Band]
    grades: list[Band]


def learned(user: User, asked: Parameters, at: datetime) -> Learned:
    """Return lift and calibration, counted a short while ago if counting is costly."""

    def count() -> Learned:
        found, names = entries_of(user, asked, at), Names.read(asked.period.zone)
        return Learned(
            at=at,
            entries=len(found),
            is_cut=len(found) == MOST,
            lifts=lift.lifts(found, names.signals, names.fit_rules, names.rule_sets),
            scores=calibration.score_bands(found),
            grades=calibration.grade_bands(found),
        )

    return kept("lift", user, asked, count)


def opinion_on(user: User, asked: Parameters, at: datetime, outcome: str) -> Opinion:
    """Return the second opinion on one outcome, kept like the other figures."""
    return kept(
        f"opinion-{outcome}", user, asked, lambda: second_opinion(entries_of(user, asked, at), outcome)
    )


def entries_of(user: User, asked: Parameters, at: datetime) -> list[Entry]:
    """Return the MQL entries of the period that count for the user, with what was known of them."""
    cycles = measures.cycles_of(user, asked.team).filter(asked.period.around("mql_at"))
    return read_entries(cycles, at, asked.period.zone, live_rules())


@dataclass(frozen=True)
class Names:
    """What ids are called: signals by the catalogue, fit rules by the live definition, rule sets by any."""

    signals: dict[str, str]
    fit_rules: dict[str, str]
    rule_sets: dict[str, str]

    @classmethod
    def read(cls, zone: str) -> Names:
        rules = live_rules()
        return cls(
            signals=dict(Signal.objects.values_list("slug", "label")),
            fit_rules=_fit_labels(rules),
            rule_sets=definitions.read(zone).rules,
        )

    def of(self, kind: str, key: str) -> str:
        named = {lift.SIGNAL: self.signals, lift.FIT: self.fit_rules, lift.RULE: self.rule_sets}
        return named.get(kind, {}).get(key) or key


def _fit_labels(rules: Rules | None) -> dict[str, str]:
    return {rule.id: rule.label for rule in rules.rulebook.fit_rules} if rules else {}


# --- The lists behind the figures ------------------------------------------------------------------

CAME_SAID = {
    "all": "all", "decided": "sales decided", "accepted": "accepted", "settled": "SQL, ended or 90 days old",
    "converted": "became an SQL", "closed": "won, lost or ended", "won": "won",
}  # fmt: skip
_BANDS = {calibration.SCORE: "Score at the MQL entry", calibration.GRADE: "Grade at the MQL entry"}
_SCORES = {
    f"{low}-{end - 1}" for low, end in zip(calibration.BOUNDS, (*calibration.BOUNDS[1:], 101), strict=True)
}


def ids_behind(user: User, asked: Parameters, at: datetime) -> tuple[list[int], list[tuple[str, str]]]:
    """Return the cycles `known`, `side` and `came` ask for, and that in words. Raises BadParameter."""
    kind, _, key = asked.rest.get("known", "").partition(":")
    side, came = asked.rest.get("side", "with"), asked.rest.get("came", "all")
    if not (kind in KINDS and key) and not (kind in _BANDS and key in {*_SCORES, *"ABCD"}):
        raise BadParameter("known", "It is signal:…, fit:…, rule:…, score:60-79 or grade:A.")
    if side not in ("with", "rest"):
        raise BadParameter("side", "Side can be with or rest.")
    if came not in CAME:
        raise BadParameter("came", f"It can be {', '.join(CAME)}.")
    names = Names.read(asked.period.zone)

    def belongs(entry: Entry) -> bool:
        has = lift.had(entry, kind, key) if kind in KINDS else calibration.in_band(entry, kind, key)
        return has is (side == "with") and CAME[came](entry)

    label = names.of(kind, key) if kind in KINDS else key.replace("-", "–")
    said = [(KINDS.get(kind) or _BANDS[kind], label if side == "with" else f"all but {label}")]
    if came != "all":
        said.append(("What came of it", CAME_SAID[came]))
    return [entry.cycle_id for entry in entries_of(user, asked, at) if belongs(entry)], said


# --- Tables ----------------------------------------------------------------------------------------


def _lift_rows(user: User, asked: Parameters, at: datetime) -> list[Row]:
    return [_lift_row(one) for one in learned(user, asked, at).lifts]


def _lift_row(one: Lift) -> Row:
    row: Row = {"kind": one.kind, "key": one.key, "label": one.label, "mqls": one.leads}
    for name, found in one.shares.items():
        has_rate = min(found.whole, found.rest_whole) >= FEW
        bounds = found.interval if has_rate else None
        row |= share(name, found.part, found.whole) | share(f"{name}_rest", found.rest_part, found.rest_whole)
        row |= {
            f"{name}_lift": _rounded(found.lift if has_rate else None),
            f"{name}_lift_low": _rounded(bounds[0] if bounds else None),
            f"{name}_lift_high": _rounded(bounds[1] if bounds else None),
            f"{name}_verdict": found.verdict,
        }
    return row


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _calibration_rows(user: User, asked: Parameters, at: datetime) -> list[Row]:
    found = learned(user, asked, at)
    return [
        {"by": band.kind, "band": band.key, "mqls": band.counts["all"]}
        | {
            k: v
            for name, whole in lift.WHOLE.items()
            for k, v in share(name, band.counts[name], band.counts[whole]).items()
        }
        for band in [*found.scores, *found.grades]
    ]


def _opinion_rows(user: User, asked: Parameters, at: datetime) -> list[Row]:
    names, rows = Names.read(asked.period.zone), []
    for outcome in OUTCOMES:
        found = opinion_on(user, asked, at, outcome)
        # One row that says how it went, also where nothing was learned.
        weights: list[Weight | None] = [*found.weights] or [None]
        rows += [_weight_row(found, weight, names) for weight in weights]
    return rows


def _weight_row(found: Opinion, weight: Weight | None, names: Names) -> Row:
    return {
        "outcome": found.outcome, "status": found.status, "learned": found.learned, "tried": found.tried,
        "auc": _rounded(found.area), "score_auc": _rounded(found.score_area), "brier": _rounded(found.brier),
        "kind": weight.kind if weight else "", "key": weight.key if weight else "",
        "label": names.of(weight.kind, weight.key) if weight else "", "leads": weight.leads if weight else 0,
        "log_odds": _rounded(weight.effect) if weight else None,
        "standard_error": _rounded(weight.error) if weight else None,
        "is_clear": bool(weight and weight.is_clear),
    }  # fmt: skip


@dataclass(frozen=True)
class LearningTable:
    title: str
    rows: Callable[[User, Parameters, datetime], list[Row]]


TABLES: dict[str, LearningTable] = {
    "lift": LearningTable("Lift of signals and rules", _lift_rows),
    "calibration": LearningTable("Scores and grades against outcomes", _calibration_rows),
    "second-opinion": LearningTable(
        "What a model of the outcomes makes of each signal and fit rule", _opinion_rows
    ),
    "speed": LearningTable("Time from the offer to the first contact against outcomes", speed.table_rows),
}
