"""One lead's past lived through again under other rules, on those days only on which anything can change.

A positive rule's points only fall until something new becomes known, so a lead need be asked on the days on which
a count, the profile, the rules or its standing changed, and while something negative fades. That this finds what
asking on every day finds is held by a property test.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.backtest_counts import Counts
from scoring.backtest_history import History, Standing, day_of
from scoring.backtest_rules import ALWAYS, Figures, ReadyRules, Scorer
from scoring.conditions import Boundary, gather, new_counts, new_signal
from scoring.engine import DayCount
from scoring.qualification import Verdict, judge


@dataclass(frozen=True)
class World:
    """Rules over time: a version from each day on; one version from ever for a draft. None before the first."""

    name: str
    since: Sequence[int]
    versions: Sequence[ReadyRules]
    sweeps: bool = False  # whether to note by how much each lead was over or under the line

    def on(self, day: int) -> ReadyRules | None:
        """Return the rules in force at the end of `day`."""
        index = bisect_right(self.since, day)
        return self.versions[index - 1] if index else None


@dataclass
class Attempt:
    """What one world made of a lead between two ends of its cycles.

    `best` has each day on which the margin over the line of its rule sets rose, with the new margin.
    """

    number: int
    day: int | None = None
    rule: str = ""
    best: list[tuple[int, int]] = field(default_factory=list)
    used: bool = False  # an MQL when the replay began

    @property
    def wants(self) -> int:
        """The margin from which on an answer is news."""
        return self.best[-1][1] + 1 if self.best else -ALWAYS

    def note(self, day: int, margin: int, rule: str, *, sweeps: bool) -> None:
        if margin >= 0 and self.day is None:
            self.day, self.rule = day, rule
        if sweeps and margin >= self.wants:
            self.best.append((day, margin))


Found = dict[str, dict[int, Attempt]]  # by world, by number


@dataclass(frozen=True)
class Replay:
    """Replays of many leads under the same worlds over the same days."""

    first: int
    last: int
    worlds: Sequence[World]
    scorer: Scorer
    every_day: bool = False  # ask the reference on every day: for tests

    @classmethod
    def over(cls, first: int, last: int, worlds: Sequence[World], *, every_day: bool = False) -> Replay:
        return cls(first, last, worlds, Scorer.of([v for world in worlds for v in world.versions]), every_day)

    def run(self, history: History) -> Found:
        """Return what each world made of the lead, attempt by attempt."""
        return _LeadReplay(self, history).run()

    def rulebooks(self) -> Iterator[ReadyRules]:
        for world in self.worlds:
            yield from world.versions


class _LeadReplay:
    """The state of one lead's replay."""

    def __init__(self, replay: Replay, history: History) -> None:
        self.replay, self.history = replay, history
        self.counts = Counts()
        self.found: Found = {world.name: {} for world in replay.worlds}
        self.fits: dict[tuple[int, int], tuple[int, bool]] = {}
        self.newness: dict[tuple[int, int, int], bool] = {}
        self.taken = 0  # how many of the rows count by now

    def run(self) -> Found:
        standings = self.history.standings
        if not standings or standings[0].day > self.replay.last:
            return self.found
        rows, stood = self.history.rows, -1
        self._note_mqls_at_the_start()
        for day in self._days():
            while stood + 1 < len(standings) and standings[stood + 1].day <= day:
                stood += 1
                if standings[stood].opens_boundary and standings[stood].day == day and stood:
                    self._ask_before(standings[stood - 1], standings[stood])
            start = self.taken
            while self.taken < len(rows) and rows[self.taken].there <= day:
                self.taken += 1
            self.counts.add(rows[start : self.taken])
            if stood >= 0 and standings[stood].is_open:
                self._ask(standings[stood], day)
        return self.found

    def _note_mqls_at_the_start(self) -> None:
        before = [standing for standing in self.history.standings if standing.day < self.replay.first]
        entered = [one for one in before if one.enters_mql and one.attempt == before[-1].attempt]
        for world in self.replay.worlds if entered else ():
            self.found[world.name][before[-1].attempt] = Attempt(before[-1].attempt, used=True)

    # --- which days

    def _days(self) -> list[int]:
        first, last = self.replay.first, self.replay.last
        if self.replay.every_day:
            return list(range(first, last + 1))
        days = {first, *self._changes()}
        return sorted(day for day in days if first <= day <= last)

    def _changes(self) -> Iterator[int]:
        history = self.history
        yield from (row.there for row in history.rows)
        yield from (since for since, _ in history.profiles)
        yield from (standing.day for standing in history.standings)
        for world in self.replay.worlds:
            yield from world.since
        for ready in self.replay.rulebooks():
            yield from self._changes_under(ready)

    def _changes_under(self, ready: ReadyRules) -> Iterator[int]:
        for standing in self.history.standings:
            ended_on = standing.boundary.cycle_ended_on if standing.boundary else None
            if ended_on:
                yield ended_on.toordinal() + ready.rulebook.cool_down_days
        for spec, _ in ready.lines:
            if spec.points < 0:
                yield from self._fading(spec.signal, spec.window_days)
        if ready.asks_momentum:
            span = ready.rulebook.momentum_days
            ages = {span, 2 * span, *(spec.window_days for spec, _ in ready.lines)}
            yield from (row.occurred + age for row in self.history.rows for age in ages)

    def _fading(self, signal: str, window: int) -> Iterator[int]:
        given = [row.occurred for row in self.history.rows if row.signal == signal]
        if given:
            yield from range(min(given), max(given) + window + 1)

    # --- asking

    def _ask_before(self, standing: Standing, following: Standing) -> None:
        """Ask as of the moment at which a boundary began, with what was known by then."""
        if standing.is_open and following.boundary is not None:
            profile, counts = self.history.known_when(following)
            for world, attempt in self._attempts(standing):
                self._judge(world, attempt, standing, following.day, profile, counts)

    def _attempts(self, standing: Standing) -> Iterator[tuple[World, Attempt]]:
        """Yield the worlds in which an answer could still be news."""
        for world in self.replay.worlds:
            attempts = self.found[world.name]
            attempt = attempts.get(standing.attempt)
            if attempt is None:
                attempt = attempts[standing.attempt] = Attempt(standing.attempt)
            if not attempt.used and (attempt.day is None or world.sweeps) and attempt.wants <= ALWAYS:
                yield world, attempt

    def _ask(self, standing: Standing, day: int) -> None:
        profile = self.history.profile(day)
        if self.replay.every_day:
            for world, attempt in self._attempts(standing):
                self._judge(world, attempt, standing, day, profile, self.history.counts)
            return
        points: Mapping[Any, int] | None = None
        for world, attempt in self._attempts(standing):
            ready = world.on(day)
            if ready is None:
                continue
            fit, disqualified = self._fit(ready, profile)
            if disqualified:
                continue
            if points is None:
                points = self.replay.scorer.points(self.counts, day)
            figures = ready.figures(day, self.counts, profile, fit, points)
            if standing.boundary is None:
                self._answer(world, attempt, ready, figures)
            elif self._may_be_news(world, attempt, ready, figures) and self._is_new(
                ready, standing.boundary, day
            ):
                self._judge(world, attempt, standing, day, profile, self.history.counts)

    def _is_new(self, ready: ReadyRules, boundary: Boundary, day: int) -> bool:
        """Tell whether there is engagement since the boundary; without any, no rule set promotes."""
        key = (id(boundary), self.taken, ready.rulebook.requalify_intent)
        if (found := self.newness.get(key)) is None:
            sums = new_counts(self.history.counts, boundary, day_of(day))
            found = new_signal(sums, boundary, ready.rulebook, ready.signals) is not None
            self.newness[key] = found
        return found

    def _fit(self, ready: ReadyRules, profile: Mapping[str, Any]) -> tuple[int, bool]:
        key = (id(ready), id(profile))
        if (found := self.fits.get(key)) is None:
            found = self.fits[key] = (ready.fit(profile), ready.disqualified(profile))
        return found

    def _answer(self, world: World, attempt: Attempt, ready: ReadyRules, figures: Figures) -> None:
        least = attempt.wants if world.sweeps else 0
        best, rule = None, ""
        for rule_set in ready.rule_sets:
            most = rule_set.most(figures)
            margin = rule_set.margin(figures) if most is not None and most >= least else None
            if margin is None:
                continue
            if margin >= 0 and not rule:
                rule = rule_set.id
            best = margin if best is None else max(best, margin)
            if best == ALWAYS and rule:
                break
        if best is not None:
            attempt.note(figures.day, best, rule, sweeps=world.sweeps)

    def _may_be_news(self, world: World, attempt: Attempt, ready: ReadyRules, figures: Figures) -> bool:
        least = attempt.wants if world.sweeps else 0
        found = (rule_set.most(figures) for rule_set in ready.rule_sets)
        return any(most is not None and most >= least for most in found)

    def _judge(
        self,
        world: World,
        attempt: Attempt,
        standing: Standing,
        day: int,
        profile: Mapping[str, Any],
        counts: Sequence[DayCount],
    ) -> None:
        """Ask the reference: the same functions that promote."""
        ready, on = world.on(day), day_of(day)
        if ready is None:
            return
        facts = gather(profile, counts, ready.rulebook, on, ready.signals, standing.boundary)
        verdict = judge(facts, ready.rulebook)
        margin = margin_of(verdict, facts.breakdown.score)
        if margin is not None:
            rule = verdict.promoted_by.rule_set.id if verdict.promoted_by else ""
            attempt.note(day, margin, rule, sweeps=world.sweeps)


def margin_of(verdict: Verdict, points: int) -> int | None:
    """Return by how much the score is over the line of the rule set that is nearest; None if more lacks."""
    margins = []
    for answer in () if verdict.blocks else verdict.rule_sets:
        if verdict.soft_blocks and not answer.rule_set.hand_raiser:
            continue
        if all(found.met for found in answer.answers if found.kind != "score_at_least"):
            lines = [asked.value for asked in answer.rule_set.all if asked.kind == "score_at_least"]
            margins.append(points - max(lines) if lines else ALWAYS)
    return max(margins, default=None)
