from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from leads.enums import IdentityKind, Role, Stage, Status
from leads.models.users import Team, User


class Company(models.Model):
    """An organisation our leads work for; found by its domain, else by its name."""

    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=253, null=True, blank=True, unique=True)
    industry = models.CharField(max_length=100, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="companies"
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["name"], name="company_name")]

    def __str__(self) -> str:
        return self.name


class LeadQuerySet(models.QuerySet["Lead"]):
    def live(self) -> LeadQuerySet:
        """Leave out records merged into another."""
        return self.filter(merged_into=None)

    def visible_to(self, user: User) -> LeadQuerySet:
        """Rows the user's role may see (permission matrix, "leads list/read"); always live records only."""
        if not user.is_active:
            return self.none()
        if user.role in (Role.ADMIN, Role.MARKETER):
            return self.live()
        if user.role == Role.MANAGER and user.team_id:
            own_team = Q(owner__team_id=user.team_id)
            waiting_for_team = Q(owner=None, pool_team_id=user.team_id)
            return self.live().filter(own_team | waiting_for_team)
        if user.role == Role.REP:
            return self.live().filter(owner=user)
        return self.none()


class Lead(models.Model):
    """One person and where they stand.

    `stage`, `status` and what belongs to them are written by `leads.lifecycle.move_to_stage` alone; profile
    fields by `leads.profile.update_profile` (fit rules read their dated changes); score columns by
    `scoring.rescoring`, `override_score` by `scoring.overrides`; `owner` and `pool_team` by handoff.
    """

    # Normalised. Null, not empty, when unknown: an address is unique and "" would be one.
    email = models.CharField(max_length=254, null=True, blank=True)  # noqa: DJ001
    phone = models.CharField(max_length=20, blank=True)  # E.164 where it parses, else as typed
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    company = models.ForeignKey(
        Company, null=True, blank=True, on_delete=models.SET_NULL, related_name="leads"
    )

    # The profile fit rules read. Empty string or null means "unknown", which is not "no".
    job_title = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=50, blank=True)
    seniority = models.CharField(max_length=50, blank=True)
    industry = models.CharField(max_length=100, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=50, blank=True)
    tech_stack = models.CharField(max_length=500, blank=True)  # lower-case words, ", " between
    data_maturity = models.CharField(max_length=50, blank=True)
    product_interest = models.CharField(max_length=100, blank=True)
    is_free_mail = models.BooleanField(null=True)
    is_competitor = models.BooleanField(null=True)
    is_student = models.BooleanField(null=True)

    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.SUSPECT)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ACTIVE)
    stage_since = models.DateTimeField()
    cycle_number = models.PositiveSmallIntegerField(
        default=0
    )  # the last opened cycle, 0 before the first MQL
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="leads"
    )
    pool_team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    wake_on = models.DateField(null=True, blank=True)  # nurture: lists the lead as woken up from this day
    wake_signal = models.CharField(
        max_length=50, blank=True
    )  # nurture: a signal's slug, "" = any qualifying one
    nurture_reason = models.CharField(max_length=100, blank=True)
    # How they rest, if a track was chosen; whatever goes through the door clears it.
    nurture_track = models.ForeignKey(
        "leads.NurtureTrack", null=True, blank=True, on_delete=models.SET_NULL, related_name="leads"
    )
    next_step = models.CharField(max_length=300, blank=True)
    next_step_on = models.DateField(null=True, blank=True)
    needs_fit_check = models.BooleanField(default=False)  # hand-raised but failed the fit check
    imported_stage = models.CharField(max_length=50, blank=True)

    fit_score = models.SmallIntegerField(default=0)
    engagement_score = models.SmallIntegerField(default=0)
    score = models.SmallIntegerField(default=0)
    grade = models.CharField(max_length=1, default="D")
    band = models.PositiveSmallIntegerField(default=1)
    momentum = models.IntegerField(default=0)
    disqualified_by = models.CharField(max_length=50, blank=True)
    # Set by hand until a day. People see it and lists sort by it; rules, routing and reports read `score`.
    override_score = models.PositiveSmallIntegerField(null=True, blank=True)
    shown_score = models.GeneratedField(
        expression=Coalesce("override_score", "score"),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    score_version = models.PositiveIntegerField(null=True, blank=True)
    scored_on = models.DateField(null=True, blank=True)

    source = models.CharField(max_length=100, blank=True)  # where the first touch came from, e.g. "google"
    medium = models.CharField(max_length=100, blank=True)
    campaign = models.CharField(max_length=150, blank=True)
    last_source = models.CharField(max_length=100, blank=True)
    last_medium = models.CharField(max_length=100, blank=True)
    last_campaign = models.CharField(max_length=150, blank=True)
    last_signal = models.ForeignKey(
        "leads.Signal", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_seen_at = models.DateTimeField(null=True, blank=True)
    unsubscribed_at = models.DateTimeField(null=True, blank=True)

    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)  # counts profile edits by people: If-Match, stale forms

    objects = LeadQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(merged_into=None, email__isnull=False),
                name="lead_email_unique_live",
            ),
            models.CheckConstraint(condition=~Q(email=""), name="lead_email_null_not_empty"),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="lead_stage_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="lead_status_known"),
            models.CheckConstraint(
                condition=Q(status=Status.ACTIVE) | Q(stage__in=[Stage.SUSPECT, Stage.LEAD]),
                name="lead_offramp_stage",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.NURTURE) | Q(wake_on__isnull=False) | ~Q(wake_signal=""),
                name="lead_nurture_wakes",
            ),
            models.CheckConstraint(
                condition=Q(grade__in=["A", "B", "C", "D"], band__gte=1, band__lte=4),
                name="lead_grade_band_known",
            ),
            models.CheckConstraint(
                condition=Q(override_score=None) | Q(override_score__lte=100), name="lead_override_in_range"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-score", "-id"], name="lead_by_score"),
            models.Index(fields=["-shown_score", "-id"], name="lead_by_shown"),
            models.Index(fields=["stage", "status", "-score", "-id"], name="lead_stage_score"),
            models.Index(fields=["stage", "status", "-shown_score", "-id"], name="lead_stage_shown"),
            models.Index(fields=["stage", "status", "-created_at", "-id"], name="lead_stage_created"),
            models.Index(fields=["-created_at", "-id"], name="lead_by_created"),
            models.Index(fields=["owner", "stage", "-shown_score", "-id"], name="lead_owner_shown"),
            models.Index(fields=["-last_seen_at", "-id"], name="lead_by_seen"),
            models.Index(fields=["last_name", "id"], name="lead_by_name"),
            models.Index(fields=["phone"], name="lead_phone", condition=~Q(phone="")),
            models.Index(fields=["wake_on"], name="lead_wake", condition=Q(status="nurture")),
            models.Index(
                fields=["-shown_score", "-id"], name="lead_overridden", condition=~Q(override_score=None)
            ),
            models.Index(fields=["scored_on", "id"], name="lead_scored_on"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Full name, else e-mail, else phone: never empty."""
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.phone or f"Lead {self.pk}"


class Identity(models.Model):
    """An id under which a tracking SDK knows a lead: anonymous ids joined to it, and user ids."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=10, choices=IdentityKind.choices)
    value = models.CharField(max_length=200)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value"], name="identity_unique")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class ProfileChange(models.Model):
    """The value a fit field had from a day on; append-only, so a past profile can be read back.

    `day` is a day of the organisation's time zone. Of several rows for a field and day the highest id holds.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="profile_changes")
    field = models.CharField(max_length=30)
    value = models.JSONField(null=True)
    day = models.DateField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    origin = models.CharField(max_length=60, blank=True)  # "import 12", "identify", "form", "manual", …

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lead", "field", "day", "id"], name="profile_change_read")]

    def __str__(self) -> str:
        return f"{self.field} from {self.day}"


class Note(models.Model):
    """A sentence somebody wrote about a lead, shown on its timeline and in the handoff."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="notes")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(max_length=5000)
    for_sales = models.BooleanField(default=False)  # the marketer's comment: shown on the handoff
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lead", "-at"], name="note_lead_at")]

    def __str__(self) -> str:
        return self.text[:60]


class Conversation(models.Model):
    """A logged call, meeting, mail, chat or note; the first one by the lead's owner is the first contact."""

    class Kind(models.TextChoices):
        CALL = "call", "Call"
        MEETING = "meeting", "Meeting"
        MAIL = "mail", "Mail"
        CHAT = "chat", "Chat"
        NOTE = "note", "Note"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="conversations")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reached = models.BooleanField(default=True)  # false: tried, nobody answered
    summary = models.TextField(max_length=5000, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lead", "-at"], name="conversation_lead_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.at:%Y-%m-%d}"
