from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from handoff.outgoing import Attempt, Delivery, Destination, Fact  # noqa: F401 - Django looks for them here
from handoff.personal import CalendarFeed, Mail, NoticePreference  # noqa: F401 - likewise
from handoff.schedule_models import Absence, ClockTier, WorkCalendar
from handoff.version_models import RoutingReplay, RoutingVersion
from leads.enums import Role
from leads.models import Cycle, Lead, Team, User

__all__ = [
    "MAIL_BACKOFF", "OPEN", "Absence", "ClockTier", "Discovery", "Handoff", "HandoffQuerySet", "HandoffStatus",
    "NextPath", "Notice", "Opportunity", "Pool", "PoolMember", "QueueReason", "RejectionReason", "Rep",
    "RotationState", "RoutingDecision", "RoutingReplay", "RoutingRule", "RoutingVersion", "WorkCalendar",
]  # fmt: skip


class Rep(models.Model):
    """What routing knows of a user who takes leads. Capacity counts seats (see `HandoffQuerySet.seats`)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="rep")
    capacity = models.PositiveSmallIntegerField(default=10)
    is_available = models.BooleanField(default=True)
    away_until = models.DateField(null=True, blank=True)
    territories = models.JSONField(default=list, blank=True)  # country codes or region names; empty takes any
    calendar = models.ForeignKey(
        WorkCalendar, null=True, blank=True, on_delete=models.PROTECT, related_name="reps"
    )

    def __str__(self) -> str:
        return str(self.user)


class Pool(models.Model):
    """Reps who share the leads of one or more routing rules by weighted fair rotation."""

    name = models.CharField(max_length=100, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="pools")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class PoolMember(models.Model):
    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="members")
    rep = models.ForeignKey(Rep, on_delete=models.CASCADE, related_name="memberships")
    weight = models.PositiveSmallIntegerField(default=1)
    turns = models.PositiveIntegerField(default=0)  # taken in all states of the pool
    arrears = models.BigIntegerField(default=0)  # share due less turns taken, in millionths of a turn
    credits = models.PositiveIntegerField(
        default=0, db_default=0
    )  # turns given back for bad leads and not yet used

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "rep"], name="pool_member_unique"),
            models.CheckConstraint(condition=Q(weight__gte=1, weight__lte=100), name="pool_member_weight"),
        ]

    def __str__(self) -> str:
        return f"{self.rep} in {self.pool}"


class RoutingRule(models.Model):
    """First rule whose conditions all hold sends the lead to its pool or its one rep.

    `conditions` maps a field ("country", "region", "industry", "product_interest", "source", "campaign",
    "company" (named accounts, domains), "segment", "min_score") to a list of accepted values or a number.
    No conditions catches all.
    """

    position = models.PositiveSmallIntegerField(db_index=True)
    name = models.CharField(max_length=100)
    conditions = models.JSONField(default=dict, blank=True)
    pool = models.ForeignKey(Pool, null=True, blank=True, on_delete=models.PROTECT, related_name="rules")
    rep = models.ForeignKey(Rep, null=True, blank=True, on_delete=models.PROTECT, related_name="rules")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(pool__isnull=False, rep__isnull=True) | Q(pool__isnull=True, rep__isnull=False),
                name="routing_rule_one_target",
            )
        ]

    def __str__(self) -> str:
        return self.name


class RotationState(models.Model):
    """Where the rotation of a pool stands for one eligible set and its weights (see docs/routing.md)."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="rotations")
    key = models.CharField(max_length=64)  # hash of the sorted (rep id, weight) pairs
    turns = models.JSONField(default=dict)  # {"<rep id>": turns taken in this state}
    total = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["pool", "key"], name="rotation_state_unique")
        ]

    def __str__(self) -> str:
        return f"{self.pool}: {self.total} turns"


class NextPath(models.TextChoices):
    NURTURE = "nurture", "Nurture"
    DISQUALIFY = "disqualify", "Disqualify"
    FIX_DATA = "fix_data", "Back to marketing to fix the data"
    REROUTE = "reroute", "Route to another rep"


