"""API keys: making, recognising and revoking them. The key itself is never stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from leadflow.models import ApiKey
from leads.audit import audit
from leads.models import User
from leads.permissions import SCOPES

_START = "lf_"


class UnknownScope(ValueError):
    """A scope was asked for that does not exist; the message names it."""


def create_key(
    name: str,
    *,
    user: User,
    scopes: Collection[str],
    by: User,
    at: datetime,
    expires_at: datetime | None = None,
    via: str = "",
) -> tuple[ApiKey, str]:
    """Make a key that acts as `user`; return its row and the key, which nobody can read again.

    Raises UnknownScope.
    """
    if unknown := sorted(set(scopes) - SCOPES.keys()):
        raise UnknownScope(f"There is no scope {unknown[0]}. There are: {', '.join(SCOPES)}.")
    secret = _START + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name,
            prefix=secret[:10],
            key_hash=hash_of(secret),
            scopes=sorted(set(scopes)),
            user=user,
            created_by=by,
            created_at=at,
            expires_at=expires_at,
        )
        changes = {"user": (None, user.email), "scopes": (None, key.scopes), "expires_at": (None, expires_at)}
        audit("apikey.create", key, by=by, at=at, changes=changes, via=via)
    return key, secret


def hash_of(secret: str) -> str:
    """Return what is stored of a key. A plain hash will do: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_key(secret: str) -> ApiKey | None:
    """Return the usable key, with its user and the user's team, or None; one query."""
    return ApiKey.objects.usable().select_related("user__team").filter(key_hash=hash_of(secret)).first()


def revoke_key(key: ApiKey, *, by: User, at: datetime) -> None:
    """Make the key useless at once; a second time changes nothing."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=at):
            audit("apikey.revoke", key, by=by, at=at, changes={"revoked_at": (None, at)})
