"""The refused rows of an import as a file: line, reason and the row as it was, to mend and import again."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from leads.csv_export import Echo, cell
from leads.imports.jobs import job_rows
from leads.imports.options import Options
from leads.imports.words import say
from leads.models import ImportJob, ImportRow


def refused_rows(job: ImportJob) -> Iterator[str]:
    """Give the lines of the file. Once the upload is forgotten, the cells are missing from it.

    Rows of people who must not be stored are skipped, not refused, so they are never in it.
    """
    writer = csv.writer(Echo())
    headers = Options.of(job).headers
    yield "\ufeff" + writer.writerow([cell(text) for text in ("Line", "Reason", *headers)])
    refused = job.rows.filter(result=ImportRow.Result.REFUSED).order_by("number")
    file = job_rows(job)
    number, cells = next(file, (0, []))
    for line, code, detail in refused.values_list("number", "code", "detail").iterator(chunk_size=2000):
        while number and number < line:
            number, cells = next(file, (0, []))
        reason = say(code) + (f": {detail}" if detail else "")
        original = cells if number == line else []
        yield writer.writerow([line, reason, *(cell(text) for text in original)])
