"""The pages of the definition editor: which lines each has, and what every line means in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.controls import Add, Block, Control, Group, Line, Maker, Options
from scoring.document_check import CONDITION_FIELDS, OPS_BY_FIELD, SQL_KINDS, Problem
from scoring.documents import parse, standard_document, validate
from scoring.engine import SignalFacts
from scoring.plain_words import ANSWERS, FIELD_NAMES, SQL_MEANINGS, condition_words, points_row, profile_test
from scoring.rulebook import FLAG_FIELDS, NUMBER_FIELDS, PROFILE_FIELDS, Rulebook, RuleSet
from scoring.scenarios import Outcome

Signals = Mapping[str, SignalFacts]
Parts = list[str | Control]
SECTIONS = {
    "rules": "Rules", "points": "Points", "fit": "Fit and grid", "sql": "SQL", "exits": "Exits", "examples": "Examples",
}  # fmt: skip

_KIND_NAMES = {
    "score_at_least": "the score", "fit_at_least": "the fit score", "engagement_at_least": "the engagement score",
    "momentum_at_least": "the momentum", "grade_at_least": "the fit grade", "band_at_least": "the engagement band",
    "signal": "certain signals", "form_with_product": "a form with a product",
    "re_engagement": "coming back on a later day", "hand_raise_fit": "fit, or nothing known about it yet",
    "answered": "what discovery knows", "conversation": "a conversation", "meeting_set": "a meeting",
    "timing_within": "the timing", "stakeholders_at_least": "stakeholders",
}  # fmt: skip
_MQL_KINDS = [kind for kind in CONDITION_FIELDS if kind not in SQL_KINDS or kind == "score_at_least"]
_OPS = {
    "in": "is one of", "not_in": "is known and none of", "contains_any": "names one of", "between": "lies between",
    "is": "is",
}  # fmt: skip
_DISTINCT = [("none", "each time"), ("day", "once a day"), ("object", "each page or form once")]
_TIMES = [("none", "times"), ("day", "different days"), ("object", "different pages or forms")]
_YES_NO = [("yes", "yes"), ("no", "no")]
_GRADES = [(letter, letter) for letter in "ABCD"]


@dataclass
class Page:
    """One page of the editor; `problems` are those at no control of it."""

    groups: list[Group]
    problems: list[str]


class Builder:
    """Builds the pages for one document as it stands in the form, valid or not."""

    def __init__(
        self,
        document: Mapping[str, Any],
        signals: Signals,
        live: Rulebook | None,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        problems: Iterable[Problem] = validate(document)
        self.make = Maker(document, problems)
        self.signals, self.live = signals, live
        self.rules = None if self.make.errors else parse(document)
        self.outcomes = {outcome.scenario.name: outcome for outcome in outcomes}
        self.signal_options: Options = [
            (slug, facts.label) for slug, facts in sorted(signals.items(), key=lambda one: one[1].label)
        ]

    def page(self, section: str) -> Page:
        """Return the groups of one page."""
        groups = _PAGES[section](self)
        return Page(groups, self.make.left_over())

    # --- MQL and SQL rules

    def rules_page(self) -> list[Group]:
        make = self.make
        again = Line(
            ["After sales decided, only new engagement of", self._intent(),
             "intent or higher qualifies again, and not before",
             make.number("mql/cool_down_days", "Days of cool-down"), "days have passed."]
        )  # fmt: skip
        modes = [
            ("every", "Every MQL is handed to sales at once"),
            ("sales_ready", "Only MQLs that also meet the conditions below"),
        ]
        hint = "Any one rule is enough; the first that holds names the promotion."
        handoff = [Line([make.choice("mql/handoff/mode", "Which MQLs are handed to sales", modes)])]
        adds = []
        if make.value("mql/handoff/mode") == "sales_ready":
            handoff += self._conditions("mql/handoff/all", None)
            adds = [Add("mql/handoff/all", "Add condition", self._kinds(_MQL_KINDS), "Condition")]
        return [
            self._rule_sets("mql", "A lead becomes an MQL", hint),
            Group("Handed to sales", [Block(handoff, adds=adds)]),
            Group("Qualifying again", [Block([again])]),
        ]  # fmt: skip

    def _intent(self) -> Control:
        options = [("low", "low"), ("medium", "medium"), ("high", "high")]
        return self.make.choice("mql/requalify_intent", "Least intent of new engagement", options)

    def sql(self) -> list[Group]:
        meanings = [(value, text) for value, text in SQL_MEANINGS.items()]
        meaning = Line([self.make.choice("sql/meaning", "What makes an SQL", meanings)])
        hint = "Asked where the meaning above speaks of rules; any one is enough."
        return [
            Group("What SQL means here", [Block([meaning])], "All reports follow this one choice."),
            self._rule_sets("sql", "An MQL becomes an SQL", hint),
        ]

    def _rule_sets(self, section: str, title: str, hint: str) -> Group:
        path = f"{section}/rule_sets"
        templates = [(one["id"], one["label"]) for one in standard_document()[section]["rule_sets"]]
        add = Add(path, "Add rule", [*templates, ("", "An empty rule")], "Rule to start from")
        blocks = [self._rule_set(where, entry, section) for where, entry in self.make.entries(path)]
        return Group(title, blocks, hint, [add], "or")

    def _rule_set(self, path: str, entry: dict[str, Any], section: str) -> Block:
        make = self.make
        head: Parts = [
            make.hidden(f"{path}/id"),
            make.text(f"{path}/label", "Name of the rule", width="wide"),
        ]
        kinds = _MQL_KINDS if section == "mql" else sorted(SQL_KINDS)
        if section == "mql":
            asked = [("no", "needs the cool-down"), ("yes", "hand-raiser: no cool-down")]
            head.append(make.choice(f"{path}/hand_raiser", "Asked", asked, "flag", "no"))
        lines = self._conditions(f"{path}/all", self._live_set(section, entry.get("id")))
        adds = [Add(f"{path}/all", "Add condition", self._kinds(kinds), "Condition")]
        return Block(lines, head, path, str(entry.get("label", "")), adds)

    def _live_set(self, section: str, key: Any) -> RuleSet | None:
        sets = (self.live.mql if section == "mql" else self.live.sql) if self.live else ()
        return next((one for one in sets if one.id == key), None)

    @staticmethod
    def _kinds(kinds: Iterable[str]) -> Options:
        return [(kind, _KIND_NAMES[kind]) for kind in kinds]

    def _conditions(self, path: str, live: RuleSet | None) -> list[Line]:
        entries = self.make.entries(path)
        return [
            self._condition(where, str(entry.get("kind")), number, live)
            for number, (where, entry) in enumerate(entries)
        ]

    def _condition(self, path: str, kind: str, number: int, live: RuleSet | None) -> Line:
        make = self.make
        parts: Parts = _SENTENCES[kind](make, path, self) if kind in _SENTENCES else [kind]
        line = Line([make.hidden(f"{path}/kind"), *parts], path, op="when" if number == 0 else "and")
        if live and self.rules:
            line.was = self._was(path, kind, live)
        return line

    def _was(self, path: str, kind: str, live: RuleSet) -> str:
        """Return what the live rule asks in this line's place; empty where it is the same."""
        words = self._words_at(path)
        before = [condition_words(one, self.signals) for one in live.all]
        if words in before:
            return ""
        same = [condition_words(one, self.signals) for one in live.all if one.kind == kind]
        return same[0] if same else "new"

    def _words_at(self, path: str) -> str:
        section, _, number, _, index = [*path.split("/"), "", ""][:5]
        if not self.rules or not number.isdigit() or not index.isdigit():
            return ""
        sets = self.rules.mql if section == "mql" else self.rules.sql
        return condition_words(sets[int(number)].all[int(index)], self.signals)

    # --- points

    def points(self) -> list[Group]:
        groups = [("", "no group")] + [
            (str(one.get("id")), str(one.get("label"))) for _, one in self.make.entries("engagement/groups")
        ]
        rules = [
            self._points_block(path, entry, groups) for path, entry in self.make.entries("engagement/rules")
        ]
        caps = [self._group_line(path) for path, _ in self.make.entries("engagement/groups")]
        hint = "A line a rule. Points fade by half with each half-life; negative points take away."
        return [
            Group("Signals", rules, hint, [Add("engagement/rules", "Add signal", self.signal_options, "Signal")]),
            Group("Groups", [Block(caps)], "What the rules of a group bring together, at most.",
                  [Add("engagement/groups", "Add group")]),
        ]  # fmt: skip

    def _points_block(self, path: str, entry: dict[str, Any], groups: Options) -> Block:
        make = self.make
        line = Line(
            [make.choice(f"{path}/signal", "Signal", self.signal_options), "gives",
             make.number(f"{path}/points", "Points"), "points,",
             make.choice(f"{path}/distinct", "Counted", _DISTINCT, default="none"), "and at most",
             make.number(f"{path}/max_per_day", "Most a day", "opt"), "a day; halves every",
             make.number(f"{path}/half_life_days", "Half-life in days", "opt"), "days, looks back",
             make.number(f"{path}/window_days", "Window in days"), "days, brings",
             make.number(f"{path}/max_points", "Most points"), "at most, in",
             make.choice(f"{path}/group", "Group", groups, "opttext")],
            words=self._points_words(self.rules, entry), was=self._points_words(self.live, entry),
        )  # fmt: skip
        if line.was == line.words or not line.words:
            line.was = ""
        elif self.live and not line.was:
            line.was = "new"
        head: Parts = [
            make.hidden(f"{path}/id"),
            make.text(f"{path}/label", "Name of the line", width="wide"),
        ]
        return Block([line], head, path, str(entry.get("label", "")))

    @staticmethod
    def _points_words(rules: Rulebook | None, entry: Mapping[str, Any]) -> str:
        found = (
            next((one for one in rules.engagement_rules if one.id == entry.get("id")), None)
            if rules
            else None
        )
        if found is None or rules is None:
            return ""
        row = points_row(found, rules)
        together = f", together with {row.group}" if row.group else ""
        points = f"{row.points:+d}".replace("-", "−")
        return f"{points} {row.counts}, {row.fades}, within {row.window}, {row.at_most} at most{together}."

    def _group_line(self, path: str) -> Line:
        make = self.make
        return Line(
            [make.hidden(f"{path}/id"), make.text(f"{path}/label", "Name of the group", width="wide"), "counts",
             make.number(f"{path}/max_points", "Most points"), "points at most."], path,
        )  # fmt: skip

    # --- fit

    def fit(self) -> list[Group]:
        fields = [(name, FIELD_NAMES[name]) for name in PROFILE_FIELDS]
        rules = [Block([self._fit_line(path, entry)]) for path, entry in self.make.entries("fit/rules")]
        left_out = [
            Block([self._fit_line(path, entry)]) for path, entry in self.make.entries("fit/disqualifiers")
        ]
        return [
            Group("Fit rules", rules, "What is unknown gives no points and is not held against anybody.",
                  [Add("fit/rules", "Add fit rule", fields, "Field")]),
            Group("Never an MQL", left_out, "Whatever the score; the score itself stays.",
                  [Add("fit/disqualifiers", "Add disqualifier", fields, "Field")]),
            Group("Grid", [Block(self._grid())], "Fit grade by engagement band. The score is fit plus engagement."),
        ]  # fmt: skip

    def _fit_line(self, path: str, entry: dict[str, Any]) -> Line:
        make, name, op = self.make, str(entry.get("field")), entry.get("op")
        fields = [(one, FIELD_NAMES[one]) for one in PROFILE_FIELDS]
        ops = [(one, _OPS[one]) for one in OPS_BY_FIELD.get(name, ("in",))]
        parts: Parts = [
            make.hidden(f"{path}/id"),
            make.text(f"{path}/label", "Name of the rule", width="wide"),
        ]
        if "points" in entry:
            parts += ["gives", make.number(f"{path}/points", "Points"), "points where"]
        else:
            parts.append("where")
        parts += [make.choice(f"{path}/field", "Field", fields), make.choice(f"{path}/op", "Test", ops)]
        if op == "between":
            parts += [
                make.number(f"{path}/value/0", "From", "opt"),
                "and",
                make.number(f"{path}/value/1", "To", "opt"),
            ]
        elif op == "is":
            parts.append(make.choice(f"{path}/value", "Value", _YES_NO, "flag"))
        else:
            parts.append(make.lines(f"{path}/value", "Values, one a line"))
        line = Line(parts, path, self._fit_words(self.rules, path, entry))
        before = self._fit_words(self.live, path, entry)
        line.was = before if before and line.words and before != line.words else ""
        return line

    @staticmethod
    def _fit_words(rules: Rulebook | None, path: str, entry: Mapping[str, Any]) -> str:
        if rules is None:
            return ""
        listed = rules.fit_rules if path.startswith("fit/rules") else rules.disqualifiers
        found = next((one for one in listed if one.id == entry.get("id")), None)
        if found is None:
            return ""
        points = f"{found.points:+d}: ".replace("-", "−") if found.points else ""
        return f"{points}{profile_test(found)}."

    def _grid(self) -> list[Line]:
        number = self.make.number
        return [
            Line(["Fit counts", number("fit/max", "Most fit points"), "points at most, engagement",
                  number("engagement/max", "Most engagement points"), "; together 100 or less."]),
            Line(["Fit grade A from", number("fit/grades/A", "Least fit for A"), ", B from",
                  number("fit/grades/B", "Least fit for B"), ", C from", number("fit/grades/C", "Least fit for C"),
                  ", else D."]),
            Line(["Engagement band 2 from", number("engagement/bands/0", "Least engagement for band 2"), ", 3 from",
                  number("engagement/bands/1", "Least engagement for band 3"), ", 4 from",
                  number("engagement/bands/2", "Least engagement for band 4"), ", else 1."]),
            Line(["Momentum compares the last", number("momentum_days", "Days of momentum"),
                  "days with as many before."]),
        ]  # fmt: skip

    # --- exits

    def exits(self) -> list[Group]:
        options = [("nurture", "goes to nurture"), ("none", "only loses points")]
        line = Line(
            ["A lead that unsubscribes", self.make.choice("exits/unsubscribe", "What happens", options, default="none"),
             "for", self.make.number("exits/nurture_days", "Days in nurture", "omitint"),
             "days, and is then listed as woken up."]
        )  # fmt: skip
        return [Group("Leaving", [Block([line])], "An MQL stays with sales, whatever it unsubscribes from.")]

    # --- examples

    def examples(self) -> list[Group]:
        blocks = [self._example(path, entry) for path, entry in self.make.entries("scenarios")]
        hint = "Agreed with sales. They run on every change; while one breaks, nothing can be proposed."
        return [Group("Examples", blocks, hint, [Add("scenarios", "Add example")])]

    def _example(self, path: str, entry: dict[str, Any]) -> Block:
        make = self.make
        answers = [("yes", "is an MQL"), ("no", "is not an MQL")]
        head: Parts = [
            make.text(f"{path}/name", "What happens, in words", width="full"),
            make.choice(f"{path}/mql", "Agreed", answers, "flag"), "with a score of",
            make.number(f"{path}/score/min", "Least score", "omitint"), "to",
            make.number(f"{path}/score/max", "Highest score", "omitint"),
        ]  # fmt: skip
        lines = [Line([self._profile(f"{path}/profile/{name}", name) for name in PROFILE_FIELDS])]
        lines += [self._event(where) for where, _ in make.entries(f"{path}/events")]
        outcome = self.outcomes.get(str(entry.get("name")))
        block = Block(lines, head, path, str(entry.get("name", "")), note=outcome.said if outcome else "")
        block.tone = ("good" if outcome.holds else "bad") if outcome else ""
        block.adds = [Add(f"{path}/events", "Add event", self.signal_options, "Signal")]
        return block

    def _profile(self, path: str, name: str) -> Control:
        label = FIELD_NAMES[name].capitalize()
        if name in FLAG_FIELDS:
            return self.make.choice(path, label, [("", "unknown"), *_YES_NO], "omitflag")
        if name in NUMBER_FIELDS:
            return self.make.number(path, label, "omitint")
        return self.make.text(path, label, "omit")

    def _event(self, path: str) -> Line:
        make = self.make
        return Line(
            [make.choice(f"{path}/signal", "Signal", self.signal_options), "on",
             make.text(f"{path}/object", "Page, asset or form", "omit"),
             make.number(f"{path}/times", "Times", "omitint"), "times,",
             make.number(f"{path}/days_ago", "Days ago"), "days ago"], path,
        )  # fmt: skip


