"""Lift, calibration and the second opinion as a page shows them: each count with the address of its leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadflow import charts
from leadflow.charts import FEW
from leadflow.dashboard.learning import Names
from leadflow.dashboard.links import Links
from leadflow.formatting import MINUS, NOTHING, interval, percent
from leads.statistics import newcombe, wilson
from scoring.learning.calibration import Band
from scoring.learning.lift import KINDS, WHOLE, Lift, Share
from scoring.learning.opinion import Opinion
from scoring.learning.suggestions import Change, by_lift
from scoring.rulebook import Rulebook

COLUMNS = {"accepted": "Accepted", "converted": "SQL", "won": "Won"}
SORTS = {
    "label": "Name", "leads": "MQLs", **COLUMNS,
    **{f"{name}-lift": f"{label}, lift" for name, label in COLUMNS.items()},
}  # fmt: skip
_WORDS = {
    "up": ("good", "more"),
    "down": ("bad", "less"),
    "same": ("", "no clear difference"),
    "few": ("", ""),
}


@dataclass(frozen=True)
class Cell:
    """What came of the leads: `rate` is empty where they are few; `lift` compares them with the rest."""

    label: str
    rate: str
    basis: SafeString
    likely: str
    lift: str
    lift_likely: str
    word: str
    tone: str
    rest: SafeString | str


@dataclass(frozen=True)
class LiftRow:
    label: str
    known: str  # "signal:pricing_page"
    leads: SafeString
    is_few: bool
    cells: list[Cell]
    change: Change | None


@dataclass(frozen=True)
class LiftTable:
    kind: str
    title: str
    rows: list[LiftRow]


def lift_tables(lifts: Sequence[Lift], sort: str, rulebook: Rulebook | None, links: Links) -> list[LiftTable]:
    """Return a table for each kind of thing, in the order asked for."""
    ordered = sorted(lifts, key=lambda one: _sort_key(one, sort))
    titles = {"signal": "Signals given", "fit": "Fit rules matched", "rule": "MQL rules"}
    return [
        LiftTable(
            kind, titles[kind], [_lift_row(one, rulebook, links) for one in ordered if one.kind == kind]
        )
        for kind in KINDS
    ]


def _sort_key(one: Lift, sort: str) -> tuple[float, str]:
    if sort == "label":
        return 0, one.label.lower()
    if sort == "leads":
        return -one.leads, one.label.lower()
    share = one.shares[sort.removesuffix("-lift")]
    if min(share.whole, share.rest_whole) < FEW:
        return 1, one.label.lower()  # behind all that have a rate
    value = (share.lift or 0) if sort.endswith("-lift") else share.part / share.whole
    return -value, one.label.lower()


def _lift_row(one: Lift, rulebook: Rulebook | None, links: Links) -> LiftRow:
    known = f"{one.kind}:{one.key}"
    return LiftRow(
        label=one.label,
        known=known,
        leads=links.count(one.leads, "mqls", known=known),
        is_few=one.leads < FEW,
        cells=[_cell(name, one.shares[name], known, links) for name in COLUMNS],
        change=by_lift(one, rulebook) if rulebook else None,
    )


def _cell(name: str, share: Share, known: str, links: Links) -> Cell:
    def count(number: int, came: str, side: str = "with") -> SafeString:
        if side == "rest":
            return links.count(number, "mqls", known=known, came=came, side=side)
        return links.count(number, "mqls", known=known, came=came)

    has_rate, has_lift = share.whole >= FEW, min(share.whole, share.rest_whole) >= FEW
    tone, word = _WORDS[share.verdict] if has_lift else ("", "")
    rest = format_html(
        "{} of {}", count(share.rest_part, name, "rest"), count(share.rest_whole, WHOLE[name], "rest")
    )
    return Cell(
        label=COLUMNS[name],
        rate=percent(share.part / share.whole) if has_rate else "",
        basis=format_html("{} of {}", count(share.part, name), count(share.whole, WHOLE[name])),
        likely=interval(wilson(share.part, share.whole)) if share.whole else "",
        lift=times(share.lift) if has_lift and share.lift is not None else "",
        lift_likely=_between(share.interval) if has_lift else "",
        word=word,
        tone=tone,
        rest=rest if share.rest_whole else "",
    )


def times(value: float) -> str:
    """Return 1.4 as "× 1.4"."""
    return f"× {value:.1f}" if value >= 0.95 else f"× {value:.2f}"


def _between(bounds: tuple[float, float] | None) -> str:
    return f"likely {bounds[0]:.2g}–{bounds[1]:.2g}" if bounds and bounds[1] < 1000 else ""


# --- Calibration -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    """Bands against one outcome, the highest first, for `charts/_shares.html`, and steps between them in words."""

    rows: list[charts.Share]
    steps: list[str]


def band_panel(bands: Sequence[Band], outcome: str, links: Links) -> Panel:
    """Return one outcome by band."""
    known = [band for band in bands if band.counts["all"]]
    return Panel([_band_row(band, outcome, links) for band in reversed(known)], _steps(known, outcome))


def _band_row(band: Band, outcome: str, links: Links) -> charts.Share:
    known, whole = f"{band.kind}:{band.key}", WHOLE[outcome]
    part_count, count = band.counts[outcome], band.counts[whole]
    url = links.to("mqls", known=known, came=outcome) if part_count else ""
    row = charts.share(band.label, part_count, count, url=url)
    if not row.basis or not count:
        return row
    part = links.count(part_count, "mqls", known=known, came=outcome)
    return replace(
        row,
        basis=format_html("<span>{} of {}</span>", part, links.count(count, "mqls", known=known, came=whole)),
    )


def _steps(bands: Sequence[Band], outcome: str) -> list[str]:
    """Compare each band with the next lower one that has enough leads, by the difference of their rates."""
    enough = [band for band in bands if band.counts[WHOLE[outcome]] >= FEW]
    return [_step(low, high, outcome) for low, high in pairwise(enough)][::-1]


def _step(low: Band, high: Band, outcome: str) -> str:
    ours = high.counts[outcome], high.counts[WHOLE[outcome]]
    theirs = low.counts[outcome], low.counts[WHOLE[outcome]]
    least, most = newcombe(*ours, *theirs) or (0.0, 0.0)
    said = "more often" if least > 0 else "less often" if most < 0 else "no clear difference"
    return (
        f"{high.label} against {low.label}: {percent(ours[0] / ours[1])} and {percent(theirs[0] / theirs[1])}, {said} "
        f"(likely {_points(least)} to {_points(most)} points)."
    )


def _points(share: float) -> str:
    return f"{share * 100:+.0f}".replace("-", MINUS)


# --- Second opinion --------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeightRow:
    """What one signal or fit rule is worth to the model, beside its points."""

    label: str
    kind: str
    leads: int
    odds: str
    likely: str
    is_clear: bool
    change: Change | None


def weight_rows(opinion: Opinion, changes: Sequence[Change], names: Names) -> list[WeightRow]:
    """Return a row for each thing the model weighs, the heaviest first; effects as multiples of the odds."""
    by_subject = {(change.kind, change.key): change for change in changes}
    return [
        WeightRow(
            label=names.of(weight.kind, weight.key),
            kind=KINDS[weight.kind],
            leads=weight.leads,
            odds=times(weight.odds),
            likely=_between(weight.odds_interval),
            is_clear=weight.is_clear,
            change=by_subject.get((weight.kind, weight.key)),
        )
        for weight in opinion.weights
    ]


@dataclass(frozen=True)
class PartRow:
    """One part of the newer leads: what was foretold, and what came."""

    label: str
    expected: str
    figure: str
    likely: str


def part_rows(opinion: Opinion) -> list[PartRow]:
    """Return the calibration of the model on the newer leads, the most promising first."""
    names = ["Least promising fifth", "Second fifth", "Middle fifth", "Fourth fifth", "Most promising fifth"]
    return [
        PartRow(
            label=name,
            expected=percent(part.expected),
            figure=f"{percent(part.happened / part.count)}, {part.happened} of {part.count}"
            if part.count >= FEW
            else f"{part.happened} of {part.count}",
            likely=interval(wilson(part.happened, part.count)),
        )
        for name, part in zip(names, opinion.parts, strict=False)
    ][::-1]


def area(value: float | None) -> str:
    """Return an AUC as ".71"."""
    return NOTHING if value is None else f"{value:.2f}".removeprefix("0")
