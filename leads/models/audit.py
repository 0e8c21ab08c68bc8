from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from leads.enums import Role
from leads.models.users import User


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: User) -> AuditQuerySet:
        """Rows the user's role may see (permission matrix, "audit log"): a manager sees what the team did."""
        if not user.is_active:
            return self.none()
        if user.role == Role.ADMIN:
            return self.all()
        if user.role == Role.MANAGER and user.team_id:
            return self.filter(by__team_id=user.team_id)
        return self.none()


class AuditEntry(models.Model):
    """One change of data or configuration by a person, a key or a command; append-only, by database trigger.

    Written by `leads.audit.audit` alone, in the transaction of the change. Erasure may blank `label` and
    `changes`.
    """

    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    via = models.CharField(max_length=80, blank=True)  # "key 7 CRM sync", "command"; empty for a page
    action = models.CharField(max_length=60)  # "lead.update", "user.deactivate", …
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    label = models.CharField(max_length=200, blank=True)  # what the object was called then
    changes = models.JSONField(
        default=dict, blank=True, encoder=DjangoJSONEncoder
    )  # {field: [before, after]}
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["by", "-id"], name="audit_by"),
            models.Index(fields=["-at", "-id"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.label}"
