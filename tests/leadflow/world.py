"""Two teams, everybody in them, and something of each kind in front of, beside and beyond every one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.test import Client

import scoring
from handoff import outbox, replays, standing, versions, workflow
from handoff.models import (
    Absence,
    ClockTier,
    Handoff,
    Notice,
    Opportunity,
    Pool,
    RejectionReason,
    WorkCalendar,
)
from leadflow.models import ApiKey
from leads import clock
from leads.enums import Role, Stage
from leads.imports import jobs
from leads.lifecycle import move_to_stage
from leads.models import Company, Definition, Lead, NurtureTrack, SavedView, Signal, Source, Team, User
from leads.permissions import SCOPES
from scoring.backtest_runs import start_backtest
from tests.factories import (
    AT,
    make_catalogue,
    make_definition,
    make_key,
    make_lead,
    make_mql,
    make_pool,
    make_rep,
    make_source,
    make_team,
    make_user,
)
from tests.leadflow.matrix import MATRIX

BACKEND = "django.contrib.auth.backends.ModelBackend"
MISSING = 10**12


@dataclass
class Actor:
    """Who asks. `letter` is the role's in the matrix, "" for nobody; `sees` is filled for their team."""

    name: str
    letter: str
    client: Client
    key: str = ""
    scopes: frozenset[str] | None = None  # None: signed in on the pages
    far: bool = False  # of the other team

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass
class World:
    actors: list[Actor] = field(default_factory=list)
    keys: list[Actor] = field(default_factory=list)
    numbers: dict[tuple[str, str], Any] = field(
        default_factory=dict
    )  # (route, "own") → number in the address


def build() -> World:
    """Make the world: leads, handoffs and deals of a rep, of a colleague, and of somebody far away."""
    world = World()
    make_catalogue()
    document = json.loads((Path(scoring.__file__).parent / "standard.json").read_text())
    if not Definition.objects.exists():
        make_definition(document)
    north, south = make_team("North"), make_team("South")
    reps = {
        "own": make_rep("Rita", team=north),
        "team": make_rep("Theo", team=north),
        "other": make_rep("Otto", team=south),
    }
    for place, rep in reps.items():
        _sales(world, place, rep)
    _settings(world, north, south, reps["own"])
    _people(world, north, south, reps)
    return world


def _sales(world: World, place: str, rep: Any) -> None:
    at = clock.now()
    company = Company.objects.create(name=f"Company {place}", created_at=AT)
    lead = make_lead(owner=rep.user, company=company, email=f"{place}@leads.test")
    offer = make_mql(at=at, email=f"{place}-offer@leads.test")
    _give(offer, rep, at)
    sold = make_mql(at=at, email=f"{place}-sold@leads.test")
    _give(sold, rep, at)
    accepted = workflow.accept(Handoff.objects.get(pk=sold.pk), by=rep.user, at=at)
    sold.lead.refresh_from_db()
    if sold.lead.stage == Stage.MQL:
        move_to_stage(sold.lead, Stage.SQL, at=at, by=rep.user)
    move_to_stage(sold.lead, Stage.OPPORTUNITY, at=at, by=rep.user)
    deal = Opportunity.objects.create(
        cycle=accepted.cycle, name=place, currency="EUR", close_on=AT.date(), opened_at=at
    )
    job = jobs.upload([b"email\na@x.test\n"], filename="x.csv", kind="lead", by=rep.user, at=at)
    rows = (("lead", lead), ("handoff", offer), ("company", company), ("rep", rep), ("import", job))
    for kind, row in rows:
        world.numbers[kind, place] = row.pk
    for route in ("api:opportunity", "api:opportunity_close"):
        world.numbers[route, place] = deal.pk
    world.numbers["handoff:opportunity_close", place] = sold.pk


def _give(handoff: Handoff, rep: Any, at: Any) -> None:
    Handoff.objects.filter(pk=handoff.pk).update(
        status="offered", rep=rep, offered_at=at, accept_by=at + timedelta(hours=4), queue_reason=""
    )
    Lead.objects.filter(pk=handoff.lead_id).update(owner=rep.user)


