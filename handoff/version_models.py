"""Routing as versions: a draft that can be tried, the one that is live, those before it; and replays of a draft."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class RoutingVersion(models.Model):
    """One routing as a document (see `handoff.versions`): rules, pools with their members, capacities.

    The rows of rules, pools and reps are what routing works with; publishing a draft makes them equal to it.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        LIVE = "live", "Live"
        RETIRED = "retired", "Retired"

    number = models.PositiveIntegerField(unique=True)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.DRAFT)
    document = models.JSONField()
    revision = models.PositiveIntegerField(default=1)  # of a draft: who saves an old one is told
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="draft"), name="routing_one_draft"),
            models.UniqueConstraint(fields=["status"], condition=Q(status="live"), name="routing_one_live"),
        ]

    def __str__(self) -> str:
        return f"Routing {self.number}"


class RoutingReplay(models.Model):
    """The MQLs of the last days routed anew under a document, in the background. Pending until it has a result."""

    document = models.JSONField()
    days = models.PositiveSmallIntegerField()
    version = models.ForeignKey(RoutingVersion, null=True, on_delete=models.SET_NULL, related_name="replays")
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["requested_at"], name="replay_pending", condition=Q(finished_at=None))
        ]

    def __str__(self) -> str:
        return f"Replay of {self.days} days"
