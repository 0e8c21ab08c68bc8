"""What is decided about one import, as kept in `ImportJob.settings`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

from leads.models import ImportJob


@dataclass(slots=True)
class Options:
    """How a file is read, what its columns mean, and what happens with people we know already."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","
    layout: str = "plain"
    header_line: int = 1
    headers: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)  # a field of `mapping`, or "", for each header
    day_first: bool = False
    keep: str = "last"  # of several rows with the same e-mail: "last" or "first"
    existing: str = "fill"  # known leads: "fill" only what is unknown, or "overwrite"
    event: str = ""  # the webinar's or trade show's name
    held_on: str = ""  # its day, ISO; "" where each row tells
    history: bool = False  # taken as known when it happened
    staff: list[str] = field(default_factory=list)  # addresses of hosts: nobody's leads
    generation: int = 0  # how many imports of this event were undone before
    undo: dict[str, int] = field(default_factory=dict)  # removed, restored, kept

    @property
    def held_day(self) -> date | None:
        return date.fromisoformat(self.held_on) if self.held_on else None

    @classmethod
    def of(cls, job: ImportJob) -> Options:
        """Read a job's options; names it does not know are left alone."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in job.settings.items() if name in known})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
