"""The organisation the demo plays in: its people, teams, pools, routing rules and sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import make_password

from handoff.models import Absence, ClockTier, Pool, PoolMember, Rep, RoutingRule, WorkCalendar
from leads.enums import FunnelStage, Role
from leads.models import Asset, Organisation, Source, Team, User
from leads.sources import create_source

PASSWORD = "leadflow-demo"  # published: the demo is refused where others can reach it
DOMAIN = "demo.leadflow.test"
ZONE = "Europe/Berlin"

# e-mail name, name, role, team
USERS = [
    ("marketer", "Lea Novak", Role.MARKETER, ""),
    ("rep", "Jonas Lind", Role.REP, "Nordics"),
    ("rep2", "Mira Costa", Role.REP, "Nordics"),
    ("manager", "Karin Holm", Role.MANAGER, "Nordics"),
    ("admin", "Ade Balogun", Role.ADMIN, ""),
    ("rep3", "Sofia Meyer", Role.REP, "Central"),
    ("rep4", "Ben Hart", Role.REP, "Central"),
    ("rep5", "Piotr Nowak", Role.REP, "Central"),
    ("manager2", "Helga Brandt", Role.MANAGER, "Central"),
]
# e-mail name, capacity, weight, territories
REPS: list[tuple[str, int, int, list[str]]] = [
    ("rep", 14, 2, []),
    ("rep2", 12, 1, []),
    ("rep3", 12, 2, []),
    ("rep4", 8, 1, []),
    ("rep5", 10, 1, []),
]
POOLS = {
    "Nordics and overseas": ("Nordics", ("rep", "rep2")),
    "Central Europe": ("Central", ("rep3", "rep4", "rep5")),
}
CENTRAL = ["DE", "AT", "CH", "FR", "IT", "ES", "PL", "BE"]
ASSETS = {
    "Getting started": ("Getting started with data pipelines", "pipelines", FunnelStage.AWARENESS),
    "Data contracts": ("Data contracts in practice", "contracts", FunnelStage.AWARENESS),
    "Calm mornings": ("Late feeds, calm mornings", "pipelines", FunnelStage.CONSIDERATION),
    "Pricing Guide": ("Pricing guide", "pricing", FunnelStage.DECISION),
    "Demo Checklist": ("Demo checklist", "evaluation", FunnelStage.DECISION),
    "Comparison Sheet": ("Comparison sheet", "evaluation", FunnelStage.DECISION),
}


def email(name: str) -> str:
    return f"{name}@{DOMAIN}"


def set_up(at: datetime) -> Source:
    """Make the organisation, users, reps, pools, rules and assets, and return the website's source."""
    Organisation.objects.update_or_create(
        id=1,
        defaults={
            "name": "Fernway Data",
            "time_zone": ZONE,
            "accept_hours": 18,
            "contact_hours": 27,
            "hand_raise_accept_hours": 4,
        },
    )
    users = {name: _user(name, *rest) for name, *rest in USERS}
    reps = {
        name: Rep.objects.create(user=users[name], capacity=capacity, territories=territories)
        for name, capacity, _, territories in REPS
    }
    _schedule(reps, at)
    weights = {name: weight for name, _, weight, _ in REPS}
    pools = {}
    for pool_name, (team, members) in POOLS.items():
        pools[pool_name] = Pool.objects.create(name=pool_name, team=Team.objects.get(name=team))
        for name in members:
            PoolMember.objects.create(pool=pools[pool_name], rep=reps[name], weight=weights[name])
    RoutingRule.objects.create(
        position=10, name="Central Europe", conditions={"country": CENTRAL}, pool=pools["Central Europe"]
    )
    RoutingRule.objects.create(position=20, name="Everybody else", pool=pools["Nordics and overseas"])
    for key, (title, topic, stage) in ASSETS.items():
        Asset.objects.create(key=key, title=title, topic=topic, funnel_stage=stage)
    source, _ = create_source("Website", at)
    return source


def _schedule(reps: Mapping[str, Rep], at: datetime) -> None:
    """Give the office its hours, those who asked for us a shorter promise, and somebody a holiday."""
    week = {day: ["09:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    WorkCalendar.objects.create(
        name="Berlin office", is_default=True, time_zone=ZONE, hours=week, country="DE", subdivision="BE"
    )
    ClockTier.objects.create(
        name="Asked for us", position=1, hand_raisers_only=True, accept_minutes=240, contact_minutes=540,
        reroute_minutes=540,
    )  # fmt: skip
    first = at.date() + timedelta(days=60)
    Absence.objects.create(
        rep=reps["rep5"], starts_on=first, back_on=first + timedelta(days=12), cover=reps["rep4"],
        note="Summer holiday", created_at=at,
    )  # fmt: skip


def _user(name: str, full_name: str, role: str, team: str) -> User:
    found = Team.objects.get_or_create(name=team)[0] if team else None
    return User.objects.create(email=email(name), password=_hash(), name=full_name, role=role, team=found)


@cache
def _hash() -> str:
    """Hash the published password once for all; each time takes a good part of a second."""
    return make_password(PASSWORD)


def is_allowed() -> bool:
    """Tell whether users with a published password may exist here: never in production."""
    return bool(settings.LEADFLOW_DEMO) and not settings.PRODUCTION
