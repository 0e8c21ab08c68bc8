"""What demo people do, as messages of the tracking API: (day, message) pairs, day 0 being when they first appear."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from leadflow.demo.people import Person

Step = tuple[int, str, str, dict[str, Any]]  # days after the first, type, name or path, properties

BLOG = [
    f"/blog/{topic}"
    for topic in ("late-feeds", "lineage", "cost-of-bad-data", "first-30-days", "audit-trails")
]
PRODUCT = [
    "/product",
    "/product/pipelines",
    "/product/catalogue",
    "/features/lineage",
    "/integrations/snowflake",
]
GUIDES = ["Getting started", "Data contracts", "Calm mornings"]
WEBINARS = ["Late feeds, calm mornings", "Lineage in practice", "Choosing a platform"]
PRODUCTS = ["Pipelines", "Catalogue", "Lineage"]
QUESTIONS = [
    "We want to replace two tools before summer. How long does a move take?",
    "How is access audited?",
    "Can the runners stay on our own machines?",
    "What does it cost for forty feeds?",
]


def journey(person: Person, rng: random.Random) -> list[Step]:
    """Return what a person does, in order of days; how far they go depends on their need."""
    kind = rng.choices(list(JOURNEYS), _weights(person))[0]
    return sorted(JOURNEYS[kind](person, rng), key=lambda step: step[0])


def message(person: Person, step: Step, first_day: date, zone: ZoneInfo, index: int) -> dict[str, Any]:
    """Return the step as a tracking SDK would send it; the time of day follows from person and index alone."""
    day, kind, name, properties = step
    minutes = 8 * 60 + (person.number * 37 + index * 53) % (10 * 60)
    moment = datetime.combine(first_day + timedelta(days=day), time(), zone) + timedelta(minutes=minutes)
    base: dict[str, Any] = {
        "type": kind,
        "messageId": f"demo-{person.number}-{index}",
        "timestamp": moment.isoformat(),
        "context": _context(person) if day == 0 else {},
    }
    base |= {"userId": person.user_id} if not properties.get("anonymous") else {}
    base |= {"anonymousId": person.anonymous_id} if properties.get("anonymous") or kind == "identify" else {}
    properties = {key: value for key, value in properties.items() if key != "anonymous"}
    if kind == "identify":
        return base | {"traits": traits(person)}
    if kind == "page":
        return base | {
            "name": name,
            "properties": {"path": name, "title": name.strip("/").replace("-", " ").title()} | properties,
        }
    return base | {"event": name, "properties": properties}


def traits(person: Person) -> dict[str, Any]:
    company: dict[str, Any] = {
        "name": person.company.name,
        "industry": person.company.industry,
        "website": person.company.domain,
    }
    if person.company.employees:
        company["employees"] = person.company.employees
    known: dict[str, Any] = {
        "email": person.email,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "title": person.title,
        "company": company,
        "address": {"country": person.company.country},
        "techStack": person.tech_stack,
        "dataMaturity": person.data_maturity,
    }
    return {key: value for key, value in known.items() if value}


def _context(person: Person) -> dict[str, Any]:
    campaign = {"source": person.source, "medium": person.medium, "name": person.campaign}
    return {"campaign": {key: value for key, value in campaign.items() if value}}


def _weights(person: Person) -> list[float]:
    hot = person.need**2
    return [4.6, 3.0, 2.0, 0.45 + 1.9 * hot, 1.1 + hot, 0.12 + 0.7 * hot, 1.0, 0.5]


def _identify(day: int) -> Step:
    return (day, "identify", "", {})


def _emails(rng: random.Random, days: range, clicks: float) -> Iterator[Step]:
    for day in days:
        campaign = f"Monthly notes {day // 30 + 1}"
        yield (day, "track", "Email Opened", {"campaign": campaign})
        if rng.random() < clicks:
            yield (day, "track", "Email Link Clicked", {"campaign": campaign, "link": rng.choice(BLOG)})


def _silent(person: Person, rng: random.Random) -> Iterator[Step]:
    yield _identify(0)
    if rng.random() < 0.4:
        yield from _emails(rng, range(10, 80, 30), 0.0)


def _browser(person: Person, rng: random.Random) -> Iterator[Step]:
    yield (0, "page", rng.choice(BLOG), {"anonymous": True})
    yield (1, "page", rng.choice(BLOG), {"anonymous": True})
    yield _identify(1)
    for _ in range(rng.randint(0, 5)):
        yield (rng.randint(1, 60), "page", rng.choice(BLOG + PRODUCT), {})
    if rng.random() < 0.4:
        yield (2, "track", "Newsletter Subscribed", {"list": "Monthly notes"})
        yield from _emails(rng, range(15, 150, 30), 0.3)


def _reader(person: Person, rng: random.Random) -> Iterator[Step]:
    yield _identify(0)
    for _ in range(rng.randint(1, 3)):
        yield (rng.randint(0, 40), "track", "Guide Downloaded", {"asset": rng.choice(GUIDES)})
    yield from _emails(rng, range(20, 110, 30), 0.4)
    if rng.random() < 0.25 + 0.4 * person.need:
        start = rng.randint(5, 60)
        yield (start, "page", "/pricing", {})
        if rng.random() < person.need:
            yield (start + rng.randint(1, 9), "page", "/pricing", {})


def _evaluator(person: Person, rng: random.Random) -> Iterator[Step]:
    yield (0, "page", rng.choice(PRODUCT), {"anonymous": True})
    yield _identify(1)
    start = rng.randint(2, 40)
    yield (start, "track", "Getting-Started Guide Downloaded", {"asset": "Getting started"})
    yield (start + rng.randint(1, 6), "page", "/pricing", {})
    wanted = rng.choice(
        ["Demo Checklist Downloaded", "Pricing Guide Downloaded", "Comparison Sheet Requested"]
    )
    yield (start + rng.randint(2, 8), "track", wanted, {"asset": wanted.rsplit(" ", 1)[0]})
    yield (start + rng.randint(3, 12), "page", "/pricing", {})
    if rng.random() < 0.35:  # comes back months later
        again = start + rng.randint(100, 200)
        yield (again, "page", "/pricing", {})
        yield (again + 1, "track", "Comparison Sheet Requested", {"asset": "Comparison Sheet"})
        yield (again + 2, "page", "/pricing", {})


def _webinar(person: Person, rng: random.Random) -> Iterator[Step]:
    title = rng.choice(WEBINARS)
    yield _identify(0)
    yield (0, "track", "Webinar Registered", {"webinar": title})
    if rng.random() < 0.7:
        yield (7, "track", "Webinar Attended", {"webinar": title})
        if rng.random() < 0.4:
            yield (
                7,
                "track",
                "Webinar Question Asked",
                {"webinar": title, "question": rng.choice(QUESTIONS)},
            )
        if rng.random() < 0.25 + 0.4 * person.need:
            asked = {"form": "Question", "product": rng.choice(PRODUCTS), "message": rng.choice(QUESTIONS)}
            yield (7 + rng.randint(0, 5), "track", "Form Submitted", asked)


def _hand_raiser(person: Person, rng: random.Random) -> Iterator[Step]:
    yield (0, "page", "/pricing", {"anonymous": True})
    yield _identify(0)
    asked = {"product": rng.choice(PRODUCTS), "message": rng.choice(QUESTIONS)}
    yield (rng.randint(0, 3), "track", rng.choice(["Demo Requested", "Demo Requested", "PPC Call"]), asked)


def _fading(person: Person, rng: random.Random) -> Iterator[Step]:
    yield _identify(0)
    for day in (0, 1, 2, 3, 4, 6, 8, 11, 14, 18):
        yield (day, "page", rng.choice(BLOG + PRODUCT), {})
    yield (25, "track", "Unsubscribed", {"list": "Monthly notes"})


def _rising(person: Person, rng: random.Random) -> Iterator[Step]:
    yield _identify(0)
    for day in (0, 12, 20, 26, 30, 33, 35, 37, 38, 39):
        yield (day, "page", rng.choice(BLOG + PRODUCT), {})
    yield (39, "page", "/pricing", {})


JOURNEYS: dict[str, Callable[[Person, random.Random], Iterator[Step]]] = {
    "silent": _silent,
    "browser": _browser,
    "reader": _reader,
    "evaluator": _evaluator,
    "webinar": _webinar,
    "hand_raiser": _hand_raiser,
    "fading": _fading,
    "rising": _rising,
}
