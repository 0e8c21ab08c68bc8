from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations

from leads import ledger
from tests.factories import AT


@pytest.fixture
def at() -> datetime:
    """The moment most tests play at."""
    return AT


@pytest.fixture(autouse=True)
def _decisions_settle_at_once(settings: Any) -> None:
    settings.LEADFLOW_UNDO_SECONDS = 0


@pytest.fixture(autouse=True, scope="session")
def _flush_gets_past_the_append_only_triggers() -> Iterator[None]:
    # SQLite empties tables with DELETE, which the ledger's trigger refuses; PostgreSQL truncates.
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_without_triggers(self: Any, sql_list: list[str]) -> None:
        if connection.vendor == "sqlite":
            ledger.remove(connection)
        flush(self, sql_list)
        if connection.vendor == "sqlite":
            ledger.install(connection)

    BaseDatabaseOperations.execute_sql_flush = flush_without_triggers
    yield
    BaseDatabaseOperations.execute_sql_flush = flush
