"""What an editor's form says, laid over a definition document. Pure; `document_check` judges the result.

A control is named "d/<path>:<kind>", as in "d/engagement/rules/3/points:int". Whatever the form does not name stays
as it is, so that a page may hold a part of a long list.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scoring.document_check import CONDITION_FIELDS, OPS_BY_FIELD
from scoring.documents import standard_document
from scoring.rulebook import FLAG_FIELDS, NUMBER_FIELDS

Document = dict[str, Any]
PREFIX = "d/"
_WHOLE = re.compile(r"[-−]?[0-9]{1,12}")
_REMOVE = object()
_LISTS = (
    "engagement/rules", "engagement/groups", "fit/rules", "fit/disqualifiers", "mql/rule_sets", "sql/rule_sets",
    "scenarios",
)  # fmt: skip


def overlay(document: Mapping[str, Any], form: Iterable[tuple[str, list[str]]]) -> Document:
    """Return the document with what the form's controls say; what cannot be read stays as it was typed."""
    result = copy.deepcopy(dict(document))
    for name, texts in form:
        path, _, kind = name.removeprefix(PREFIX).rpartition(":")
        if name.startswith(PREFIX) and kind in _READ:
            _put(result, path.split("/"), _READ[kind](texts))
    return _tidy(result)


def act(document: Document, deed: str, picked: str = "") -> Document:
    """Do what a button asks: "add PATH", "remove PATH", "up PATH" or "down PATH"; anything else changes nothing."""
    verb, _, path = deed.partition(" ")
    result = copy.deepcopy(document)
    if verb == "add":
        _add(result, path, picked)
    elif verb in ("remove", "up", "down"):
        entries, index = _place(result, path)
        if entries is not None and 0 <= index < len(entries):
            _move(entries, index, verb)
    return result


def new_condition(kind: str) -> Document:
    """Return a condition of this kind with values to start from."""
    start: Document = {
        "value": 1, "within_days": 30, "signals": ["demo_request"], "at_least": 1, "fields": ["next_step"], "months": 6
    }  # fmt: skip
    values = {"grade_at_least": "B", "score_at_least": 65, "band_at_least": 2, "hand_raise_fit": 10}
    condition = {"kind": kind, **{name: start[name] for name in CONDITION_FIELDS.get(kind, ())}}
    if kind in values:
        condition["value"] = values[kind]
    return condition


# --- reading one control


def _whole(text: str) -> Any:
    text = text.strip()
    return int(text.replace("−", "-")) if _WHOLE.fullmatch(text) else text


def _one(texts: list[str]) -> str:
    return texts[-1] if texts else ""


def _optional(texts: list[str]) -> Any:
    return _whole(_one(texts)) if _one(texts).strip() else None


def _or_nothing(texts: list[str]) -> Any:
    return _one(texts).strip() or _REMOVE


def _lines(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in _one(texts).splitlines() if line.strip()))


_FLAGS = {"yes": True, "no": False}
_READ: dict[str, Callable[[list[str]], Any]] = {
    "text": lambda texts: _one(texts).strip(),
    "int": lambda texts: _whole(_one(texts)),
    "opt": _optional,
    "opttext": lambda texts: _one(texts).strip() or None,
    "omit": _or_nothing,
    "omitint": lambda texts: _whole(_one(texts)) if _one(texts).strip() else _REMOVE,
    "flag": lambda texts: _FLAGS.get(_one(texts), False),
    "omitflag": lambda texts: _FLAGS.get(_one(texts), _REMOVE),
    "list": lambda texts: [text for text in texts if text],
    "lines": _lines,
}


def _put(document: Document, keys: list[str], value: Any) -> None:
    holder: Any = document
    for key in keys[:-1]:
        if isinstance(holder, dict) and key in ("score", "exits") and key not in holder:
            holder[key] = {}
        holder = _inside(holder, key)
    last = keys[-1]
    if isinstance(holder, dict):
        if value is _REMOVE:
            holder.pop(last, None)
        else:
            holder[last] = _in_order(holder.get(last), value)
    elif isinstance(holder, list) and last.isdigit() and int(last) < len(holder) and value is not _REMOVE:
        holder[int(last)] = value


def _in_order(before: Any, value: Any) -> Any:
    """Boxes come in the order of the page; what was chosen before keeps its own."""
    if isinstance(before, list) and isinstance(value, list):
        return [one for one in before if one in value] + [one for one in value if one not in before]
    return value


