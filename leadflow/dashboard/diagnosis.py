"""Is it lead quality, lead speed or qualification depth? Said only where the figures carry it (R31).

Two shares count as different when their 95 % intervals do not touch; the two alarms each name the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from leadflow.charts import FEW
from leadflow.dashboard.breakdown import Group
from leadflow.dashboard.report import Report
from leadflow.formatting import interval, percent
from leads.statistics import wilson

Counts = tuple[int, int]
LARGE = 0.2  # the share of all MQLs from which one rule can make the whole look loose


@dataclass(frozen=True)
class State:
    """One of the three: `word` is the verdict, `tone` and `icon` go with it."""

    title: str
    word: str
    tone: str
    icon: str
    said: str
    hint: str = ""


@dataclass(frozen=True)
class Diagnosis:
    headline: str
    said: str
    rule: Group | None
    advice: str  # what the button offers; "" for none
    states: list[State]


CAUSE, WATCH, FINE, UNKNOWN = (
    ("Likely cause", "bad", "warn"),
    ("Watch", "warn", "clock"),
    ("Fine", "good", "okay"),
    ("Too few to tell", "info", "info"),
)


def diagnose(report: Report) -> Diagnosis:
    """Return the verdict on the period."""
    loose = _weakest_rule(report.rules)
    strict = None if loose else _too_strict(report)
    states = [_quality(report, loose), _speed(report), _depth(report)]
    if loose:
        return _loose(report, loose, states)
    if strict:
        return _strict(report, strict, states)
    if all(state.word == UNKNOWN[0] for state in states):
        said = f"Fewer than {FEW} leads on either side of every comparison. The figures below are counts, not rates."
        return Diagnosis("Too little has happened to judge the rules", said, None, "", states)
    headline = "Nothing in this period calls for another rule"
    blamed = next((state for state in states if state.word == CAUSE[0]), None)
    if blamed:
        headline = f"{blamed.title} is what holds conversion back"
    return Diagnosis(headline, "No rule is accepted clearly less often than the others.", None, "", states)


def _accepted(groups: list[Group]) -> Counts:
    return sum(group.accepted for group in groups), sum(group.decided for group in groups)


def _rest(group: Group, groups: list[Group]) -> Counts:
    return _accepted([other for other in groups if other is not group])


def is_below(one: Counts, other: Counts) -> bool:
    """Tell whether a share is lower than another by more than chance explains; never of fewer than ten."""
    low, high = wilson(*one), wilson(*other)
    if low is None or high is None or min(one[1], other[1]) < FEW:
        return False
    return low[1] < high[0]


def _weakest_rule(groups: list[Group]) -> Group | None:
    weak = [group for group in groups if is_below((group.accepted, group.decided), _rest(group, groups))]
    return max(weak, key=lambda group: group.mqls, default=None)


def _loose(report: Report, rule: Group, states: list[State]) -> Diagnosis:
    cohort, before = report.cohort
    rest = _rest(rule, report.rules)
    share = rule.mqls / cohort.mqls
    is_alarm = share >= LARGE and cohort.mqls >= before.mqls
    headline = (
        "Many MQLs, few accepted: the rules are too loose"
        if is_alarm
        else "One rule is accepted less often than the rest"
    )
    said = (
        f"passes {percent(share)} of MQLs, and sales accepts {percent(rule.accepted / rule.decided)} of those "
        f"against {percent(rest[0] / rest[1])} of the rest."
    )
    return Diagnosis(headline, said, rule, "Draft a stricter rule", states)


def _too_strict(report: Report) -> Group | None:
    """Return the best rule where MQLs have become clearly fewer while sales accepts clearly more than half."""
    cohort, before = report.cohort
    fewer, accepted = wilson(cohort.mqls, cohort.mqls + before.mqls), wilson(cohort.accepted, cohort.decided)
    if fewer is None or accepted is None or min(before.mqls, cohort.decided) < FEW:
        return None
    if fewer[1] >= 1 / 2 or accepted[0] <= 1 / 2:
        return None
    known = [group for group in report.rules if group.decided]
    return max(known, key=lambda group: (wilson(group.accepted, group.decided) or (0, 0))[0], default=None)


def _strict(report: Report, rule: Group, states: list[State]) -> Diagnosis:
    cohort, before = report.cohort
    said = (
        f"does best: sales took {rule.accepted} of {rule.decided}. There were {cohort.mqls} MQLs after "
        f"{before.mqls} in the period before, and sales accepts {percent(cohort.accepted / cohort.decided)} of them."
    )
    return Diagnosis(
        "Few MQLs, most accepted: the rules are too strict", said, rule, "Draft a looser rule", states
    )


def _quality(report: Report, weakest: Group | None) -> State:
    cohort, before = report.cohort
    counts = (cohort.accepted, cohort.decided)
    if weakest:
        rest = _rest(weakest, report.rules)
        one = f"{weakest.accepted} of {weakest.decided} decided leads of one rule were accepted"
        said = f"{one} ({_rated((weakest.accepted, weakest.decided))})."
        return State("Quality", *CAUSE, said, f"Without it, acceptance is {_rated(rest)}.")
    if cohort.decided < FEW:
        return State("Quality", *UNKNOWN, f"{counts[0]} of {counts[1]} decided leads were accepted.")
    said = f"{counts[0]} of {counts[1]} decided leads were accepted ({_rated(counts)})."
    if is_below(counts, (before.accepted, before.decided)):
        was = percent(before.accepted / before.decided)
        return State(
            "Quality", *CAUSE, said, f"In the period before it was {was}; no single rule explains it."
        )
    return State("Quality", *FINE, said, "No rule is clearly worse than the others.")


def _speed(report: Report) -> State:
    promise, contacts = report.contact_promises[0], report.contacts
    fast, slow = contacts.fast, contacts.slow
    said = (
        f"{promise.kept} of {promise.due} first contacts were in time."
        if promise.due
        else "No first contact was due."
    )
    if min(fast[1], slow[1]) < FEW:
        few = f"{fast[1]} were contacted within the promised hours, {slow[1]} later: too few to compare."
        return State("Speed", *UNKNOWN, said, few)
    compared = f"{_rated(fast)} of those contacted in time became SQLs, {_rated(slow)} of the others."
    if is_below(slow, fast):
        return State("Speed", *CAUSE, said, compared)
    in_time = wilson(promise.kept, promise.due)
    late = in_time is not None and in_time[1] < 0.8
    return State("Speed", *(WATCH if late else FINE), said, f"{compared} Not shown to matter yet.")


def _depth(report: Report) -> State:
    now, before = report.pursuits
    said = f"{now[0]} of {now[1]} SQLs became opportunities within 30 days."
    if now[1] < FEW:
        return State("Depth", *UNKNOWN, said, "Of the SQLs that are 30 days old.")
    said = f"{said} That is {_rated(now)}."
    if is_below(now, before):
        return State("Depth", *CAUSE, said, f"In the period before it was {percent(before[0] / before[1])}.")
    return State("Depth", *FINE, said)


def _rated(counts: Counts) -> str:
    return f"{percent(counts[0] / counts[1])}, {interval(wilson(*counts))}" if counts[1] else "unknown"
