"""Turns the environment into settings: the parts of `settings.py` that decide something."""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

# WAL lets readers go on while one writes; FULL, because NORMAL may lose an acknowledged event
# when the power fails. The rest keeps sorting in memory and the write-ahead log short.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; "
    "PRAGMA cache_size=-32000; PRAGMA journal_size_limit=67108864;"
)


def database(url: str, *, process: str, sqlite_file: Path) -> dict[str, Any]:
    """Return the DATABASES entry for `url`; an empty one means the embedded SQLite file."""
    config: dict[str, Any] = Env.db_url_config(url or f"sqlite:///{sqlite_file}")
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE: a deferred transaction that turns into a writer fails at once with
        # "database is locked"; one that starts as a writer waits its turn.
        options |= {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": SQLITE_PRAGMAS}
    else:
        options |= {"connect_timeout": 5, "options": _postgres_options(process)}
        config |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    return config


def _postgres_options(process: str) -> str:
    values = {
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "synchronous_commit": "on",
    }
    # Only requests are bounded: a migration or a bulk job may rightly take longer.
    if process == "web":
        values["statement_timeout"] = "30s"
    return " ".join(f"-c {name}={value}" for name, value in values.items())


def secret_key(given: str, *, production: bool, file: Path) -> str:
    """Return the key to sign with: `given`, or one kept in `file` where nobody else can reach us."""
    if given:
        return given
    if production:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Set it to a long random text, for example the output of: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return _kept_key(file)


def _kept_key(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place, so that of two first starts at once both read one whole key.
    draft = file.with_suffix(f".{os.getpid()}")
    draft.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text()


def broker_url(url: str) -> str:
    """Return Celery's address for a `REDIS_URL`; without one, the broker that holds nothing."""
    if url.startswith("unix://"):
        return "redis+socket://" + url.removeprefix("unix://")
    return url or "memory://"


def broker_options(process: str) -> dict[str, Any]:
    """Return the transport options: a request gives Redis up quickly, a worker waits for it."""
    wait = 0.25 if process == "web" else 15
    return {
        # Only how soon Redis hands a dead worker's message out again. Nothing depends on it:
        # the sweeps find the work itself in the database.
        "visibility_timeout": 120,
        "socket_timeout": wait,
        "socket_connect_timeout": min(wait, 5),
        "socket_keepalive": True,
        "health_check_interval": 10,
    }


def missing_services(environment: Mapping[str, str]) -> list[str]:
    """Name the production services this environment does not point to."""
    left_out = []
    if not urlsplit(environment.get("DATABASE_URL", "")).scheme.startswith("postgres"):
        left_out.append("PostgreSQL (set DATABASE_URL)")
    if not environment.get("REDIS_URL"):
        left_out.append("Redis (set REDIS_URL)")
    return left_out
