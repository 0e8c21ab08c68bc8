"""Lists to import: the shared files where they are, and small ones made of text."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from leads.imports import jobs, runner
from leads.models import ImportJob

DATA = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BREATH_SECONDS", 0)


@pytest.fixture
def shared_file() -> Callable[[str], bytes]:
    """Read one of the shared lists; a missing one skips the test, or fails it where CI promised it."""

    def read(name: str) -> bytes:
        path = DATA / name
        if not path.exists():
            if os.environ.get("CI") == "true":
                pytest.fail(f"the shared list {name} is missing")
            pytest.skip(f"NOT RUN: the shared list {name} is missing")
        return path.read_bytes()

    return read


Import = Callable[..., ImportJob]


@pytest.fixture
def upload(at: datetime) -> Import:
    """Upload text or bytes and return the import, waiting; keywords change its options."""

    def do(
        content: str | bytes,
        *,
        kind: str = "suspect",
        name: str = "list.csv",
        when: datetime = at,
        **options: Any,
    ) -> ImportJob:
        data = content.encode() if isinstance(content, str) else content
        job = jobs.upload([data], filename=name, kind=kind, by=None, at=when)
        job.settings |= options
        job.save()
        return job

    return do


@pytest.fixture
def run_import(upload: Import, at: datetime) -> Import:
    """Upload and run to the end."""

    def do(content: str | bytes, *, when: datetime = at, **options: Any) -> ImportJob:
        job = jobs.start(upload(content, when=when, **options), at=when)
        runner.drain(when)
        job.refresh_from_db()
        return job

    return do


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    """Return created, updated, skipped, refused."""
    return job.created, job.updated, job.skipped, job.refused
