from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models.people import Lead


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
    content = models.BinaryField()  # the file as uploaded; dropped after the retention period
    content_hash = models.CharField(max_length=64, db_index=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEW)
    settings = models.JSONField(default=dict)  # encoding, delimiter, header row, mapping, duplicate choice, source …
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
    before = models.JSONField(default=dict, blank=True)  # profile values it replaced, for the undo

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "number"], name="import_row_unique")]

    def __str__(self) -> str:
        return f"Row {self.number}: {self.result}"
