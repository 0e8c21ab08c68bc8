"""Geometry of the charts, as plain data that `templates/charts/_*.html` draw.

Plots are 100 × 100 and stretched, bars are 100 wide; a length that comes from data is an attribute of the
SVG, never a style. Scales start at zero. Each chart also carries its figures, for the table that stands
beside it ("view as table").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10

from leadflow.formatting import NOTHING, interval, percent, thousands
from leads.statistics import wilson

# Below this many leads a share says more about luck than about the rule: a count is shown, no rate.
FEW = 10


def number(value: float) -> str:
    """Return a coordinate with at most two decimals and no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def nice_top(highest: float, steps: int = 3) -> int:
    """Return the smallest round number, divisible by `steps`, that no value exceeds; at least `steps`."""
    step = highest / steps
    if step <= 1:
        return steps
    power = 10 ** floor(log10(step))
    nice = next(
        factor for factor in (1, 2, 2.5, 3, 4, 5, 10) if factor * power >= step and factor * power % 1 == 0
    )
    return int(nice * power) * steps


# --- Lines over time -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Series:
    """One line. Values from `open_from` on are not over yet and drawn dotted; None is a gap at the end."""

    name: str
    values: Sequence[float | None]
    stage: str = ""
    open_from: int | None = None
    is_area: bool = False


@dataclass(frozen=True)
class Line:
    name: str
    stage: str
    path: str
    open_path: str
    area: str
    dot: str


@dataclass(frozen=True)
class Tick:
    label: str
    at: str
    anchor: str = "middle"
    is_minor: bool = False
    url: str = ""


@dataclass(frozen=True)
class LineChart:
    label: str
    lines: list[Line]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    marks: list[Tick]
    head: list[str]
    rows: list[list[str]]
    grid: str = ""
    mark_path: str = ""


def line_chart(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    label: str,
    marks: Sequence[tuple[int, str] | tuple[int, str, str]] = (),
    head: str = "Week",
) -> LineChart:
    """Draw series over equally long periods; a mark stands before the period of its index, with an
    address to open if it has one.

    `label` says in words what the chart shows. Without any period it is an empty plot with its axes.
    """
    top = nice_top(max((value for one in series for value in one.values if value is not None), default=0))
    count = len(labels)
    y_ticks = [Tick(thousands(top * step / 3), number(100 - 100 * step / 3)) for step in (3, 2, 1, 0)]
    placed = [
        Tick(text, number(100 * index / count), url="".join(url)) for index, text, *url in marks if count
    ]
    return LineChart(
        label=label,
        lines=[_line(one, count, top) for one in series],
        y_ticks=y_ticks,
        x_ticks=_x_ticks(labels),
        marks=placed,
        head=[head, *(one.name for one in series)],
        rows=[[text, *(_cell(one, index) for one in series)] for index, text in enumerate(labels)],
        grid="".join(f"M0 {tick.at}H100" for tick in y_ticks),
        mark_path="".join(f"M{mark.at} -6V100" for mark in placed),
    )


def _line(series: Series, count: int, top: float) -> Line:
    points = [
        f"{number(100 * (index + 0.5) / count)} {number(100 - 100 * value / top)}"
        for index, value in enumerate(series.values)
        if value is not None
    ]
    closed = points if series.open_from is None else points[: series.open_from]
    rest = points[max(len(closed) - 1, 0) :] if len(closed) < len(points) else []
    path = "M" + " L".join(closed) if closed else ""
    area = ""
    if path and series.is_area:
        first, last = closed[0].split()[0], closed[-1].split()[0]
        area = f"{path} L{last} 100 L{first} 100Z"
    return Line(
        name=series.name,
        stage=series.stage,
        path=path,
        open_path="M" + " L".join(rest) if len(rest) > 1 else "",
        area=area,
        dot=f"M{closed[-1]}h.01" if closed else (f"M{rest[-1]}h.01" if rest else ""),
    )


def _x_ticks(labels: Sequence[str]) -> list[Tick]:
    """Name the first, last and up to three periods between; on phones the minor ones are left out."""
    last = len(labels) - 1
    if last < 0:
        return []
    picked = sorted({round(last * quarter / 4) for quarter in range(5)})
    minor = {round(last / 4), round(last * 3 / 4)} - {0, round(last / 2), last}
    anchors = {0: "start", last: "end"}
    return [
        Tick(
            labels[index],
            number({0: 0, last: 100}.get(index, 100 * (index + 0.5) / len(labels)) if last else 50),
            anchors.get(index, "middle") if last else "middle",
            index in minor,
        )
        for index in picked
    ]


def _cell(series: Series, index: int) -> str:
    value = series.values[index] if index < len(series.values) else None
    if value is None:
        return NOTHING
    is_open = series.open_from is not None and index >= series.open_from
    return thousands(value) + (" so far" if is_open else "")


