"""A definition in parsed form: what the engine reads. Plain data; made by `scoring.documents.parse`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

TEXT_FIELDS = frozenset(
    "job_title role seniority industry country region tech_stack data_maturity product_interest".split()
)
NUMBER_FIELDS = frozenset({"employees"})
FLAG_FIELDS = frozenset({"is_free_mail", "is_competitor", "is_student"})
PROFILE_FIELDS = tuple(sorted(TEXT_FIELDS | NUMBER_FIELDS | FLAG_FIELDS))
GRADES = "ABCD"
MOMENTUM_LIMIT = 1_000_000
MAX_WINDOW_DAYS = 400


@dataclass(frozen=True, slots=True)
class EngagementRule:
    id: str
    label: str
    signal: str
    points: int
    half_life_days: int | None
    window_days: int
    distinct: str  # "none", "day" or "object"
    max_per_day: int | None
    max_points: int
    group: str | None


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    label: str
    max_points: int


@dataclass(frozen=True, slots=True)
class FitRule:
    """A fit rule, or with 0 points a disqualifier. `value` is a tuple of texts or bounds, or a bool."""

    id: str
    label: str
    field: str
    op: str
    value: Any
    points: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a rule set asks; `kind` says which of the other fields matter."""

    kind: str
    value: Any = None
    signals: tuple[str, ...] = ()
    at_least: int = 1
    within_days: int = 0
    distinct: str = "none"
    fields: tuple[str, ...] = ()
    months: int = 0


@dataclass(frozen=True, slots=True)
class RuleSet:
    id: str
    label: str
    all: tuple[Condition, ...]
    hand_raiser: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """An example with the answer the definition must give; `events` are (signal, object, days ago, times).

    `score` is the agreed range, open (None) on either side.
    """

    name: str
    profile: Mapping[str, Any]
    events: tuple[tuple[str, str, int, int], ...]
    mql: bool
    score: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True)
class Rulebook:
    """The whole document. Equal documents give equal rulebooks."""

    name: str
    engagement_max: int
    bands: tuple[int, int, int]
    groups: tuple[Group, ...]
    engagement_rules: tuple[EngagementRule, ...]
    fit_max: int
    grades: tuple[int, int, int]  # least fit for A, B, C
    fit_rules: tuple[FitRule, ...]
    disqualifiers: tuple[FitRule, ...]
    mql: tuple[RuleSet, ...]
    cool_down_days: int
    requalify_intent: int
    handoff_mode: str
    handoff_all: tuple[Condition, ...]
    sql_meaning: str
    sql: tuple[RuleSet, ...]
    unsubscribe_exit: str
    nurture_days: int
    momentum_days: int
    scenarios: tuple[Scenario, ...]

    @cached_property
    def rules_by_signal(self) -> dict[str, tuple[EngagementRule, ...]]:
        """Engagement rules under the signal they read, in document order."""
        found: dict[str, tuple[EngagementRule, ...]] = {}
        for rule in self.engagement_rules:
            found[rule.signal] = (*found.get(rule.signal, ()), rule)
        return found

    @cached_property
    def fit_fields(self) -> frozenset[str]:
        """Fields a hand-raiser may leave unknown; the free-mail mark is known as soon as the address is."""
        return frozenset(rule.field for rule in self.fit_rules) - {"is_free_mail"}

    def grade_of(self, fit: int) -> str:
        return next(
            (letter for letter, least in zip(GRADES, self.grades, strict=False) if fit >= least), GRADES[-1]
        )

    def band_of(self, engagement: int) -> int:
        return 1 + sum(engagement >= least for least in self.bands)