class RejectionReason(models.Model):
    """Why sales rejects a lead, editable; its next path decides what happens to the lead."""

    slug = models.SlugField(max_length=50, unique=True)
    label = models.CharField(max_length=100)
    next_path = models.CharField(max_length=10, choices=NextPath.choices)
    nurture_days = models.PositiveSmallIntegerField(default=90)
    gives_turn_back = models.BooleanField(default=False)  # a bad lead does not cost the rep a turn
    needs_note = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.label


class HandoffStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    OFFERED = "offered", "Offered"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned to marketing"
    EXPIRED = "expired", "Expired"
    REASSIGNED = "reassigned", "Reassigned"
    WITHDRAWN = "withdrawn", "Withdrawn"


class QueueReason(models.TextChoices):
    """Why a handoff waits without a rep; never empty while it is queued."""

    NEW = "new", "Waiting to be routed"
    NO_RULE = "no_rule", "No routing rule matches"
    NO_ELIGIBLE_REP = "no_eligible_rep", "No rep of the pool is eligible"
    AT_CAPACITY = "at_capacity", "Every eligible rep is at capacity"
    ALL_LAPSED = "all_lapsed", "Every eligible rep let it lapse or turned it down"
    RETURNED = "returned_to_marketing", "Returned to marketing"
    NOT_SALES_READY = "not_sales_ready", "Nurtured as an MQL until it is sales-ready"


# Minutes until a mail is tried again after the first, second, … failure.
MAIL_BACKOFF = (1, 5, 15, 60, 120, 240, 480)
# A mail that could not leave for longer than this would only be noise.
MAIL_WITHIN = timedelta(days=1)
OPEN = [HandoffStatus.QUEUED, HandoffStatus.OFFERED, HandoffStatus.ACCEPTED]


class HandoffQuerySet(models.QuerySet["Handoff"]):
    def open(self) -> HandoffQuerySet:
        return self.filter(status__in=OPEN, closed_at=None)

    def seats(self) -> HandoffQuerySet:
        """Handoffs that take a seat: offers, and accepted ones without first contact that are not deferred.

        One turned down keeps its seat while that can be undone, or undoing it could exceed the capacity.
        """
        unworked = Q(
            status=HandoffStatus.ACCEPTED, closed_at=None, first_contact_at=None, deferred_until=None
        )
        turned_down = Q(status__in=[HandoffStatus.REJECTED, HandoffStatus.RETURNED], settle_at__isnull=False)
        return self.filter(Q(status=HandoffStatus.OFFERED) | unworked | turned_down)

    def visible_to(self, user: User) -> HandoffQuerySet:
        """Rows the user's role may see (permission matrix, "handoff list"). Marketers get counts only."""
        if not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self.all()
        if user.role == Role.MANAGER and user.team_id:
            return self.filter(Q(rep__user__team_id=user.team_id) | Q(rep=None, pool__team_id=user.team_id))
        if user.role == Role.REP:
            return self.filter(rep__user=user)
        return self.none()


