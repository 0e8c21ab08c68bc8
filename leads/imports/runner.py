"""Runs imports. The rows are the work: a chunk's leads, events, results and progress are one transaction.

So a run that is killed goes on after the last whole chunk, and nothing is lost or doubled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q

from leads import clock
from leads.audit import audit
from leads.imports import undo
from leads.imports.chunks import ChunkWriter
from leads.imports.happenings import Attendance, gather_attendance
from leads.imports.jobs import WORK, forget_files, job_rows
from leads.imports.options import Options
from leads.imports.reading import NotReadable
from leads.imports.rows import KIND, Draft, RowReader, reps_by_name
from leads.models import ImportJob, ImportRow, Organisation
from leads.wakeup import wake

logger = logging.getLogger(__name__)
STATE = ImportJob.State
CHUNK = 500
# On SQLite everybody waits for one lock and asks for it ten times a second: without a pause longer than that,
# an import would be the only one to get it.
BREATH_SECONDS = 0.15
LEASE = timedelta(seconds=60)
# A worker's task ends well within its time limit; the next one goes on.
BUDGET_SECONDS = 240.0
Progress = Callable[[ImportJob], None]


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until its lease ends."""

    job: ImportJob
    until: datetime


class LostClaim(Exception):
    """Another worker took the job over; nothing of this chunk was written."""


def drain(at: datetime | None = None) -> int:
    """Run what imports and undos wait; return how many rows were done. `at` stands for the present throughout."""
    done = 0
    ends = time.monotonic() + BUDGET_SECONDS
    while time.monotonic() < ends:
        claim = claim_next(at or clock.now())
        if claim is None:
            forget_files(at=at or clock.now())
            return done
        done += run(claim, at=at, until=ends)
    with transaction.atomic():
        wake(WORK)
    return done


def claim_next(at: datetime) -> Claim | None:
    """Claim the oldest import that waits and nobody works on; None if there is none."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=at)
    waiting = ImportJob.objects.filter(free, state__in=[STATE.RUNNING, STATE.UNDOING]).order_by("id")
    for pk in waiting.values_list("pk", flat=True):
        if claim := claim_job(pk, at):
            return claim
    return None


def claim_job(pk: int, at: datetime) -> Claim | None:
    """Claim one import; None if another worker has it or it does not wait."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=at)
    waiting = ImportJob.objects.filter(free, pk=pk, state__in=[STATE.RUNNING, STATE.UNDOING])
    if waiting.update(claimed_until=at + LEASE):
        return Claim(ImportJob.objects.select_related("by").get(pk=pk), at + LEASE)
    return None


def run(
    claim: Claim, *, at: datetime | None = None, until: float | None = None, progress: Progress | None = None
) -> int:
    """Work on a claimed job to its end, or until `until` (monotonic); return how many rows were done."""
    before = claim.job.rows_done
    try:
        steps = undo.steps(claim.job, at) if claim.job.state == STATE.UNDOING else _steps(claim.job, at)
        for step in steps:
            claim = _take(claim, step, at or clock.now())
            if progress:
                progress(claim.job)
            if connection.vendor == "sqlite":
                time.sleep(BREATH_SECONDS)
            if until is not None and time.monotonic() > until:
                _release(claim)
                return claim.job.rows_done - before
    except LostClaim:
        logger.warning("import %s: another worker has taken over", claim.job.pk)
        return claim.job.rows_done - before
    except (OperationalError, InterfaceError):
        # The database is away: the lease runs out and somebody goes on.
        raise
    except NotReadable as error:
        _fail(claim, str(error))
    except Exception as error:
        logger.exception("import %s failed", claim.job.pk)
        _fail(claim, f"Something went wrong after row {claim.job.rows_done}: {type(error).__name__}.")
    else:
        _finish(claim, at or clock.now())
    return max(claim.job.rows_done - before, 1)


Step = Callable[[ImportJob], None]


