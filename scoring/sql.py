"""The score of many leads in one statement: a rulebook compiled to SQL that gives the engine's numbers.

Raw SQL because a rescore of everything has to keep pace with hand-written SQL; the engine stays the
reference, and a property test holds both equal on both databases. A statement takes the parameters `day` and
`oldest` and those of its lead filter.

From the inside out: three streams give the days on which each signal counts, one for each meaning of `distinct`;
`days` has one row per lead, signal and day with `n` events and `o` latest objects, `lines` has per lead and
signal the weighted units of each of the signal's rules, `sums` has per lead the ungrouped points, each group's
and the momentum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from scoring.engine import weights
from scoring.rulebook import GRADES, MOMENTUM_LIMIT, EngagementRule, FitRule, Rulebook

SCORE_COLUMNS = ("fit_score", "engagement_score", "score", "grade", "band", "momentum", "disqualified_by")
BY_IDS, BY_RANGE = "ids", "range"
NOTHING = (
    "SELECT CAST(NULL AS bigint) AS lead_id, CAST(NULL AS bigint) AS signal_id, "
    "CAST(NULL AS date) AS occurred_on, 0 AS n, 0 AS o"
)


@dataclass(frozen=True)
class Dialect:
    """Where PostgreSQL and SQLite differ."""

    name: str
    least: str
    greatest: str
    age: str
    differs: str  # between two row values, nulls included
    lower: str  # of A-Z only
    in_text: str
    by_ids: str
    # Keeps a subquery whole: SQLite would else work out a column once for every time it is named.
    fence: str

    def weight(self, half_life_days: int | None, window_days: int) -> str:
        """SQL for the weight at `d.age`, which is within the window."""
        if half_life_days is None:
            return "1000"
        table = weights(half_life_days)[:window_days]
        if self.name == "postgresql":
            return f"('{{{','.join(map(str, table))}}}'::int[])[d.age + 1]"
        # Four digits each: SQLite has no arrays, and a substring of a constant needs no lookup table.
        return f"CAST(substr('{''.join(f'{weight:04d}' for weight in table)}', d.age * 4 + 1, 4) AS INTEGER)"


DIALECTS = {
    "postgresql": Dialect(
        name="postgresql",
        least="LEAST",
        greatest="GREATEST",
        age="(%(day)s::date - occurred_on)",
        differs="({a}) IS DISTINCT FROM ({b})",
        lower='lower({} COLLATE "C")',
        in_text="strpos({text}, {word}) > 0",
        by_ids="{column} = ANY(%(ids)s::bigint[])",
        fence="",
    ),
    "sqlite": Dialect(
        name="sqlite",
        least="min",
        greatest="max",
        age="CAST(julianday(%(day)s) - julianday(occurred_on) AS INTEGER)",
        differs="({a}) IS NOT ({b})",
        lower="lower({})",
        in_text="instr({text}, {word}) > 0",
        by_ids="{column} IN (SELECT value FROM json_each(%(ids)s))",
        fence="LIMIT -1 OFFSET 0",
    ),
}


@dataclass
class Compiler:
    """Builds the statements for one rulebook; texts of the definition become parameters, never SQL."""

    definition: Rulebook
    signal_ids: Mapping[str, int]
    dialect: Dialect
    params: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: str) -> str:
        """Return the placeholder of a text parameter."""
        name = f"t{len(self.params)}"
        self.params[name] = value
        return f"%({name})s"

    @property
    def rules(self) -> list[list[EngagementRule]]:
        """The rules in slots: the k-th list has the k-th rule of every signal that has so many."""
        by_signal = [
            rules for signal, rules in self.definition.rules_by_signal.items() if signal in self.signal_ids
        ]
        depth = max(map(len, by_signal), default=0)
        return [[rules[slot] for rules in by_signal if len(rules) > slot] for slot in range(depth)]

    # --- engagement

    def days(self, lead_filter: str) -> str:
        """Rows of lead, signal and age with `n` events and `o` objects whose latest day it is."""
        streams = [
            stream
            for corrected in (False, True)
            for stream in (
                self.stream(lead_filter, {"none"}, set(), "occurred_on, count AS n, 0 AS o", corrected=corrected),
                self.stream(lead_filter, {"day"}, {"none"}, "occurred_on, 0 AS n, 0 AS o", corrected=corrected),
                self.stream(
                    lead_filter, {"object"}, set(), "MAX(occurred_on) AS occurred_on, 0 AS n, 1 AS o",
                    corrected=corrected, grouping=" GROUP BY lead_id, signal_id, object_key",
                ),
            )
            if stream
        ]  # fmt: skip
        union = "\n    UNION ALL ".join(streams or [NOTHING])
        return f"""
  SELECT lead_id, signal_id, {self.dialect.age} AS age,
    CAST(SUM(n) AS bigint) AS n, CAST(SUM(o) AS int) AS o
  FROM (
    {union}
  ) AS streams
  GROUP BY lead_id, signal_id, occurred_on"""

    def stream(
        self, lead_filter: str, distinct: set[str], but_not: set[str], columns: str, *,
        corrected: bool, grouping: str = "",
    ) -> str:  # fmt: skip
        """SELECT for the signals that have a rule of these kinds, and none of the others; "" without any.

        Leads without a correction, nearly all, have only positive counts: theirs need no adding up, and often
        no more than the index. Counts of the others are netted first.
        """
        wanted = [
            str(self.signal_ids[signal])
            for signal, rules in self.definition.rules_by_signal.items()
            if signal in self.signal_ids and self.kinds(rules) & distinct and not self.kinds(rules) & but_not
        ]
        if not wanted:
            return ""
        condition = f"""{lead_filter} AND signal_id IN ({", ".join(wanted)})
        AND occurred_on > %(oldest)s AND occurred_on <= %(day)s AND known_on <= %(day)s
        AND lead_id {"" if corrected else "NOT "}IN (
          SELECT lead_id FROM leads_engagementday WHERE count < 0 AND {lead_filter})"""
        source = f"leads_engagementday WHERE {condition}"
        if corrected:
            source = f"""(
      SELECT lead_id, signal_id, object_key, occurred_on, SUM(count) AS count
      FROM leads_engagementday WHERE {condition}
      GROUP BY lead_id, signal_id, object_key, occurred_on HAVING SUM(count) > 0) AS net"""
        return f"SELECT lead_id, signal_id, {columns} FROM {source}{grouping}"

    @staticmethod
    def kinds(rules: tuple[EngagementRule, ...]) -> set[str]:
        return {rule.distinct for rule in rules}

    def lines(self, lead_filter: str) -> str:
        slots = [
            f"CAST(SUM({self.per_signal(rules, self.weighted)}) AS bigint) AS t{slot}"
            for slot, rules in enumerate(self.rules)
        ]
        columns = ",\n    ".join([*slots, f"CAST(SUM({self.momentum()}) AS bigint) AS momentum"])
        return f"""
  SELECT lead_id, signal_id,
    {columns}
  FROM ({self.days(lead_filter)}
  ) AS d
  GROUP BY lead_id, signal_id"""

    def sums(self, lead_filter: str) -> str:
        groups = [None, *(group.id for group in self.definition.groups)]
        columns = [f"{self.group_sum(group)} AS g{number}" for number, group in enumerate(groups)]
        return f"""
  SELECT lead_id, {", ".join(columns)}, CAST(SUM(momentum) AS bigint) AS momentum
  FROM ({self.lines(lead_filter)}
  ) AS l
  GROUP BY lead_id"""

    def per_signal(self, rules: list[EngagementRule], expression: Any) -> str:
        cases = " ".join(f"WHEN {self.signal_ids[rule.signal]} THEN {expression(rule)}" for rule in rules)
        return f"CASE signal_id {cases} ELSE 0 END" if cases else "0"

    def units(self, rule: EngagementRule) -> str:
        if rule.distinct == "day":
            return "1"
        units = "d.n" if rule.distinct == "none" else "d.o"
        if rule.max_per_day is None:
            return units
        return f"CAST({self.dialect.least}({units}, {rule.max_per_day}) AS int)"

    def weighted(self, rule: EngagementRule) -> str:
        worth = f"{self.units(rule)} * {self.dialect.weight(rule.half_life_days, rule.window_days)}"
        return f"CASE WHEN d.age < {rule.window_days} THEN {worth} ELSE 0 END"

    def momentum(self) -> str:
        m = self.definition.momentum_days
        slots = " + ".join(self.per_signal(rules, self.trend) for rules in self.rules) or "0"
        return f"CASE WHEN d.age < {m} THEN {slots} WHEN d.age < {2 * m} THEN -({slots}) ELSE 0 END"

    def trend(self, rule: EngagementRule) -> str:
        worth = f"{rule.points} * {self.units(rule)}"
        if rule.window_days >= 2 * self.definition.momentum_days:
            return worth
        return f"CASE WHEN d.age < {rule.window_days} THEN {worth} ELSE 0 END"

    def group_sum(self, group: str | None) -> str:
        slots = []
        for slot, rules in enumerate(self.rules):
            mine = [rule for rule in rules if rule.group == group]
            if mine:
                slots.append(self.per_signal(mine, lambda rule, slot=slot: self.line(rule, f"t{slot}")))
        return f"CAST(SUM({' + '.join(slots)}) AS bigint)" if slots else "0"

    def line(self, rule: EngagementRule, units: str) -> str:
        """Points of a rule from its weighted units: integer division truncates, so half is added first."""
        if rule.points > 0:
            return f"{self.dialect.least}({rule.max_points}, ({rule.points} * {units} + 500) / 1000)"
        return f"{self.dialect.greatest}(-{rule.max_points}, ({rule.points} * {units} - 500) / 1000)"

    def engagement(self) -> str:
        capped = [
            f"{self.dialect.least}(COALESCE(s.g{number}, 0), {group.max_points})"
            for number, group in enumerate(self.definition.groups, start=1)
        ]
        return self.clip(" + ".join(["COALESCE(s.g0, 0)", *capped]), 0, self.definition.engagement_max)

    # --- fit

    def fit(self) -> str:
        cases = [
            f"CASE WHEN {self.test(rule)} THEN {rule.points} ELSE 0 END" for rule in self.definition.fit_rules
        ]
        return self.clip(" + ".join(cases) or "0", 0, self.definition.fit_max)

    def test(self, rule: FitRule) -> str:
        column = f"p.{rule.field}"
        if rule.op == "between":
            low, high = rule.value
            bounds = [f"{column} >= {low}"] * (low is not None) + [f"{column} <= {high}"] * (high is not None)
            return " AND ".join(bounds)
        if rule.op == "is":
            return f"{column} IS {'TRUE' if rule.value else 'FALSE'}"
        text = self.dialect.lower.format(column)
        if rule.op == "contains_any":
            listed = f"(', ' || {text} || ', ')"
            found = [
                self.dialect.in_text.format(text=listed, word=self.bind(f", {word}, ")) for word in rule.value
            ]
            return f"{column} <> '' AND ({' OR '.join(found)})"
        words = ", ".join(self.bind(word) for word in rule.value)
        return f"{column} <> '' AND {text} {'IN' if rule.op == 'in' else 'NOT IN'} ({words})"

    def disqualified_by(self) -> str:
        cases = " ".join(f"WHEN {self.test(rule)} THEN '{rule.id}'" for rule in self.definition.disqualifiers)
        return f"CASE {cases} ELSE '' END" if cases else "''"

    def grade(self) -> str:
        steps = zip(GRADES, self.definition.grades, strict=False)
        cases = " ".join(f"WHEN fit >= {least} THEN '{letter}'" for letter, least in steps)
        return f"CASE {cases} ELSE '{GRADES[-1]}' END"

    def band(self) -> str:
        return "1" + "".join(
            f" + CASE WHEN engagement >= {least} THEN 1 ELSE 0 END" for least in self.definition.bands
        )

    def clip(self, value: str, low: int, high: int) -> str:
        return f"{self.dialect.greatest}({low}, {self.dialect.least}({high}, {value}))"

    # --- statements

    def scored(self, kind: str) -> str:
        """SELECT id and the score columns, in the order of SCORE_COLUMNS, of the filtered live leads."""
        momentum = self.clip("COALESCE(s.momentum, 0)", -MOMENTUM_LIMIT, MOMENTUM_LIMIT)
        return f"""
