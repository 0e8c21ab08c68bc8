"""Strict JSON for tracking requests: one bad item of a batch is told apart and the others are kept.

Python's parser takes what JSON forbids or a database cannot store (NaN, doubled keys, numbers without end, lone
surrogates) and gives up at the first fault. Here the envelope is read by hand and each item by the C scanner, so
that every item has its own text, size and flaw. An item is parsed once where a count of its quotes proves
that no key is doubled, and a second time, slowly, only where it might be flawed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from leads.intake.problems import Refused

MAX_DEPTH = 5  # an item's own braces are the first
MAX_KEY = 128
MAX_STRING = 8 * 1024
MAX_ITEM = 32 * 1024
MAX_EVENTS = 1000
MAX_NUMBER = 2**63
_HARMLESS = frozenset({bool, type(None)})
_MOST_KEYS = 10_000
_good_keys: set[str] = set()
_BLANK = frozenset(" \t\n\r")
_SPACE = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an item, and where in it; `malformed` if no JSON parser should have to take it."""

    code: str
    pointer: str = ""
    detail: str = ""
    malformed: bool = False


@dataclass(slots=True)
class RawItem:
    """One item as sent. `value` may be used only when there is no flaw."""

    value: Any
    start: int
    end: int
    flaw: Flaw | None = None


@dataclass(slots=True)
class Envelope:
    """A request's body: its items and the fields beside them."""

    text: str
    items: list[RawItem] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


class _Marker:
    """Stands in a parsed item for a literal that is no JSON value."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


_NOT_A_NUMBER = _Marker("invalid_number", "NaN and Infinity are not JSON.")
_HUGE = _Marker("number_out_of_range", "The number is too large.")


class _Doubled(dict[str, Any]):
    """An object in which a key came twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Doubled(found)


def _careful_int(digits: str) -> Any:
    return int(digits) if len(digits) <= 20 else _HUGE


def _scanner(**hooks: Any) -> Callable[[str, int], tuple[Any, int]]:
    decoder: Any = json.JSONDecoder(parse_constant=lambda _: _NOT_A_NUMBER, **hooks)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


_scan = _scanner()
_scan_carefully = _scanner(object_pairs_hook=_pairs, parse_int=_careful_int)


def encoder() -> Callable[[Any], str]:
    """Return a function that writes values as short JSON, the same for equal values."""
    made: Any = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    module: Any = json.encoder
    if module.c_make_encoder is None:
        plain: Callable[[Any], str] = made.encode
        return plain
    # What `encode` makes anew at each call, which takes longer than the writing.
    write = module.c_make_encoder(
        None, made.default, module.encode_basestring, None, ":", ",", True, False, True
    )
    return lambda value: "".join(write(value, 0))


def read_batch(text: str) -> Envelope:
    """Read `{"batch": […], …}` or a bare list of items; raises Refused for what concerns the whole request."""
    envelope = Envelope(text)
    start = _skip(text, 0)
    if text.startswith("[", start):
        end = _read_items(envelope, start)
    elif text.startswith("{", start):
        end = _read_object(envelope, start)
    else:
        _scan_value(text, start)
        raise Refused(400, "wrong_type", 'The body must be an object with a list named "batch".')
    _expect_end(text, end)
    return envelope


def read_single(text: str) -> Envelope:
    """Read a body that is one item; raises Refused unless it is an object."""
    start = _skip(text, 0)
    value, end, careful = _scan_value(text, start)
    _expect_end(text, end)
    if not isinstance(value, dict):
        raise Refused(400, "wrong_type", "The body must be a JSON object.")
    item = RawItem(value, start, end)
    item.flaw = _flaw_of(item, text, careful)
    return Envelope(text, [item])


def read_object(text: str, max_depth: int = MAX_DEPTH) -> tuple[dict[str, Any], Flaw | None]:
    """Read a body that is one object, of any size, and what is wrong with it; raises Refused unless it is one."""
    start = _skip(text, 0)
    value, end = _rescan(text, start)
    _expect_end(text, end)
    if not isinstance(value, dict):
        raise Refused(400, "wrong_type", "The body must be a JSON object.")
    return value, find_flaw(value, max_depth)


