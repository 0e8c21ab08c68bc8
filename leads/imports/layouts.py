"""Where in a file the people begin: under a plain header, or below the preamble of a webinar tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leads.imports.mapping import guess_field, header_key
from leads.imports.reading import NotReadable, Row

# Rows looked through for the header.
DEPTH = 80
_STAFF = {"hostdetails", "panelistdetails", "organizers", "panelists"}
_PEOPLE = {"attendeedetails", "sessiondetails"}
_OTHERS = {"otherattended", "otherattendees", "phoneattendees"}
SECTIONS = _STAFF | _PEOPLE | _OTHERS
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(slots=True)
class Layout:
    """Where the header stands and what the rows above it tell."""

    name: str  # zoom, gotowebinar, meta, hubspot, salesforce, plain
    header_line: int
    headers: list[str]
    facts: dict[str, str] = field(default_factory=dict)  # preamble: {"topic": …, "actualstarttime": …}
    staff: list[str] = field(default_factory=list)  # e-mail addresses of hosts and panelists: nobody's leads

    @property
    def topic(self) -> str:
        """The name of the webinar, "" if the file does not tell."""
        return _first(self.facts, "topic", "webinarname", "webinartitle", "eventname", "title")

    @property
    def started(self) -> str:
        """When it began, as written in the file."""
        return _first(
            self.facts,
            "actualstarttime",
            "actualstartdatetime",
            "starttime",
            "startdatetime",
            "scheduledstarttime",
            "date",
        )


def _first(facts: dict[str, str], *keys: str) -> str:
    return next((facts[key] for key in keys if facts.get(key)), "")


def is_section(cells: Sequence[str]) -> bool:
    """Tell whether a row is the title of a section and nothing else."""
    return bool(cells) and header_key(cells[0]) in SECTIONS and not any(cells[1:])


def find_layout(rows: Sequence[Row]) -> Layout:
    """Find the header among the first rows; raises NotReadable where there is none, or a name stands in it twice."""
    if not rows:
        raise NotReadable("no_rows", "No rows: the file is empty.")
    index = _header_index(rows)
    number, cells = rows[index]
    headers = [" ".join(cell.split()) for cell in cells]
    _refuse_duplicates(headers)
    above = rows[:index]
    return Layout(_name(headers, above), number, headers, _facts(above), _staff(above))


def _header_index(rows: Sequence[Row]) -> int:
    """The row most of whose cells are known headers, outside the sections of hosts; the first row if none is."""
    section, best, best_score = "", 0, 0
    for index, (_, cells) in enumerate(rows[:DEPTH]):
        if is_section(cells):
            section = header_key(cells[0])
            continue
        # An address is a person, and people are no header.
        score = 0 if any(_ADDRESS.fullmatch(cell.strip()) for cell in cells) else _known(cells)
        if section in _PEOPLE:
            score *= 10
        if section not in _STAFF | _OTHERS and score > best_score:
            best, best_score = index, score
    if best_score == 0 and any(_ADDRESS.fullmatch(cell.strip()) for cell in rows[0][1]):
        raise NotReadable(
            "no_header", "The first row holds a person. Put a row above it that names the columns."
        )
    return best


def _known(cells: Sequence[str]) -> int:
    return sum(guess_field(cell) is not None for cell in cells if cell)


def _refuse_duplicates(headers: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    doubles = []
    for header in filter(None, headers):
        if seen.setdefault(header.casefold(), header) is not header:
            doubles.append(header)
    if doubles:
        named = ", ".join(dict.fromkeys(doubles))
        raise NotReadable(
            "duplicate_headers", f"Several columns are called the same: {named}. Rename or remove one."
        )


def _name(headers: Sequence[str], above: Sequence[Row]) -> str:
    keys = {header_key(header) for header in headers}
    titles = {header_key(cells[0]) for _, cells in above if cells}
    if "attendeedetails" in titles:
        return "zoom"
    if "sessiondetails" in titles or "insessiondurationminutes" in keys:
        return "gotowebinar"
    if {"createdtime", "formname"} <= keys:
        return "meta"
    if "lifecyclestage" in keys or {"recordid", "contactowner"} <= keys:
        return "hubspot"
    if {"ownerid", "isdeleted"} & keys or {"leadsource", "lastname"} <= keys:
        return "salesforce"
    return "plain"


LAYOUT_LABELS = {
    "zoom": "Zoom attendee report", "gotowebinar": "GoToWebinar attendee report", "meta": "Meta lead ads",
    "hubspot": "HubSpot contacts", "salesforce": "Salesforce export", "plain": "List with a header",
}  # fmt: skip


def _facts(above: Sequence[Row]) -> dict[str, str]:
    """Read the preamble: rows of names with their values in the row below, and pairs of name and value."""
    facts: dict[str, str] = {}
    for (_, names), (_, values) in zip(above, [*above[1:], (0, [])], strict=False):
        if len(names) == 2 and names[0].endswith(":"):
            facts.setdefault(header_key(names[0]), names[1].strip())
        for name, value in zip(names, values, strict=False):
            facts.setdefault(header_key(name), value.strip())
    return facts


def _staff(above: Iterable[Row]) -> list[str]:
    return sorted(
        {cell.strip().lower() for _, cells in above for cell in cells if _ADDRESS.fullmatch(cell.strip())}
    )