# --- Bars ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bar:
    """One bar: `tone` is brand, good, warn, bad or muted; `note` stands behind the figure or below."""

    label: str
    value: float
    url: str = ""
    note: str = ""
    tone: str = "brand"
    stage: str = ""
    is_soft: bool = False
    figure: str = ""
    width: str = "0"


def bars(rows: Sequence[Bar], *, top: float | None = None) -> list[Bar]:
    """Give every bar its width against the longest, or against `top`; serves bar lists and funnels alike."""
    longest = top if top is not None else max((row.value for row in rows), default=0)
    return [
        Bar(
            **{
                **row.__dict__,
                "figure": row.figure or thousands(row.value),
                "width": number(min(100, 100 * row.value / longest)) if longest > 0 else "0",
            }
        )
        for row in rows
    ]


# --- Shares with their uncertainty -----------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """A share as a dot on its 95 % interval. With few leads the figure is a count and the dot is grey."""

    label: str
    url: str
    figure: str
    basis: str
    likely: str
    point: str
    whisker: str
    is_weak: bool


def share(label: str, part: int, whole: int, *, url: str = "") -> Share:
    """Draw `part` of `whole`; of nothing there is a dash and no dot."""
    bounds = wilson(part, whole)
    is_weak = whole < FEW
    basis = f"{thousands(part)} of {thousands(whole)}"
    if bounds is None:
        return Share(label, url, NOTHING, "no leads", "", "", "", is_weak)
    low, high = (number(100 * bound) for bound in bounds)
    return Share(
        label=label,
        url=url,
        figure=basis if is_weak else percent(part / whole),
        basis="" if is_weak else basis,
        likely=interval(bounds),
        point=f"M{number(100 * part / whole)} 5h.01",
        whisker=f"M{low} 5H{high}M{low} 2V8M{high} 2V8",
        is_weak=is_weak,
    )


def target_path(fraction: float | None) -> str:
    """Return the tick that compares every share of a list with one figure; empty for None."""
    return f"M{number(100 * fraction)} 0V10" if fraction is not None else ""


# --- Heat table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeatCell:
    text: str
    css: str
    title: str = ""
    url: str = ""


@dataclass(frozen=True)
class HeatScale:
    """Seven bins of the ramp: under `low` the palest, from `high` on the strongest, five between."""

    low: int
    high: int
    key: str = field(default="")

    def bin(self, fraction: float) -> int:
        """Return 0…6 for a share, judged by the rounded percentage that the cell shows."""
        shown = int(100 * fraction + 0.5)
        if shown < self.low:
            return 0
        if shown >= self.high:
            return 6
        return 1 + int((shown - self.low) * 5 / (self.high - self.low))


def heat_scale(fractions: Sequence[float]) -> HeatScale:
    """Choose round bounds that spread these shares over the ramp; without any, 0 to 100 %."""
    shown = [int(100 * fraction + 0.5) for fraction in fractions]
    low = floor(min(shown, default=0) / 10) * 10
    high = floor(max(shown, default=100) / 10) * 10
    if low == 0 and high > 10:
        low = 10 if high >= 40 else 5
    high = max(high, low + 5)
    return HeatScale(low, high, f"under {low}% to {high}% and more")


def heat_cell(
    part: int, whole: int, scale: HeatScale, *, is_ripe: bool = True, has_begun: bool = True, url: str = ""
) -> HeatCell:
    """Return a cohort's cell: a rate; "n so far" while its window runs; a count where the leads are few."""
    if not has_begun or whole == 0:
        return HeatCell(NOTHING, "heat-none")
    if not is_ripe:
        return HeatCell(f"{thousands(part)} so far", "heat-open", url=url)
    basis = f"{thousands(part)} of {thousands(whole)}"
    if whole < FEW:
        return HeatCell(basis, "heat-few", url=url)
    title = f"{basis}, {interval(wilson(part, whole))}"
    return HeatCell(percent(part / whole), f"heat-{scale.bin(part / whole)}", title, url)


# --- Sparkline -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sparkline:
    path: str
    last: str


def sparkline(values: Sequence[float]) -> Sparkline:
    """Draw the course of values in 64 × 22; a change of less than six points is not blown up."""
    if not values:
        return Sparkline("", "")
    low = min(values)
    spread = max(max(values) - low, 6)
    step = 60 / max(len(values) - 1, 1)
    heights = [round(20 - 18 * (value - low) / spread) for value in values]
    last = len(values) - 1
    # Whole pixels, and nothing said twice: a page may hold fifty of these.
    points = [
        f"{round(2 + step * index)} {height}"
        for index, height in enumerate(heights)
        if index in (0, last) or not heights[index - 1] == height == heights[index + 1]
    ]
    return Sparkline("M" + "L".join(points), f"M{points[-1]}h.01")
