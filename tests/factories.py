"""Small makers of valid rows; every argument that matters to a test is a keyword."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import leads
from handoff import routing
from handoff.models import Handoff, Pool, PoolMember, Rep, RoutingRule
from leadflow.keys import create_key
from leads.enums import DefinitionStatus, Role, Stage
from leads.lifecycle import Move, enter_leads, move_many, move_to_stage
from leads.models import Cycle, Definition, Lead, Signal, Source, Team, User
from leads.permissions import SCOPES

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


def make_definition(
    document: dict[str, Any], *, version: int = 1, at: datetime = AT, **fields: Any
) -> Definition:
    """Insert a definition, live unless told otherwise, without starting a rescore."""
    status = fields.pop("status", DefinitionStatus.LIVE)
    was_live = status in (DefinitionStatus.LIVE, DefinitionStatus.RETIRED)
    return Definition.objects.create(
        version=version, document=document, status=status, created_at=at, live_from=at if was_live else None,
        **fields,
    )  # fmt: skip


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


def make_rep(name: str = "", *, team: Team | None = None, capacity: int = 10, **fields: Any) -> Rep:
    """Insert a rep with their user; give `email` or `is_active` to the user, the rest to the rep."""
    user_fields = {key: fields.pop(key) for key in ("email", "is_active") if key in fields}
    if name:
        user_fields["name"] = name
    user = make_user(Role.REP, team=team or make_team(), **user_fields)
    return Rep.objects.create(user=user, capacity=capacity, **fields)


def make_pool(*reps: Rep, name: str = "Nordics", weights: Sequence[int] = (), rule: bool = True) -> Pool:
    """Insert a pool of these reps and, unless told otherwise, a last rule that sends everything to it."""
    pool = Pool.objects.create(name=name, team=make_team())
    for rep, weight in itertools.zip_longest(reps, weights, fillvalue=1):
        PoolMember.objects.create(pool=pool, rep=rep, weight=weight)
    if rule:
        RoutingRule.objects.create(position=900, name=name, pool=pool)
    return pool


def make_mql(*, at: datetime = AT, hand_raiser: bool = False, **fields: Any) -> Handoff:
    """Insert a lead that became an MQL at `at`, and return its waiting handoff."""
    evidence = {
        "rule": "content", "rule_label": "Content, with fit", "version": 1, "hand_raiser": hand_raiser,
        "day": at.date().isoformat(), "fit": 30, "engagement": 40, "score": 70, "grade": "A", "band": 4,
        "momentum": 12, "lines": [{"label": "Pricing page", "kind": "signal", "points": 40, "detail": "2 days"}],
        "why": "Pricing guide within 30 days, and grade B or better.", "top_signals": [],
    }  # fmt: skip
    lead = fields.pop("lead", None) or make_lead(at=at, **fields)
    move_to_stage(lead, Stage.MQL, at=at, actor="rule:content", evidence=evidence)
    return Handoff.objects.select_related("lead", "cycle").get(lead=lead, attempt=1, cycle__ended_at=None)


def make_mqls(count: int, *, at: datetime = AT) -> list[Lead]:
    """Insert so many leads that became MQLs together at `at`, in a handful of statements."""
    leads = [
        Lead(email=f"person{next(_numbers)}@company.test", stage=Stage.LEAD, stage_since=at, created_at=at)
        for _ in range(count)
    ]
    Lead.objects.bulk_create(leads)
    enter_leads(leads, at=at, actor="test")
    evidence = {"rule": "content", "rule_label": "Content, with fit", "version": 1}
    moves = [Move(lead, Stage.MQL, actor="rule:content", evidence=evidence) for lead in leads]
    move_many(moves, at=at)
    return leads


def make_offer(rep: Rep | None = None, *, at: datetime = AT, **fields: Any) -> Handoff:
    """Insert an MQL and route it: to `rep`, or to a new one alone in a pool."""
    if rep is None or not rep.memberships.exists():
        make_pool(rep or make_rep())
    handoff = make_mql(at=at, **fields)
    routing.drain(at)
    return Handoff.objects.select_related("lead", "cycle", "rep__user").get(pk=handoff.pk)


def make_key(user: User, *scopes: str, **fields: Any) -> str:
    """Make an API key that acts as `user`, with every scope unless some are named; return the key itself."""
    return create_key("Test", user=user, scopes=scopes or SCOPES, by=user, at=AT, **fields)[1]


def make_cycle(mql_at: datetime = AT, **fields: Any) -> Cycle:
    """Insert a cycle as reports read it, past the door; dates may be given as days after `mql_at`."""
    lead = fields.pop("lead", None) or make_lead(at=mql_at)
    number = fields.pop("number", None) or lead.cycles.count() + 1
    dates = {
        name: mql_at + timedelta(days=value) if isinstance(value, int | float) else value
        for name, value in fields.items()
        if name.endswith("_at")
    }
    if fields.get("decision"):
        dates.setdefault("decided_at", mql_at)
    return Cycle.objects.create(
        lead=lead, number=number, mql_at=mql_at, **{"rule": "content", "version": 1, **fields, **dates}
    )
