"""Plays a company's past through the real engine, day by day, with all that can happen to a lead.

What leads do is decided one by one and written an hour at a time, so that a large past can be played, too.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from leads.enums import Stage, Status
from leads.lifecycle import Move, enter_leads, move_many
from leads.models import EngagementDay, Lead, ProfileChange
from leads.signals import activity_recorded
from scoring.documents import standard_document
from scoring.passes import roll_over
from scoring.publishing import publish
from scoring.rescoring import drain
from tests.factories import make_catalogue
from tests.oracle.scorer import Deed

START = date(2026, 1, 5)
HOURS = (9, 16)
SIGNALS = (
    "visit visit product_page pricing_page pricing_page email_open email_click guide comparison_sheet webinar form "
    "demo_request pricing_guide unsubscribe email_bounce chat"
).split()
PROFILE = ("role", "employees", "seniority", "industry", "region", "is_student")
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


Key = tuple[str, str, date, date]  # signal, object, day it happened, day it became known


@dataclass
class Hour:
    """What leads did at one moment and is still to be written."""

    at: datetime
    leads: list[int] = field(default_factory=list)
    counts: list[tuple[int, Key]] = field(default_factory=list)
    changes: list[ProfileChange] = field(default_factory=list)
    unsubscribed: list[int] = field(default_factory=list)
    engaged: list[tuple[Lead, str]] = field(default_factory=list)  # suspects, by which signal


@dataclass
class Past:
    """The play and what it left to compare with: `disturbed` has leads that something took points from, by day.

    `counts` and `profiles` are a journal of its own, apart from the database: per lead what it did, and per field
    what it became on which day, the first value first. `at_end_of_day` is called when a day is over.
    """

    rng: random.Random
    leads: list[Lead] = field(default_factory=list)
    disturbed: set[tuple[int, date]] = field(default_factory=set)
    day: date = START
    counts: dict[int, dict[Key, int]] = field(default_factory=dict)
    profiles: dict[int, dict[str, list[tuple[date, Any]]]] = field(default_factory=dict)
    suspects: set[int] = field(default_factory=set)
    at_end_of_day: Callable[[Past], None] = lambda played: None

    def moment(self, hour: int, minute: int = 0) -> datetime:
        return datetime.combine(self.day, time(hour, minute), UTC)

    def deeds(self, lead: int) -> list[Deed]:
        """Return what a lead did, as the oracle takes it."""
        return [Deed(*key, count) for key, count in self.counts[lead].items()]

    @property
    def events(self) -> int:
        return sum(abs(count) for counts in self.counts.values() for count in counts.values())

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
                self._act(busy / len(HOURS), Hour(self.moment(hour)))
                drain(self.moment(hour, 10))
                self._people_decide(self.moment(hour, 30))
                drain(self.moment(hour, 40))
            self.at_end_of_day(self)

    def _arrive(self, leads: int, days: int) -> None:
        wanted = min(leads, max(1, leads * (self.day - START).days * 2 // days))
        new = [self._somebody(number) for number in range(len(self.leads), wanted)]
        Lead.objects.bulk_create(new)
        enter_leads(new, at=self.moment(8), actor="test")
        activity_recorded.send(
            sender=Lead, lead_ids=[lead.pk for lead in new], day=self.day, at=self.moment(8)
        )
        for lead in new:
            self.leads.append(lead)
            self.counts[lead.pk] = {}
            self.profiles[lead.pk] = {name: [(self.day, getattr(lead, name))] for name in PROFILE}
            if lead.stage == Stage.SUSPECT:
                self.suspects.add(lead.pk)

    def _somebody(self, number: int) -> Lead:
        at = self.moment(8)
        return Lead(
            email=f"past{number}@company.test", industry="logistics", region="nordics",
            role=self.rng.choice(ROLES), employees=self.rng.choice([None, 20, 800]),
            seniority=self.rng.choice(["head", ""]), stage=self.rng.choice([Stage.SUSPECT, Stage.LEAD, Stage.LEAD]),
            is_student=self.rng.random() < 0.05, stage_since=at, created_at=at,
        )  # fmt: skip

    def _act(self, chance: float, hour: Hour) -> None:
        for lead in self.leads:
            if self.rng.random() >= chance:
                continue
            choice = self.rng.random()
            if choice < 0.06:
                self._take_back(lead, hour)
            elif choice < 0.12:
                self._change_profile(lead, hour)
            else:
                self._give(lead, self.rng.choice(SIGNALS), hour)
        self._write(hour)

    def _give(self, lead: Lead, signal: str, hour: Hour) -> None:
        """Late now and then, by up to twelve days; and so out of order."""
        late = self.rng.choice([0] * 8 + [1, 3, 12])
        key = self.rng.choice(["", "a", "b", "contact#pipelines"]) if signal != "unsubscribe" else ""
        self._count(lead, (signal, key, self.day - timedelta(days=late), self.day), 1, hour)
        # A late arrival may put the first engagement so far back that the return came too late.
        if late or signal in ("unsubscribe", "email_bounce"):
            self.disturbed.add((lead.pk, self.day))
        if signal == "unsubscribe":
            hour.unsubscribed.append(lead.pk)
        elif lead.pk in self.suspects and signal != "email_open":
            self.suspects.remove(lead.pk)
            hour.engaged.append((lead, signal))

    def _take_back(self, lead: Lead, hour: Hour) -> None:
        given = [key for key, count in self.counts[lead.pk].items() if count > 0]
        if given:
            signal, thing, occurred, _ = given[-1]
            self.disturbed.add((lead.pk, self.day))
            self._count(lead, (signal, thing, occurred, self.day), -1, hour)

    def _count(self, lead: Lead, key: Key, n: int, hour: Hour) -> None:
        counts = self.counts[lead.pk]
        counts[key] = counts.get(key, 0) + n
        hour.counts.append((lead.pk, key))
        hour.leads.append(lead.pk)

    def _change_profile(self, lead: Lead, hour: Hour) -> None:
        name, value = self.rng.choice([("role", "data"), ("role", ""), ("employees", 900), ("seniority", "")])
        known = self.profiles[lead.pk][name]
        if len(known) == 1:
            ((day, first),) = known
            hour.changes.append(
                ProfileChange(lead=lead, field=name, value=first, day=day, at=lead.created_at)
            )
        known.append((self.day, value))
        hour.changes.append(ProfileChange(lead=lead, field=name, value=value, day=self.day, at=hour.at))
        hour.leads.append(lead.pk)
        self.disturbed.add((lead.pk, self.day))

    def _write(self, hour: Hour) -> None:
        """Write the hour as intake and profile edits do: counts, profiles, marks; then suspects become leads."""
        catalogue = make_catalogue()
        rows = [
            EngagementDay(
                lead_id=lead, signal=catalogue[signal], object_key=thing, occurred_on=occurred, known_on=known,
                count=self.counts[lead][signal, thing, occurred, known],
            )
            for lead, (signal, thing, occurred, known) in hour.counts
        ]  # fmt: skip
        unique = ["lead", "signal", "object_key", "occurred_on", "known_on"]
        EngagementDay.objects.bulk_create(
            rows, update_conflicts=True, update_fields=["count"], unique_fields=unique
        )
        # What came and was taken back within a day leaves no row, as in the quarantine.
        EngagementDay.objects.filter(known_on=self.day, count=0).delete()
        ProfileChange.objects.bulk_create(hour.changes)
        for change in hour.changes:
            Lead.objects.filter(pk=change.lead_id).update(**{change.field: change.value})
        Lead.objects.filter(pk__in=hour.unsubscribed).update(unsubscribed_at=hour.at)
        activity_recorded.send(sender=Lead, lead_ids=hour.leads, day=self.day, at=hour.at)
        move_many(
            [Move(lead, Stage.LEAD, actor=f"signal:{signal}") for lead, signal in hour.engaged], at=hour.at
        )

    def _people_decide(self, at: datetime) -> None:
        standing = Lead.objects.only("pk", "stage", "status").order_by("pk")
        decided = [self._decision(lead) for lead in standing]
        move_many([move for move in decided if move], at=at)

    def _decision(self, lead: Lead) -> Move | None:
        chance = self.rng.random()
        resting = (lead.stage, lead.status) == (Stage.LEAD, Status.ACTIVE)
        if lead.stage == Stage.MQL and chance < 0.2:
            return self._end(lead)
        if lead.stage == Stage.MQL and chance < 0.25:
            return Move(lead, Stage.SQL, actor="user")
        if lead.stage == Stage.SQL and chance < 0.05:
            return Move(lead, Stage.LEAD, actor="user", reason="no_need")
        if resting and chance < 0.01:
            return Move(lead, Stage.MQL, actor="user", evidence={"rule": "manual"})
        if resting and chance < 0.02:
            return self._nurture(lead)
        if lead.status == Status.DISQUALIFIED and chance < 0.1:
            return Move(lead, Stage.LEAD, actor="user")
        return None

    def _end(self, lead: Lead) -> Move:
        way = self.rng.choice(["lead", "nurture", "nurture", "disqualified"])
        if way == "nurture":
            return self._nurture(lead)
        status = Status.DISQUALIFIED if way == "disqualified" else Status.ACTIVE
        return Move(lead, Stage.LEAD, status, actor="user", reason="no_need")

    def _nurture(self, lead: Lead) -> Move:
        return Move(
            lead, Stage.LEAD, Status.NURTURE, actor="user", reason="later", nurture_reason="later",
            wake_on=self.day + timedelta(days=30), wake_signal=self.rng.choice(["", "", "webinar"]),
        )  # fmt: skip
