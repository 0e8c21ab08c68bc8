from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from leads.enums import Role
from leads.models import User

IDEMPOTENCY_KEPT = timedelta(hours=24)


class Heartbeat(models.Model):
    """When a worker last finished a task; kept by `leadflow.heartbeat`."""

    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Keys that open anything now, by the database's clock.

        A key dies with the user it acts as and with its maker, who must still be allowed to make it.
        """
        still_made = Q(created_by__role=Role.ADMIN) | Q(created_by=models.F("user"))
        return self.filter(
            still_made,
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            revoked_at=None,
            user__is_active=True,
            created_by__is_active=True,
        )


class ApiKey(models.Model):
    """What a program signs in with. Only a hash is kept; the key itself is shown once.

    It acts as `user` and can do what its scopes name, never more than that user (`leads.permissions.can`).
    """

    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12)  # shown in lists, so that a person can tell keys apart
    key_hash = models.CharField(max_length=64, unique=True)  # SHA-256 hex of the key
    scopes = models.JSONField(default=list)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def state(self, at: datetime) -> str:
        """Say in a word whether the key works at that moment, and if not why."""
        maker: User = self.created_by
        if self.revoked_at:
            return "revoked"
        if self.expires_at and self.expires_at <= at:
            return "expired"
        if not (self.user.is_active and maker.is_active and (maker.is_admin or maker == self.user)):
            return "disabled"
        return "active"


class IdempotencyQuerySet(models.QuerySet["IdempotencyRecord"]):
    def outdated(self, at: datetime) -> IdempotencyQuerySet:
        """Records nobody may count on any more."""
        return self.filter(claimed_at__lt=at - IDEMPOTENCY_KEPT)


class IdempotencyRecord(models.Model):
    """The answer to a request that named an Idempotency-Key, kept for a day so that a repeat gets the same.

    Without a status it is still running, by whoever holds `claim`. Written by `leadflow.api.idempotency`.
    """

    credential = models.CharField(max_length=40)  # "key 7" or "user 3"
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)  # of method, path and body
    claim = models.CharField(max_length=32)
    claimed_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    headers: Any = models.JSONField(default=dict)

    objects = IdempotencyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["credential", "key"], name="idempotency_key_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["claimed_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.credential}: {self.status or 'running'}"
