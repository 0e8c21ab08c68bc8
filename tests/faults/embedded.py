"""The embedded default for one test: a file of its own, a web server, and one process that does all the work."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.installation import Installation


class Embedded(Installation):
    """On SQLite and without a broker."""

    def __init__(self, folder: Path) -> None:
        super().__init__("embedded", folder, "postgres://nowhere/none")
        self.file = folder / "leadflow.sqlite3"
        self.env |= {"DATABASE_URL": "", "REDIS_URL": "", "LEADFLOW_DEMO": "0"}

    def create(self, *, reps: int = 0) -> None:
        shutil.copy(_template(), self.file)
        self._prepare(reps)

    def start(self, *, workers: int = 1) -> None:
        self.start_web()
        self.start_work()

    def start_work(self) -> None:
        self.spawn("work", "work", LEADFLOW_PROCESS="worker")

    def spawn(self, name: str, *command: str, **env: str) -> None:
        """Start a management command and let it run."""
        self._spawn(name, [sys.executable, "manage.py", *command], **env)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=20)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def said(self) -> str:
        """Return what every process has logged."""
        return "".join(log.read_text(errors="replace") for log in self.folder.glob("*.log"))


@cache
def _template() -> Path:
    """Migrate once per session; every test gets a copy."""
    made = Embedded(Path(tempfile.mkdtemp()))
    made.manage("migrate", "--verbosity", "0")
    with closing(sqlite3.connect(made.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return made.file
