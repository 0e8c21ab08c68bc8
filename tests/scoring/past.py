"""Plays a small company's past through the real engine, day by day, with all that can happen to a lead."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from leads.enums import Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import EngagementDay, Lead, ProfileChange
from leads.signals import activity_recorded
from scoring.documents import standard_document
from scoring.passes import roll_over
from scoring.publishing import publish
from scoring.rescoring import drain
from tests.factories import make_catalogue, make_lead

START = date(2026, 1, 5)
HOURS = (9, 16)
SIGNALS = (
    "visit visit product_page pricing_page pricing_page email_open email_click guide comparison_sheet webinar form "
    "demo_request pricing_guide unsubscribe email_bounce chat"
).split()
ROLES = ["data", "it", "", "finance"]


def document(rng: random.Random | None = None) -> dict[str, Any]:
    """The standard rules with lower lines and a rule set on momentum, so that much happens in little time."""
    chosen = rng or random.Random(1)
    edited = copy.deepcopy(standard_document())
    edited["mql"]["cool_down_days"] = chosen.choice([0, 5, 12])
    edited["mql"]["requalify_intent"] = chosen.choice(["low", "medium", "high"])
    for rule_set in edited["mql"]["rule_sets"]:
        for asked in rule_set["all"]:
            if asked["kind"] in ("score_at_least", "engagement_at_least"):
                asked["value"] = max(5, asked["value"] - chosen.randint(5, 25))
    if chosen.random() < 0.5:
        rising = {"kind": "momentum_at_least", "value": chosen.randint(15, 60)}
        edited["mql"]["rule_sets"].append(
            {"id": "rising", "label": "Rising", "all": [rising, {"kind": "fit_at_least", "value": 10}]}
        )
    edited["momentum_days"] = chosen.choice([3, 14])
    return edited | {"scenarios": []}


@dataclass
class Past:
    """The play and what it left to compare with: `disturbed` has leads that something took points from, by day."""

    rng: random.Random
    leads: list[Lead] = field(default_factory=list)
    disturbed: set[tuple[int, date]] = field(default_factory=set)
    day: date = START

    def moment(self, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(self.day, time(hour, minute), UTC)

    def play(self, *, leads: int, days: int, busy: float = 0.25) -> None:
        """Let `days` days pass; every lead does something on about `busy` of them."""
        make_catalogue()
        publish(document(self.rng), at=self.moment(0))
        for age in range(days):
            self.day = START + timedelta(days=age)
            if age in (days // 2, days * 3 // 4):
                publish(document(self.rng), at=self.moment(0))
            roll_over(self.moment(0, 1))
            drain(self.moment(0, 1))
            self._arrive(leads, days)
            for hour in HOURS:
                for lead in self.leads:
                    if self.rng.random() < busy / len(HOURS):
                        self._act(lead, self.moment(hour))
                drain(self.moment(hour, 10))
                self._people_decide(self.moment(hour, 30))
                drain(self.moment(hour, 40))

    def _arrive(self, leads: int, days: int) -> None:
        wanted = max(1, leads * (self.day - START).days * 2 // days)
        while len(self.leads) < min(leads, wanted):
            profile = {"role": self.rng.choice(ROLES), "employees": self.rng.choice([None, 20, 800])}
            profile |= {
                "seniority": self.rng.choice(["head", ""]),
                "industry": "logistics",
                "region": "nordics",
            }
            stage = self.rng.choice([Stage.SUSPECT, Stage.LEAD, Stage.LEAD])
            self.leads.append(
                make_lead(at=self.moment(8), stage=stage, is_student=self.rng.random() < 0.05, **profile)
            )

    def _act(self, lead: Lead, at: datetime) -> None:
        choice = self.rng.random()
        if choice < 0.06:
            self._take_back(lead, at)
        elif choice < 0.12:
            self._change_profile(lead, at)
        else:
            self._give(lead, self.rng.choice(SIGNALS), at)

    def _give(self, lead: Lead, signal: str, at: datetime) -> None:
        """Late now and then, by up to twelve days; and so out of order."""
        late = self.rng.choice([0] * 8 + [1, 3, 12])
        key = self.rng.choice(["", "a", "b", "contact#pipelines"]) if signal != "unsubscribe" else ""
        self._count(lead, signal, key, self.day - timedelta(days=late), 1, at)
        if signal in ("unsubscribe", "email_bounce"):
            self.disturbed.add((lead.pk, self.day))
        if signal == "unsubscribe":
            Lead.objects.filter(pk=lead.pk).update(unsubscribed_at=at)
        elif Lead.objects.filter(pk=lead.pk, stage=Stage.SUSPECT).exists() and signal != "email_open":
            lead.refresh_from_db()
            move_to_stage(lead, Stage.LEAD, at=at, actor=f"signal:{signal}")

    def _take_back(self, lead: Lead, at: datetime) -> None:
        row = EngagementDay.objects.filter(lead=lead, count__gt=0).order_by("-pk").first()
        if row is not None:
            self.disturbed.add((lead.pk, self.day))
            self._count(lead, row.signal.slug, row.object_key, row.occurred_on, -1, at)

    def _count(self, lead: Lead, signal: str, key: str, occurred: date, n: int, at: datetime) -> None:
        row, created = EngagementDay.objects.get_or_create(
            lead=lead, signal=make_catalogue()[signal], object_key=key, occurred_on=occurred, known_on=self.day,
            defaults={"count": n},
        )  # fmt: skip
        if not created:
            row.count += n
            row.save()
        activity_recorded.send(sender=Lead, lead_ids=[lead.pk], day=self.day, at=at)

    def _change_profile(self, lead: Lead, at: datetime) -> None:
        name, value = self.rng.choice([("role", "data"), ("role", ""), ("employees", 900), ("seniority", "")])
        if not ProfileChange.objects.filter(lead=lead, field=name).exists():
            ProfileChange.objects.create(
                lead=lead, field=name, value=getattr(lead, name), day=lead.created_at.date(), at=at
            )
        ProfileChange.objects.create(lead=lead, field=name, value=value, day=self.day, at=at)
        Lead.objects.filter(pk=lead.pk).update(**{name: value})
        setattr(lead, name, value)
        self.disturbed.add((lead.pk, self.day))
        activity_recorded.send(sender=Lead, lead_ids=[lead.pk], day=self.day, at=at)

    def _people_decide(self, at: datetime) -> None:
        for lead in Lead.objects.order_by("pk"):
            chance = self.rng.random()
            if lead.stage == Stage.MQL and chance < 0.2:
                self._end(lead, at)
            elif lead.stage == Stage.MQL and chance < 0.25:
                move_to_stage(lead, Stage.SQL, at=at, actor="user")
            elif lead.stage == Stage.SQL and chance < 0.05:
                move_to_stage(lead, Stage.LEAD, at=at, actor="user", reason="no_need")
            elif lead.stage == Stage.LEAD and lead.status == Status.ACTIVE and chance < 0.01:
                move_to_stage(lead, Stage.MQL, at=at, actor="user", evidence={"rule": "manual"})
            elif lead.stage == Stage.LEAD and lead.status == Status.ACTIVE and chance < 0.02:
                self._nurture(lead, at)
            elif lead.status == Status.DISQUALIFIED and chance < 0.1:
                move_to_stage(lead, Stage.LEAD, at=at, actor="user")

    def _end(self, lead: Lead, at: datetime) -> None:
        way = self.rng.choice(["lead", "nurture", "nurture", "disqualified"])
        if way == "nurture":
            self._nurture(lead, at)
        else:
            status = Status.DISQUALIFIED if way == "disqualified" else Status.ACTIVE
            move_to_stage(lead, Stage.LEAD, at=at, actor="user", status=status, reason="no_need")

    def _nurture(self, lead: Lead, at: datetime) -> None:
        move_to_stage(
            lead, Stage.LEAD, at=at, actor="user", status=Status.NURTURE, reason="later", nurture_reason="later",
            wake_on=self.day + timedelta(days=30), wake_signal=self.rng.choice(["", "", "webinar"]),
        )  # fmt: skip
