"""What tests of the handoff share."""

import pytest
from django.db import connection


@pytest.fixture
def needs_postgresql(transactional_db):
    """For races: several writers at once, each with a connection of its own."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL: SQLite lets one writer in at a time")
