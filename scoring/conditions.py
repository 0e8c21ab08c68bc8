"""What MQL rule sets ask, answered for one lead from plain data (docs/scoring.md, "From lead to MQL").

Every answer carries the words for it, so that evidence, the "Missing for MQL" column and the lead page agree
with the decision by construction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from scoring.engine import (
    DayCount,
    Key,
    Nets,
    Profile,
    ScoreBreakdown,
    SignalFacts,
    is_unknown,
    net_counts,
    score_nets,
)
from scoring.rulebook import GRADES, Condition, Rulebook, RuleSet

NEWNESS_OF_HAND_RAISES = ("signal", "form_with_product")


@dataclass(frozen=True, slots=True)
class Boundary:
    """From when on engagement is new: the day a cycle ended or nurture began, with what was known of it."""

    day: date
    known: Mapping[Key, int] = field(default_factory=dict)
    cycle_ended_on: date | None = None  # of the last cycle, whichever boundary came later
    wake_signal: str | None = None  # None unless the lead is in nurture; "" wakes on any new signal


@dataclass(frozen=True)
class MqlFacts:
    """All that the conditions read about one lead on one day."""

    breakdown: ScoreBreakdown
    profile: Profile
    nets: Nets
    new: Nets  # net counts of this cycle; equal to `nets` without a boundary
    new_signal: str | None  # that lets the rules be asked again; "" where none is needed
    boundary: Boundary | None
    signals: Mapping[str, SignalFacts]

    @property
    def day(self) -> date:
        return self.breakdown.day


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a condition holds; `text` says what was found, `missing` what is lacking, if anything."""

    kind: str
    met: bool
    text: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class RuleSetAnswer:
    rule_set: RuleSet
    answers: tuple[Answer, ...]

    @property
    def met(self) -> bool:
        return all(answer.met for answer in self.answers)

    @property
    def missing(self) -> list[str]:
        return [answer.missing for answer in self.answers if not answer.met]


def gather(
    profile: Profile,
    counts: Iterable[DayCount],
    definition: Rulebook,
    day: date,
    signals: Mapping[str, SignalFacts],
    boundary: Boundary | None = None,
) -> MqlFacts:
    """Score, and put together what else the conditions read, as of `day`."""
    rows = list(counts)
    nets = net_counts(rows, day)
    breakdown = score_nets(profile, nets, definition, day)
    if boundary is None:
        return MqlFacts(breakdown, profile, nets, nets, "", None, signals)
    sums = new_counts(rows, boundary, day)
    new = {key: count for key, count in sums.items() if count > 0}
    latest = new_signal(sums, boundary, definition, signals)
    return MqlFacts(breakdown, profile, nets, new, latest, boundary, signals)


def new_counts(counts: Iterable[DayCount], boundary: Boundary, day: date) -> dict[Key, int]:
    """Return what became known after the boundary, up to `day`, as signed sums per signal, object and day."""
    sums: dict[Key, int] = defaultdict(int)
    for row in counts:
        if boundary.day <= row.known_on <= day and row.occurred_on <= day:
            sums[(row.signal, row.object_key, row.occurred_on)] += row.count
    for key, count in boundary.known.items():
        sums[key] -= count
    return dict(sums)


def new_signal(
    sums: Mapping[Key, int], boundary: Boundary, definition: Rulebook, signals: Mapping[str, SignalFacts]
) -> str | None:
    """Return the latest new signal of enough intent, or the one a nurtured lead waits for."""
    if boundary.wake_signal:
        given = sum(count for key, count in sums.items() if key[0] == boundary.wake_signal)
        return boundary.wake_signal if given > 0 else None
    qualifying: dict[date, int] = defaultdict(int)
    altogether: dict[date, int] = defaultdict(int)
    named: dict[date, str] = {}
    for (signal, _, occurred_on), count in sums.items():
        altogether[occurred_on] += count
        facts = signals.get(signal)
        if facts and facts.is_engagement and facts.intent >= definition.requalify_intent:
            qualifying[occurred_on] += count
            if count > 0:
                named[occurred_on] = max(named.get(occurred_on, ""), signal)
    new_days = [day for day, count in qualifying.items() if count > 0 and altogether[day] > 0]
    return named[max(new_days)] if new_days else None


def ask(rule_set: RuleSet, facts: MqlFacts, definition: Rulebook) -> RuleSetAnswer:
    """Answer every condition of a rule set."""
    return RuleSetAnswer(
        rule_set,
        tuple(_ASK[cond.kind](cond, facts, definition, rule_set.hand_raiser) for cond in rule_set.all),
    )


