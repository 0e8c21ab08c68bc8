"""F9: at every named point in the product's transactions a process raises, or is killed; the day comes to the same.

LEADFLOW_FAULTS=long takes twenty times by chance at which each point is come by, and plays every day to its end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import left_out
from tests.faults.failpoints import POINTS
from tests.faults.installation import ROOT, Installation

LONG = os.environ.get("LEADFLOW_FAULTS") == "long"
SEEDS = range(1, 21) if LONG else range(1)
CASES = [(point, how, seed) for point in POINTS for how in ("raise", "kill") for seed in SEEDS]
ENDINGS = {"raise": [0], "kill": [-signal.SIGKILL, 0]}

pytestmark = pytest.mark.timeout(4 * 3600 if LONG else 1200)


@pytest.fixture(scope="module")
def played(request: Any, tmp_path_factory: Any) -> Iterator[Path]:
    """Play the undisturbed day and every case that was asked for; return the folder of the answers."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        left_out("DATABASE_URL names no PostgreSQL")
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [tuple(params["case"]) for params in asked if "case" in params]
    folder = tmp_path_factory.mktemp("failpoints")
    made = Installation("failpoints", folder, url)
    made.drop_with_copies()
    made.create_empty()
    try:
        subprocess.run(
            [sys.executable, "-m", "tests.faults.play_failing_days", str(folder / "plays"), str(2 * (os.cpu_count() or 1)),
             "whole" if LONG else "part"],
            cwd=ROOT,
            env=made.env | {"LEADFLOW_UNDO_SECONDS": "180", "REDIS_URL": ""},
            input="".join(json.dumps([CASES.index(case), *case]) + "\n" for case in cases),
            text=True,
            check=True,
        )  # fmt: skip
        yield folder / "plays"
    finally:
        made.drop_with_copies()
        shutil.rmtree(folder)


def answer(played: Path, number: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((played / f"answer{number}").read_text())
    return found


def test_there_are_points_enough_in_every_part():
    assert len(set(POINTS)) == len(POINTS) >= 25


def test_the_undisturbed_day_is_right(played):
    day = answer(played)

    assert (day["ending"], day["findings"]) == (0, []), day["log"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(part) for part in case))
def test_a_disturbed_day_comes_to_the_same(played, case):
    _, how, _ = case
    day = answer(played, str(CASES.index(case)))

    assert day["reached"], "nothing in the day comes by this point"
    assert day["endings"] == ENDINGS[how], day["log"]
    assert (day["findings"], day["differences"]) == ([], {}), day["log"]
