from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.enums import Role
from leads.models.people import Lead
from leads.models.users import User


class ImportQuerySet(models.QuerySet["ImportJob"]):
    def visible_to(self, user: User) -> ImportQuerySet:
        """Imports the user's role may see: a manager those of their team, a rep none."""
        if not user.is_active:
            return self.none()
        if user.role in (Role.ADMIN, Role.MARKETER):
            return self.all()
        if user.role == Role.MANAGER and user.team_id:
            return self.filter(by__team_id=user.team_id)
        return self.none()


class ImportJob(models.Model):
    """One uploaded list and how far its import has come; the row is the work, so it survives any kill."""

    class Kind(models.TextChoices):
        SUSPECTS = "suspect", "Suspects"
        LEADS = "lead", "Leads"
        WEBINAR = "webinar", "Webinar attendees"
        TRADESHOW = "tradeshow", "Trade-show list"

    class State(models.TextChoices):
        PREVIEW = "preview", "Waiting for your go"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        UNDOING = "undoing", "Undoing"
        UNDONE = "undone", "Undone"

    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    filename = models.CharField(max_length=200)
    size = models.PositiveIntegerField(default=0)  # bytes of the file
    content_hash = models.CharField(max_length=64, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEW)
    settings = models.JSONField(default=dict)  # see leads.imports.options
    rows_total = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # Two people importing the same file at once share one running job (bad-input row 68).
            models.UniqueConstraint(
                fields=["content_hash", "kind"], condition=Q(state="running"), name="import_one_running"
            )
        ]

    def __str__(self) -> str:
        return self.filename


class ImportPart(models.Model):
    """A piece of an uploaded file, compressed; in pieces, so that no process holds a whole file.

    Dropped after the retention period, and with it the file of refused rows.
    """

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "position"], name="import_part_unique")
        ]

    def __str__(self) -> str:
        return f"Part {self.position}"


class ImportRow(models.Model):
    """What became of one row. UNIQUE(job, number) makes a re-run after a kill double nothing."""

    class Result(models.TextChoices):
        CREATED = "created", "Created"
        UPDATED = "updated", "Updated"
        SKIPPED = "skipped", "Skipped"
        REFUSED = "refused", "Refused"

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()  # line of the file, as an editor shows it
    result = models.CharField(max_length=10, choices=Result.choices)
    lead = models.ForeignKey(Lead, null=True, on_delete=models.SET_NULL, related_name="import_rows")
    code = models.CharField(max_length=50, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    before = models.JSONField(default=dict, blank=True)  # {column: [replaced, set]}, for the undo

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "number"], name="import_row_unique")]
        indexes: ClassVar = [models.Index(fields=["job", "result", "number"], name="import_row_result")]

    def __str__(self) -> str:
        return f"Row {self.number}: {self.result}"
