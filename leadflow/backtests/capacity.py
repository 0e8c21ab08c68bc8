"""How many MQLs a week sales can take, from seats and how long a lead keeps one.

A seat is free again at the first contact, or when the offer was rejected, returned or lapsed. So a rep takes
seats × 7 ÷ the days a seat was held, a week. The days are the median over the offers of the last 90 days, at least one;
without ten such offers a seat is taken to last a week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum
from django.db.models.functions import Coalesce

from handoff.models import Handoff, Rep
from leads.statistics import median

LOOKED_AT = timedelta(days=90)
LEAST_OFFERS = 10
MOST_OFFERS = 5000


@dataclass(frozen=True)
class Capacity:
    """`days_held` is None where it was assumed; `by_user` has the seats of each rep by their user."""

    seats: int
    days_held: float | None
    by_user: Mapping[int, int]

    def a_week(self, seats: int | None = None) -> float:
        """Return how many leads a week these seats, or all, can take."""
        return (self.seats if seats is None else seats) * 7 / max(self.days_held or 7, 1)


def capacity(at: datetime) -> Capacity:
    """Read seats and holding times; two statements."""
    reps = Rep.objects.filter(user__is_active=True)
    by_user = dict(reps.values("user_id").annotate(seats=Sum("capacity")).values_list("user_id", "seats"))
    offers = Handoff.objects.filter(offered_at__gte=at - LOOKED_AT).annotate(
        freed_at=Coalesce("first_contact_at", "closed_at", "decided_at")
    )
    held = [
        (freed - offered) / timedelta(days=1)
        for offered, freed in offers.exclude(freed_at=None)
        .order_by("-id")
        .values_list("offered_at", "freed_at")[:MOST_OFFERS]
    ]
    days = median(held) if len(held) >= LEAST_OFFERS else None
    return Capacity(sum(by_user.values()), days, by_user)