def _inside(holder: Any, key: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    if isinstance(holder, list) and key.isdigit() and int(key) < len(holder):
        return holder[int(key)]
    return None


# --- making what was chosen fit together


def _tidy(document: Document) -> Document:
    for name in ("rules", "disqualifiers"):
        for rule in _entries(document, "fit", name):
            _tidy_test(rule)
    for scenario in _entries(document, "scenarios"):
        if not scenario.get("score"):
            scenario.pop("score", None)
        for event in scenario.get("events", []):
            if not event.get("object"):
                event.pop("object", None)
    for section in ("mql", "sql"):
        for rule_set in _entries(document, section, "rule_sets"):
            if not rule_set.get("hand_raiser"):
                rule_set.pop("hand_raiser", None)
            for condition in rule_set.get("all", []):
                if condition.get("distinct") in ("", "none"):
                    condition.pop("distinct", None)
    _tidy_handoff(document)
    return document


def _tidy_handoff(document: Document) -> None:
    handoff = document.get("mql", {}).get("handoff", {})
    if handoff.get("mode") == "every":
        handoff.pop("all", None)
    elif handoff.get("mode") == "sales_ready" and not handoff.get("all"):
        handoff["all"] = [new_condition("score_at_least")]


def _entries(document: Document, *keys: str) -> list[Any]:
    found: Any = document
    for key in keys:
        found = found.get(key, []) if isinstance(found, dict) else []
    return [entry for entry in found if isinstance(entry, dict)]


def _tidy_test(rule: Document) -> None:
    """Give a rule whose field was changed a test and a value that go with it."""
    ops = OPS_BY_FIELD.get(rule.get("field", ""), ())
    if ops and rule.get("op") not in ops:
        rule["op"] = ops[0]
    value, op = rule.get("value"), rule.get("op")
    if op == "between" and not (isinstance(value, list) and len(value) == 2):
        rule["value"] = [1, None]
    elif op == "between" and any(isinstance(one, str) and not _WHOLE.fullmatch(one) for one in value or []):
        rule["value"] = value if rule.get("was_op") else [1, None]
    elif op == "is" and not isinstance(value, bool):
        rule["value"] = True
    elif op in ("in", "not_in", "contains_any") and _is_no_list_of_texts(value):
        rule["value"] = ["fill in"]


def _is_no_list_of_texts(value: Any) -> bool:
    return not isinstance(value, list) or any(not isinstance(one, str) for one in value)


# --- buttons


def _place(document: Document, path: str) -> tuple[list[Any] | None, int]:
    *keys, last = path.split("/")
    holder: Any = document
    for key in keys:
        holder = _inside(holder, key)
    return (holder, int(last)) if isinstance(holder, list) and last.isdigit() else (None, -1)


def _move(entries: list[Any], index: int, verb: str) -> None:
    entry = entries.pop(index)
    if verb != "remove":
        entries.insert(max(0, index + (-1 if verb == "up" else 1)), entry)


def _add(document: Document, path: str, picked: str) -> None:
    holder: Any = document
    *keys, last = path.split("/")
    for key in keys:
        holder = _inside(holder, key)
    if not isinstance(holder, dict) or (path not in _LISTS and last not in ("all", "events")):
        return
    entries = holder.setdefault(last, [])
    entry = _new(path, last, picked, entries)
    if isinstance(entries, list) and entry is not None:
        entries.append(entry)


def _new(path: str, last: str, picked: str, entries: list[Any]) -> Document | None:
    if last == "all":
        return new_condition(picked) if picked in CONDITION_FIELDS else None
    if last == "events":
        return {"signal": picked or "pricing_page", "days_ago": 0}
    if last == "rule_sets":
        return _new_rule_set(path.split("/")[0], picked, entries)
    name = _unused(picked or "new", entries)
    if path == "scenarios":
        return {"name": f"Example {len(entries) + 1}", "profile": {}, "events": [], "mql": False}
    if path == "engagement/rules":
        return _new_points(picked or "pricing_page", name)
    if path == "engagement/groups":
        return {"id": name, "label": f"Group {len(entries) + 1}", "max_points": 10}
    rule = {"id": name, "label": picked.replace("_", " ").capitalize() or "New rule", **_new_test(picked)}
    return rule if path == "fit/disqualifiers" else {**rule, "points": 1}


def _new_points(signal: str, name: str) -> Document:
    known = {rule["signal"]: rule for rule in standard_document()["engagement"]["rules"]}
    start = known.get(signal) or {
        "points": 1, "half_life_days": 30, "window_days": 90, "distinct": "day", "max_per_day": 1, "max_points": 10
    }  # fmt: skip
    label = start.get("label") or signal.replace("_", " ").capitalize()
    return {**start, "id": name, "label": label, "signal": signal, "group": None}


def _new_test(field: str) -> Document:
    field = field if field in OPS_BY_FIELD else "industry"
    if field in NUMBER_FIELDS:
        return {"field": field, "op": "between", "value": [200, None]}
    if field in FLAG_FIELDS:
        return {"field": field, "op": "is", "value": True}
    return {"field": field, "op": "in", "value": ["fill in"]}


def _new_rule_set(section: str, picked: str, entries: list[Any]) -> Document:
    for template in standard_document()[section]["rule_sets"]:
        if template["id"] == picked:
            return {**template, "id": _unused(picked, entries)}
    kind = "score_at_least" if section == "mql" else "meeting_set"
    return {"id": _unused("rule", entries), "label": "New rule", "all": [new_condition(kind)]}


def _unused(name: str, entries: list[Any]) -> str:
    taken = {entry.get("id") for entry in entries if isinstance(entry, dict)}
    name = re.sub(r"[^a-z0-9_-]", "", name.lower())[:45] or "rule"
    numbers = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbers) if one not in taken)