def _at_least(name: str, unit: str) -> Callable[[Condition, MqlFacts, Rulebook, bool], Answer]:
    def answer(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
        have = int(getattr(facts.breakdown, name))
        lacking = condition.value - have
        missing = (
            f"{lacking} {unit if lacking == 1 else unit + 's'}"
            if name == "score"
            else f"{name} {condition.value}"
        )
        if name != "score":
            missing += f" (now {have})"
        return Answer(condition.kind, lacking <= 0, f"{name} {have}", missing if lacking > 0 else "")

    return answer


def _grade(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
    have = facts.breakdown.grade
    met = GRADES.index(have) <= GRADES.index(condition.value)
    return Answer(
        condition.kind, met, f"fit grade {have}", "" if met else f"fit grade {condition.value} (now {have})"
    )


def _signal(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
    nets = _recent(facts.new if new_only else facts.nets, facts.day, condition.within_days)
    found = {key: count for key, count in nets.items() if key[0] in condition.signals}
    times = {
        "day": len({key[2] for key in found}),
        "object": len({key[:2] for key in found}),
    }.get(condition.distinct, sum(found.values()))
    met = times >= condition.at_least
    return Answer(
        condition.kind, met, _latest(found, facts), "" if met else _lacking_signal(condition, times, facts)
    )


def _form_with_product(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
    nets = _recent(facts.new if new_only else facts.nets, facts.day, condition.within_days)
    found = {key: count for key, count in nets.items() if key[0] == "form" and key[1].partition("#")[2]}
    return Answer(
        condition.kind, bool(found), _latest(found, facts), "" if found else "a form with a product"
    )


def _re_engagement(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
    days = sorted(
        {key[2] for key in facts.new if (known := facts.signals.get(key[0])) and known.is_engagement}
    )
    until = days[0] + timedelta(days=condition.within_days) if days else None
    again = [day for day in days[1:] if until and day <= until]
    if again:
        return Answer(condition.kind, True, f"came back on {_day(again[0])} after {_day(days[0])}")
    if until and until > facts.day:
        return Answer(condition.kind, False, "", f"another visit by {_day(until)}")
    return Answer(
        condition.kind, False, "", f"a return within {condition.within_days} days of the first engagement"
    )


def _hand_raise_fit(condition: Condition, facts: MqlFacts, definition: Rulebook, new_only: bool) -> Answer:
    fit = facts.breakdown.fit
    if fit >= condition.value:
        return Answer(condition.kind, True, f"fit {fit}")
    if all(is_unknown(facts.profile.get(name)) for name in definition.fit_fields):
        return Answer(condition.kind, True, "nothing known about the fit yet")
    return Answer(condition.kind, False, f"fit {fit}", f"fit {condition.value} (now {fit})")


_ASK: dict[str, Callable[[Condition, MqlFacts, Rulebook, bool], Answer]] = {
    "score_at_least": _at_least("score", "point"),
    "fit_at_least": _at_least("fit", ""),
    "engagement_at_least": _at_least("engagement", ""),
    "momentum_at_least": _at_least("momentum", ""),
    "band_at_least": _at_least("band", ""),
    "grade_at_least": _grade,
    "signal": _signal,
    "form_with_product": _form_with_product,
    "re_engagement": _re_engagement,
    "hand_raise_fit": _hand_raise_fit,
}
MQL_KINDS = frozenset(_ASK)


def _recent(nets: Nets, day: date, within_days: int) -> dict[Key, int]:
    return {key: count for key, count in nets.items() if 0 <= (day - key[2]).days < within_days}


def _latest(found: Nets, facts: MqlFacts) -> str:
    if not found:
        return ""
    signal, object_key, occurred_on = max(found, key=lambda key: (key[2], key[0], key[1]))
    label = signal_name(signal, facts.signals)
    return f"{label} on {_day(occurred_on)}" + (f" ({object_key.replace('#', ', ')})" if object_key else "")


def _lacking_signal(condition: Condition, times: int, facts: MqlFacts) -> str:
    names = [signal_name(signal, facts.signals) for signal in condition.signals]
    which = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    left = condition.at_least - times
    article = "an" if which[:1] in "aeiou" else "a"
    return f"{article} {which}" if left == 1 else f"{which}, {left} times"


def signal_name(signal: str, signals: Mapping[str, SignalFacts]) -> str:
    """Return a signal's label as it stands within a sentence."""
    known = signals.get(signal)
    label = known.label if known else signal.replace("_", " ")
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
