"""Rows of what is told to other systems: a fact, to whom it goes, and what became of each try."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from leads.models import Lead


class What(models.TextChoices):
    """What other systems can be told of."""

    MQL = "lead.mql", "Lead became an MQL"
    OFFERED = "handoff.offered", "Handoff offered to a rep"
    ACCEPTED = "handoff.accepted", "Handoff accepted"
    REJECTED = "handoff.rejected", "Handoff rejected"
    RETURNED = "handoff.returned", "Handoff returned to marketing"
    EXPIRED = "handoff.expired", "Handoff lapsed"
    REASSIGNED = "handoff.reassigned", "Handoff reassigned"
    WITHDRAWN = "handoff.withdrawn", "Handoff withdrawn"
    WARNED = "handoff.warned", "Rep warned: answer or first contact due soon"
    ESCALATED = "handoff.escalated", "Manager told: answer or first contact late"
    SQL = "lead.sql", "Lead became an SQL"
    OPPORTUNITY = "lead.opportunity", "Lead became an opportunity"
    WON = "lead.won", "Deal won"
    LOST = "lead.lost", "Deal lost"
    DEFINITION = "definition.live", "Definition went live"
    TEST = "test", "Test event"


# What can be subscribed to; a test goes out only when somebody asks for one.
CHOICES = [(kind.value, str(kind.label)) for kind in What if kind != What.TEST]


class DestinationQuerySet(models.QuerySet["Destination"]):
    def ready(self, at: datetime) -> DestinationQuerySet:
        """Return active ones nobody else is delivering to, and that are not left alone after failures."""
        unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=at)
        rested = Q(paused_until=None) | Q(paused_until__lte=at)
        return self.filter(unclaimed, rested, is_active=True)


class Destination(models.Model):
    """Another system that is told of facts: a signed webhook, or an incoming webhook of a chat.

    The secret must be readable to sign with; it is shown once to people. `listening_since` is the moment from
    which every fact it wants has a delivery to it.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Signed webhook"
        SLACK = "slack", "Slack-compatible channel"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list)  # values of What
    secret = models.CharField(max_length=80, blank=True)
    old_secret = models.CharField(max_length=80, blank=True)
    old_secret_until = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True)
    listening_since = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = DestinationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_active=True) | ~Q(disabled_reason=""), name="destination_off_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(kind="webhook") | ~Q(secret=""), name="destination_webhook_has_secret"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def wants(self, kind: str) -> bool:
        return kind in self.events

    def secrets_at(self, at: datetime) -> list[str]:
        """Return the secrets to sign with now, the newest first."""
        old = self.old_secret if self.old_secret_until and self.old_secret_until > at else ""
        return [secret for secret in (self.secret, old) if secret]


class Fact(models.Model):
    """Something that happened and that somebody is told of: written in the transaction in which it happened.

    Of two facts about one lead the one with the higher id came later, as whoever writes them holds the lead's lock.
    """

    uid = models.CharField(max_length=40, unique=True)  # the webhook-id, whatever the number of tries
    kind = models.CharField(max_length=30, choices=What.choices)
    subject = models.CharField(
        max_length=60
    )  # "handoff:7", "lead:3:5" (the ledger's line 5), "definition:2", …
    lead = models.ForeignKey(Lead, null=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)
    data = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject"], name="fact_once"),
            models.CheckConstraint(condition=Q(kind__in=What.values), name="fact_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def overdue(self, at: datetime) -> DeliveryQuerySet:
        """Return what should be on its way: due, to a destination that is neither off nor left alone."""
        paused = Q(destination__paused_until__gt=at)
        return self.filter(status="waiting", due_at__lte=at, destination__is_active=True).exclude(paused)


class Delivery(models.Model):
    """One fact on its way to one destination."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    fact = models.ForeignKey(Fact, on_delete=models.CASCADE, related_name="deliveries")
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fact", "destination"], name="delivery_once"),
            models.CheckConstraint(
                condition=~Q(status="waiting") | Q(due_at__isnull=False), name="delivery_waits_for_a_time"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["destination", "due_at"], name="delivery_due", condition=Q(status="waiting")
            ),
            models.Index(fields=["destination", "-id"], name="delivery_log"),
        ]

    def __str__(self) -> str:
        return f"{self.fact} to {self.destination}"


class Attempt(models.Model):
    """One try of a delivery, and what was answered."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField(default=0)
    status = models.PositiveSmallIntegerField(null=True)  # of HTTP
    error = models.CharField(max_length=200, blank=True)  # empty: it went
    answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.status or self.error} at {self.at}"
