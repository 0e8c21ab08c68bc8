from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.enums import Decision, DefinitionStatus, Role, Stage, Status, WentLive
from leads.models.people import Lead
from leads.models.users import Team, User


class Definition(models.Model):
    """One version of what a good lead is here: the whole scoring and MQL/SQL document (see docs/scoring.md).

    The document of a live or retired version never changes; at most one version is live. `revision` goes up with
    every change of a draft, so that a save or an approval that saw an older one is told so. Changed by
    `scoring.life` and `scoring.publishing` alone.
    """

    version = models.PositiveIntegerField(unique=True)
    status = models.CharField(max_length=10, choices=DefinitionStatus.choices, default=DefinitionStatus.DRAFT)
    document = models.JSONField()
    note = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    based_on = models.PositiveIntegerField(null=True, blank=True)  # the version it was drafted from
    revision = models.PositiveIntegerField(default=1, db_default=1)
    changed_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    went_live = models.CharField(max_length=10, choices=WentLive.choices, blank=True, db_default="")
    live_from = models.DateTimeField(null=True, blank=True)
    live_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="live"), name="definition_one_live"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["live", "retired"]) | Q(live_from__isnull=False),
                name="definition_live_dated",
            ),
            models.CheckConstraint(
                condition=~Q(status="proposed") | Q(proposed_at__isnull=False),
                name="definition_proposal_dated",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["live", "retired"]) | Q(went_live=""), name="definition_went_live"
            ),
        ]

    def __str__(self) -> str:
        return f"Definition {self.version}"

    @property
    def is_open(self) -> bool:
        """Still a draft or a proposal: its document may change."""
        return self.status in (DefinitionStatus.DRAFT, DefinitionStatus.PROPOSED)


class CycleQuerySet(models.QuerySet["Cycle"]):
    def visible_to(self, user: User) -> CycleQuerySet:
        """Cycles that count in the user's reports (permission matrix, "dashboards"), by team and rep as stamped."""
        if not user.is_active:
            return self.none()
        if user.role in (Role.ADMIN, Role.MARKETER):
            return self.all()
        if user.role == Role.MANAGER and user.team_id:
            return self.filter(team_id=user.team_id)
        if user.role == Role.REP:
            return self.filter(rep=user)
        return self.none()


class Cycle(models.Model):
    """The n-th time a lead became an MQL, and what came of it. What is written here is never taken back.

    `rep` and `team` are who was asked last, written by handoff with each offer and kept when the lead is taken
    away again; `owner` is who accepted. Reports count by them, so a rep who changes teams restates nothing.
    """

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="cycles")
    number = models.PositiveSmallIntegerField()
    mql_at = models.DateTimeField()
    rule = models.CharField(max_length=60)  # id of the MQL rule set, or "manual"
    version = models.PositiveIntegerField()
    source = models.CharField(max_length=100, blank=True)  # as the lead stood at the MQL entry
    campaign = models.CharField(max_length=150, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    # Their own indexes would repeat the first column of those below.
    rep = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=Decision.choices, blank=True)
    reason = models.CharField(max_length=60, blank=True)  # slug of the rejection or return reason
    decided_at = models.DateTimeField(null=True, blank=True)
    contacted_at = models.DateTimeField(null=True, blank=True)
    meeting_at = models.DateTimeField(null=True, blank=True)
    sql_at = models.DateTimeField(null=True, blank=True)
    sql_meaning = models.CharField(max_length=12, blank=True)
    opportunity_at = models.DateTimeField(null=True, blank=True)
    won_at = models.DateTimeField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=60, blank=True)

    objects = CycleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lead", "number"], name="cycle_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="cycle_number_positive"),
            models.CheckConstraint(
                condition=Q(decision="") | Q(decided_at__isnull=False), name="cycle_decision_dated"
            ),
            models.CheckConstraint(
                condition=Q(decision__in=["", *Decision.values]), name="cycle_decision_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["mql_at"], name="cycle_mql_at"),
            models.Index(fields=["sql_at"], name="cycle_sql_at", condition=Q(sql_at__isnull=False)),
            models.Index(
                fields=["decided_at"], name="cycle_decided_at", condition=Q(decided_at__isnull=False)
            ),
            models.Index(
                fields=["opportunity_at"],
                name="cycle_opportunity_at",
                condition=Q(opportunity_at__isnull=False),
            ),
            models.Index(fields=["won_at"], name="cycle_won_at", condition=Q(won_at__isnull=False)),
            models.Index(fields=["owner", "mql_at"], name="cycle_owner"),
            models.Index(fields=["rep", "mql_at"], name="cycle_rep"),
            models.Index(fields=["team", "mql_at"], name="cycle_team"),
        ]

    def __str__(self) -> str:
        return f"Cycle {self.number} of {self.lead_id}"


class StageChange(models.Model):
    """One line of the ledger: append-only, by database trigger on both databases.

    `seq` runs 1..n per lead and each line starts where the one before ended (I6). Written by
    `leads.lifecycle` alone.
    """

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="stage_changes")
    seq = models.PositiveIntegerField()
    from_stage = models.CharField(max_length=12, blank=True)  # empty on the first line
    to_stage = models.CharField(max_length=12, choices=Stage.choices)
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12, choices=Status.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(
        max_length=80
    )  # "user", "rule:content", "signal:demo_request", "import", "system"
    reason = models.CharField(max_length=300, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(null=True)  # definition version in force
    cycle_number = models.PositiveSmallIntegerField(default=0)
    fit_score = models.SmallIntegerField(default=0)
    engagement_score = models.SmallIntegerField(default=0)
    score = models.SmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lead", "seq"], name="stage_change_seq_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["to_stage", "at"], name="stage_change_stage_at"),
            models.Index(fields=["at"], name="stage_change_at"),
            # Who became a lead, and when: a tenth of the ledger, all that reports read of it.
            models.Index(
                fields=["at", "lead"],
                name="stage_change_lead_entry",
                condition=Q(to_stage="lead", from_stage__in=["", "suspect"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_stage} → {self.to_stage}"
