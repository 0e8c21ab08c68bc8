"""What is allowed in a definition document (docs/scoring.md has the limits in words). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.conditions import MQL_KINDS
from scoring.rulebook import FLAG_FIELDS, GRADES, MAX_WINDOW_DAYS, NUMBER_FIELDS, PROFILE_FIELDS, TEXT_FIELDS

MAX_RULES = 500
MAX_LIST = 200
INTENTS = {"low": 1, "medium": 2, "high": 3}
SQL_MEANINGS = ("accepted", "discovery", "conversation", "rule")
SQL_KINDS = frozenset(
    {"answered", "conversation", "meeting_set", "score_at_least", "timing_within", "stakeholders_at_least"}
)
OPS_BY_FIELD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(TEXT_FIELDS, ("in", "not_in", "contains_any")),
    **dict.fromkeys(NUMBER_FIELDS, ("between",)),
    **dict.fromkeys(FLAG_FIELDS, ("is",)),
}
REGEX_OPS = frozenset({"regex", "iregex", "matches", "match", "re", "pattern", "like"})
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
DISTINCT = ("none", "day", "object")
WINDOW = (1, MAX_WINDOW_DAYS)

# Fields of a condition beside `kind`, and those it may leave out.
CONDITION_FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("score_at_least", "fit_at_least", "engagement_at_least", "grade_at_least", "band_at_least",
         "momentum_at_least", "hand_raise_fit", "stakeholders_at_least"), ("value",)
    ),
    **dict.fromkeys(("form_with_product", "re_engagement", "conversation"), ("within_days",)),
    "signal": ("signals", "at_least", "within_days"),
    "answered": ("fields",),
    "timing_within": ("months",),
    "meeting_set": (),
}  # fmt: skip
OPTIONAL_CONDITION_FIELDS = {"signal": ("distinct",)}
VALUE_LIMITS = {
    "band_at_least": (1, 4), "momentum_at_least": (-1_000_000, 1_000_000), "stakeholders_at_least": (1, 100),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where: `path` as in "engagement/rules/3/points", `rule` an id, "" outside rules."""

    path: str
    rule: str
    field: str
    message: str

    def __str__(self) -> str:
        where = f"rule “{self.rule}”, {self.field}" if self.rule else self.path or "document"
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the document a check stands."""

    path: str = ""
    rule: str = ""

    def at(self, key: str | int, rule: str | None = None) -> Place:
        return Place(f"{self.path}/{key}".lstrip("/"), self.rule if rule is None else rule)


class Check:
    """One reading of a document that notes everything wrong with it in `problems`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.groups: set[str] = set()

    def run(self, document: Any) -> list[Problem]:
        """Return the problems of a whole document."""
        if not isinstance(document, dict) or not document:
            return [Problem("", "", "", "Must be a JSON object that is not empty.")]
        if (total := _count_rules(document)) > MAX_RULES:
            text = f"Has {total} rules; at most {MAX_RULES} are allowed."
            return [Problem("engagement/rules", "document", "rules", text)]
        required = ("format", "engagement", "fit", "mql", "sql", "momentum_days")
        place = Place()
        if self.has_fields(document, place, required, ("name", "exits", "scenarios")):
            self.whole(document, "format", place, 1, 1)
            self.whole(document, "momentum_days", place, 1, 200)
            self.text(document, "name", place, optional=True)
            for key, check in (
                ("engagement", self.engagement),
                ("fit", self.fit),
                ("mql", self.mql),
                ("sql", self.sql),
            ):
                check(document[key], place.at(key))
            self.totals(document)
            self.exits(document.get("exits", {}), place.at("exits"))
            self.each(document.get("scenarios", []), place.at("scenarios"), self.scenario, "name")
        return self.problems

    # --- the sections

    def engagement(self, section: Any, place: Place) -> None:
        if not self.has_fields(section, place, ("max", "bands", "rules"), ("groups",)):
            return
        self.whole(section, "max", place, 1, 100)
        self.rising(section["bands"], place.at("bands"), 3, section["max"])
        groups = section.get("groups", [])
        self.each(groups, place.at("groups"), self.group)
        self.groups = {
            group["id"] for group in groups if isinstance(group, dict) and isinstance(group.get("id"), str)
        }
        self.each(section["rules"], place.at("rules"), self.engagement_rule, empty=False)

    def group(self, group: dict[str, Any], place: Place) -> None:
        if "group" in group or "groups" in group or "parent" in group:
            self.note(place, "group", "Groups cannot stand in one another: that could be circular.")
        elif self.has_fields(group, place, ("id", "label", "max_points")):
            self.label(group, place)
            self.whole(group, "max_points", place, 1, 1000)

    def engagement_rule(self, rule: dict[str, Any], place: Place) -> None:
        optional = ("half_life_days", "distinct", "max_per_day", "group")
        if not self.has_fields(
            rule, place, ("id", "label", "signal", "points", "window_days", "max_points"), optional
        ):
            return
        self.label(rule, place)
        self.slug(rule, "signal", place)
        self.points(rule, place)
        self.whole(rule, "window_days", place, *WINDOW)
        self.whole(rule, "max_points", place, 1, 1000)
        self.whole(rule, "half_life_days", place, 1, 3650, nullable=True)
        self.whole(rule, "max_per_day", place, 1, 1000, nullable=True)
        self.choice(rule, "distinct", place, DISTINCT, optional=True)
        group = rule.get("group")
        if group is not None and group not in self.groups:
            self.note(place, "group", f"There is no group “{group}”.")

    def fit(self, section: Any, place: Place) -> None:
        if not self.has_fields(section, place, ("max", "grades", "rules"), ("disqualifiers",)):
            return
        self.whole(section, "max", place, 1, 100)
        if self.has_fields(section["grades"], place.at("grades"), tuple(GRADES[:3])):
            falling = [section["grades"][letter] for letter in GRADES[:3]]
            self.rising(falling[::-1], place.at("grades"), 3, section["max"])
        self.each(section["rules"], place.at("rules"), self.fit_rule)
        self.each(section.get("disqualifiers", []), place.at("disqualifiers"), self.disqualifier)

    def fit_rule(self, rule: dict[str, Any], place: Place) -> None:
        if self.has_fields(rule, place, ("id", "label", "field", "op", "value", "points")):
            self.points(rule, place)
            self.profile_test(rule, place)

    def disqualifier(self, rule: dict[str, Any], place: Place) -> None:
        if self.has_fields(rule, place, ("id", "label", "field", "op", "value")):
            self.profile_test(rule, place)

    def profile_test(self, rule: dict[str, Any], place: Place) -> None:
        self.label(rule, place)
        if rule["op"] in REGEX_OPS:
            self.note(place, "op", "Regular expressions are refused; list the values instead.")
        elif self.choice(rule, "field", place, PROFILE_FIELDS) and self.choice(
            rule, "op", place, OPS_BY_FIELD[rule["field"]]
        ):
            self.profile_value(rule, place)

    def profile_value(self, rule: dict[str, Any], place: Place) -> None:
        value = rule["value"]
        if rule["op"] == "is":
            if not isinstance(value, bool):
                self.note(place, "value", "Must be true or false.")
        elif rule["op"] == "between":
            self.bounds(value, place)
        else:
            self.texts(value, "value", place)

    def mql(self, section: Any, place: Place) -> None:
        required = ("rule_sets", "cool_down_days", "requalify_intent", "handoff")
        if not self.has_fields(section, place, required):
            return
        self.each(section["rule_sets"], place.at("rule_sets"), self.mql_rule_set, empty=False)
        self.whole(section, "cool_down_days", place, 0, 3650)
        self.choice(section, "requalify_intent", place, tuple(INTENTS))
        handoff = section["handoff"]
        if self.has_fields(handoff, place.at("handoff"), ("mode",), ("all",)):
            self.choice(handoff, "mode", place.at("handoff"), ("every", "sales_ready"))
            if handoff["mode"] == "sales_ready":
                self.conditions(handoff.get("all"), place.at("handoff").at("all"), MQL_KINDS)

    def mql_rule_set(self, entry: dict[str, Any], place: Place) -> None:
        if self.has_fields(entry, place, ("id", "label", "all"), ("hand_raiser",)):
            self.label(entry, place)
            self.flag(entry, "hand_raiser", place)
            self.conditions(entry["all"], place.at("all"), MQL_KINDS)

    def sql(self, section: Any, place: Place) -> None:
        if self.has_fields(section, place, ("meaning",), ("rule_sets",)):
            self.choice(section, "meaning", place, SQL_MEANINGS)
            self.each(section.get("rule_sets", []), place.at("rule_sets"), self.sql_rule_set)

    def sql_rule_set(self, entry: dict[str, Any], place: Place) -> None:
        if self.has_fields(entry, place, ("id", "label", "all")):
            self.label(entry, place)
            self.conditions(entry["all"], place.at("all"), SQL_KINDS)

    def exits(self, section: Any, place: Place) -> None:
        if self.has_fields(section, place, (), ("unsubscribe", "nurture_days")):
            self.choice(section, "unsubscribe", place, ("nurture", "none"), optional=True)
            if "nurture_days" in section:
                self.whole(section, "nurture_days", place, 1, 730)

    def scenario(self, entry: dict[str, Any], place: Place) -> None:
        if not self.has_fields(entry, place, ("name", "profile", "events", "mql"), ("score",)):
            return
        self.text(entry, "name", place)
        self.flag(entry, "mql", place)
        self.score_range(entry.get("score", {}), place.at("score"))
        if self.has_fields(entry["profile"], place.at("profile"), (), PROFILE_FIELDS):
            self.profile_values(entry["profile"], place.at("profile"))
        self.each(entry["events"], place.at("events"), self.scenario_event, None)

    def score_range(self, agreed: Any, place: Place) -> None:
        if not self.has_fields(agreed, place, (), ("min", "max")):
            return
        for name in agreed:
            self.whole(agreed, name, place, 0, 100)
        low, high = agreed.get("min"), agreed.get("max")
        if type(low) is int and type(high) is int and low > high:
            self.note(place, "max", f"Must not be below the least score of {low}.")

    def profile_values(self, profile: dict[str, Any], place: Place) -> None:
        for name, value in profile.items():
            kind: type = str if name in TEXT_FIELDS else bool if name in FLAG_FIELDS else int
            if value is not None and (type(value) is not kind):
                self.note(place.at(name), name, f"Must be {_TYPE_NAMES[kind]}.")

    def scenario_event(self, event: dict[str, Any], place: Place) -> None:
        if self.has_fields(event, place, ("signal", "days_ago"), ("object", "times")):
            self.slug(event, "signal", place)
            self.whole(event, "days_ago", place, 0, 3650)
            self.text(event, "object", place, optional=True)
            if "times" in event:
                self.whole(event, "times", place, 1, 1000)

    # --- conditions

    def conditions(self, entries: Any, place: Place, kinds: frozenset[str]) -> None:
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_LIST:
            return self.note(place, "all", "Must be a list of at least one condition.")
        for number, entry in enumerate(entries):
            self.condition(entry, place.at(number), kinds)
        return None

    def condition(self, entry: Any, place: Place, kinds: frozenset[str]) -> None:
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            return self.note(place, "kind", f"Must be one of: {', '.join(sorted(kinds))}.")
        if not self.has_fields(
            entry, place, ("kind", *CONDITION_FIELDS[kind]), OPTIONAL_CONDITION_FIELDS.get(kind, ())
        ):
            return None
        if kind == "grade_at_least":
            self.choice(entry, "value", place, tuple(GRADES))
        elif "value" in entry:
            self.whole(entry, "value", place, *VALUE_LIMITS.get(kind, (0, 100)))
        return self.condition_lists(entry, place)

    def condition_lists(self, entry: dict[str, Any], place: Place) -> None:
        for name, (low, high) in {"within_days": WINDOW, "at_least": (1, 1000), "months": (1, 120)}.items():
            if name in entry:
                self.whole(entry, name, place, low, high)
        self.choice(entry, "distinct", place, DISTINCT, optional=True)
        for name in ("signals", "fields"):
            if name in entry:
                self.texts(entry[name], name, place)

    # --- small questions

    def note(self, place: Place, field: str, message: str) -> None:
        path = place.path if place.path.rpartition("/")[2] == field else place.at(field).path
        self.problems.append(Problem(path, place.rule, field, message))

    def each(
        self, entries: Any, place: Place, check: Callable[[dict[str, Any], Place], None],
        key: str | None = "id", *, empty: bool = True,
    ) -> None:  # fmt: skip
        """Check every entry of a list; `key` names it in messages and must not repeat."""
        name = place.path.rpartition("/")[2]
        if not isinstance(entries, list) or (not entries and not empty):
            return self.note(
                place, name, "Must be a list." if empty else "Must be a list of at least one rule."
            )
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            rule = (
                str(entry.get(key, number)) if isinstance(entry, dict) and key else place.rule or str(number)
            )
            here = place.at(number, rule[:80])
            if not isinstance(entry, dict):
                self.note(here, name, "Must be an object.")
                continue
            if key and rule in seen:
                self.note(here, key, f"“{rule}” is used twice.")
            seen.add(rule)
            check(entry, here)
        return None

    def has_fields(
        self, section: Any, place: Place, required: Sequence[str], optional: Sequence[str] = ()
    ) -> bool:
        """Note what is missing or unknown; true when the section can be read on."""
        if not isinstance(section, dict):
            self.note(place, place.path.rpartition("/")[2], "Must be an object.")
            return False
        for name in sorted(set(section) - set(required) - set(optional)):
            self.note(place, str(name)[:80], "Unknown field.")
        missing = [name for name in required if name not in section]
        for name in missing:
            self.note(place, name, "Is missing.")
        return not missing

    def whole(
        self,
        section: Mapping[str, Any],
        name: str,
        place: Place,
        low: int,
        high: int,
        *,
        nullable: bool = False,
    ) -> None:
        value = section.get(name)
        if value is None and nullable:
            return
        if type(value) is not int or not low <= value <= high:
            self.note(place, name, f"Must be a whole number from {low} to {high}.")

    def points(self, rule: Mapping[str, Any], place: Place) -> None:
        self.whole(rule, "points", place, -1000, 1000)
        if rule["points"] == 0:
            self.note(place, "points", "Must not be 0.")

    def choice(
        self,
        section: Mapping[str, Any],
        name: str,
        place: Place,
        allowed: Sequence[str],
        *,
        optional: bool = False,
    ) -> bool:
        if optional and name not in section:
            return True
        if isinstance(section.get(name), str) and section[name] in allowed:
            return True
        self.note(place, name, f"Must be one of: {', '.join(allowed)}.")
        return False

    def flag(self, section: Mapping[str, Any], name: str, place: Place) -> None:
        if not isinstance(section.get(name, False), bool):
            self.note(place, name, "Must be true or false.")

    def text(self, section: Mapping[str, Any], name: str, place: Place, *, optional: bool = False) -> None:
        if optional and name not in section:
            return
        if not _is_text(section.get(name), least=0 if optional else 1):
            self.note(place, name, "Must be a text of at most 200 characters.")

    def slug(self, section: Mapping[str, Any], name: str, place: Place) -> None:
        value = section.get(name)
        if not isinstance(value, str) or not SLUG.fullmatch(value):
            self.note(place, name, "Must be a short name of lower-case letters, digits, “_” and “-”.")

    def label(self, section: Mapping[str, Any], place: Place) -> None:
        self.slug(section, "id", place)
        self.text(section, "label", place)

    def texts(self, value: Any, name: str, place: Place) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_LIST or not all(map(_is_text, value)):
            self.note(place, name, f"Must be a list of 1 to {MAX_LIST} texts.")

    def bounds(self, value: Any, place: Place) -> None:
        numbers = value if isinstance(value, list) and len(value) == 2 else [""]
        given = [number for number in numbers if number is not None]
        sound = given and all(type(number) is int and 0 <= number <= 10**9 for number in given)
        if not sound or given != sorted(given):
            self.note(place, "value", "Must be [low, high], rising whole numbers; null leaves one side open.")

    def rising(self, value: Any, place: Place, length: int, top: Any) -> None:
        name = place.path.rpartition("/")[2]
        top = top if type(top) is int else 100
        whole = (
            isinstance(value, list) and len(value) == length and all(type(number) is int for number in value)
        )
        if not whole or any(not 0 <= number <= top for number in value) or sorted(set(value)) != value:
            self.note(
                place, name, f"Must be {length} whole numbers from 0 to {top}, each beyond the one before."
            )

    def totals(self, document: Mapping[str, Any]) -> None:
        both = [
            document[part].get("max") if isinstance(document[part], dict) else None
            for part in ("engagement", "fit")
        ]
        if all(type(number) is int for number in both) and sum(both) > 100:  # type: ignore[arg-type]
            self.problems.append(
                Problem("engagement/max", "", "max", "Together with fit/max it must be at most 100.")
            )


_TYPE_NAMES = {str: "a text", bool: "true or false", int: "a whole number"}


def _is_text(value: Any, least: int = 1) -> bool:
    return (
        isinstance(value, str) and least <= len(value) <= 200 and "\x00" not in value and value.isprintable()
    )


def _count_rules(document: Mapping[str, Any]) -> int:
    lists = (
        ("engagement", "rules"),
        ("fit", "rules"),
        ("fit", "disqualifiers"),
        ("mql", "rule_sets"),
        ("sql", "rule_sets"),
    )
    sections = ((document.get(part), name) for part, name in lists)
    found = (section.get(name) for section, name in sections if isinstance(section, dict))
    return sum(len(entries) for entries in found if isinstance(entries, list))
