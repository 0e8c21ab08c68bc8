"""Import a list from the command line, by the same code as the pages."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from leads import clock
from leads.imports import jobs, mapping, runner
from leads.imports.errors import refused_rows
from leads.imports.options import Options
from leads.imports.preview import preview
from leads.imports.reading import DELIMITERS, ENCODINGS, Format, NotReadable
from leads.imports.words import say
from leads.models import ImportJob, User

STATE = ImportJob.State
PATIENCE_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Import a list of people. Prints what became of the rows; ends with 1 if the file cannot be imported. "
        "Refused rows are no failure: --refused writes them to a file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as", dest="stage", choices=["suspect", "lead"], help="what new people come in as"
        )
        parser.add_argument(
            "--kind", choices=["webinar", "tradeshow"], help="a list of an event; its people are leads"
        )
        parser.add_argument(
            "--map", action="append", default=[], metavar="HEADER=FIELD",
            help=f"what a column is; an empty field leaves it out. Fields: {', '.join(mapping.BY_NAME)}",
        )  # fmt: skip
        parser.add_argument("--event", help="name of the webinar or trade show")
        parser.add_argument("--date", help="its day, as 2026-03-12")
        parser.add_argument("--history", action="store_true", help="take what happened as known on that day")
        parser.add_argument(
            "--keep", choices=["first", "last"], help="which of several rows with one address wins"
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="also change what is known of people already here"
        )
        parser.add_argument("--encoding", choices=ENCODINGS)
        parser.add_argument("--delimiter", help="the character between cells; tab for a tab")
        parser.add_argument("--by", help="e-mail address of the user who imports")
        parser.add_argument("--refused", type=Path, metavar="FILE", help="write the refused rows here")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would become of the first rows"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = self._upload(options)
        except NotReadable as error:
            raise CommandError(str(error)) from error
        try:
            self._decide(job, options)
            if options["dry_run"]:
                self._say_what_would_be(job)
            else:
                job = jobs.start(job, at=clock.now())
        except NotReadable as error:
            raise CommandError(str(error)) from error
        finally:
            # Nobody waits for the go of an import that a command did not start.
            ImportJob.objects.filter(pk=job.pk, state=STATE.PREVIEW).delete()
        if options["dry_run"]:
            return
        self._follow(job)
        self._report(job, options["refused"])

    def _upload(self, options: dict[str, Any]) -> ImportJob:
        file: Path = options["file"]
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        by = User.objects.filter(email__iexact=options["by"]).first() if options["by"] else None
        if options["by"] and by is None:
            raise CommandError(f"There is no user {options['by']}.")
        if bool(options["stage"]) == bool(options["kind"]):
            raise CommandError("Say either --as suspect, --as lead, or --kind webinar, --kind tradeshow.")
        kind = options["kind"] or options["stage"]
        return jobs.upload(_blocks(file), filename=file.name, kind=kind, by=by, at=clock.now())

    def _decide(self, job: ImportJob, given: dict[str, Any]) -> None:
        if given["encoding"] or given["delimiter"]:
            now = Options.of(job)
            delimiter = {"tab": "\t"}.get(given["delimiter"], given["delimiter"]) or now.delimiter
            if delimiter not in DELIMITERS:
                raise CommandError("The delimiter is one of: comma ( , ), semicolon ( ; ), bar ( | ), tab.")
            jobs.examine(job, Format(given["encoding"] or now.encoding, delimiter))
        options = Options.of(job)
        options.fields = _mapped(options, given["map"])
        options.event = (given["event"] or options.event)[:150]
        options.held_on = _day(given["date"]) or options.held_on
        options.history = given["history"]
        options.keep = given["keep"] or options.keep
        options.existing = "overwrite" if given["overwrite"] else "fill"
        job.settings = options.as_json()
        job.save()
        for notice in mapping.notices(options.headers, options.fields):
            self.stdout.write(notice)

    def _say_what_would_be(self, job: ImportJob) -> None:
        found = preview(job)
        for problem in found.problems:
            self.stderr.write(problem)
        for row in found.rows[:50]:
            said = "; ".join(
                filter(None, [say(row.code) if row.code else "", *(say(code) for code in row.warnings)])
            )
            self.stdout.write(f"{row.number:>7}  {row.result:<8} {row.email or row.phone}  {said}")
        self.stdout.write(
            f"{_counted(found.counts)} of the first {len(found.rows):,} of {job.rows_total:,} rows"
        )
        job.delete()

    def _follow(self, job: ImportJob) -> None:
        """Do the work here, or watch the worker that was quicker."""
        with tqdm(total=job.rows_total, unit=" rows", initial=job.rows_done, disable=None) as bar:

            def show(current: ImportJob) -> None:
                bar.update(current.rows_done - bar.n)

            while job.state == STATE.RUNNING:
                if claim := runner.claim_job(job.pk, clock.now()):
                    runner.run(claim, progress=show)
                else:
                    time.sleep(PATIENCE_SECONDS)
                job.refresh_from_db()
                show(job)

    def _report(self, job: ImportJob, refused: Path | None) -> None:
        if refused is not None:
            with refused.open("w", encoding="utf-8", newline="") as file:
                file.writelines(refused_rows(job))
        counts = {name: getattr(job, name) for name in ("created", "updated", "skipped", "refused")}
        self.stdout.write(f"Import {job.pk}: {_counted(counts)}")
        if job.state == STATE.FAILED:
            raise CommandError(job.error)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while block := opened.read(jobs.PART):
            yield block


def _mapped(options: Options, pairs: list[str]) -> list[str]:
    wanted = {}
    for pair in pairs:
        header, equals, field = pair.rpartition("=")
        if not equals:
            raise CommandError(f"--map takes HEADER=FIELD, not {pair}.")
        wanted[header] = field.strip()
    try:
        return mapping.with_overrides(options.headers, options.fields, wanted)
    except KeyError as unknown:
        raise CommandError(f"There is no column {unknown}; found: {', '.join(options.headers)}.") from unknown
    except ValueError as unknown:
        raise CommandError(f"There is no field {unknown}; known: {', '.join(mapping.BY_NAME)}.") from unknown


def _day(text: str | None) -> str:
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise CommandError(f"{text} is not a day; write it as 2026-03-12.") from error


def _counted(counts: Any) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in ("created", "updated", "skipped", "refused"))
