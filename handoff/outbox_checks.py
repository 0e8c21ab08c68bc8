"""Whether every fact was announced to everyone who wants it, once, and nothing else was (I18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from handoff.models import Handoff, HandoffStatus
from handoff.outbox import STAGES
from handoff.outgoing import Delivery, Destination, Fact, What
from leads.models import StageChange

# A transaction that began before somebody listened may end after.
GRACE = timedelta(seconds=60)
SHOWN = 20
_AN_ENDING = {
    What.EXPIRED: HandoffStatus.EXPIRED, What.RETURNED: HandoffStatus.RETURNED,
    What.REASSIGNED: HandoffStatus.REASSIGNED, What.WITHDRAWN: HandoffStatus.WITHDRAWN,
}  # fmt: skip
# Which columns say that the rep was warned, or the managers told.
STEPS = {
    What.WARNED: ("accept_warned_at", "contact_warned_at"),
    What.ESCALATED: ("accept_escalated_at", "contact_escalated_at"),
}


def everyone_announced(at: datetime) -> list[str]:
    """Each fact somebody wants has exactly one delivery to them (the constraint sees that it is not two)."""
    kept = at - timedelta(days=settings.LEADFLOW_WEBHOOK_DAYS - 1)
    found = []
    for destination in Destination.objects.filter(is_active=True):
        since = max(destination.listening_since + GRACE, kept)
        for kind in What:
            if destination.wants(kind):
                told = Delivery.objects.filter(
                    destination=destination, fact__kind=kind, fact__subject=OuterRef("subject")
                )
                untold = happened(kind, since).filter(~Exists(told)).values_list("subject", flat=True)
                found += [f"{destination} was not told: {kind} {subject}" for subject in untold[:SHOWN]]
        found += _steps_untold(destination, since)
    return found


def _steps_untold(destination: Destination, since: datetime) -> list[str]:
    """Steps by the clock are known by lead and moment, as a clock that began anew takes its steps again."""
    found = []
    for kind, columns in STEPS.items():
        for column in columns if destination.wants(kind) else ():
            told = Delivery.objects.filter(
                destination=destination,
                fact__kind=kind,
                fact__lead=OuterRef("lead"),
                fact__at=OuterRef(column),
            )
            taken = Handoff.objects.filter(**{f"{column}__gt": since})
            untold = taken.filter(~Exists(told)).values_list("pk", flat=True)
            found += [f"{destination} was not told: {kind} handoff:{pk}" for pk in untold[:SHOWN]]
    return found


def nothing_invented(at: datetime) -> list[str]:
    """Every fact of the last two days is in the ledger or on its handoff."""
    recent = Fact.objects.filter(at__gt=at - timedelta(days=2))
    found: list[str] = []
    for kind in What:
        # A clock that begins anew forgets when the one before it was warned of.
        if kind in (What.TEST, What.DEFINITION, What.RETURNED, *STEPS):
            continue
        real = happened(kind, datetime.min.replace(tzinfo=at.tzinfo)).filter(subject=OuterRef("subject"))
        made_up = recent.filter(~Exists(real), kind=kind)
        found += _each(f"{kind} tells of what did not happen: %s", made_up.values_list("subject", flat=True))
    return found


def happened(kind: What, since: datetime) -> QuerySet[Any]:
    """Return the rows that say that something of this kind happened, each with its `subject`."""
    stages = {kind: stage for stage, kind in STAGES.items()}
    if kind in stages:
        moves = StageChange.objects.filter(to_stage=stages[kind], at__gt=since)
        return moves.exclude(from_stage=F("to_stage")).annotate(
            subject=_subject(Value("lead:"), "lead_id", Value(":"), "seq")
        )
    if kind in _HANDOFFS:
        return Handoff.objects.filter(_HANDOFFS[kind](since)).annotate(
            subject=_subject(Value("handoff:"), "pk")
        )
    return Handoff.objects.none().annotate(subject=_subject(Value("handoff:"), "pk"))


def _ended(status: HandoffStatus) -> Callable[[datetime], Q]:
    # A queue entry without a rep that is withdrawn was never an offer.
    return lambda since: Q(status=status, rep__isnull=False, closed_at__gt=since)


_HANDOFFS: dict[What, Callable[[datetime], Q]] = {
    What.OFFERED: lambda since: Q(offered_at__gt=since),
    What.ACCEPTED: lambda since: Q(status=HandoffStatus.ACCEPTED, settle_at=None, decided_at__gt=since),
    What.REJECTED: lambda since: Q(reason__isnull=False, settle_at=None, closed_at__gt=since),
    **{kind: _ended(status) for kind, status in _AN_ENDING.items()},
}


def _subject(*parts: Any) -> Concat:
    text = [Cast(part, CharField()) if isinstance(part, str) else part for part in parts]
    return Concat(*text, output_field=CharField())


def _each(text: str, subjects: Iterable[str]) -> list[str]:
    return [text % subject for subject in list(subjects)[:SHOWN]]


CHECKS: list[tuple[str, str, Callable[[datetime], list[str]]]] = [
    ("I18", "Every fact announced to who wants it", everyone_announced),
    ("I18", "Nothing announced that did not happen", nothing_invented),
]