def _read_object(envelope: Envelope, at: int) -> int:
    """Read the envelope by hand up to its closing brace, and its list of items one by one."""
    text = envelope.text
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return at + 1
    while True:
        key, at = _read_key(text, at)
        if key in envelope.fields:
            raise Refused(400, "duplicate_key", f"The key {key[:MAX_KEY]!r} comes twice.", pointer="/")
        if key == "batch" and text.startswith("[", at):
            at = _read_items(envelope, at)
            envelope.fields[key] = None
        else:
            envelope.fields[key], at, _ = _scan_value(text, at)
        at = _skip(text, at)
        if text.startswith("}", at):
            return at + 1
        at = _skip(text, _expect(text, at, ","))


def _read_key(text: str, at: int) -> tuple[str, int]:
    at = _expect(text, at, '"')
    try:
        key, at = scanstring(text, at, True)
    except json.JSONDecodeError as error:
        raise _invalid(text, error.pos) from error
    at = _expect(text, _skip(text, at), ":")
    return key, _skip(text, at)


def _read_items(envelope: Envelope, at: int) -> int:
    text, items = envelope.text, envelope.items
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return at + 1
    while True:
        value, end, careful = _scan_value(text, at)
        if len(items) == MAX_EVENTS:
            raise Refused(
                413, "too_many_events", f"A batch has at most {MAX_EVENTS} events.", pointer="/batch"
            )
        item = RawItem(value, at, end)
        item.flaw = _flaw_of(item, text, careful)
        items.append(item)
        at = _skip(text, end)
        if text.startswith("]", at):
            return at + 1
        at = _skip(text, _expect(text, at, ","))


def _scan_value(text: str, at: int) -> tuple[Any, int, bool]:
    """Return the value that starts at `at`, where it ends, and whether it was scanned with care already."""
    try:
        value, end = _scan(text, at)
        return value, end, False
    except (StopIteration, json.JSONDecodeError) as error:
        raise _invalid(text, error.value if isinstance(error, StopIteration) else error.pos) from error
    except RecursionError as error:
        raise Refused(400, "too_deep", f"Nested deeper than {MAX_DEPTH} levels.") from error
    except ValueError:
        # Python refuses to convert numbers of thousands of digits.
        return *_rescan(text, at), True


def _rescan(text: str, at: int) -> tuple[Any, int]:
    try:
        return _scan_carefully(text, at)
    except (StopIteration, json.JSONDecodeError) as error:
        raise _invalid(text, error.value if isinstance(error, StopIteration) else error.pos) from error
    except RecursionError as error:
        raise Refused(400, "too_deep", f"Nested deeper than {MAX_DEPTH} levels.") from error


def _flaw_of(item: RawItem, text: str, careful: bool) -> Flaw | None:
    size = item.end - item.start
    # A character has at most four bytes; a surrogate never stands in text decoded from UTF-8.
    if size > MAX_ITEM or (size * 4 > MAX_ITEM and len(text[item.start : item.end].encode()) > MAX_ITEM):
        return Flaw("event_too_large", detail="An event has at most 32 KiB.")
    if not careful:
        strings = _count_strings(item.value)
        escaped = text.find("\\", item.start, item.end) >= 0
        if not escaped and strings * 2 == text.count('"', item.start, item.end):
            return None if size <= MAX_STRING else find_flaw(item.value)
        item.value, _ = _rescan(text, item.start)
    return find_flaw(item.value)


def _count_strings(item: Any) -> int:
    """Return how many strings an item holds, keys included, or -1 if anything in it needs a closer look."""
    if type(item) is not dict:
        return -1
    count = 0
    nodes: list[Any] = [item]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for node in nodes:
            values: Any = node
            if type(node) is dict:
                if not (node.keys() <= _good_keys or _are_good_keys(node)):
                    return -1
                count += len(node)
                values = node.values()
            for value in values:
                kind = type(value)
                if kind is str:
                    count += 1
                elif kind is dict or kind is list:
                    inner.append(value)
                elif kind not in _HARMLESS and not _is_plain_number(value):
                    return -1
        if not inner:
            return count
        nodes = inner
    return -1


