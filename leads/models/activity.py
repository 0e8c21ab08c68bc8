from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.enums import FunnelStage, Intent, Outcome
from leads.models.people import Lead


class Source(models.Model):
    """Something that sends us events with a write key: a website, an app, a server. Its key is stored hashed."""

    name = models.CharField(max_length=100, unique=True)
    key_prefix = models.CharField(max_length=12)
    key_hash = models.CharField(max_length=64, unique=True)  # SHA-256 hex of the write key
    allowed_origins = models.JSONField(default=list, blank=True)  # browser origins; empty allows any
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Signal(models.Model):
    """One entry of the signal catalogue. The catalogue is ordered; the first entry that matches names an event.

    `match` is read by `leads.intake.catalogue`; `is_engagement` is false for opens, bounces, unsubscribes and
    automated traffic, which never turn a suspect into a lead.
    """

    slug = models.SlugField(max_length=50, unique=True)
    label = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(db_index=True)
    match = models.JSONField(default=dict, blank=True)
    object_from = models.JSONField(
        default=list, blank=True
    )  # property paths tried in order for the object key
    intent = models.PositiveSmallIntegerField(choices=Intent.choices, default=Intent.LOW)
    funnel_stage = models.CharField(max_length=15, choices=FunnelStage.choices, default=FunnelStage.AWARENESS)
    topic = models.CharField(max_length=60, blank=True)
    is_engagement = models.BooleanField(default=True)
    is_hand_raise = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.label


class Asset(models.Model):
    """A piece of content we publish, so that a page or file can be named with its topic and funnel stage."""

    key = models.CharField(max_length=200, unique=True)  # equals the object key of its events
    title = models.CharField(max_length=200)
    topic = models.CharField(max_length=60, blank=True)
    funnel_stage = models.CharField(max_length=15, choices=FunnelStage.choices, default=FunnelStage.AWARENESS)

    def __str__(self) -> str:
        return self.title


