"""What the people of a list did: webinars attended, stands visited, call backs asked for, forms filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from leads.imports.mapping import header_key
from leads.imports.options import Options
from leads.imports.rows import KIND, Draft, RowReader, is_yes, moment_of, noon_of, wants_call_back
from leads.intake.events import IncomingEvent
from leads.models import ImportJob

When = Callable[[str], datetime | None]


@dataclass(slots=True)
class Attendance:
    """One person at one webinar, put together from a row for each time they joined."""

    number: int  # the first row: it carries the events
    attended: bool = False
    minutes: int = 0
    joins: int = 0
    questions: list[str] = field(default_factory=list)
    registered: str = ""
    joined: str = ""


def gather_attendance(drafts: Iterable[Draft]) -> dict[str, Attendance]:
    """Put the rows of each person together, by `person_key`."""
    people: dict[str, Attendance] = {}
    for draft in drafts:
        if draft.incoming is None:
            continue
        one = people.setdefault(person_key(draft), Attendance(draft.number))
        cells = draft.cells
        one.registered = one.registered or cells.get("registered_at", "")
        one.questions += [question for question in draft.questions if question not in one.questions]
        minutes = _minutes(cells.get("minutes", ""))
        if is_yes(cells["attended"]) if "attended" in cells else bool(minutes or "joined_at" in cells):
            one.attended = True
            one.joins += 1
            one.minutes += minutes
            one.joined = one.joined or cells.get("joined_at", "")
    return people


def _minutes(text: str) -> int:
    digits = text.partition(".")[0].split(" ")[0]
    return min(int(digits), 10_000) if digits.isdigit() else 0


def person_key(draft: Draft) -> str:
    """Return what tells one person of a list: the e-mail, else the phone with the name."""
    if draft.key or draft.incoming is None:
        return draft.key
    profile = draft.incoming.profile
    return f"{draft.incoming.phone}|{profile.get('first_name', '')}|{profile.get('last_name', '')}"


class Happenings:
    """Makes the events of a job's rows, with ids that are the same whenever the same list is read."""

    def __init__(
        self, job: ImportJob, options: Options, reader: RowReader, at: datetime, people: dict[str, Attendance]
    ) -> None:
        self._kind, self._options, self._when, self._at, self._people = (
            job.kind,
            options,
            reader.when,
            at,
            people,
        )
        self._zone = reader.zone
        self._fallback = noon_of(options, reader.zone, at)
        # The import's number lets an undo find what it recorded.
        self._context: dict[str, Any] = {"import": job.pk}
        if job.kind in _SOURCES:
            self._context["campaign"] = {"source": _SOURCES[job.kind], "name": options.event}

    def of(self, draft: Draft, lead_id: int) -> Iterator[IncomingEvent]:
        """Give the events of one row."""
        if self._kind == KIND.WEBINAR:
            yield from self._webinar(draft, lead_id)
        elif self._kind == KIND.TRADESHOW:
            yield from self._trade_show(draft, lead_id)
        elif form := draft.cells.get("form"):
            filled = self._moment(draft, "occurred_at")
            properties = {"form": form[:150]} | ({"answers": draft.answers} if draft.answers else {})
            yield self._event("Form Submitted", draft, lead_id, filled, properties)
        if is_yes(draft.cells.get("opted_out", "")):
            yield self._event(
                "Unsubscribed", draft, lead_id, self._fallback, {"list": self._options.event or "import"}
            )

    def _webinar(self, draft: Draft, lead_id: int) -> Iterator[IncomingEvent]:
        person = self._people.get(person_key(draft))
        if person is None or person.number != draft.number:
            return
        webinar = {"webinar": self._options.event}
        registered = self._moment(draft, "registered_at")
        joined = self._when(person.joined) or self._fallback
        joined = min(joined, self._at)
        yield self._event("Webinar Registered", draft, lead_id, min(registered, joined), webinar)
        if person.attended:
            seen = webinar | {"minutes": person.minutes, "joins": person.joins}
            yield self._event("Webinar Attended", draft, lead_id, joined, seen)
        if person.questions:
            asked = webinar | {"question": "\n".join(person.questions)[:4000]}
            moment = joined if person.attended else registered
            yield self._event("Webinar Question Asked", draft, lead_id, moment, asked)

    def _trade_show(self, draft: Draft, lead_id: int) -> Iterator[IncomingEvent]:
        visited = self._moment(draft, "occurred_at")
        yield self._event("Trade Show Visited", draft, lead_id, visited, {"event": self._options.event})
        if wants_call_back(draft):
            properties = {
                "topic": f"Call back after {self._options.event or 'the trade show'}",
                "note": draft.note[:500],
            }
            yield self._event("Contact Requested", draft, lead_id, visited, properties)

    def _moment(self, draft: Draft, cell: str) -> datetime:
        return moment_of(draft, cell, self._when, self._fallback, self._at)

    def _event(
        self, name: str, draft: Draft, lead_id: int, occurred_at: datetime, properties: dict[str, Any]
    ) -> IncomingEvent:
        return IncomingEvent(
            type="track",
            name=name,
            occurred_at=occurred_at,
            message_id=self._id(name, draft, properties),
            lead_id=lead_id,
            properties=properties,
            context=self._context,
            sent_as=occurred_at.isoformat(),
            known_on=self._known_on(occurred_at),
        )

    def _id(self, name: str, draft: Draft, properties: dict[str, Any]) -> str:
        # Of the event and the person, not of the file: the list exported again brings nothing twice.
        occasion = (
            properties.get("form") or header_key(self._options.event) or draft.cells.get("occurred_at", "")
        )
        parts = (
            self._kind,
            occasion,
            self._options.held_on,
            person_key(draft),
            self._options.generation,
            name,
        )
        return f"import-{sha256('|'.join(map(str, parts)).encode()).hexdigest()[:40]}"

    def _known_on(self, occurred_at: datetime) -> date | None:
        return occurred_at.astimezone(self._zone).date() if self._options.history else None


_SOURCES: dict[str, str] = {KIND.WEBINAR: "webinar", KIND.TRADESHOW: "trade show"}
