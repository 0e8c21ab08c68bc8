"""From the cells of a row to a person and what they did, or to the reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from leads.capture import Incoming
from leads.enums import Role, Stage
from leads.imports.dates import parse_when
from leads.imports.layouts import is_section
from leads.imports.mapping import header_key
from leads.imports.options import Options
from leads.imports.reading import Row
from leads.models import ImportJob, User
from leads.normalise import BadEmail, normalise_email

KIND = ImportJob.Kind
# What lists write into a cell that is empty. In the column of a name only the first few: people are called Null.
_BLANK_NAMES = frozenset({"-", "--", "---", "n/a", "#n/a"})
_BLANK = _BLANK_NAMES | {
    "null", "none", "select", "--none--", "- select -", "please select", "(blank)", "[not provided]", "#value!",
}  # fmt: skip
_NAMES = frozenset({"first_name", "last_name", "full_name"})
_PROFILE = (
    "job_title", "industry", "employees", "country", "tech_stack", "data_maturity", "product_interest", "medium",
    "campaign",
)  # fmt: skip
_PAST_LEAD = frozenset(
    "marketingqualifiedlead mql salesacceptedlead sal salesqualifiedlead sql opportunity customer evangelist won lost "
    "closedwon closedlost kunde gewonnen verloren".split()
)
_YES = frozenset("yes y true 1 x ja wahr oui si sí ✓ attended teilgenommen".split())
_NOT_APPROVED = re.compile(r"cancel|denied|declin|reject|pending|storniert|abgelehnt")
_CALL_BACK = re.compile(
    r"\b(?:zu)?rück?ruf|\bcall[ -]?back|\bcall (?:me|him|her|them)\b|\bplease call\b|\bwants? a call|\bbitte anrufen|"
    r"\bum anruf\b|\banruf erwünscht|\brappeler\b"
)
_NO_CALL_BACK = re.compile(
    r"\b(?:kein(?:en)?|nicht|no|not|don't|without|ohne|never)\b[^.,;]{0,20}(?:rück?ruf|call|anruf)"
)
_PLATFORMS = {"fb": "facebook", "ig": "instagram", "msg": "messenger", "an": "audience network"}
# A phone number that a spreadsheet took for a big number.
_MANGLED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")


@dataclass(slots=True)
class Draft:
    """One row, understood. Exactly one of `incoming`, `refused` and `skipped` is set."""

    number: int
    incoming: Incoming | None = None
    refused: str = ""
    skipped: str = ""
    detail: str = ""
    warnings: list[str] = field(default_factory=list)
    key: str = ""  # the normalised e-mail, "" without one
    note: str = ""
    owner_id: int | None = None
    cells: dict[str, str] = field(default_factory=dict)  # what tells of an event, by field
    questions: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)


class RowReader:
    """Turns rows into drafts by a job's options."""

    def __init__(
        self, kind: str, options: Options, zone: tzinfo, reps: Mapping[str, int] | None = None
    ) -> None:
        self._kind, self._options, self.zone, self._reps = kind, options, zone, reps or {}
        self._width = len(options.headers)
        self._columns = [(index, name) for index, name in enumerate(options.fields) if name]
        self._staff = frozenset(options.staff)
        self._stage = Stage.SUSPECT if kind == KIND.SUSPECTS else Stage.LEAD
        self._other_section = False

    def read(self, row: Row) -> Draft:
        """Understand one row; rows must come in the order of the file, because a section ends the list."""
        number, cells = row
        draft = Draft(number)
        if self._other_section or is_section(cells):
            self._other_section = True
            draft.skipped = "other_section"
        elif len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            draft.refused = "ragged_row"
            draft.detail = f"{len(cells)} cells under {self._width} headers"
        else:
            if len(cells) < self._width:
                draft.warnings.append("short_row")
            self._understand(draft, cells)
        return draft

    def skip(self, row: Row) -> None:
        """Pass over a row that an earlier run has done."""
        self._other_section = self._other_section or is_section(row[1])

    def when(self, text: str) -> datetime | None:
        """Read a moment in the organisation's zone."""
        return parse_when(text, self.zone, day_first=self._options.day_first)

    def _understand(self, draft: Draft, cells: list[str]) -> None:
        values = self._values(draft, cells)
        if not values:
            draft.skipped = "empty_row"
            return
        email = values.pop("email", "")
        if email:
            with suppress(BadEmail):
                draft.key = normalise_email(email)
        if draft.key in self._staff:
            draft.skipped = "host"
        elif _NOT_APPROVED.search(values.get("approval", "").lower()):
            draft.skipped, draft.detail = "not_approved", values["approval"][:100]
        if draft.skipped:
            return
        draft.incoming = self._incoming(draft, values, draft.key or email)
        draft.note = values.pop("note", "")[:5000]
        draft.cells = values

    def _values(self, draft: Draft, cells: list[str]) -> dict[str, str]:
        """Return the filled cells by field; questions and answers go to the draft."""
        values: dict[str, str] = {}
        count = len(cells)
        for index, name in self._columns:
            text = cells[index].strip() if index < count else ""
            if not text or (len(text) < 17 and text.lower() in (_BLANK_NAMES if name in _NAMES else _BLANK)):
                continue
            if name == "question":
                draft.questions.append(text)
            elif name == "answer":
                draft.answers[self._options.headers[index]] = text
            else:
                values[name] = text
        return values

    def _incoming(self, draft: Draft, values: dict[str, str], email: str) -> Incoming:
        profile: dict[str, Any] = {name: values.pop(name) for name in _PROFILE if name in values}
        profile |= _names(values)
        if "source" in values:
            profile["source"] = values.pop("source").lower()
        if "platform" in values:
            platform = values.pop("platform").lower()
            profile["source"] = _PLATFORMS.get(platform, platform)
            profile.setdefault("medium", "paid-social")
        stage = self._stage_of(draft, values, profile)
        if owner := values.pop("owner", ""):
            draft.owner_id = self._reps.get(owner.casefold())
            if draft.owner_id is None:
                draft.warnings.append("owner_unknown")
        return Incoming(
            email or None,
            self._phone(draft, values),
            profile,
            company_name=values.pop("company", ""),
            company_domain=values.pop("domain", ""),
            stage=stage,
        )

    def _phone(self, draft: Draft, values: dict[str, str]) -> str:
        found = [values.pop(name, "").removeprefix("p:") for name in ("phone", "mobile")]
        if any(_MANGLED.fullmatch(text) for text in found):
            draft.warnings.append("phone_mangled")
        return next((text for text in found if text and not _MANGLED.fullmatch(text)), "")

    def _stage_of(self, draft: Draft, values: dict[str, str], profile: dict[str, Any]) -> str:
        elsewhere = values.pop("stage", "")
        if elsewhere:
            profile["imported_stage"] = elsewhere
            if header_key(elsewhere) in _PAST_LEAD:
                draft.warnings.append("stage_not_taken_over")
                return Stage.LEAD
        return self._stage


