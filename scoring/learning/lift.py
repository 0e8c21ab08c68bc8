"""Lift: how the leads that had a signal, matched a fit rule or came by a rule set fared, against all the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from scoring.learning.entries import Entry
from scoring.learning.goodness import Z_95

SIGNAL, FIT, RULE = "signal", "fit", "rule"
KINDS = {SIGNAL: "Signal", FIT: "Fit rule", RULE: "MQL rule"}
# Fewer decisions than this on either side say nothing about a rule worth changing it for.
ENOUGH = 30

# Outcome → what its rate is a share of.
WHOLE = {"accepted": "decided", "converted": "settled", "won": "closed"}
# Lists behind the figures: outcome, or what it is a share of.
CAME: dict[str, Callable[[Entry], bool]] = {
    "all": lambda entry: True,
    "decided": lambda entry: entry.is_decided,
    "accepted": lambda entry: entry.is_accepted,
    "settled": lambda entry: entry.is_settled,
    "converted": lambda entry: entry.is_settled and entry.is_sql,
    "closed": lambda entry: entry.is_closed,
    "won": lambda entry: entry.is_closed and entry.is_won,
}


@dataclass(frozen=True)
class Share:
    """`part` of `whole`; `rest_part` of `rest_whole` among the others."""

    part: int
    whole: int
    rest_part: int
    rest_whole: int

    @property
    def lift(self) -> float | None:
        """The rate as a multiple of the others' rate; None where either has no leads, or the others no success."""
        if not self.whole or not self.rest_whole or not self.rest_part:
            return None
        return (self.part / self.whole) / (self.rest_part / self.rest_whole)

    @property
    def interval(self) -> tuple[float, float] | None:
        return ratio_interval(self.part, self.whole, self.rest_part, self.rest_whole)

    @property
    def verdict(self) -> str:
        """`up`, `down`, `same` (no clear difference) or `few`."""
        if min(self.whole, self.rest_whole) < ENOUGH or self.interval is None:
            return "few"
        low, high = self.interval
        return "up" if low > 1 else "down" if high < 1 else "same"


@dataclass(frozen=True)
class Lift:
    """One signal, fit rule or rule set: how many MQLs had it, and what came of them and of the others."""

    kind: str
    key: str
    label: str
    leads: int
    rest: int
    shares: Mapping[str, Share]


def ratio_interval(part: int, whole: int, rest_part: int, rest_whole: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a ratio of two rates by its logarithm; None where a side has no leads.

    D. Katz and others, Biometrics 34 (1978): log ratio ± 1.96 √(1/a − 1/n + 1/b − 1/m). Half a success and half a
    failure are added to both sides where one has no success or no failure, so that it always exists.
    """
    if not whole or not rest_whole:
        return None
    a, n, b, m = float(part), float(whole), float(rest_part), float(rest_whole)
    if not part or not rest_part or (part == whole and rest_part == rest_whole):
        a, n, b, m = a + 0.5, n + 1, b + 0.5, m + 1
    middle = log((a / n) / (b / m))
    error = Z_95 * sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return exp(middle - error), exp(middle + error)


def lifts(
    entries: Sequence[Entry], signals: Mapping[str, str], fit_rules: Mapping[str, str], rule_sets: Mapping[str, str]
) -> list[Lift]:  # fmt: skip
    """Return the lift of everything some of the entries had; the mappings give ids their labels."""
    counts = _counts(entries)
    subjects = [(SIGNAL, key, signals.get(key) or key) for key in _keys(counts, SIGNAL)]
    subjects += [(FIT, key, label) for key, label in fit_rules.items()]
    subjects += [(RULE, key, rule_sets.get(key) or key) for key in _keys(counts, RULE)]
    return [_lift(kind, key, label, counts) for kind, key, label in subjects]


Counts = Mapping[tuple[str, str], Mapping[str, int]]
_ALL = ("", "")


def _keys(counts: Counts, kind: str) -> list[str]:
    return sorted(key for one, key in counts if one == kind)


def _lift(kind: str, key: str, label: str, counts: Counts) -> Lift:
    here, totals = counts.get((kind, key), Counter()), counts[_ALL]
    shares = {}
    for name, whole in WHOLE.items():
        rest = totals[name] - here[name], totals[whole] - here[whole]
        shares[name] = Share(here[name], here[whole], *rest)
    return Lift(kind, key, label, here["all"], totals["all"] - here["all"], shares)


def _counts(entries: Sequence[Entry]) -> Counts:
    """Return what came of the entries with each thing, and of all of them, in one walk."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    counts[_ALL] = Counter()
    for entry in entries:
        came = [name for name, is_counted in CAME.items() if is_counted(entry)]
        for subject in (_ALL, *_had(entry)):
            counts[subject].update(came)
    return counts


def _had(entry: Entry) -> Iterator[tuple[str, str]]:
    yield from ((SIGNAL, key) for key in entry.signals)
    yield from ((FIT, key) for key in entry.fit_rules)
    yield RULE, entry.rule


def had(entry: Entry, kind: str, key: str) -> bool:
    """Tell whether an entry had this signal, matched this fit rule or came by this rule set."""
    if kind == SIGNAL:
        return key in entry.signals
    return key in entry.fit_rules if kind == FIT else entry.rule == key
