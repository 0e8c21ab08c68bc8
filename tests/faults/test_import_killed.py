"""An import whose process is killed, again and again, at any moment: no row is lost or done twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROWS = 4000
KILLS = 4


class Import:
    """A Leadflow on a file of its own, driven by its commands."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "leadflow.sqlite3"
        self.env = {
            **os.environ,
            "LEADFLOW_VAR": str(folder),
            "LEADFLOW_LOCAL": "1",
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        self.manage("migrate", "-v0")

    def manage(self, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def query(self, sql: str) -> list[Any]:
        with sqlite3.connect(self.file, timeout=20) as connection:
            return connection.execute(sql).fetchall()

    def done(self) -> int:
        found = self.query("SELECT rows_done FROM leads_importjob WHERE state IN ('running', 'done')")
        return found[0][0] if found else -1

    def lease_runs_out(self) -> None:
        self.query("UPDATE leads_importjob SET claimed_until = '2000-01-01 00:00:00'")


def wait_for_progress(running: Import, process: subprocess.Popen[str], beyond: int) -> None:
    ends = time.monotonic() + 120
    while running.done() <= beyond and process.poll() is None:
        assert time.monotonic() < ends, "the import does not move"
        time.sleep(0.02)


@pytest.mark.timeout(600)
def test_an_import_survives_kills(tmp_path: Path) -> None:
    rng = random.Random(7)
    running, file = Import(tmp_path), tmp_path / "list.csv"
    lines = [f"p{n}@acme{n % 50}.example,P{n},Head of Data,DE" for n in range(ROWS)]
    file.write_text("Email,First Name,Title,Country\n" + "\n".join(lines) + "\n")
    kills = 0

    process = running.start("import_leads", str(file), "--as", "lead")
    for _ in range(KILLS):
        wait_for_progress(running, process, running.done())
        time.sleep(rng.random() * 0.2)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        running.lease_runs_out()
        # The same file handed in again joins the import that was running.
        process = running.start("import_leads", str(file), "--as", "lead")
    assert process.wait(timeout=300) == 0

    assert kills >= 2
    ((jobs, state, created, updated),) = running.query(
        "SELECT count(*), min(state), sum(created), sum(updated) FROM leads_importjob WHERE created > 0"
    )
    assert (jobs, state, created, updated) == (1, "done", ROWS, 0)
    assert running.query(
        "SELECT count(*), count(DISTINCT number) FROM leads_importrow WHERE result = 'created'"
    ) == [(ROWS, ROWS)]
    assert running.query("SELECT count(*), count(DISTINCT email) FROM leads_lead") == [(ROWS, ROWS)]
    assert running.query("SELECT count(*) FROM leads_stagechange") == [(ROWS,)]
    doubled = "SELECT lead_id FROM leads_profilechange GROUP BY lead_id, field HAVING count(*) > 1"
    assert running.query(doubled) == []
