"""What an import would do, row by row, without doing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from zoneinfo import ZoneInfo

from leads.capture import Person, prepare
from leads.imports import mapping
from leads.imports.happenings import Attendance
from leads.imports.jobs import job_rows
from leads.imports.options import Options
from leads.imports.rows import KIND, Draft, RowReader, reps_by_name, wants_call_back
from leads.imports.runner import attendance
from leads.matching import Matcher
from leads.models import ImportJob, Organisation
from leads.suppression import EMAIL, suppressed

# Rows looked at for the counts of a preview; the import itself looks at all.
SAMPLE = 2000


@dataclass(slots=True)
class PreviewRow:
    """One row, what would become of it, and why."""

    number: int
    result: str  # created, updated, skipped, refused
    name: str = ""
    email: str = ""
    phone: str = ""
    company: str = ""
    job_title: str = ""
    code: str = ""
    detail: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Preview:
    """The first rows, and counts over the sample; `is_whole` says whether the sample is the whole list."""

    rows: list[PreviewRow]
    samples: list[list[str]]  # cells of the first rows, to recognise the columns by
    counts: Counter[str]
    is_whole: bool
    problems: list[str]
    notices: list[str]
    happenings: list[str]


def preview(job: ImportJob, *, sample: int = SAMPLE) -> Preview:
    """Say what the import would do with its first rows; writes nothing."""
    options = Options.of(job)
    zone = ZoneInfo(Organisation.current().time_zone)
    reader = RowReader(job.kind, options, zone, reps_by_name(options, job.by))
    first = list(islice(job_rows(job), sample))
    drafts = [reader.read(row) for row in first]
    rows = _judge(drafts, options)
    people = attendance(job, options, zone)
    return Preview(
        rows=rows,
        samples=[cells for _, cells in first[:100]],
        counts=Counter(row.result for row in rows),
        is_whole=job.rows_total <= sample,
        problems=mapping.problems(options.fields, options.headers),
        notices=mapping.notices(options.headers, options.fields),
        happenings=_happenings(job, drafts, people),
    )


def _judge(drafts: Sequence[Draft], options: Options) -> list[PreviewRow]:
    people = {draft.number: prepare(draft.incoming) for draft in drafts if draft.incoming}
    keys = [person.keys for person in people.values() if isinstance(person, Person)]
    matcher, kept_out = Matcher(keys), suppressed((EMAIL, key.email) for key in keys if key.email)
    seen: set[str] = set()
    rows = []
    for draft in drafts:
        person = people.get(draft.number)
        row = _row(draft, person)
        if isinstance(person, Person):
            email = person.keys.email
            if (EMAIL, email) in kept_out:
                row.result, row.code = "skipped", "suppressed"
            elif email and email in seen and options.keep == "first":
                row.result, row.code = "skipped", "repeated"
            elif matcher.find(person.keys) or (email and email in seen):
                row.result = "updated"
            seen |= {email} if email else set()
        rows.append(row)
    return rows


def _row(draft: Draft, person: Person | str | None) -> PreviewRow:
    row = PreviewRow(
        draft.number, "created", code=draft.detail if isinstance(person, str) else "", warnings=draft.warnings
    )
    if draft.incoming is not None:
        profile = draft.incoming.profile
        row.name = f"{profile.get('first_name', '')} {profile.get('last_name', '')}".strip()
        row.email, row.phone = draft.incoming.email or "", draft.incoming.phone
        row.company, row.job_title = draft.incoming.company_name, profile.get("job_title", "")
    if isinstance(person, Person):
        row.warnings = draft.warnings + person.warnings
    else:
        row.result = "skipped" if draft.skipped else "refused"
        row.code, row.detail = draft.skipped or draft.refused or str(person), draft.detail
    return row


def _happenings(job: ImportJob, drafts: Sequence[Draft], people: dict[str, Attendance]) -> list[str]:
    """Say what beside the people a list brings."""
    if job.kind == KIND.WEBINAR:
        attended = sum(one.attended for one in people.values())
        asked = sum(bool(one.questions) for one in people.values())
        return [f"{len(people):,} registered", f"{attended:,} attended", f"{asked:,} asked a question"]
    if job.kind == KIND.TRADESHOW:
        asked = sum(draft.incoming is not None and wants_call_back(draft) for draft in drafts)
        return [f"{asked:,} want a call back"]
    return []
