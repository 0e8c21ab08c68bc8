"""A finished back-test as its page shows it: figures with their basis, chart, load and tuner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leadflow import charts
from leadflow.backtests.capacity import Capacity
from leadflow.dashboard.tiles import Tile
from leadflow.formatting import NOTHING, interval, percent, signed, thousands
from leads.models import User
from leads.statistics import wilson
from scoring.backtest import Sweep
from scoring.backtest_runs import plan_of
from scoring.backtest_summary import acceptance
from scoring.models import Backtest

STEPS = (-30, -20, -15, -10, -5, -3, 0, 3, 5, 10, 15, 20, 30)


def verdict(summary: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Say in a sentence what the draft would have done."""
    live, draft = summary["live_mqls"], summary["draft_mqls"]
    change = (
        "as many MQLs"
        if live == draft
        else f"{abs(draft - live):,} {'more' if draft > live else 'fewer'} MQL{'s' if abs(draft - live) > 1 else ''}"
    )
    return (
        f"{change[:1].upper() + change[1:]} in {summary['history_days']:,} days: {draft:,} instead of {live:,}. "
        f"{counts.get('gained', 0):,} gained, {counts.get('lost', 0):,} lost."
    )


def tiles(summary: Mapping[str, Any], counts: Mapping[str, int], leads_url: str) -> list[Tile]:
    """Return the tiles; each count opens its leads."""
    weeks = max(summary["history_days"] / 7, 1)
    likely = summary["predicted_acceptance"]
    live = _acceptance_words(summary["live"], summary["history_days"])
    return [
        Tile(
            "MQLs a week",
            f"{summary['draft_mqls'] / weeks:.1f}",
            f"{leads_url}?kind=draft",
            [f"live rules: {summary['live_mqls'] / weeks:.1f}", f"{summary['draft_mqls']:,} altogether"],
        ),
        Tile(
            "Gained", thousands(counts.get("gained", 0)), f"{leads_url}?kind=gained", ["only under the draft"]
        ),
        Tile(
            "Lost", thousands(counts.get("lost", 0)), f"{leads_url}?kind=lost", ["only under the live rules"]
        ),
        Tile(
            "Accepted by sales",
            percent(likely["rate"]),
            "",
            [
                likely["not_enough"] or interval((likely["low"], likely["high"])),
                f"{likely['accepted']:,} of {likely['decided']:,} decided",
                f"live rules: {live}",
            ],
        ),
    ]


def _acceptance_words(side: Mapping[str, Any], days: int) -> str:
    return percent(acceptance(side["accepted"], side["decided"], days)["rate"])


def weekly(summary: Mapping[str, Any]) -> charts.LineChart:
    """Draw the MQLs of each week under both."""
    weeks = summary["weeks"]
    labels = [f"{day.day} {day:%b}" for day in (date.fromisoformat(week["week"]) for week in weeks)]
    series = [
        charts.Series("Draft", [week["draft"] for week in weeks], stage="mql"),
        charts.Series("Live rules", [week["live"] for week in weeks], stage="lead"),
    ]
    said = (
        f"MQLs a week: {summary['draft_mqls']} under the draft, {summary['live_mqls']} under the live rules"
    )
    return charts.line_chart(labels, series, label=said)


def decisions(summary: Mapping[str, Any], labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return what sales made of both sides' MQLs, line by line."""
    live, draft = summary["live"], summary["draft"]
    lines = [
        ("Accepted", "accepted"),
        ("Rejected", "rejected"),
        ("Returned to marketing", "returned"),
        ("Undecided", "undecided"),
        ("Became SQL", "sql"),
        ("Won", "won"),
    ]
    found = [(label, thousands(live[key]), thousands(draft[key])) for label, key in lines]
    reasons = dict.fromkeys([*live["reasons"], *draft["reasons"]])
    found += [
        (
            f"Why not: {labels.get(slug, slug)}",
            thousands(live["reasons"].get(slug, 0)),
            thousands(draft["reasons"].get(slug, 0)),
        )
        for slug in list(reasons)[:6]
    ]
    return found


@dataclass(frozen=True)
class Load:
    rep: str
    live: str
    draft: str
    limit: str
    is_over: bool


def loads(summary: Mapping[str, Any], sales: Capacity, user: User) -> list[Load]:
    """Return each rep's MQLs a week against what their seats can take; a manager sees their own team."""
    known = User.objects.in_bulk([row["rep"] for row in summary["reps"] if row["rep"]])
    found = []
    for row in summary["reps"]:
        rep = known.get(row["rep"])
        if user.is_manager and rep and rep.team_id != user.team_id:
            continue
        limit = sales.a_week(sales.by_user.get(rep.pk, 0)) if rep else None
        found.append(
            Load(
                str(rep) if rep else "Nobody was asked",
                f"{row['live_per_week']:.1f}",
                f"{row['draft_per_week']:.1f}",
                f"{limit:.1f}" if limit is not None else NOTHING,
                limit is not None and row["draft_per_week"] > limit,
            )
        )
    return found


@dataclass(frozen=True)
class Setting:
    """One position of the tuner."""

    shift: int
    label: str
    mqls: str
    a_week: str
    width: str
    acceptance: str
    basis: str
    use: str
    is_over: bool
    is_chosen: bool
    is_draft: bool


def tuner(backtest: Backtest, sales: Capacity, chosen: int) -> list[Setting]:
    """Return the settings from loose to tight, the chosen one among them; empty without a line to move."""
    lines = plan_of(backtest).lines
    if not lines or not backtest.sweep:
        return []
    rows = {shift: rest for shift, *rest in Sweep(backtest.sweep).rows()}
    shifts = [
        shift for shift in sorted({*STEPS, chosen}) if min(lines) + shift >= 0 and max(lines) + shift <= 100
    ]
    most = max((rows[shift][0] for shift in shifts), default=1) or 1
    return [_setting(shift, rows[shift], lines, backtest, sales, most, chosen) for shift in shifts]


def _setting(
    shift: int,
    counts: Sequence[int],
    lines: Sequence[int],
    backtest: Backtest,
    sales: Capacity,
    most: int,
    chosen: int,
) -> Setting:
    mqls, decided, accepted = counts
    days = (backtest.last_day - backtest.first_day).days + 1
    a_week, limit = mqls * 7 / days, sales.a_week()
    likely = acceptance(accepted, decided, days)
    bounds = wilson(accepted, decided) if likely["rate"] is not None else None
    label = f"{lines[0] + shift}" if len(lines) == 1 else f"{signed(shift)} on {', '.join(map(str, lines))}"
    return Setting(
        shift=shift,
        label=label,
        mqls=thousands(mqls),
        a_week=f"{a_week:.1f}",
        width=charts.number(100 * mqls / most),
        acceptance=percent(likely["rate"]),
        basis=interval(bounds) or f"{accepted} of {decided} decided",
        use=percent(a_week / limit) if limit else NOTHING,
        is_over=bool(limit) and a_week > limit,
        is_chosen=shift == chosen,
        is_draft=shift == 0,
    )


def range_of_lines(backtest: Backtest) -> tuple[int, int, int] | None:
    """Return the lowest and highest line that can be asked for, and the draft's; None without just one."""
    lines = plan_of(backtest).lines
    return (0, 100, lines[0]) if len(lines) == 1 else None
