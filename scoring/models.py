from __future__ import annotations

from typing import ClassVar

from django.db import models

from leads.models import Lead


class PendingScore(models.Model):
    """A lead to score because something became known on `day`. The row is the work.

    Rows are only ever inserted and deleted, never updated in place by the writer of an event: a worker that
    deletes the marks it read cannot lose one that another transaction is just committing.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    set_aside = models.CharField(max_length=300, blank=True)  # why it was given up after the last attempt

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at", "id"], name="pending_score_age")]

    def __str__(self) -> str:
        return f"Lead {self.lead_id} on {self.day}"


class Rescore(models.Model):
    """A full pass over all leads (nightly roll-over, publish, `rescore --all`) and how far it has come."""

    reason = models.CharField(max_length=60)
    day = models.DateField()
    version = models.PositiveIntegerField()
    last_lead_id = models.BigIntegerField(default=0)  # leads up to this id are done
    leads_total = models.PositiveIntegerField(default=0)
    leads_done = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["reason", "day", "version"],
                condition=models.Q(finished_at=None),
                name="rescore_one_running",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} on {self.day}"
