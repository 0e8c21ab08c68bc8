"""What became of an offer, in words: for who was slower, for the page of an ended one, and for the next rep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoff import sentences
from handoff.models import Handoff, HandoffStatus, RoutingDecision
from leads.models import User


@dataclass(frozen=True)
class Became:
    """Who or what ended an offer, and when; `who` is empty when it was the clock or a rule."""

    sentence: str
    who: User | None = None
    when: datetime | None = None


def became(handoff: Handoff, zone: str) -> Became:
    """Say what a handoff has become, by whom and when; load it with its rep, reason and who decided."""
    if handoff.status == HandoffStatus.REASSIGNED:
        return _reassigned(handoff, zone)
    if handoff.status == HandoffStatus.EXPIRED:
        when = handoff.accept_by or handoff.closed_at
        return Became(f"The offer lapsed{_at(when, zone)} and the lead was routed again.", None, when)
    if handoff.status == HandoffStatus.WITHDRAWN:
        what = "The offer was withdrawn: the lead moved on without it"
        return Became(f"{what}{_at(handoff.closed_at, zone)}.", None, handoff.closed_at)
    if handoff.decided_by and handoff.decided_at:
        return _decided(handoff, handoff.decided_by, zone)
    when = handoff.closed_at or handoff.decided_at
    return Became(f"It is {handoff.get_status_display().lower()}{_at(when, zone)}.", None, when)


def _decided(handoff: Handoff, who: User, zone: str) -> Became:
    said = f"It was {handoff.get_status_display().lower()} by {who}{_at(handoff.decided_at, zone)}"
    if handoff.status == HandoffStatus.ACCEPTED and handoff.closed_at:
        said += f", and closed{_at(handoff.closed_at, zone)}"
    return Became(f"{said}{_because(handoff)}.", who, handoff.closed_at or handoff.decided_at)


def _reassigned(handoff: Handoff, zone: str) -> Became:
    """Name who gave it to whom: the next attempt's first decision by a person says so."""
    by_hand = RoutingDecision.objects.filter(
        handoff__cycle=handoff.cycle_id, handoff__attempt__gt=handoff.attempt, by__isnull=False
    )
    decision = by_hand.select_related("by", "rep__user").order_by("pk").first()
    when = handoff.closed_at
    if decision is None or decision.by is None:
        return Became(f"It was reassigned{_at(when, zone)}: it goes to somebody else.", None, when)
    to = f" to {decision.rep}" if decision.rep else ""
    why = f": {decision.reason}" if decision.reason else ""
    return Became(f"It was reassigned{to} by {decision.by}{_at(when, zone)}{why}.", decision.by, when)


def _because(handoff: Handoff) -> str:
    said = ", ".join(filter(None, [str(handoff.reason or ""), *in_words(handoff.missing)]))
    return f": {said}" if said else ""


def _at(when: datetime | None, zone: str) -> str:
    return f" at {sentences.moment(when, zone)}" if when else ""


# What a return may name; other words of a caller stand as they are.
MISSING = {
    "contact": "A way to reach them",
    "role": "Their role in the decision",
    "need": "What they want to solve",
    "company": "Which company they are at",
}


def in_words(missing: Iterable[str]) -> list[str]:
    """Write what is missing as people read it."""
    return [MISSING.get(one, one) for one in missing]


DID = {
    HandoffStatus.REJECTED: "rejected it",
    HandoffStatus.RETURNED: "returned it to marketing",
    HandoffStatus.EXPIRED: "let it lapse",
    HandoffStatus.REASSIGNED: "had it until it was reassigned",
    HandoffStatus.WITHDRAWN: "was offered it",
    HandoffStatus.ACCEPTED: "accepted it",
}


def attempt(handoff: Handoff) -> dict[str, Any]:
    """Return one ended attempt as later reps read it: who had it, what they did, why, and their words."""
    did = DID.get(HandoffStatus(handoff.status), handoff.get_status_display().lower())
    if handoff.status == HandoffStatus.ACCEPTED and handoff.reason:
        did = "accepted it, then turned it down"
    when = handoff.closed_at or handoff.decided_at
    return {
        "who": str(handoff.rep or ""),
        "did": did,
        "reason": str(handoff.reason or ""),
        "missing": in_words(handoff.missing),
        "note": handoff.note,
        "at": when.isoformat() if when else None,
    }