class IntakeBatch(models.Model):
    """What one request, import chunk or manual entry brought, by outcome; the totals reconcile (I25)."""

    source = models.ForeignKey(Source, null=True, on_delete=models.SET_NULL, related_name="batches")
    origin = models.CharField(max_length=30, default="api")
    received_at = models.DateTimeField()
    received = models.PositiveIntegerField(default=0)
    counted = models.PositiveIntegerField(default=0)
    duplicate = models.PositiveIntegerField(default=0)
    ignored = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    reasons = models.JSONField(default=dict, blank=True)  # {"rejected:no_identity": 2, …}
    # When each lead was seen last: [[lead, moment, signal], …] until `leads.seen` has written it on them.
    seen = models.JSONField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["-received_at"], name="intake_batch_at"),
            models.Index(fields=["id"], name="intake_batch_seen", condition=Q(seen__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(
                    received=models.F("counted")
                    + models.F("duplicate")
                    + models.F("ignored")
                    + models.F("quarantined")
                    + models.F("rejected")
                ),
                name="intake_batch_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.received} items at {self.received_at}"


class DeadLetter(models.Model):
    """A rejected item, kept so that somebody can see why and send it again after mending."""

    batch = models.ForeignKey(IntakeBatch, on_delete=models.CASCADE, related_name="dead_letters")
    index = models.PositiveIntegerField()
    code = models.CharField(max_length=50)
    pointer = models.CharField(max_length=200, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    item = models.TextField(blank=True)  # the item as JSON text, cut at 32 KiB
    retried_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.code


class Event(models.Model):
    """One engagement event, as received. Scoring never reads events, only `EngagementDay`.

    `lead` is empty while nobody is known under its `user_id` and `anonymous_id`. `occurred_on` and `known_on` are
    days of the organisation's time zone; `known_on` is the day this lead came to have the event.
    """

    # Checking every row's lead, source and signal again took as long as writing the row: recording holds the leads
    # locked, sources and signals are never deleted while events name them (PROTECT), and `verify` looks. The
    # indexes of these keys would begin like others below.
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="events", db_constraint=False, db_index=False
    )
    message_id = models.CharField(max_length=128)
    payload_hash = models.CharField(max_length=32)
    type = models.CharField(max_length=10)  # track, page, screen, identify, group, alias, call, import, …
    name = models.CharField(max_length=128, blank=True)
    lead = models.ForeignKey(
        Lead,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    anonymous_id = models.CharField(max_length=200, blank=True)
    user_id = models.CharField(max_length=200, blank=True)
    signal = models.ForeignKey(
        Signal,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="events",
        db_constraint=False,
        db_index=False,
    )
    object_key = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    occurred_on = models.DateField()
    known_on = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.COUNTED)
    outcome_reason = models.CharField(max_length=50, blank=True)
    flags = models.JSONField(default=list, blank=True)
    properties = models.JSONField(default=dict, blank=True)
    context = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "message_id"], name="event_message_unique"),
            models.CheckConstraint(
                condition=Q(lead__isnull=True) | Q(known_on__isnull=False), name="event_known_when_owned"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["lead", "-occurred_at"], name="event_lead_at"),
            models.Index(
                fields=["anonymous_id"],
                name="event_anonymous",
                condition=Q(lead__isnull=True) & ~Q(anonymous_id=""),
            ),
            models.Index(
                fields=["user_id"], name="event_user_waiting", condition=Q(lead__isnull=True) & ~Q(user_id="")
            ),
            models.Index(fields=["-received_at"], name="event_received"),
            models.Index(
                fields=["received_at"], name="event_unmatched", condition=Q(outcome_reason="unmatched")
            ),
            models.Index(
                fields=["-received_at", "-id"], name="event_quarantined", condition=Q(outcome="quarantined")
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.type


class EngagementDay(models.Model):
    """How often one lead gave one signal on one object on one day: all that scoring reads.

    Kept in the same transaction as the events and equal to their GROUP BY over counted events with a signal
    and a lead (I2). Corrections append signed counts dated (`known_on`) the day of the correction.
    """

    # No checks and indexes of these keys, as with Event; the unique index begins with the lead.
    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, related_name="engagement_days", db_constraint=False, db_index=False
    )
    signal = models.ForeignKey(
        Signal, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    object_key = models.CharField(max_length=200, blank=True)
    occurred_on = models.DateField()
    known_on = models.DateField()
    count = models.IntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["lead", "signal", "occurred_on", "object_key", "known_on"],
                name="engagement_day_unique",
            )
        ]
        indexes: ClassVar = [
            # Scoring adds signed counts up only for the few leads that have a correction.
            models.Index(fields=["lead"], condition=Q(count__lt=0), name="engagement_day_corrected")
        ]

    def __str__(self) -> str:
        return f"{self.count} on {self.occurred_on}"


class AutomationLook(models.Model):
    """How far the sweep for bursts has looked through what arrived; one row."""

    upto = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="automation_look_is_one"),
        ]

    def __str__(self) -> str:
        return f"Looked up to {self.upto}"


class Reclassification(models.Model):
    """One walk over the stored events under a changed catalogue: a preview counts, a run moves. The row is the work.

    `moves` maps "from>to" (signal ids, 0 for none) to {"events": n, "leads": [ids, at most LEADS_KEPT]}.
    """

    PREVIEW, RUN = "preview", "run"
    LEADS_KEPT = 20_000

    kind = models.CharField(max_length=10, choices=[(PREVIEW, "Preview"), (RUN, "Run")])
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    catalogue_version = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    last_event_id = models.BigIntegerField(default=0)  # events up to this id are done
    upto_event_id = models.BigIntegerField(default=0)
    events_total = models.PositiveIntegerField(default=0)
    events_done = models.PositiveIntegerField(default=0)
    moves = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(finished_at=None), name="reclassification_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["preview", "run"]), name="reclassification_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.created_at}"