SELECT id, fit AS fit_score, engagement AS engagement_score, fit + engagement AS score,
  {self.grade()} AS grade, {self.band()} AS band, momentum, disqualified_by
FROM (
  SELECT p.id, {self.fit()} AS fit, {self.engagement()} AS engagement, {momentum} AS momentum,
    {self.disqualified_by()} AS disqualified_by
  FROM leads_lead AS p LEFT JOIN ({self.sums(self.lead_filter(kind, "lead_id"))}
  ) AS s ON s.lead_id = p.id
  WHERE p.merged_into_id IS NULL AND {self.lead_filter(kind, "p.id")}
  {self.dialect.fence}
) AS parts"""

    def update(self, kind: str) -> str:
        """UPDATE the filtered leads whose score, or the version it is of, changed."""
        columns = [*SCORE_COLUMNS, "score_version"]
        old = ", ".join(f"target.{name}" for name in columns)
        new = ", ".join([*(f"new.{name}" for name in SCORE_COLUMNS), "%(version)s"])
        settings = ", ".join(f"{name} = new.{name}" for name in SCORE_COLUMNS)
        return f"""
UPDATE leads_lead AS target SET {settings}, score_version = %(version)s, scored_on = %(day)s
FROM ({self.scored(kind)}
) AS new
WHERE target.id = new.id AND {self.dialect.differs.format(a=old, b=new)}"""

    def lead_filter(self, kind: str, column: str) -> str:
        if kind == BY_IDS:
            return self.dialect.by_ids.format(column=column)
        return f"{column} > %(after)s AND {column} <= %(upto)s"


@dataclass(frozen=True)
class CompiledRules:
    """Ready statements for one rulebook on one database, by lead ids and by lead id range."""

    scored: Mapping[str, str]
    update: Mapping[str, str]
    texts: Mapping[str, str]
    longest_window: int
    vendor: str

    def params(self, day: date, **more: Any) -> dict[str, Any]:
        """Return the parameters of a statement; dates as the database's adapter takes them."""
        days = {"day": day, "oldest": day - timedelta(days=self.longest_window)}
        spelled = {
            name: value.isoformat() if self.vendor == "sqlite" else value for name, value in days.items()
        }
        return {**self.texts, **spelled, **more}


def compile_rules(definition: Rulebook, signal_ids: Mapping[str, int], vendor: str) -> CompiledRules:
    """Compile a rulebook for a database; signals the catalogue does not know give no points."""
    compiler = Compiler(definition, signal_ids, DIALECTS[vendor])
    scored = {kind: compiler.scored(kind) for kind in (BY_IDS, BY_RANGE)}
    update = {kind: compiler.update(kind) for kind in (BY_IDS, BY_RANGE)}
    longest = max(rule.window_days for rule in definition.engagement_rules)
    return CompiledRules(scored, update, compiler.params, longest, vendor)