def _settings(world: World, north: Team, south: Team, rep: Any) -> None:
    make_lead(email="free@leads.test")
    waiting = make_mql(at=clock.now())
    Handoff.objects.filter(pk=waiting.pk).update(queue_reason="returned_to_marketing")
    pool = make_pool(rep, name="North pool", rule=True)
    Pool.objects.filter(pk=pool.pk).update(team=north)
    far_pool = Pool.objects.create(name="South pool", team=south)
    key_owner = make_user(Role.ADMIN)
    backtest = start_backtest(Definition.objects.get(status="live"), days=90, at=clock.now())
    make_key(key_owner, "leads:read")
    tier = ClockTier.objects.create(name="Hot", min_score=80, accept_minutes=60, contact_minutes=60)
    calendar = WorkCalendar.objects.create(name="Office", hours={"mon": ["09:00-17:00"]})
    hook = standing.create(
        "CRM", "webhook", "https://crm.example/", ["lead.won"], by=key_owner, at=clock.now()
    )
    told = outbox.announce_test(hook, clock.now())
    routes = ("webhook", "webhook_edit", "webhook_confirm", "webhook_do")
    world.numbers |= {("api:webhook_deliveries", "own"): hook.pk}
    notice = Notice.objects.create(user=rep.user, kind="woken", text="Look", created_at=AT)
    world.numbers["notice", "own"] = notice.pk
    world.numbers |= {(f"leadflow:{route}", "own"): hook.pk for route in routes}
    world.numbers |= {(f"leadflow:{route}", "own"): told.pk for route in ("delivery", "delivery_resend")}
    draft = versions.open_draft(key_owner, AT)
    replay = replays.request(draft, 7, key_owner, AT)
    places = [row["id"] for row in draft.document["pools"]]
    world.numbers |= {
        ("pool", "own"): places.index(pool.pk),
        ("pool", "other"): places.index(far_pool.pk),
        ("handoff:draft_rule", "own"): 0,
        ("handoff:draft_rule_move", "own"): 0,
        ("handoff:draft_rule_remove", "own"): 0,
        ("handoff:replay", "own"): replay.pk,
        ("api:routing_replay", "own"): replay.pk,
        ("handoff:routing_version", "own"): draft.number - 1,
        ("api:routing_version", "own"): draft.number - 1,
        ("handoff:routing_back", "own"): draft.number - 1,
        ("absence", "own"): _absence(rep),
        ("absence", "other"): _absence(make_rep(team=south)),
        ("handoff:tier_edit", "own"): tier.pk,
        ("handoff:tier_delete", "own"): tier.pk,
        ("handoff:calendar_edit", "own"): calendar.pk,
        ("handoff:calendar_delete", "own"): calendar.pk,
        ("backtests:detail", "own"): backtest.pk,
        ("api:backtest", "own"): backtest.pk,
        ("api:backtest_leads", "own"): backtest.pk,
        ("backtests:leads", "own"): backtest.pk,
        ("view", "own"): SavedView.objects.create(owner=rep.user, name="Mine", query="", created_at=AT).pk,
        ("handoff:release", "own"): waiting.pk,
        ("api:handoff_release", "own"): waiting.pk,
        ("handoff:reason_edit", "own"): RejectionReason.objects.first().slug,  # type: ignore[union-attr]
        ("handoff:track_edit", "own"): NurtureTrack.objects.first().pk,  # type: ignore[union-attr]
        ("leads:signal_edit", "own"): Signal.objects.first().slug,  # type: ignore[union-attr]
        ("leads:source_rotate", "own"): make_source().pk,
        ("leads:source_revoke", "own"): Source.objects.first().pk,  # type: ignore[union-attr]
        ("leadflow:user_edit", "own"): make_user().pk,
        ("leadflow:api_key_revoke", "own"): ApiKey.objects.get(user=key_owner).pk,
    }
    live = Definition.objects.get(status="live").version
    world.numbers |= {(name, "own"): live for name in MATRIX if ":definition" in name}


def _absence(rep: Any) -> int:
    day = clock.today()
    row = Absence.objects.create(rep=rep, starts_on=day, back_on=day + timedelta(days=9), created_at=AT)
    Absence.objects.filter(pk=row.pk).update(starts_on=day + timedelta(days=5))
    return row.pk


def _people(world: World, north: Team, south: Team, reps: dict[str, Any]) -> None:
    users = {
        ("marketer", "M"): make_user(Role.MARKETER),
        ("rep", "R"): reps["own"].user,
        ("manager", "G"): make_user(Role.MANAGER, team=north),
        ("admin", "A"): make_user(Role.ADMIN),
    }
    world.actors.append(Actor("nobody", "", Client(raise_request_exception=False)))
    for (name, letter), user in users.items():
        world.actors.append(Actor(name, letter, _signed_in(user)))
    world.actors.append(Actor("far manager", "G", _signed_in(make_user(Role.MANAGER, team=south)), far=True))
    gone = make_user(Role.ADMIN)
    client = _signed_in(gone)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    world.actors.append(Actor("disabled admin", "", client))
    for (name, letter), user in users.items():
        sets = [frozenset({scope}) for scope in SCOPES] if letter in "RA" else []
        for scopes in [*sets, frozenset(SCOPES), frozenset()]:
            world.keys.append(_key(name, letter, user, scopes))


def _signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user, BACKEND)
    return client


def _key(name: str, letter: str, user: User, scopes: frozenset[str]) -> Actor:
    secret = make_key(user, *scopes) if scopes else make_key(user, "leads:read")
    if not scopes:
        newest = ApiKey.objects.filter(user=user).latest("pk")
        ApiKey.objects.filter(pk=newest.pk).update(scopes=[])
    label = "all scopes" if len(scopes) > 1 else next(iter(scopes), "no scope")
    return Actor(f"key of {name}, {label}", letter, Client(raise_request_exception=False), secret, scopes)
