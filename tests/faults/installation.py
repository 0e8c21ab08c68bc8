"""A whole Leadflow for one test: its own database, broker, web server and workers, all of which may be killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from tests.faults.load import Load
from tests.oracle.scorer import judge, read_json

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ("role", "seniority", "industry", "country", "region", "tech_stack", "data_maturity", "product_interest",
           "employees", "job_title", "is_free_mail", "is_competitor", "is_student")  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], bool], *, within: float, what: str) -> None:
    """Wait until the condition holds, or fail saying what did not come about."""
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, f"not within {within:.0f} s: {what}"
        time.sleep(0.1)


class Installation:
    """Started by `start`; every process runs in its own group so that it can be killed with its children."""

    def __init__(self, name: str, folder: Path, server_url: str) -> None:
        self.folder, self.server = folder, urlsplit(server_url)
        # By the database it stands beside, so that two who test on one server do not meet.
        self.database = f"{self.server.path.strip('/')[:20]}_fault_{name}"
        self.port, self.redis_port = free_port(), free_port()
        url = server_url.rsplit("/", 1)[0] + f"/{self.database}"
        self.env = {
            **os.environ,
            "DATABASE_URL": url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "LEADFLOW_LOCAL": "1",
            "LEADFLOW_VAR": str(folder),
            "LEADFLOW_LOG_LEVEL": "WARNING",
            "LEADFLOW_UNDO_SECONDS": "0",
            "LEADFLOW_RATE_EVENTS": "1000000000/min",
            "PORT": str(self.port),
        }
        self.url = url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.key = ""

    # --- setting up and tearing down

    def create(self, *, reps: int = 0) -> None:
        """Make the database, its schema, a definition, a source and so many reps."""
        self.create_empty()
        self._prepare(reps)

    def create_empty(self) -> None:
        """Make the database and its schema alone."""
        self._admin(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        self._admin(f'CREATE DATABASE "{self.database}" TEMPLATE "{_template_of(self.server.geturl())}"')

    def drop_with_copies(self) -> None:
        """Drop the database, and those whose names begin with its own: copies that a test made."""
        names = self._admin("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", self.database)
        for (name,) in names:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _prepare(self, reps: int) -> None:
        prepared = subprocess.run(
            [sys.executable, "-m", "tests.faults.prepare", str(reps)],
            cwd=ROOT,
            env=self.env,
            check=True,
            capture_output=True,
        )
        self.key = json.loads(prepared.stdout.decode().strip().splitlines()[-1])["key"]

    def start(self, *, workers: int = 2) -> None:
        self.start_redis()
        self.start_web()
        self.start_worker(workers)

    def start_redis(self) -> None:
        command = [
            "redis-server",
            "--port",
            str(self.redis_port),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self.folder),
        ]
        self._spawn("redis", command)
        eventually(lambda: _listens(self.redis_port), within=60, what="Redis answers")

    def start_web(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "python:leadflow.gunicorn_conf", "leadflow.wsgi"]
        self._spawn("web", command, LEADFLOW_PROCESS="web")
        eventually(lambda: _listens(self.port), within=300, what="the web server answers")

    def start_worker(
        self, processes: int = 2, name: str = "worker", queues: str = "score,route,deliver,bulk"
    ) -> None:
        command = [
            sys.executable, "-m", "celery", "-A", "leadflow", "--quiet", "worker", "-B", "-c", str(processes),
            "-Q", queues, "--without-gossip", "--without-mingle", "-n", f"{name}@fault",
            "-s", str(self.folder / f"beat-{name}"),
        ]  # fmt: skip
        self._spawn(name, command, LEADFLOW_PROCESS="worker", LEADFLOW_WORKER_NAME=name)

    def start_beat(self, name: str) -> None:
        """Start a beat beside the one that the worker brings along."""
        self._spawn(name, [sys.executable, "-m", "celery", "-A", "leadflow", "--quiet", "beat", "--pidfile="])

    def start_supervised_workers(self) -> None:
        """Start them as production does: one for each queue, under a supervisor with a watchdog."""
        self._spawn("supervisor", [sys.executable, "manage.py", "up", "worker", "beat"])

    def _spawn(self, name: str, command: list[str], **env: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.env | env, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self._admin(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- doing harm

    def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Kill a process with all its children."""
        process = self.processes.pop(name, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            process.wait(timeout=40)

    def signal(self, name: str, number: int) -> None:
        os.killpg(self.processes[name].pid, number)

    def kill_child(self, name: str, rng: random.Random) -> bool:
        """Kill one child of a process at random; False when it has none."""
        process = self.processes[name]
        listing = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = listing.read_text().split() if listing.exists() else []
        if not children:
            return False
        try:
            os.kill(int(rng.choice(children)), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def flush_redis(self) -> None:
        with socket.create_connection(("127.0.0.1", self.redis_port)) as link:
            link.sendall(b"FLUSHALL\r\n")
            assert link.recv(64).startswith(b"+OK")

    # --- looking

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            check=check,
            capture_output=True,
            text=True,
        )

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.commit()
            connection.close()

    def pending(self) -> int:
        """Count what waits for a worker: marks to score and handoffs nobody has tried to route."""
        (count,) = self.query(
            "SELECT (SELECT count(*) FROM scoring_pendingscore WHERE set_aside = '')"
            " + (SELECT count(*) FROM handoff_handoff WHERE status = 'queued' AND queue_reason = 'new')"
        )[0]
        return int(count)

    def drained(self, *, within: float = 60) -> None:
        eventually(lambda: self.pending() == 0, within=within, what="everything pending is done")

    def verify(self) -> None:
        answer = self.manage("verify", check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "0 findings" in answer.stdout

    def scores(self) -> dict[str, tuple[int, int, int, str, int, int]]:
        rows = self.query(
            "SELECT email, fit_score, engagement_score, score, grade, band, momentum FROM leads_lead"
        )
        return {row[0]: tuple(row[1:]) for row in rows}  # type: ignore[misc]

    def assert_scores_equal_the_oracle(
        self, load: Load, acknowledged: list[str], definition: dict[str, Any] | None = None
    ) -> None:
        """Compare every lead with a scorer that never saw Leadflow's code, from the journal alone."""
        definition = definition or read_json(ROOT / "scoring" / "standard.json")
        profiles = {
            row[0]: {
                field: bool(value) if field.startswith("is_") and value is not None else value
                for field, value in zip(PROFILE, row[1:], strict=True)
            }
            for row in self.query(f"SELECT email, {', '.join(PROFILE)} FROM leads_lead")
        }
        deeds = load.deeds(acknowledged)
        expected = {
            email: judge(profiles[email], deeds[email], definition, load.today)[:6]
            for email in deeds
            if email in profiles
        }
        found = self.scores()
        wrong = {
            email: (found[email], want) for email, want in expected.items() if found[email] != tuple(want)
        }
        assert not wrong, f"{len(wrong)} of {len(expected)} leads differ, e.g. {list(wrong.items())[:3]}"
        assert len(expected) == load.people

    def _admin(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.server._replace(path="/postgres").geturl())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()


@cache
def _template_of(server: str) -> str:
    """Migrate once per session; every test gets a copy."""
    made = Installation("template", Path(tempfile.mkdtemp()), server)
    made._admin(f'DROP DATABASE IF EXISTS "{made.database}" WITH (FORCE)')
    made._admin(f'CREATE DATABASE "{made.database}"')
    made.manage("migrate", "--verbosity", "0")
    return made.database


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
