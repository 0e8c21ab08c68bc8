"""One chunk of an import: its rows captured, their events recorded, the results written. The caller's transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from leads.bulk import bulk_insert_values
from leads.capture import Captured, Person, capture_leads, prepare
from leads.enums import Role, Stage
from leads.imports.happenings import Attendance, Happenings
from leads.imports.options import Options
from leads.imports.rows import KIND, Draft, RowReader
from leads.intake.recording import record_events
from leads.models import ImportJob, ImportRow, Lead, Note
from leads.profile import COLUMNS
from leads.sources import IMPORTS, internal_source
from leads.suppression import EMAIL, suppressed

RESULT = ImportRow.Result
_COLUMNS = ("job_id", "number", "result", "lead_id", "code", "detail", "warnings", "before")
STAGES = {KIND.SUSPECTS: Stage.SUSPECT}


@dataclass(slots=True)
class Outcome:
    """What became of one row: an ImportRow to be."""

    number: int
    result: str
    code: str = ""
    detail: str = ""
    warnings: list[str] = field(default_factory=list)
    before: dict[str, list[Any]] = field(default_factory=dict)
    lead_id: int | None = None


class ChunkWriter:
    """Writes chunks of one job; made once per run, because a webinar's people were gathered over the whole list."""

    def __init__(
        self, job: ImportJob, options: Options, reader: RowReader, at: datetime, people: dict[str, Attendance]
    ) -> None:
        self._job, self._options, self._at = job, options, at
        self._happenings = Happenings(job, options, reader, at, people)
        self._zone: tzinfo = reader.zone

    def write(self, drafts: Sequence[Draft]) -> Counter[str]:
        """Write the chunk and return how many rows ended how."""
        rows = {draft.number: _outcome(draft) for draft in drafts}
        wanted = self._without_repeats([draft for draft in drafts if draft.incoming is not None], rows)
        captured = self._capture(wanted)
        for draft, result in zip(wanted, captured, strict=True):
            _fill(rows[draft.number], draft, result)
        known = [(draft, result.lead) for draft, result in zip(wanted, captured, strict=True) if result.lead]
        self._give_owners(known, rows)
        self._give_to_team([result.lead.pk for result in captured if result.lead and result.created])
        self._record_events(known)
        self._write_notes(known)
        self._write_rows(rows.values())
        return Counter(str(row.result) for row in rows.values())

    def _write_rows(self, rows: Iterable[Outcome]) -> None:
        pk = self._job.pk
        values = [
            (pk, row.number, row.result, row.lead_id, row.code, row.detail, row.warnings, row.before)
            for row in rows
        ]
        bulk_insert_values(ImportRow, _COLUMNS, values)

    def _without_repeats(self, drafts: Sequence[Draft], rows: dict[int, Outcome]) -> list[Draft]:
        """Settle the rows of people this list named before: the first wins and others are skipped, or the last wins."""
        keys = {draft.key for draft in drafts if draft.key}
        kept_out = {value for _, value in suppressed((EMAIL, key) for key in keys)}
        seen = self._named_before(keys)
        wanted = []
        for draft in drafts:
            row = rows[draft.number]
            if draft.key in kept_out:
                row.result, row.code, row.detail, row.warnings = RESULT.SKIPPED, "suppressed", "", []
            elif draft.key and draft.key in seen and self._options.keep == "first":
                row.result, row.code = RESULT.SKIPPED, "repeated"
            else:
                assert draft.incoming is not None
                draft.incoming = replace(draft.incoming, may_replace=seen.get(draft.key, ()))
                wanted.append(draft)
            seen.setdefault(draft.key, set())
        return wanted

    def _named_before(self, keys: Iterable[str]) -> dict[str, set[str]]:
        """Return the addresses that earlier chunks had, with the columns this import has set on their leads."""
        earlier = ImportRow.objects.filter(job=self._job, lead__email__in=keys)
        named: dict[str, set[str]] = {}
        for email, result, before in earlier.values_list("lead__email", "result", "before"):
            if email:
                columns = COLUMNS if result == RESULT.CREATED else before
                named[email] = named.get(email, set()).union(columns)
        return named

    def _capture(self, drafts: Sequence[Draft]) -> list[Captured]:
        held, options = self._options.held_day, self._options
        today = self._at.astimezone(self._zone).date()
        return capture_leads(
            [draft.incoming for draft in drafts if draft.incoming is not None],
            stage=STAGES.get(KIND(self._job.kind), Stage.LEAD),
            at=self._at,
            by=self._job.by,
            origin=origin_of(self._job),
            overwrite=options.existing == "overwrite",
            claimed=self._claimed(drafts),
            profile_day=min(held, today) if held and options.history else None,
        )

    def _claimed(self, drafts: Sequence[Draft]) -> set[int]:
        """Return the leads this list named before that have one of the phones: a phone alone never matches two rows."""
        by_phone = [
            draft.incoming for draft in drafts if draft.incoming and draft.incoming.phone and not draft.key
        ]
        phones = {person.keys.phone for row in by_phone if isinstance(person := prepare(row), Person)}
        if not phones:
            return set()
        earlier = ImportRow.objects.filter(job=self._job, lead__phone__in=phones)
        return {pk for pk in earlier.values_list("lead_id", flat=True) if pk}

    def _give_owners(self, known: Sequence[tuple[Draft, Lead]], rows: dict[int, Outcome]) -> None:
        """Give leads nobody owns, and sales does not work on, the rep the list names."""
        for draft, lead in known:
            if draft.owner_id and lead.owner_id is None and lead.stage in (Stage.SUSPECT, Stage.LEAD):
                lead.owner_id = draft.owner_id
                rows[draft.number].before |= {"owner_id": [None, draft.owner_id]}
        by_owner: dict[int, list[int]] = defaultdict(list)
        for draft, lead in known:
            if draft.owner_id and lead.owner_id == draft.owner_id:
                by_owner[draft.owner_id].append(lead.pk)
        for owner_id, ids in by_owner.items():
            Lead.objects.filter(pk__in=ids, owner=None).update(owner=owner_id)

    def _give_to_team(self, ids: Sequence[int]) -> None:
        """Let a manager's team see the people it brought: new leads have no owner yet."""
        by = self._job.by
        if ids and by is not None and by.role == Role.MANAGER and by.team_id:
            Lead.objects.filter(pk__in=ids).update(pool_team=by.team_id)

    def _record_events(self, known: Sequence[tuple[Draft, Lead]]) -> None:
        events = [event for draft, lead in known for event in self._happenings.of(draft, lead.pk)]
        if events:
            for index, event in enumerate(events):
                event.index = index
            source = internal_source(IMPORTS, self._at)
            record_events(events, source=source, received_at=self._at, origin=origin_of(self._job))

    def _write_notes(self, known: Sequence[tuple[Draft, Lead]]) -> None:
        notes = {(lead.pk, draft.note): None for draft, lead in known if draft.note}
        if not notes:
            return
        there = Note.objects.filter(lead__in={pk for pk, _ in notes}).values_list("lead_id", "text")
        new = notes.keys() - set(there)
        Note.objects.bulk_create(
            Note(lead_id=pk, text=text, by=self._job.by, at=self._at)
            for pk, text in notes
            if (pk, text) in new
        )


def origin_of(job: ImportJob) -> str:
    """Return the name under which an import stands in the ledger and beside dated changes."""
    return f"import {job.pk}"


def _outcome(draft: Draft) -> Outcome:
    result = RESULT.SKIPPED if draft.skipped else RESULT.REFUSED
    return Outcome(draft.number, result, draft.skipped or draft.refused, draft.detail[:300], draft.warnings)


def _fill(row: Outcome, draft: Draft, captured: Captured) -> None:
    """Write on a row what capture made of it."""
    row.warnings = draft.warnings + captured.warnings
    if captured.lead is None:
        row.result, row.code = RESULT.REFUSED, captured.error or "no_contact"
        return
    row.lead_id, row.code, row.detail = captured.lead.pk, "", ""
    row.result = RESULT.CREATED if captured.created else RESULT.UPDATED
    if not captured.created:
        row.before = {name: _pair(change) for name, change in captured.changed.items()}


def _pair(change: tuple[Any, Any]) -> list[Any]:
    return list(change)
