"""Nurture: which track a lead rests on, and whose day has come.

A date only lists a lead as woken up; a qualifying signal wakes it for real.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction

from leads import clock
from leads.enums import Status
from leads.models import Lead, NurtureTrack
from leads.models.people import LeadQuerySet
from leads.signals import nurture_woken

# A wake-up is news for this long, should nobody have looked for days.
FRESH = timedelta(days=3)


def active_tracks() -> list[NurtureTrack]:
    """Return the tracks in use, in the order they are asked."""
    return list(NurtureTrack.objects.filter(is_active=True))


def choose(tracks: Iterable[NurtureTrack], rule: str, reason: str) -> NurtureTrack | None:
    """Return the first track that takes a lead made an MQL by `rule` and turned down for `reason`."""
    return next((track for track in tracks if track.takes(rule, reason)), None)


def woken_up(day: date) -> LeadQuerySet:
    """Return the nurtured leads to look at again, their wake-up day being here or past."""
    return Lead.objects.live().filter(status=Status.NURTURE, wake_on__lte=day)


def announce_woken(at: datetime | None = None) -> int:
    """Announce the leads that woke up lately and return how many; safe to run at any time and twice."""
    at = at or clock.now()
    day = clock.day_of(at)
    with transaction.atomic():
        ids = list(woken_up(day).filter(wake_on__gt=day - FRESH).order_by("pk").values_list("pk", flat=True))
        if ids:
            nurture_woken.send(sender=Lead, lead_ids=ids, at=at)
    return len(ids)
