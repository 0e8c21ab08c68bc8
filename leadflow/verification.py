"""Every invariant of the installation, asked of the database (docs: I1 to I25)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

Check = Callable[[datetime], list[str]]
# Each has CHECKS: a list of (invariant, title, check); a check returns its findings as sentences.
MODULES = ("leads.checks", "scoring.checks", "handoff.checks", "handoff.outbox_checks", "leadflow.checks")


@dataclass(frozen=True)
class Verdict:
    """What one check found; nothing is good."""

    invariant: str
    title: str
    findings: list[str]


def verify(at: datetime) -> Iterator[Verdict]:
    """Run the checks one after the other and give the verdict of each."""
    for invariant, title, check in all_checks():
        yield Verdict(invariant, title, check(at))


def all_checks() -> list[tuple[str, str, Check]]:
    """Return the checks of all apps."""
    found: list[tuple[str, str, Check]] = []
    for name in MODULES:
        found += importlib.import_module(name).CHECKS
    return found
