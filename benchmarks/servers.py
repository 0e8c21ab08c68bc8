"""Leadflow and the bare app, each behind gunicorn with Leadflow's own configuration."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from benchmarks.environment import Bench, free_port

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120


@dataclass(frozen=True)
class Servers:
    """The ports of both."""

    floor: int
    leadflow: int


@contextmanager
def running(bench: Bench) -> Iterator[Servers]:
    """Start both, wait until they answer, and stop them in the end."""
    ports = Servers(free_port(), free_port())
    processes = [
        _start("benchmarks.floor_app:application", ports.floor, bench.folder),
        _start("leadflow.wsgi:application", ports.leadflow, bench.folder),
    ]
    try:
        for port, process in zip((ports.floor, ports.leadflow), processes, strict=True):
            _wait(port, process)
        yield ports
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)


def _start(application: str, port: int, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PORT": str(port), "LEADFLOW_PROCESS": "web"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:leadflow.gunicorn_conf", application]
    with (folder / f"{application.partition(':')[0]}.log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"gunicorn ended at once; see the logs in var/bench ({process.args})")
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"Nothing answered on port {port}.")
