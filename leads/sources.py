"""What may send us events: sources and their write keys."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from leads.models import Source

KEY_PREFIX = "wk_"
IMPORTS = "Imports"
MANUAL = "Manual"


class NameTaken(ValueError):
    """Another source has this name already."""


def key_hash(key: str) -> str:
    """Return the fingerprint under which a write key is kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def create_source(name: str, at: datetime, *, allowed_origins: Sequence[str] = ()) -> tuple[Source, str]:
    """Create a source and return it with its write key, which cannot be read again later.

    `allowed_origins` names the browser origins that may send; none allows any. Raises NameTaken.
    """
    name = name.strip()
    if Source.objects.filter(name=name).exists():
        raise NameTaken(f"There is a source named {name} already.")
    key = _new_key()
    source = Source.objects.create(
        name=name,
        key_prefix=key[:10],
        key_hash=key_hash(key),
        allowed_origins=list(allowed_origins),
        created_at=at,
    )
    return source, key


def rotate_key(source: Source) -> str:
    """Give the source a new write key and return it; the old one stops working at once."""
    key = _new_key()
    source.key_prefix, source.key_hash = key[:10], key_hash(key)
    source.save(update_fields=["key_prefix", "key_hash"])
    return key


def revoke_source(source: Source) -> None:
    """Refuse everything the source sends from now on; its events stay."""
    source.is_active = False
    source.save(update_fields=["is_active"])


def internal_source(name: str, at: datetime) -> Source:
    """Return the source under which Leadflow itself records: IMPORTS or MANUAL. Nobody holds its key."""
    key = _new_key()
    defaults = {"key_prefix": "", "key_hash": key_hash(key), "created_at": at}
    return Source.objects.get_or_create(name=name, defaults=defaults)[0]


def _new_key() -> str:
    return KEY_PREFIX + secrets.token_urlsafe(24)