def _names(values: dict[str, str]) -> dict[str, str]:
    """Return first and last name; a full name is taken apart only where both are missing."""
    first, last, full = (values.pop(name, "") for name in ("first_name", "last_name", "full_name"))
    if full and not (first or last):
        before_comma, comma, after = full.partition(",")
        if comma:
            first, last = after.strip(), before_comma.strip()
        else:
            first, _, last = full.rpartition(" ")
            first, last = (first.strip(), last) if first else (last, "")
    return {name: value for name, value in (("first_name", first), ("last_name", last)) if value}


def is_yes(text: str) -> bool:
    """Tell whether a cell says yes."""
    return text.strip().lower() in _YES


def wants_call_back(draft: Draft) -> bool:
    """Tell whether a row asks to be called: in a column of its own, or in words of the note."""
    if is_yes(draft.cells.get("call_back", "")):
        return True
    said = f"{draft.note} {draft.cells.get('call_back', '')}".lower()
    return bool(_CALL_BACK.search(said)) and not _NO_CALL_BACK.search(said)


def moment_of(
    draft: Draft, name: str, when: Callable[[str], datetime | None], fallback: datetime, at: datetime
) -> datetime:
    """Return the moment in a cell, else `fallback`, never later than `at`; warns where a cell made no sense."""
    text = draft.cells.get(name, "")
    found = when(text) if text else None
    if text and found is None and "date_unreadable" not in draft.warnings:
        draft.warnings.append("date_unreadable")
    found = found or fallback
    if found > at:
        if found > at + timedelta(days=1) and "date_in_future" not in draft.warnings:
            draft.warnings.append("date_in_future")
        return at
    return found


def noon_of(options: Options, zone: tzinfo, at: datetime) -> datetime:
    """Return noon of the day the event was held, or `at` where nobody said; never later than `at`."""
    day = options.held_day
    if day is None:
        return at
    return min(datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC), at)


def reps_by_name(options: Options, by: User | None) -> dict[str, int]:
    """Return the reps a list may name as owners, by e-mail and full name in lower case; a manager's own team's."""
    if "owner" not in options.fields:
        return {}
    reps = User.objects.filter(role=Role.REP, is_active=True)
    if by is not None and by.role == Role.MANAGER:
        reps = reps.filter(team=by.team_id)
    found: dict[str, int] = {}
    namesakes: set[str] = set()
    for pk, email, name in reps.values_list("pk", "email", "name"):
        if found.setdefault(name.casefold(), pk) != pk:
            namesakes.add(name.casefold())
        found[email.casefold()] = pk
    return {name: pk for name, pk in found.items() if name not in namesakes}
