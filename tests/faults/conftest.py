from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.installation import Installation

REQUIRED = bool(os.environ.get("CI") or os.environ.get("LEADFLOW_REQUIRE_SERVICES"))


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if "tests/faults" in str(item.fspath):
            item.add_marker(pytest.mark.faults)


def left_out(why: str) -> None:
    """Skip the test, loudly, or fail it where everything was promised to run."""
    if REQUIRED:
        pytest.fail(f"{why}; on CI no fault test is left out")
    pytest.skip(f"LEFT OUT: {why}")


@pytest.fixture
def installation(request: Any, tmp_path: Path) -> Iterator[Installation]:
    """A Leadflow on PostgreSQL with its own Redis, created but not started."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        left_out("DATABASE_URL names no PostgreSQL")
    if shutil.which("redis-server") is None:
        left_out("no redis-server here")
    name = re.sub(r"\W+", "_", request.node.name)[:30].lower()
    made = Installation(name, tmp_path, url)
    try:
        made.create(reps=getattr(request, "param", 3))
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether this is the release run with its larger figures."""
    return os.environ.get("LEADFLOW_FAULTS") == "long"