def _value(before: str, label: str, after: str = "") -> Callable[[Maker, str, Builder], Parts]:
    return lambda make, path, _: [before, make.number(f"{path}/value", label), *([after] if after else [])]


def _signal_parts(make: Maker, path: str, builder: Builder) -> Parts:
    return [
        make.picks(f"{path}/signals", "Signals, any of", builder.signal_options), "came at least",
        make.number(f"{path}/at_least", "How often"),
        make.choice(f"{path}/distinct", "Counted as", _TIMES, default="none"), "within",
        make.number(f"{path}/within_days", "Days"), "days",
    ]  # fmt: skip


def _within(before: str, after: str) -> Callable[[Maker, str, Builder], Parts]:
    return lambda make, path, _: [before, make.number(f"{path}/within_days", "Days"), after]


_SENTENCES: dict[str, Callable[[Maker, str, Builder], Parts]] = {
    "score_at_least": _value("the score is at least", "Least score"),
    "fit_at_least": _value("the fit score is at least", "Least fit"),
    "engagement_at_least": _value("the engagement score is at least", "Least engagement"),
    "momentum_at_least": _value("the momentum is at least", "Least momentum"),
    "band_at_least": _value("the engagement band is at least", "Least band"),
    "hand_raise_fit": _value("the fit score is at least", "Least fit", "or nothing is known about the fit yet"),
    "stakeholders_at_least": _value("at least", "Stakeholders", "stakeholders are known"),
    "grade_at_least": lambda make, path, _: [
        "the fit grade is", make.choice(f"{path}/value", "Fit grade", _GRADES), "or better",
    ],
    "signal": _signal_parts,
    "form_with_product": _within("a form with a product came within", "days"),
    "re_engagement": _within("they came back on a later day, within", "days of their first engagement"),
    "conversation": _within("sales spoke with them within", "days"),
    "answered": lambda make, path, _: [make.picks(f"{path}/fields", "All of", list(ANSWERS.items())), "known"],
    "timing_within": lambda make, path, _: [
        "they want to decide within", make.number(f"{path}/months", "Months"), "months",
    ],
    "meeting_set": lambda make, path, _: ["a meeting is set"],
}  # fmt: skip
_PAGES: dict[str, Callable[[Builder], list[Group]]] = {
    "rules": Builder.rules_page, "points": Builder.points, "fit": Builder.fit, "sql": Builder.sql,
    "exits": Builder.exits, "examples": Builder.examples,
}  # fmt: skip
