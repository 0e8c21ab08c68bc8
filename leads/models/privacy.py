from __future__ import annotations

from django.db import models


class Suppression(models.Model):
    """Somebody who must not come back: an erased person, or one on the suppression list.

    Holds a keyed hash of an e-mail address, user id or anonymous id, never the value (`leads.suppression`).
    """

    digest = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=20, default="erased")  # "erased", "listed"
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.reason} {self.at:%Y-%m-%d}"
