"""Keep erased and unwanted people out: what they are known by is looked up before anything is stored (I23)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from leads.models import Suppression

# Each kind of value is hashed apart, so that a user id never suppresses the same text as an anonymous id.
EMAIL, USER, ANONYMOUS = "email", "user", "anonymous"


def digest(kind: str, value: str) -> str:
    """Return the keyed hash under which a value is kept."""
    key = settings.LEADFLOW_ERASURE_KEY.encode()
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def suppress(pairs: Iterable[tuple[str, str]], *, at: datetime, reason: str = "erased") -> None:
    """Keep out whoever is known by these (kind, value) pairs; e-mail addresses must be normalised."""
    rows = [Suppression(digest=digest(kind, value), reason=reason, at=at) for kind, value in pairs]
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)


def suppressed(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the (kind, value) pairs that must not be stored, in at most two statements."""
    pairs = list(pairs)
    if not (pairs and Suppression.objects.exists()):
        return set()
    by_digest = {digest(kind, value): (kind, value) for kind, value in pairs}
    found = Suppression.objects.filter(digest__in=by_digest).values_list("digest", flat=True)
    return {by_digest[one] for one in found}
