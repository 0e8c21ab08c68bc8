"""The tiles: one figure each, what it is based on, and how it compares with the period before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadflow.charts import FEW
from leadflow.dashboard import breakdown
from leadflow.dashboard.cohorts import Cohort
from leadflow.dashboard.links import Links
from leadflow.dashboard.period import Period
from leadflow.dashboard.promises import Promise
from leadflow.dashboard.report import Report
from leadflow.formatting import NOTHING, duration, interval, percent, thousands
from leads.statistics import wilson


@dataclass(frozen=True)
class Tile:
    """`tone` is set only where the change is larger than chance explains."""

    label: str
    figure: str
    url: str = ""
    basis: Sequence[str] = ()
    delta: str = ""
    tone: str = ""


Counts = tuple[int, int]


def tiles(report: Report, links: Links) -> list[Tile]:
    """Return the tiles of a report."""
    cohort, before = report.cohort
    return [
        _mqls(cohort, before, links),
        _accepted(cohort, before, links),
        _converted(report, links),
        _met(cohort, before, links),
        _first_contact(report, links),
        _in_time(report, links),
    ]


def share_delta(now: Counts, before: Counts) -> tuple[str, str]:
    """Return the change of a share in points, with a tone where the two intervals do not touch."""
    if now[1] < FEW or before[1] < FEW:
        return "", ""
    points = round(100 * now[0] / now[1]) - round(100 * before[0] / before[1])
    one, other = wilson(*now), wilson(*before)
    assert one is not None
    assert other is not None
    tone = "good" if one[0] > other[1] else "bad" if one[1] < other[0] else ""
    if not points:
        return "unchanged", ""
    unit = "point" if abs(points) == 1 else "points"
    return f"{'↑' if points > 0 else '↓'} {abs(points)} {unit}", tone


def _figure(part: int, whole: int) -> str:
    """Return a rate, or a count where the leads are few."""
    if not whole:
        return NOTHING
    return percent(part / whole) if whole >= FEW else f"{thousands(part)} of {thousands(whole)}"


def _basis(part: SafeString, whole: SafeString, what: str, counts: Counts) -> SafeString:
    likely = interval(wilson(*counts))
    return format_html('{} of {} {}, <span class="nowrap">{}</span>', part, whole, what, likely)


def _mqls(cohort: Cohort, before: Cohort, links: Links) -> Tile:
    now, then = cohort.mqls, before.mqls
    compared = format_html(
        "{} in the {} days before", links.count(then, "mqls", before.period), before.period.days
    )
    delta = ""
    if then >= FEW:
        change = round(100 * (now - then) / then)
        delta = f"{'↑' if change > 0 else '↓'} {abs(change)}%" if change else "unchanged"
    return Tile("MQLs", thousands(now), links.to("mqls") if now else "", [compared], delta)


def _accepted(cohort: Cohort, before: Cohort, links: Links) -> Tile:
    counts = (cohort.accepted, cohort.decided)
    delta, tone = share_delta(counts, (before.accepted, before.decided))
    if not cohort.decided:
        return Tile("Accepted", NOTHING, basis=["No MQL of the period is decided yet"])
    part, whole = links.count(counts[0], "accepted"), links.count(counts[1], "decided")
    return Tile(
        "Accepted", _figure(*counts), links.to("accepted") if counts[0] else "",
        [_basis(part, whole, "decided", counts)], delta, tone,
    )  # fmt: skip


def _converted(report: Report, links: Links) -> Tile:
    cohort, before = report.cohort
    days = breakdown.horizon(cohort.period)
    label = f"MQL to SQL in {days} days"
    so_far = format_html("{} so far, of all", links.count(cohort.converted, "converted"))
    counts = cohort.conversion(days)
    if not counts[1]:
        return Tile(label, NOTHING, basis=[f"No MQL of the period is {days} days old yet", so_far])
    delta, tone = share_delta(counts, before.conversion(days))
    old: Period = cohort.conversion_period(days)
    part, whole = links.count(counts[0], "converted", old, within=days), links.count(counts[1], "mqls", old)
    url = links.to("converted", old, within=days) if counts[0] else ""
    what = "MQLs" if cohort.is_ripe(days) else "MQLs old enough"
    return Tile(label, _figure(*counts), url, [_basis(part, whole, what, counts), so_far], delta, tone)


def _met(cohort: Cohort, before: Cohort, links: Links) -> Tile:
    counts = (cohort.met, cohort.mqls)
    if not cohort.mqls:
        return Tile("MQL to meeting", NOTHING)
    delta, tone = share_delta(counts, (before.met, before.mqls))
    part, whole = links.count(counts[0], "met"), links.count(counts[1], "mqls")
    url = links.to("met") if counts[0] else ""
    return Tile("MQL to meeting", _figure(*counts), url, [_basis(part, whole, "so far", counts)], delta, tone)


def _first_contact(report: Report, links: Links) -> Tile:
    now, before = report.contacts, report.contact_median_before
    if now.median is None:
        return Tile("First contact", NOTHING, basis=["Nobody accepted in the period was contacted yet"])
    many = format_html("median of {}; p90 {}", links.count(now.contacted, "contacted"), duration(now.p90))
    compared = [f"{duration(before)} before"] if before is not None else []
    return Tile("First contact", duration(now.median), links.to("contacted"), [many, *compared])


def _in_time(report: Report, links: Links) -> Tile:
    """Both promises in one tile: contact in time is the figure, answers in time stand below."""
    now, before = report.contact_promises
    answers = _kept(report.answers[0], "answers", "offers answered in time", links)
    below = [answers] if report.answers[0].due else []
    if not now.due:
        return Tile("Contacted in time", NOTHING, basis=["No first contact was due in the period", *below])
    counts = (now.kept, now.due)
    delta, tone = share_delta(counts, (before.kept, before.due))
    url = links.to("contacts_in_time") if now.kept else ""
    basis = [_kept(now, "contacts", "due", links), *below]
    return Tile("Contacted in time", _figure(*counts), url, basis, delta, tone)


def _kept(promise: Promise, name: str, what: str, links: Links) -> SafeString:
    part, whole = links.count(promise.kept, f"{name}_in_time"), links.count(promise.due, f"{name}_due")
    return _basis(part, whole, what, (promise.kept, promise.due))
