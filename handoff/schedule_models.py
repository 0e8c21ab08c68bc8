"""When reps work, what is promised by when, and who is away."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class WorkCalendar(models.Model):
    """Working hours, public holidays and days off that deadlines are counted by.

    `hours` maps "mon" … "sun" to intervals like "09:00-12:30"; `days_off` maps ISO days to what they are. Reps
    without a calendar follow the default one, and the default one's own days off hold for everybody. Where there
    is no default, clocks run round the clock.
    """

    name = models.CharField(max_length=100, unique=True)
    is_default = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    hours = models.JSONField(default=dict)
    country = models.CharField(max_length=3, blank=True)
    subdivision = models.CharField(max_length=6, blank=True)
    days_off = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-is_default", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="work_calendar_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ClockTier(models.Model):
    """What is promised to some leads; the first in order that fits a lead counts.

    Times are working minutes of the rep. A lead that fits none gets the organisation's hours.
    """

    name = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField(default=0)
    hand_raisers_only = models.BooleanField(default=False)
    min_score = models.PositiveSmallIntegerField(default=0)
    accept_minutes = models.PositiveIntegerField()
    contact_minutes = models.PositiveIntegerField()
    # Shares of the time after which the rep is warned and the manager told; the contact clock tells at its end.
    warn_percent = models.PositiveSmallIntegerField(default=50)
    escalate_percent = models.PositiveSmallIntegerField(default=80)
    # After the contact deadline: so long until somebody else gets the lead. None leaves it to the manager.
    reroute_minutes = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(accept_minutes__gte=1, contact_minutes__gte=1, min_score__lte=100),
                name="clock_tier_times",
            ),
            models.CheckConstraint(
                condition=Q(warn_percent__gte=1, escalate_percent__lt=100)
                & Q(warn_percent__lte=F("escalate_percent")),
                name="clock_tier_steps",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def on(self, day: date) -> AbsenceQuerySet:
        """Absences that hold on this day."""
        return self.filter(starts_on__lte=day, back_on__gt=day)


class Absence(models.Model):
    """A rep out of the office from `starts_on` until they are back on `back_on`.

    The cover, if named, takes the leads that would have gone to the rep in person: by name or by stickiness.
    """

    rep = models.ForeignKey("handoff.Rep", on_delete=models.CASCADE, related_name="absences")
    starts_on = models.DateField()
    back_on = models.DateField()
    cover = models.ForeignKey(
        "handoff.Rep", null=True, blank=True, on_delete=models.SET_NULL, related_name="covers"
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["starts_on", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(back_on__gt=F("starts_on")), name="absence_in_order"),
            models.CheckConstraint(condition=~Q(cover=F("rep")), name="absence_cover_is_another"),
        ]
        indexes: ClassVar = [models.Index(fields=["back_on", "starts_on"], name="absence_period")]

    def __str__(self) -> str:
        return f"{self.rep} away {self.starts_on} to {self.back_on}"