class Handoff(models.Model):
    """One attempt to hand an MQL of one cycle to sales: first a queue entry, then an offer, then its outcome.

    At most one is open per lead. `status` is changed by workflow, routing, clocks and the stage's receivers
    alone, under the lock of the lead and by a conditional update.
    """

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="handoffs")
    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="handoffs")
    attempt = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=HandoffStatus.choices, default=HandoffStatus.QUEUED)
    version = models.PositiveIntegerField(default=1)
    is_hand_raise = models.BooleanField(default=False)
    queue_reason = models.CharField(max_length=25, choices=QueueReason.choices, blank=True)
    waiting_since = (
        models.DateTimeField()
    )  # of the MQL entry, kept over re-routes: the longest waiting goes first
    pool = models.ForeignKey(Pool, null=True, on_delete=models.PROTECT, related_name="handoffs")
    rule = models.ForeignKey(RoutingRule, null=True, on_delete=models.SET_NULL, related_name="handoffs")
    rep = models.ForeignKey(Rep, null=True, on_delete=models.PROTECT, related_name="handoffs")
    offered_at = models.DateTimeField(null=True, blank=True)
    accept_by = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.ForeignKey(RejectionReason, null=True, on_delete=models.PROTECT, related_name="handoffs")
    note = models.TextField(max_length=2000, blank=True)
    missing = models.JSONField(default=list, blank=True)  # what a return or a fix-data rejection asks for
    settle_at = models.DateTimeField(null=True, blank=True)  # consequences of the decision are due then
    # Until then: {"kind": accept|reject|return|defer, "before": field values that undoing it restores}.
    pending = models.JSONField(default=dict, blank=True)
    contact_by = models.DateTimeField(null=True, blank=True)
    # What was promised with the offer: tier, working minutes, shares (see `handoff.promises.Terms`).
    terms = models.JSONField(default=dict, db_default={}, blank=True)
    # The working time between the running clock's start and end, as pairs of ISO moments; empty: all of it.
    clock_spans = models.JSONField(default=list, db_default=[], blank=True)
    # Each step by the clock: when it is due, and when it was taken.
    accept_warn_at = models.DateTimeField(null=True, blank=True)
    accept_warned_at = models.DateTimeField(null=True, blank=True)
    accept_escalate_at = models.DateTimeField(null=True, blank=True)
    accept_escalated_at = models.DateTimeField(null=True, blank=True)
    contact_warn_at = models.DateTimeField(null=True, blank=True)
    contact_warned_at = models.DateTimeField(null=True, blank=True)
    contact_escalated_at = models.DateTimeField(null=True, blank=True)  # due at contact_by
    contact_reroute_at = models.DateTimeField(null=True, blank=True)
    contact_rerouted_at = models.DateTimeField(null=True, blank=True)
    # While paused the clock stands still; it goes on by itself at `paused_until`.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    pause_reason = models.CharField(max_length=300, default="", db_default="", blank=True)
    age_alarm_at = models.DateTimeField(
        null=True, blank=True
    )  # the managers were told that it waits too long
    # For longer than so many working hours.
    age_alarm_hours = models.PositiveSmallIntegerField(default=0, db_default=0)
    credited_at = models.DateTimeField(null=True, blank=True)  # its turn was given back
    first_contact_at = models.DateTimeField(null=True, blank=True)
    deferred_until = models.DateField(null=True, blank=True)
    next_step = models.CharField(max_length=300, blank=True)
    next_step_at = models.DateTimeField(null=True, blank=True)
    context = models.JSONField(default=dict, blank=True)  # the context note, frozen at the offer (R23)
    closed_at = models.DateTimeField(
        null=True, blank=True
    )  # an accepted one: SQL, return or end of the cycle

    objects = HandoffQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cycle", "attempt"], name="handoff_attempt_unique"),
            models.UniqueConstraint(
                fields=["lead"],
                condition=Q(status__in=["queued", "offered", "accepted"], closed_at=None),
                name="handoff_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(status="queued") | ~Q(queue_reason=""), name="handoff_queued_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["offered", "accepted"])
                | Q(rep__isnull=False, offered_at__isnull=False, accept_by__isnull=False),
                name="handoff_offer_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["accepted", "rejected", "returned"]) | Q(decided_at__isnull=False),
                name="handoff_decision_dated",
            ),
            models.CheckConstraint(
                condition=~Q(status="rejected") | Q(reason__isnull=False), name="handoff_rejection_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in HandoffStatus]), name="handoff_status_known"
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None, paused_until=None)
                | Q(paused_at__isnull=False, paused_until__gt=F("paused_at"), paused_by__isnull=False)
                & ~Q(pause_reason=""),
                name="handoff_pause_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["-is_hand_raise", "waiting_since", "id"],
                name="handoff_queue",
                condition=Q(status="queued"),
            ),
            models.Index(fields=["rep", "status", "accept_by"], name="handoff_rep_status"),
            models.Index(fields=["rep"], name="handoff_rep_open", condition=Q(closed_at=None)),
            models.Index(fields=["accept_by"], name="handoff_accept_by", condition=Q(status="offered")),
            models.Index(fields=["settle_at"], name="handoff_settle", condition=Q(settle_at__isnull=False)),
            models.Index(fields=["offered_at"], name="handoff_offered"),
            models.Index(
                fields=["contact_by"],
                name="handoff_contact_by",
                condition=Q(status="accepted", closed_at=None, first_contact_at=None),
            ),
            models.Index(
                fields=["paused_until"], name="handoff_paused", condition=Q(paused_until__isnull=False)
            ),
            # Reports judge kept promises from these alone, without reading the handoffs themselves.
            models.Index(
                fields=["accept_by", "decided_at", "status", "pool", "rep"],
                name="handoff_answer_due",
                condition=Q(accept_by__isnull=False),
            ),
            models.Index(
                fields=["contact_by", "first_contact_at", "closed_at", "pool", "rep"],
                name="handoff_contact_due",
                condition=Q(contact_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Handoff {self.pk}: {self.status}"


class RoutingDecision(models.Model):
    """Why a lead went where it went: every candidate and why each was or was not chosen. Append-only."""

    handoff = models.ForeignKey(Handoff, on_delete=models.CASCADE, related_name="decisions")
    at = models.DateTimeField()
    rule_name = models.CharField(max_length=100, blank=True)
    pool = models.ForeignKey(Pool, null=True, on_delete=models.SET_NULL, related_name="decisions")
    rep = models.ForeignKey(Rep, null=True, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=25)  # "assigned" or a QueueReason
    way = models.CharField(max_length=20, blank=True)  # see planning.Way
    candidates = models.JSONField(default=list)  # [{"rep": id, "name": …, "verdict": "chosen"|reason, …}]
    state_key = models.CharField(max_length=64, blank=True)  # the rotation state it took a turn of
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["pool", "id"], name="routing_decision_pool")]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.at}"


