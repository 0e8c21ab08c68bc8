"""What was measured: one line per goal, printed as a table and kept as JSON lines."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

Measurement = Callable[[], float]


@dataclass(frozen=True)
class Result:
    """Medians of the floor and of Leadflow. With `faster_is_more` they are rates and the goal is a least ratio."""

    name: str
    unit: str
    floor: float
    leadflow: float
    goal: float
    faster_is_more: bool
    runs: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.leadflow / self.floor if self.floor else float("inf")

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.faster_is_more else self.ratio <= self.goal

    @property
    def cells(self) -> list[str]:
        sign, verdict = ("≥" if self.faster_is_more else "≤"), ("yes" if self.met else "NO")
        figures = [
            f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in (self.floor, self.leadflow)
        ]
        return [self.name, *figures, self.unit, f"{self.ratio:.2f}", f"{sign} {self.goal:g}", verdict]


HEAD = ["measured", "floor", "Leadflow", "unit", "ratio", "goal", "met"]
NUMBERS = {1, 2, 4}


def interleaved(floor: Measurement, leadflow: Measurement, runs: int) -> dict[str, list[float]]:
    """Measure both in turn, so that a machine that slows down slows both down."""
    taken: dict[str, list[float]] = {"floor": [], "leadflow": []}
    for run in range(runs):
        pair = [("floor", floor), ("leadflow", leadflow)]
        for name, measure in pair if run % 2 == 0 else pair[::-1]:
            taken[name].append(measure())
    return taken


def compare(
    name: str,
    unit: str,
    goal: float,
    floor: Measurement,
    leadflow: Measurement,
    runs: int,
    *,
    faster_is_more: bool = False,
) -> Result:
    """Measure both in turn, tell the figures at once and return their medians."""
    taken = interleaved(floor, leadflow, runs)
    medians = [statistics.median(taken[side]) for side in ("floor", "leadflow")]
    result = Result(name, unit, medians[0], medians[1], goal, faster_is_more, taken)
    print("  ".join(result.cells), flush=True)
    return result


def timed(work: Callable[[], object]) -> float:
    """Return the seconds `work` took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(results: Sequence[Result]) -> str:
    """Return the results as an aligned table."""
    rows = [HEAD, *(result.cells for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def keep(results: Iterable[Result], folder: Path, conditions: dict[str, object]) -> Path:
    """Append the results to a file of their own, one JSON object a line, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.jsonl"
    with file.open("a") as out:
        for result in results:
            line = {**asdict(result), "ratio": result.ratio, "met": result.met, **conditions}
            out.write(json.dumps(line) + "\n")
    return file
