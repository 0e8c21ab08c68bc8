"""Play the demo's year: every event, score, offer and decision of it goes through the real engine, day by day."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from handoff import clocks, routing, workflow
from handoff.models import RejectionReason
from leadflow.demo import behaviour, company
from leadflow.demo.people import Person, make_people
from leadflow.demo.sales import SalesFloor, mend_returned
from leads import seen as last_seen
from leads.intake.tracking import receive_messages
from leads.models import Source, User
from scoring import passes, rescoring
from scoring.documents import standard_document
from scoring.publishing import publish

SEED = 20260317
DAYS = 365
PEOPLE = 2050
SECOND_DEFINITION_AFTER = 215  # days into the year

Progress = Callable[[int], object]


@dataclass
class Year:
    """The people, what each will do on which day, and the chance all of it hangs on."""

    rng: random.Random
    people: list[Person]
    zone: ZoneInfo
    messages: dict[date, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def plan(cls, first_day: date, last_day: date, *, people: int = PEOPLE, seed: int = SEED) -> Year:
        """Decide everything that people do in the year; nothing is written."""
        rng = random.Random(seed)
        year = cls(rng, make_people(rng, people), ZoneInfo(company.ZONE))
        length = (last_day - first_day).days
        for person in year.people:
            # A little more of them later: the company grows.
            appears = first_day + timedelta(days=int(length * rng.random() ** 0.8))
            for index, step in enumerate(behaviour.journey(person, rng)):
                day = appears + timedelta(days=step[0])
                if day <= last_day:
                    message = behaviour.message(person, step, appears, year.zone, index)
                    year.messages[day].append(message)
        return year

    def moments(self, first_day: date, until: datetime) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
        """Give each moment somebody looks, with the messages that have arrived since the one before."""
        day = first_day
        while day <= until.astimezone(self.zone).date():
            waiting = sorted(self.messages.get(day, []), key=lambda message: str(message["timestamp"]))
            # Some time between ten and half past five, so that not everything happens at one hour.
            minutes = 600 + day.toordinal() * 97 % 450
            moment = datetime.combine(day, time(minutes // 60, minutes % 60), self.zone)
            at = min(moment, until)
            # At weekends nobody looks, and what arrives waits for Monday.
            resting = moment.weekday() >= 5 and moment < until
            due = [one for one in waiting if not resting and datetime.fromisoformat(one["timestamp"]) <= at]
            yield at, due
            if moment >= until:
                return
            day += timedelta(days=1)
            # What comes later is there the next day.
            self.messages[day] = waiting[len(due) :] + self.messages.get(day, [])
        yield (
            until,
            [one for one in self.messages.get(day, []) if datetime.fromisoformat(one["timestamp"]) <= until],
        )


def play(
    until: datetime, *, people: int = PEOPLE, days: int = DAYS, progress: Progress | None = None
) -> None:
    """Play `days` days up to the moment `until`; the database holds nothing of the demo before."""
    last_day = until.astimezone(ZoneInfo(company.ZONE)).date()
    first_day = last_day - timedelta(days=days)
    year = Year.plan(first_day, last_day, people=people)
    started = datetime.combine(first_day, time(8), year.zone)
    source = company.set_up(started)
    publish(standard_document(), at=started, by=None, note="What we start with")
    floor = _sales_floor(year)
    marketer = User.objects.get(email=company.email("marketer"))
    seen: date | None = None
    for at, messages in year.moments(first_day, until):
        day = at.astimezone(year.zone).date()
        if day != seen:
            seen = day
            _start_day(day, first_day, at, marketer)
            if progress:
                progress(1)
        if not messages and at.weekday() >= 5 and at < until:
            continue
        step(at, messages, source)
        floor.work(at)
        mend_returned(marketer, at, year.rng)
        # Once nobody can take the day's decisions back any more.
        settled_at = at + timedelta(seconds=settings.LEADFLOW_UNDO_SECONDS)
        settle(settled_at)
        floor.call_at_once(settled_at, until)
    rescoring.drain(until)
    last_seen.drain(until)


def _start_day(day: date, first_day: date, at: datetime, marketer: User) -> None:
    midnight = at.replace(hour=0, minute=1)
    if day == first_day + timedelta(days=SECOND_DEFINITION_AFTER):
        publish(
            _second_definition(),
            at=midnight,
            by=marketer,
            note="Let one piece of buying content be enough, also with a fair fit, and count opens double",
        )
    passes.roll_over(midnight)
    rescoring.drain(midnight)


def step(at: datetime, messages: list[dict[str, Any]], source: Source) -> None:
    """Let messages arrive at `at`, and everything follow that follows from them at once."""
    if messages:
        receive_messages(messages, source=source, received_at=at)
    rescoring.drain(at)
    routing.drain(at)


def settle(at: datetime) -> None:
    """Let decisions take effect, deadlines pass and what waits be routed."""
    workflow.settle_due(at)
    clocks.sweep(at)
    routing.drain(at)


def _second_definition() -> dict[str, Any]:
    """The change the demo company made: a looser content rule and opens that count double; sales came to regret it."""
    document = standard_document()
    opens = next(rule for rule in document["engagement"]["rules"] if rule["id"] == "email_open")
    opens |= {"points": 2, "max_points": 6}
    content = next(rule_set for rule_set in document["mql"]["rule_sets"] if rule_set["id"] == "content")
    for condition in content["all"]:
        if condition["kind"] == "engagement_at_least":
            condition["value"] = 12
        if condition["kind"] == "grade_at_least":
            condition["value"] = "C"
    return document


def _sales_floor(year: Year) -> SalesFloor:
    reasons = {reason.slug: reason for reason in RejectionReason.objects.filter(is_active=True)}
    return SalesFloor(random.Random(SEED + 1), {person.email: person for person in year.people}, reasons)


def fresh_prospects(at: datetime, count: int, *, seed: int) -> list[tuple[Person, list[dict[str, Any]]]]:
    """Invent people who need us today: who they are, and what they did this morning."""
    rng = random.Random(seed)
    zone, today = ZoneInfo(company.ZONE), at.astimezone(ZoneInfo(company.ZONE)).date()
    found = []
    for person in make_people(rng, count * 6):
        if not person.fits or person.company.employees is None or person.company.country in company.CENTRAL:
            continue
        person = _renumbered(person, seed)
        asked = {"product": rng.choice(behaviour.PRODUCTS), "message": rng.choice(behaviour.QUESTIONS)}
        steps: list[behaviour.Step] = [
            (0, "identify", "", {}),
            (0, "page", "/product/pipelines", {}),
            (0, "page", "/pricing", {}),
            (0, "track", "Demo Requested", asked),
        ]  # fmt: skip
        messages = [behaviour.message(person, one, today, zone, index) for index, one in enumerate(steps)]
        for index, message in enumerate(messages):
            message["timestamp"] = (at - timedelta(minutes=40 - 8 * index)).isoformat()
        found.append((person, messages))
    return found[:count]


def _renumbered(person: Person, seed: int) -> Person:
    """Give a person a number and address no other run of the demo gave out."""
    number = seed * 1000 + person.number
    local, _, domain = person.email.partition("@")
    return Person(**{**person.__dict__, "number": number, "email": f"{local}.{seed}@{domain}"})