def _are_good_keys(node: dict[str, Any]) -> bool:
    if not all(0 < len(key) <= MAX_KEY for key in node):
        return False
    # Senders use few different keys; a set of them tells most objects in one comparison.
    if len(_good_keys) > _MOST_KEYS:
        _good_keys.clear()
    _good_keys.update(node)
    return True


def _is_plain_number(value: Any) -> bool:
    # The smallest and largest a database keeps whole; not infinite, and not a zero that may be negative.
    return (
        type(value) in (int, float)
        and -MAX_NUMBER <= value < MAX_NUMBER
        and (value != 0 or type(value) is int)
    )


def find_flaw(item: Any, max_depth: int = MAX_DEPTH) -> Flaw | None:
    """Return the first thing in a parsed item that cannot be stored or is over a limit; -0.0 becomes 0."""
    if not isinstance(item, dict):
        return Flaw("wrong_type", "", "An event must be a JSON object.", malformed=True)
    for path, node, depth in _containers(item):
        if depth > max_depth:
            return Flaw("too_deep", path, f"Nested deeper than {max_depth} levels.", malformed=True)
        if isinstance(node, _Doubled):
            return Flaw("duplicate_key", path, "A key comes twice.", malformed=True)
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if flaw := _flaw_in_key(path, key) or _flaw_in_value(f"{path}/{_escape(key)}", value):
                return flaw
            if type(value) is float and value == 0:
                node[key] = 0
    return None


def _containers(item: dict[str, Any]) -> Iterator[tuple[str, Any, int]]:
    waiting: list[tuple[str, Any, int]] = [("", item, 1)]
    while waiting:
        path, node, depth = waiting.pop()
        yield path, node, depth
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict | list):
                waiting.append((f"{path}/{_escape(key)}", value, depth + 1))


def _flaw_in_key(path: str, key: Any) -> Flaw | None:
    if isinstance(key, int):
        return None
    if not key:
        return Flaw("empty_key", path, "A property needs a name.")
    if len(key) > MAX_KEY:
        return Flaw("key_too_long", path, f"A key has at most {MAX_KEY} characters.")
    return _flaw_in_text(path, key)


def _flaw_in_value(pointer: str, value: Any) -> Flaw | None:
    if isinstance(value, str):
        if len(value) > MAX_STRING:
            return Flaw("string_too_long", pointer, f"A text has at most {MAX_STRING} characters.")
        return _flaw_in_text(pointer, value)
    if isinstance(value, _Marker):
        return Flaw(value.code, pointer, value.detail, malformed=True)
    if type(value) is float and not math.isfinite(value):
        return Flaw("number_out_of_range", pointer, "The number is too large.")
    if type(value) is int and not -MAX_NUMBER <= value < MAX_NUMBER:
        return Flaw("number_out_of_range", pointer, "The number is too large.")
    return None


def _flaw_in_text(pointer: str, text: str) -> Flaw | None:
    # Neither can be stored by PostgreSQL.
    if "\x00" in text:
        return Flaw("nul_character", pointer.replace("\x00", "�"), "The character NUL cannot be stored.")
    if _SURROGATE.search(text):
        return Flaw(
            "invalid_text", _SURROGATE.sub("�", pointer), "Half of a surrogate pair is not a character."
        )
    return None


def _escape(key: Any) -> str:
    """Return a key as part of a JSON pointer, harmless to store and of bounded length."""
    text = str(key)[:MAX_KEY].replace("~", "~0").replace("/", "~1").replace("\x00", "�")
    return _SURROGATE.sub("�", text)


def _skip(text: str, at: int) -> int:
    """Return where the next character stands that is no blank."""
    if text[at : at + 1] not in _BLANK:
        return at
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _expect(text: str, at: int, character: str) -> int:
    if not text.startswith(character, at):
        raise _invalid(text, at)
    return at + 1


def _expect_end(text: str, at: int) -> None:
    if (end := _skip(text, at)) != len(text):
        raise _invalid(text, end)


def _invalid(text: str, at: int) -> Refused:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return Refused(400, "invalid_json", f"Not valid JSON: line {line}, column {column}.")
