"""The parts the definition editor's forms are made of. Pure; `scoring.sections` puts them together.

A line is a sentence with controls in it; its meaning in words stands below. Names are those `scoring.editing` reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.document_check import Problem
from scoring.editing import PREFIX

Options = Sequence[tuple[str, str]]


@dataclass
class Control:
    """One input. `kind` chooses how it looks: number, text, choice, picks (several) or lines (one a line)."""

    name: str
    kind: str
    label: str
    value: Any = ""
    options: Options = ()
    error: str = ""
    width: str = ""

    @property
    def id(self) -> str:
        return "c-" + self.name.removeprefix(PREFIX).rpartition(":")[0].replace("/", "-")

    @property
    def picked(self) -> list[str]:
        """The labels of what is picked, for the folded list."""
        chosen = self.value if isinstance(self.value, list) else []
        return [label for value, label in self.options if value in chosen]


@dataclass
class Line:
    """One sentence of texts and controls. `path` is set where it can be removed and moved."""

    parts: list[str | Control]
    path: str = ""
    words: str = ""
    was: str = ""
    op: str = ""

    @property
    def id(self) -> str:
        return anchor(self.path)

    @property
    def errors(self) -> list[Control]:
        return [part for part in self.parts if isinstance(part, Control) and part.error]


@dataclass
class Add:
    """A button that adds to the list at `path`, and what can be picked for it."""

    path: str
    label: str
    options: Options = ()
    what: str = ""


@dataclass
class Block:
    """Lines under a head of their own: a rule set, an example, or a plain list without a head."""

    lines: list[Line]
    head: list[str | Control] = field(default_factory=list)
    path: str = ""
    title: str = ""
    adds: list[Add] = field(default_factory=list)
    note: str = ""
    tone: str = ""

    @property
    def id(self) -> str:
        return anchor(self.path)

    @property
    def errors(self) -> list[Control]:
        return [part for part in self.head if isinstance(part, Control) and part.error]


@dataclass
class Group:
    """A titled part of a page of the editor. `between` stands between its blocks."""

    title: str
    blocks: list[Block]
    hint: str = ""
    adds: list[Add] = field(default_factory=list)
    between: str = ""

    @property
    def id(self) -> str:
        return "g-" + "".join(c if c.isalnum() else "-" for c in self.title.lower())


def anchor(path: str) -> str:
    """Return the id of the place of a path on its page."""
    return "p-" + path.replace("/", "-")


class Maker:
    """Makes controls for the values of a document, with what is wrong beside each."""

    def __init__(self, document: Mapping[str, Any], problems: Iterable[Problem]) -> None:
        self.document = document
        self.errors: dict[str, str] = {}
        for problem in problems:
            self.errors.setdefault(problem.path, problem.message)
        self.shown: set[str] = set()

    def value(self, path: str) -> Any:
        """Return what the document holds at a path, None where nothing is."""
        found: Any = self.document
        for key in path.split("/"):
            if isinstance(found, Mapping):
                found = found.get(key)
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                return None
        return found

    def entries(self, path: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the entries of a list with their paths."""
        found = self.value(path) or []
        return [(f"{path}/{number}", entry) for number, entry in enumerate(found) if isinstance(entry, dict)]

    def number(self, path: str, label: str, kind: str = "int") -> Control:
        value = self.value(path)
        return self._control(path, "number", label, "" if value is None else value, kind)

    def text(self, path: str, label: str, kind: str = "text", width: str = "") -> Control:
        value = self.value(path)
        return self._control(path, "text", label, "" if value is None else value, kind, width=width)

    def choice(
        self, path: str, label: str, options: Options, kind: str = "text", default: str = ""
    ) -> Control:
        value = self.value(path)
        value = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        shown = default if value is None else str(value)
        known = any(shown == one for one, _ in options)
        options = options if known else [*options, (shown, shown or "…")]
        return self._control(path, "choice", label, shown, kind, options)

    def picks(self, path: str, label: str, options: Options) -> Control:
        value = self.value(path)
        chosen = [str(one) for one in value] if isinstance(value, list) else []
        known = {one for one, _ in options}
        options = [*options, *((one, one) for one in chosen if one not in known)]
        return self._control(path, "picks", label, chosen, "list", options)

    def lines(self, path: str, label: str) -> Control:
        value = self.value(path)
        text = "\n".join(str(one) for one in value) if isinstance(value, list) else ""
        return self._control(path, "lines", label, text, "lines")

    def hidden(self, path: str) -> Control:
        return self._control(path, "hidden", "", self.value(path) or "", "text")

    def left_over(self) -> list[str]:
        """Return what is wrong at places this page shows no control for."""
        return [message for path, message in self.errors.items() if path not in self.shown]

    def _control(
        self, path: str, look: str, label: str, value: Any, kind: str, options: Options = (), width: str = ""
    ) -> Control:
        error = self.errors.get(path, "")
        self.shown.add(path)
        if not error and path.endswith("/0"):  # what is wrong with a pair of numbers stands at the first
            error = self.errors.get(path[:-2], "")
            self.shown.add(path[:-2])
        return Control(f"{PREFIX}{path}:{kind}", look, label, value, options, error, width)
