"""The organisation's own history lived through under a draft, beside the versions that were live (R20).

`replay` yields what became of each lead, in lead order and in batches, so memory stays bounded; `summarise` makes
the figures of it. The method is written down in docs/scoring.md, "Back-test".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from leads import clock
from leads.models import Lead, Organisation, StageChange
from scoring.backtest_history import History, Outcome
from scoring.backtest_loading import Loader
from scoring.backtest_replay import Attempt, Replay, World
from scoring.backtest_rules import ReadyRules
from scoring.live import Rules
from scoring.timeline import Versions

BATCH = 1000
DAYS = 365
MOST_DAYS = 1500
# A promotion takes the decision of the cycle open that day, or opened within so many days after it.
TAKES_WITHIN = 60
LIVE, DRAFT = "live", "draft"


class NoHistory(Exception):
    """No definition was ever published, so there is nothing to compare with."""


@dataclass(frozen=True)
class Promotion:
    """A lead becoming an MQL in a replay, with the cycle whose decision it takes, if there is one."""

    day: date
    rule: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Entry:
    """One attempt of a lead: what the rules live then made of it, and the draft; `best` is for the tuner."""

    lead: int
    attempt: int
    live: Promotion | None
    draft: Promotion | None
    best: tuple[tuple[int, Outcome | None], ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to replay: which days, and under which draft; None replays what was live alone."""

    first: date
    last: date
    days: int
    draft: Rules | None = None

    @classmethod
    def of(cls, days: int, today: date, draft: Rules | None = None) -> Plan:
        """Plan the last `days` days up to `today`, as far back as there is history."""
        since = _history_since()
        if since is None:
            raise NoHistory("No definition was published yet, so there is no history to replay.")
        return cls(max(today - timedelta(days=days - 1), since), today, days, draft)

    @property
    def history_days(self) -> int:
        return (self.last - self.first).days + 1

    @cached_property
    def lines(self) -> list[int]:
        """The scores that rule sets of the draft ask for, in order."""
        rule_sets = self.draft.rulebook.mql if self.draft else ()
        return sorted({one.value for rs in rule_sets for one in rs.all if one.kind == "score_at_least"})


def _history_since() -> date | None:
    versions = Versions()
    first = StageChange.objects.order_by("at").values_list("at", flat=True).first()
    if not versions or first is None:
        return min(versions.since) if versions else None
    return min(clock.day_of(first, Organisation.current().time_zone), min(versions.since))


@dataclass(frozen=True)
class Engine:
    """A plan made ready: what can be worked out once for all leads."""

    plan: Plan
    loader: Loader
    replay: Replay

    @classmethod
    def ready(cls, plan: Plan, *, every_day: bool = False) -> Engine:
        loader = Loader.until(plan.last)
        signals = loader.catalogue.facts
        versions = Versions()
        rulebooks = [ReadyRules(rules.rulebook, signals) for rules in versions.rules]
        worlds = [World(LIVE, [day.toordinal() for day in versions.since], rulebooks)]
        if plan.draft:
            worlds.append(World(DRAFT, [0], [ReadyRules(plan.draft.rulebook, signals)], sweeps=True))
        first, last = plan.first.toordinal(), plan.last.toordinal()
        return cls(plan, loader, Replay.over(first, last, worlds, every_day=every_day))

    def batch(self, after: int, upto: int) -> list[Entry]:
        """Replay the leads of a range of ids."""
        return [entry for history in self.loader.load(after, upto) for entry in self.entries(history)]

    def entries(self, history: History) -> Iterator[Entry]:
        """Replay one lead."""
        found = self.replay.run(history)
        for number in sorted({number for attempts in found.values() for number in attempts}):
            live = found[LIVE].get(number)
            draft = found.get(DRAFT, {}).get(number)
            entry = Entry(
                history.lead,
                number,
                self._promotion(live, history),
                self._promotion(draft, history),
                tuple(self._best(draft, history)) if draft else (),
            )
            if entry.live or entry.draft or entry.best:
                yield entry

    def _promotion(self, attempt: Attempt | None, history: History) -> Promotion | None:
        if attempt is None or attempt.day is None:
            return None
        outcome = history.outcome(attempt.number, attempt.day, TAKES_WITHIN)
        return Promotion(date.fromordinal(attempt.day), attempt.rule, outcome)

    def _best(self, attempt: Attempt, history: History) -> Iterator[tuple[int, Outcome | None]]:
        for day, margin in attempt.best:
            yield margin, history.outcome(attempt.number, day, TAKES_WITHIN)


def end_of_batch(after: int, size: int = BATCH) -> int | None:
    """Return the last id of the batch of leads that follows, or None behind the last lead."""
    ids = Lead.objects.live().filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
    return ids[size - 1 : size].first() or ids.last()


def replay(plan: Plan, *, every_day: bool = False) -> Iterator[tuple[int, list[Entry]]]:
    """Yield for each batch of leads how many there were and what became of them."""
    engine, after = Engine.ready(plan, every_day=every_day), 0
    while (upto := end_of_batch(after)) is not None:
        histories = engine.loader.load(after, upto)
        yield len(histories), [entry for history in histories for entry in engine.entries(history)]
        after = upto


def promoted(entries: Iterable[Entry]) -> list[Entry]:
    """Leave out the attempts that nobody was promoted in."""
    return [entry for entry in entries if entry.live or entry.draft]


@dataclass
class Sweep:
    """For every shift of the line, from 100 points looser to 100 tighter: MQLs, decided and accepted.

    Kept as differences from one shift to the next, so that an attempt costs a few additions.
    """

    steps: list[list[int]]

    SPAN = 100

    @classmethod
    def empty(cls) -> Sweep:
        return cls([[0, 0, 0] for _ in range(2 * cls.SPAN + 2)])

    def add(self, entry: Entry) -> None:
        """Count an attempt at every shift at which the draft would have made it an MQL, on the day of then."""
        low = -self.SPAN
        for margin, outcome in entry.best:
            high = min(margin, self.SPAN)
            if high >= low:
                self._between(low, high, outcome)
                low = high + 1

    def _between(self, low: int, high: int, outcome: Outcome | None) -> None:
        decided = bool(outcome and outcome.decision)
        accepted = bool(outcome and outcome.decision == "accepted")
        for place, worth in ((low, 1), (high + 1, -1)):
            step = self.steps[place + self.SPAN]
            step[0] += worth
            step[1] += worth * decided
            step[2] += worth * accepted

    def rows(self) -> list[tuple[int, int, int, int]]:
        """Return (shift, MQLs, decided, accepted) for every shift, the loosest first."""
        found = []
        mqls = decided = accepted = 0
        for index, step in enumerate(self.steps[:-1]):
            mqls, decided, accepted = mqls + step[0], decided + step[1], accepted + step[2]
            found.append((index - self.SPAN, mqls, decided, accepted))
        return found


def swept(entries: Sequence[Entry], steps: list[list[int]] | None = None) -> Sweep:
    """Return the sweep over these entries, added to one begun earlier."""
    sweep = Sweep(steps) if steps else Sweep.empty()
    for entry in entries:
        sweep.add(entry)
    return sweep
