from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q


class NurtureTrack(models.Model):
    """How leads rest: for whom it is, what they get meanwhile, and what wakes them.

    The first active track in order whose lists hold the lead's MQL rule and rejection reason is taken; an
    empty list takes any. See `leads.nurture.choose`.
    """

    name = models.CharField(max_length=60, unique=True)
    purpose = models.CharField(max_length=300, blank=True)  # what they get, and what it is to bring about
    rules = models.JSONField(default=list, blank=True)  # ids of the MQL rule sets that made them MQLs
    reasons = models.JSONField(default=list, blank=True)  # slugs of the rejection reasons
    days = models.PositiveSmallIntegerField(null=True, blank=True)  # None: as many as the reason says
    wakes_by_date = models.BooleanField(default=True)
    wake_signal = models.CharField(max_length=50, blank=True)  # a signal's slug, "" = any qualifying one
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(wakes_by_date=True) | ~Q(wake_signal=""), name="nurture_track_wakes"
            ),
            models.CheckConstraint(
                condition=Q(days__isnull=True) | Q(days__gte=1, days__lte=730), name="nurture_track_days"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def takes(self, rule: str, reason: str) -> bool:
        """Tell whether a lead made an MQL by `rule` and turned down for `reason` rests here."""
        return (not self.rules or rule in self.rules) and (not self.reasons or reason in self.reasons)

    def wake_on(self, today: date, days: int) -> date | None:
        """Return the day on which the lead comes back, `days` being what is usual without this track."""
        return today + timedelta(days=max(self.days or days, 1)) if self.wakes_by_date else None
