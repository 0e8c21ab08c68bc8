"""Two scores of the same lead side by side, line by line. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.engine import Line, ScoreBreakdown


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line that is worth something else; None where a side has no such line."""

    label: str
    was: int | None
    now: int | None

    @property
    def difference(self) -> int:
        return (self.now or 0) - (self.was or 0)


def line_changes(was: ScoreBreakdown, now: ScoreBreakdown) -> tuple[LineChange, ...]:
    """Return the lines that differ in points; their differences add up to that of the scores."""
    old, new = _by_rule(was), _by_rule(now)
    found = []
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        points = (before.points if before else None, after.points if after else None)
        if (points[0] or 0) != (points[1] or 0):
            found.append(LineChange((after or before or _NOTHING).label, *points))
    return tuple(found)


_NOTHING = Line("", "", 0)


def _by_rule(breakdown: ScoreBreakdown) -> dict[tuple[str, str], Line]:
    # A clip has no rule of its own; there is at most one on each side of the score.
    found = {}
    for axis, lines in (("fit", breakdown.fit_lines), ("engagement", breakdown.engagement_lines)):
        found.update({(f"{axis} {line.kind}", line.rule): line for line in lines})
    return found
