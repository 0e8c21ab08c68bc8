"""An import's life before and after its rows: uploaded, decided on, started, forgotten."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from leads.clock import day_of
from leads.imports import mapping
from leads.imports.dates import is_day_first, parse_when
from leads.imports.layouts import DEPTH, Layout, find_layout
from leads.imports.options import Options
from leads.imports.reading import (
    MAX_ROWS,
    Format,
    NotReadable,
    Probe,
    Row,
    first_rows,
    read_rows,
    sniff_delimiter,
)
from leads.models import ImportJob, ImportPart, Organisation, User
from leads.wakeup import wake

PART = 1024 * 1024
KEEP_FILES = timedelta(days=7)
WORK = "leads.tasks.resume_imports"
NAMED_EVENTS = (ImportJob.Kind.WEBINAR, ImportJob.Kind.TRADESHOW)
DATES = ("occurred_at", "registered_at", "joined_at")


def upload(blocks: Iterable[bytes], *, filename: str, kind: str, by: User | None, at: datetime) -> ImportJob:
    """Store a file and return its import, waiting for somebody's go. Raises NotReadable, and keeps nothing then."""
    job = ImportJob.objects.create(
        by=by, kind=kind, filename=safe_filename(filename), content_hash="", created_at=at
    )
    try:
        encoding, head = _store(job, blocks)
        examine(job, Format(encoding, sniff_delimiter(head, encoding)))
    except NotReadable:
        job.delete()
        raise
    return job


def _store(job: ImportJob, blocks: Iterable[bytes]) -> tuple[str, bytes]:
    """Keep the file in parts; return its encoding and its beginning. No lock is held while a large file is read."""
    probe, digest = Probe(), hashlib.sha256()
    for position, block in enumerate(_even(blocks)):
        probe.feed(block)
        digest.update(block)
        ImportPart.objects.create(job=job, position=position, content=zlib.compress(block, 1))
    if probe.size == 0:
        raise NotReadable("no_rows", "No rows: the file is empty.")
    job.size, job.content_hash = probe.size, digest.hexdigest()
    return probe.encoding(), probe.head


def _even(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same bytes in blocks of PART."""
    held = bytearray()
    for block in blocks:
        held += block
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)


def safe_filename(name: str) -> str:
    """Return what of a file name can be shown: no folders, no characters that are not seen, at most 200."""
    plain = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(char for char in plain if unicodedata.category(char)[0] != "C")
    return " ".join(kept.split())[-200:] or "list.csv"


def examine(job: ImportJob, form: Format) -> None:
    """Find header, mapping and number of rows anew, as if the file were of this form, and save them on the job."""
    layout = find_layout(first_rows(job_blocks(job), form, DEPTH))
    fields = mapping.guess_mapping(layout.headers, layout=layout.name)
    options = Options.of(job)
    options.encoding, options.delimiter = form.encoding, form.delimiter
    options.layout, options.header_line = layout.name, layout.header_line
    options.headers, options.fields, options.staff = layout.headers, fields, layout.staff
    dates = [index for index, name in enumerate(fields) if name in DATES]
    cells: list[str] = []
    job.rows_total = 0
    for _, row in _below(read_rows(job_blocks(job), form), layout.header_line):
        job.rows_total += 1
        if job.rows_total > MAX_ROWS:
            raise NotReadable(
                "too_many_rows", f"The file has over {MAX_ROWS:,} rows. Split it and import the parts."
            )
        if job.rows_total <= 1000:
            cells += [row[index] for index in dates if index < len(row)]
    if job.rows_total == 0:
        raise NotReadable("no_rows", "No rows: there is nothing below the header.")
    options.day_first = is_day_first(cells)
    _name_event(job, options, layout)
    job.settings = options.as_json()
    job.save()


def _name_event(job: ImportJob, options: Options, layout: Layout) -> None:
    if job.kind not in NAMED_EVENTS:
        return
    options.event = (layout.topic or re.sub(r"\.\w{1,5}$", "", job.filename))[:150]
    zone = Organisation.current().time_zone
    started = (
        parse_when(layout.started, ZoneInfo(zone), day_first=options.day_first) if layout.started else None
    )
    options.held_on = day_of(started, zone).isoformat() if started else ""


def job_blocks(job: ImportJob) -> Iterator[bytes]:
    """Give the bytes of the file, one part in memory at a time."""
    for position in count():
        part = ImportPart.objects.filter(job=job, position=position).values_list("content", flat=True).first()
        if part is None:
            return
        yield zlib.decompress(part)


def job_rows(job: ImportJob) -> Iterator[Row]:
    """Give the rows below the header."""
    options = Options.of(job)
    return _below(
        read_rows(job_blocks(job), Format(options.encoding, options.delimiter)), options.header_line
    )


def _below(rows: Iterator[Row], header_line: int) -> Iterator[Row]:
    return (row for row in rows if row[0] > header_line)


def start(job: ImportJob, *, at: datetime) -> ImportJob:
    """Let the import run and return it; the one already running for this file and kind, if there is one.

    Raises NotReadable while the mapping cannot work, or once the file is gone.
    """
    options = Options.of(job)
    if found := mapping.problems(options.fields, options.headers):
        raise NotReadable("bad_mapping", found[0])
    options.generation = _undone_before(job, options)
    try:
        with transaction.atomic():
            started = ImportJob.objects.filter(pk=job.pk, state=ImportJob.State.PREVIEW).update(
                state=ImportJob.State.RUNNING, started_at=at, settings=options.as_json(), error=""
            )
            wake(WORK)
    except IntegrityError:
        return _join(job)
    job.refresh_from_db()
    if not started and job.state == ImportJob.State.PREVIEW:
        return _join(job)
    return job


def _join(job: ImportJob) -> ImportJob:
    """Return the import that is running for the same file; this one was then one too many."""
    running = ImportJob.objects.get(
        content_hash=job.content_hash, kind=job.kind, state=ImportJob.State.RUNNING
    )
    job.delete()
    return running


def _undone_before(job: ImportJob, options: Options) -> int:
    """Count the undone imports of this event: what they recorded is gone and may come anew."""
    return ImportJob.objects.filter(
        kind=job.kind,
        state=ImportJob.State.UNDONE,
        settings__event=options.event,
        settings__held_on=options.held_on,
    ).count()


def earlier(job: ImportJob) -> ImportJob | None:
    """Return the last import of the very same file and kind that ran, for a word of warning."""
    ran = (ImportJob.State.RUNNING, ImportJob.State.DONE)
    same = ImportJob.objects.filter(content_hash=job.content_hash, kind=job.kind, state__in=ran)
    return same.exclude(pk=job.pk).order_by("-id").first()


def forget_files(*, at: datetime) -> int:
    """Drop the files of imports that ended, or were never started, over a week ago; return how many."""
    waiting = (ImportJob.State.RUNNING, ImportJob.State.UNDOING)
    old = ImportJob.objects.filter(created_at__lt=at - KEEP_FILES).exclude(state__in=waiting)
    with_files = list(old.filter(parts__isnull=False).values_list("pk", flat=True).distinct()[:1000])
    ImportPart.objects.filter(job__in=with_files).delete()
    ImportJob.objects.filter(pk__in=with_files, state=ImportJob.State.PREVIEW).delete()
    return len(with_files)
