"""The database and settings a benchmark runs with."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

DEFAULT_URL = "postgres://postgres@127.0.0.1:5432/leadflow_bench"
ENDING = "_bench"


class Refused(Exception):
    """The benchmark would touch something it must not; the message says what."""


@dataclass(frozen=True)
class Bench:
    """How one run is to be done."""

    url: str
    scale: float
    runs: int
    folder: Path

    def size(self, full: int, least: int = 1) -> int:
        """Return a size at scale 1 as it is at this scale."""
        return max(least, int(full * self.scale))


def checked(url: str) -> str:
    """Return the address of a database that may be dropped; raises Refused."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise Refused("Benchmarks need PostgreSQL: set DATABASE_URL to postgres://…")
    if not parts.path.endswith(ENDING):
        raise Refused(f"The database {parts.path[1:]!r} is left alone: its name does not end in {ENDING}.")
    return url


def set_environment(url: str, folder: Path) -> None:
    """Set what Leadflow's settings read; call before Django is set up."""
    os.environ |= {
        "DATABASE_URL": url,
        # No broker: a wake-up costs next to nothing, and nobody shall work while we measure.
        "REDIS_URL": "",
        "LEADFLOW_LOCAL": "1",
        "LEADFLOW_VAR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": "leadflow.settings",
        # What one sender may do is not what is measured.
        "LEADFLOW_RATE_EVENTS": "1000000000/min",
        "LEADFLOW_RATE_API": "1000000000/min",
    }


@contextmanager
def database(url: str) -> Iterator[None]:
    """Make the database anew and drop it in the end."""
    _recreate(url, make=True)
    try:
        yield
    finally:
        _recreate(url, make=False)


def _recreate(url: str, *, make: bool) -> None:
    parts = urlsplit(checked(url))
    name = sql.Identifier(parts.path[1:])
    server = psycopg2.connect(urlunsplit(parts._replace(path="/postgres")))
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        if make:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
    server.close()


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