def _take(claim: Claim, step: Step, at: datetime) -> Claim:
    """Do one step in a transaction of its own that also extends the lease."""
    with transaction.atomic():
        job = claim.job
        step(job)
        until = max(at, claim.until - LEASE) + LEASE
        mine = ImportJob.objects.filter(pk=job.pk, claimed_until=claim.until, state=job.state)
        progress = {
            name: getattr(job, name)
            for name in ("rows_done", "created", "updated", "skipped", "refused", "settings")
        }
        if not mine.update(claimed_until=until, **progress):
            raise LostClaim
    return Claim(job, until)


def _steps(job: ImportJob, at: datetime | None) -> Iterator[Step]:
    """Give the chunks that are still to do, each as a step."""
    options, zone = Options.of(job), ZoneInfo(Organisation.current().time_zone)
    started = at or clock.now()
    people = attendance(job, options, zone)
    reader = RowReader(job.kind, options, zone, reps_by_name(options, job.by))
    writer = ChunkWriter(job, options, reader, started, people)
    rows = job_rows(job)
    for row in islice(rows, job.rows_done):
        reader.skip(row)
    while chunk := list(islice(rows, CHUNK)):
        drafts = [reader.read(row) for row in chunk]
        yield lambda job, drafts=drafts: _write(writer, drafts, job)  # type: ignore[misc]


def attendance(job: ImportJob, options: Options, zone: ZoneInfo) -> dict[str, Attendance]:
    """Put the rows of a webinar together by person; empty for other lists."""
    if job.kind != KIND.WEBINAR:
        return {}
    reader = RowReader(job.kind, options, zone)
    return gather_attendance(reader.read(row) for row in job_rows(job))


def _write(writer: ChunkWriter, drafts: Sequence[Draft], job: ImportJob) -> None:
    """Write a chunk; if the database refuses it, row by row, so that only the row at fault is lost."""
    try:
        with transaction.atomic():
            counts: Mapping[str, int] = writer.write(drafts)
    except (DataError, IntegrityError, ValueError):
        logger.exception("import %s: a chunk was refused, going on row by row", job.pk)
        counts = _one_by_one(writer, drafts, job)
    job.rows_done += len(drafts)
    for result, count in counts.items():
        setattr(job, result, getattr(job, result) + count)


def _one_by_one(writer: ChunkWriter, drafts: Sequence[Draft], job: ImportJob) -> dict[str, int]:
    counts = dict.fromkeys(ImportRow.Result.values, 0)
    for draft in drafts:
        try:
            with transaction.atomic():
                (result,) = writer.write([draft])
        except (DataError, IntegrityError, ValueError):
            result = ImportRow.Result.REFUSED.value
            ImportRow.objects.create(job=job, number=draft.number, result=result, code="not_storable")
        counts[result] += 1
    return counts


def _finish(claim: Claim, at: datetime) -> None:
    job = claim.job
    over = STATE.UNDONE if job.state == STATE.UNDOING else STATE.DONE
    with transaction.atomic():
        mine = ImportJob.objects.filter(pk=job.pk, claimed_until=claim.until, state=job.state)
        if mine.update(state=over, finished_at=at, claimed_until=None):
            counts = {name: (0, getattr(job, name)) for name in ("created", "updated", "skipped", "refused")}
            changes = {name: (0, count) for name, count in Options.of(job).undo.items()} or counts
            audit(f"import.{over}", job, by=job.by, at=at, changes=changes)
    job.refresh_from_db()


def _fail(claim: Claim, error: str) -> None:
    mine = ImportJob.objects.filter(pk=claim.job.pk, claimed_until=claim.until)
    mine.update(state=STATE.FAILED, error=error[:500], claimed_until=None)
    claim.job.refresh_from_db()


def _release(claim: Claim) -> None:
    ImportJob.objects.filter(pk=claim.job.pk, claimed_until=claim.until).update(claimed_until=None)


def retry(job: ImportJob) -> None:
    """Let an import that failed go on where it stopped, unless the same file is running in another by now."""
    try:
        with transaction.atomic():
            ImportJob.objects.filter(pk=job.pk, state=STATE.FAILED).update(
                state=STATE.RUNNING, error="", claimed_until=None
            )
            wake(WORK)
    except IntegrityError:
        logger.info("import %s: the same file is running already", job.pk)
    job.refresh_from_db()
