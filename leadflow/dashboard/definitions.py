"""What reports need of the published definitions: names of rules, when each version came, what SQL means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from leadflow.dashboard.period import Period
from leads import clock
from leads.enums import DefinitionStatus, SqlMeaning
from leads.models import Definition

MEANINGS = {
    SqlMeaning.ACCEPTED: "accepted by sales",
    SqlMeaning.DISCOVERY: "confirmed by discovery",
    SqlMeaning.CONVERSATION: "spoken to and put in the pipeline",
    SqlMeaning.RULE: "a rule on buying steps",
}
MANUAL = "Moved by hand"


@dataclass(frozen=True)
class Mark:
    """The day a version went live."""

    version: int
    day: date


@dataclass(frozen=True)
class Definitions:
    marks: list[Mark]
    rules: dict[str, str]  # rule id → its label in the newest version that has it
    live: int | None
    meaning: str

    def within(self, period: Period) -> list[Mark]:
        """Return the versions that went live in a period, but for the very first: nothing changed with it."""
        return [mark for mark in self.marks[1:] if period.first <= mark.day <= period.last]


def read(zone: str) -> Definitions:
    """Read every version that is or was live. One query."""
    published = [DefinitionStatus.LIVE, DefinitionStatus.RETIRED]
    rows = list(
        Definition.objects.filter(status__in=published)
        .order_by("live_from", "version")
        .values_list("version", "live_from", "status", "document__mql__rule_sets", "document__sql__meaning")
    )
    rules = {"manual": MANUAL}
    for _, _, _, rule_sets, _ in rows:
        rules |= {rule["id"]: rule["label"] for rule in rule_sets or []}
    live = next((row for row in rows if row[2] == DefinitionStatus.LIVE), None)
    return Definitions(
        marks=[Mark(version, _day(since, zone)) for version, since, *_ in rows],
        rules=rules,
        live=live[0] if live else None,
        meaning=MEANINGS[SqlMeaning(live[4])] if live and live[4] else "",
    )


def _day(moment: datetime | None, zone: str) -> date:
    assert moment is not None  # a constraint: what is or was live is dated
    return clock.day_of(moment, zone)
