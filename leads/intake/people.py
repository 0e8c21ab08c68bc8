"""What events say of people: new ones are captured, known ones brought up to date (R2).

An identify call makes a suspect unless its traits say otherwise, and may correct what is known. A form, chat or
call makes a lead and only adds what is not known: anybody can fill in a form with somebody else's address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from leads.capture import Captured, Incoming, capture_leads
from leads.enums import Outcome, Stage
from leads.intake import storage, traits
from leads.intake.catalogue import product_of
from leads.intake.events import IncomingEvent, Run
from leads.intake.storage import LeadRow
from leads.intake.touches import touch_of

# Their properties tell of mail, a visit or somebody else, not of the person.
_NO_ANSWERS = frozenset(
    {
        "email_open",
        "email_click",
        "email_reply",
        "email_bounce",
        "unsubscribe",
        "session",
        "social",
        "referral",
    }
)
Owner = Callable[[IncomingEvent], int | None]
_Way = tuple[str, str, bool]  # stage, origin, overwrite


def carriers(events: Iterable[IncomingEvent], owner: Owner, run: Run) -> list[IncomingEvent]:
    """Return the events that tell something of their person, without those received before, oldest first."""
    found = [event for event in events if event.outcome != Outcome.QUARANTINED and _carries(event, owner)]
    if not found:
        return []
    stored = storage.stored_fingerprints(run.source_id, [event.message_id for event in found])
    return sorted(
        (event for event in found if event.message_id not in stored), key=lambda event: event.occurred_at
    )


def _carries(event: IncomingEvent, owner: Owner) -> bool:
    if event.type == "identify":
        return bool(event.traits or event.email)
    if event.type == "group":
        return bool(event.traits and (event.user_id or owner(event)))
    if event.type == "alias":
        return False
    return (bool(event.email) and owner(event) is None) or _has_answers(event)


def _has_answers(event: IncomingEvent) -> bool:
    entry = event.entry
    if event.type != "track" or entry is None or entry.slug in _NO_ANSWERS or not event.properties:
        return False
    return bool(product_of(event.properties) or traits.from_answers(event.properties))


def capture(events: Sequence[IncomingEvent], owner: Owner, leads: Mapping[int, LeadRow], run: Run) -> None:
    """Capture what the events tell, in at most a handful of calls, and note on each whose it is."""
    newer = _newer(events, owner)
    ways: dict[_Way, list[tuple[IncomingEvent, Incoming]]] = defaultdict(list)
    for event in events:
        owner_id = owner(event)
        lead = leads.get(owner_id) if owner_id else None
        for way, row in _rows(event, lead, newer.get(owner_id or 0, [])):
            ways[way].append((event, row))
    for (stage, origin, overwrite), rows in sorted(ways.items(), reverse=True):
        captured = capture_leads(
            [row for _, row in rows],
            stage=stage,
            at=run.received_at,
            by=None,
            origin=origin,
            overwrite=overwrite,
        )
        for (event, _), result in zip(rows, captured, strict=True):
            _note(event, result)


def _newer(events: Sequence[IncomingEvent], owner: Owner) -> dict[int, list[tuple[datetime, set[str]]]]:
    """Return, for the leads of identify calls, what later calls said already: {lead: [(when, fields)]}.

    A call that arrives late must not undo a later one.
    """
    calls = {pk: event for event in events if event.type == "identify" and (pk := owner(event))}
    newer: dict[int, list[tuple[datetime, set[str]]]] = defaultdict(list)
    if calls:
        since = min(event.occurred_at for event in calls.values())
        for lead_id, at, said in storage.newer_traits(calls, since):
            newer[lead_id].append((at, set(traits.from_traits(said).profile)))
    return newer


def _note(event: IncomingEvent, result: Captured) -> None:
    if result.lead is not None:
        event.hint_id = result.lead.pk
    event.warnings += [f"trait_ignored: {code}" for code in result.warnings]


def _rows(
    event: IncomingEvent, lead: LeadRow | None, newer: Sequence[tuple[datetime, set[str]]]
) -> Iterable[tuple[_Way, Incoming]]:
    email = event.email or (lead.email if lead and lead.email and not event.user_id else "") or ""
    touch = None if lead else touch_of(event.properties, event.context)
    if event.type in ("identify", "group"):
        person = (
            traits.from_traits(event.traits) if event.type == "identify" else traits.from_group(event.traits)
        )
        later = {name for at, names in newer if at > event.occurred_at for name in names}
        person.profile = {name: value for name, value in person.profile.items() if name not in later}
        stage = traits.stage_of(event.traits) if event.type == "identify" else Stage.SUSPECT
        yield (
            (stage.value, "identify", True),
            person.incoming(email=email, user_id=event.user_id, touch=touch),
        )
        return
    person = traits.from_answers(event.properties) if _has_answers(event) else traits.Person()
    stage = Stage.LEAD if event.is_engagement else Stage.SUSPECT
    yield (stage.value, "form", False), person.incoming(email=email, user_id=event.user_id, touch=touch)
    product = product_of(event.properties) if event.is_engagement else ""
    if product and event.type == "track":
        # Unlike a name, what somebody asks about now is the better answer.
        interest = traits.Person(profile={"product_interest": product})
        yield (stage.value, "form", True), interest.incoming(email=email, user_id=event.user_id, touch=None)
