"""What is each user's own: how they want to be told of what, and the address of their calendar."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class Mail(models.TextChoices):
    """When a notice is mailed."""

    NOW = "now", "At once"
    DIGEST = "digest", "In the daily digest"
    OFF = "off", "Not by e-mail"


class NoticePreference(models.Model):
    """How a user wants to be told of one kind of notice; without a row it is shown and mailed at once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    kind = models.CharField(max_length=30)
    in_app = models.BooleanField(default=True)
    mail = models.CharField(max_length=6, choices=Mail.choices, default=Mail.NOW)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind"], name="preference_once"),
            models.CheckConstraint(condition=Q(mail__in=Mail.values), name="preference_mail_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.mail}"


class CalendarFeed(models.Model):
    """The secret address of a user's calendar. Only its hash is kept; a new one replaces it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="feed")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Calendar of {self.user}"