class Discovery(models.Model):
    """What the rep found out in one cycle; every answer optional, each with where it came from."""

    cycle = models.OneToOneField(Cycle, on_delete=models.PROTECT, related_name="discovery")
    answers = models.JSONField(default=dict)  # {"need_problem": {"value": …, "from": …, "at": …}, …}
    updated_at = models.DateTimeField()
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"Discovery of cycle {self.cycle_id}"


class Opportunity(models.Model):
    """The deal an SQL became, once per cycle; pipeline work stays in the CRM."""

    cycle = models.OneToOneField(Cycle, on_delete=models.PROTECT, related_name="opportunity")
    name = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3)
    close_on = models.DateField()
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    outcome = models.CharField(max_length=4, blank=True, choices=[("won", "Won"), ("lost", "Lost")])
    outcome_reason = models.CharField(max_length=200, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0), name="opportunity_amount"
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(closed_at__isnull=False), name="opportunity_close_dated"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class NoticeQuerySet(models.QuerySet["Notice"]):
    def to_mail(self, at: datetime) -> NoticeQuerySet:
        """Notices due for a mail: wanted, not given up, not put off, and still news. The others stay in the app."""
        fresh = self.filter(
            mail=Mail.NOW, mailed_at=None, sending_at=None, attempts__lte=len(MAIL_BACKOFF),
            created_at__gt=at - MAIL_WITHIN,
        )  # fmt: skip
        return fresh.filter(Q(not_before=None) | Q(not_before__lte=at), user__is_active=True)

    def in_doubt(self, at: datetime) -> NoticeQuerySet:
        """Notices whose mail may or may not have left, as it was interrupted while it did."""
        return self.filter(mailed_at=None, sending_at__lt=at - timedelta(seconds=60))

    def shown(self) -> NoticeQuerySet:
        """Notices for the page: digests and what the user turned off there are left out."""
        return self.filter(in_app=True)


class Notice(models.Model):
    """Something to tell a user: written in the transaction of the fact, delivered after it (outbox)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=30)  # offered, expired, all_lapsed, queued, woken, …
    handoff = models.ForeignKey(Handoff, null=True, on_delete=models.CASCADE, related_name="notices")
    lead = models.ForeignKey(Lead, null=True, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    in_app = models.BooleanField(default=True, db_default=True)
    mail = models.CharField(max_length=6, choices=Mail.choices, default=Mail.NOW, db_default="now")
    day = models.DateField(null=True, blank=True)  # of a digest
    details = models.JSONField(null=True, blank=True)  # of a digest: its sections
    sending_at = models.DateTimeField(null=True, blank=True)  # from then on the mail may have left
    mailed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "kind", "handoff"], condition=Q(handoff__isnull=False), name="notice_once"
            ),
            models.UniqueConstraint(
                fields=["user", "kind", "day"], condition=Q(day__isnull=False), name="notice_once_a_day"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="notice_user"),
            models.Index(fields=["created_at"], name="notice_to_mail", condition=Q(mailed_at=None)),
        ]

    def __str__(self) -> str:
        return self.text
