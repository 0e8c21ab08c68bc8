"""Small makers of valid rows; every argument that matters to a test is a keyword."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import leads
from leads.enums import DefinitionStatus, Role, Stage
from leads.lifecycle import enter_leads, move_to_stage
from leads.models import Definition, Lead, Signal, Source, Team, User

AT = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_team(name: str = "") -> Team:
    return Team.objects.get_or_create(name=name or "Nordics")[0]


def make_user(role: str = Role.MARKETER, **fields: Any) -> User:
    n = next(_numbers)
    return User.objects.create_user(
        fields.pop("email", f"user{n}@example.test"), "correct horse", role=role,
        **{"name": f"User {n}", **fields},
    )  # fmt: skip


def make_lead(*, at: datetime = AT, **fields: Any) -> Lead:
    """Insert a lead with its first ledger line; `stage` may be any stage reached by legal moves from lead."""
    stage = fields.pop("stage", Stage.LEAD)
    first = stage if stage in (Stage.SUSPECT, Stage.LEAD) else Stage.LEAD
    email = fields.pop("email", f"person{next(_numbers)}@company.test")
    lead = Lead.objects.create(email=email, stage=first, stage_since=at, created_at=at, **fields)
    enter_leads([lead], at=at, actor="test")
    for step in (Stage.MQL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON):
        if lead.stage == stage or stage == Stage.SUSPECT:
            break
        move_to_stage(lead, Stage.LOST if step == Stage.WON and stage == Stage.LOST else step, at=at)
    return lead


def make_definition(document: dict[str, Any], *, version: int = 1, at: datetime = AT, **fields: Any) -> Definition:
    """Insert a definition, live unless told otherwise, without starting a rescore."""
    status = fields.pop("status", DefinitionStatus.LIVE)
    return Definition.objects.create(
        version=version, document=document, status=status, created_at=at, live_from=at, **fields
    )


def make_source(name: str = "") -> Source:
    n = next(_numbers)
    return Source.objects.create(
        name=name or f"Website {n}", key_prefix=f"wk_{n}", key_hash=f"{n:064d}", created_at=AT
    )


def make_catalogue() -> dict[str, Signal]:
    """Return the signal catalogue by slug, loading the standard one where a flush emptied it."""
    if not Signal.objects.exists():
        entries = json.loads((Path(leads.__file__).parent / "catalogue.json").read_text())
        Signal.objects.bulk_create(Signal(**entry) for entry in entries)
    return {signal.slug: signal for signal in Signal.objects.all()}
