"""Signatures in the Standard Webhooks form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as random
from collections.abc import Sequence
from datetime import datetime

_START = "whsec_"
SIZE = 32


def new_secret() -> str:
    """Return a fresh secret of 32 random bytes."""
    return _START + base64.b64encode(random.token_bytes(SIZE)).decode()


def headers(uid: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers that name, date and sign a body, with one signature for each secret."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": uid,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(sign(uid, stamp, body, secret) for secret in secrets),
    }


def sign(uid: str, stamp: str, body: bytes, secret: str) -> str:
    """Return one signature of version 1. Raises ValueError for a secret of another form."""
    if not secret.startswith(_START):
        raise ValueError("A secret starts with whsec_.")
    key = base64.b64decode(secret.removeprefix(_START), validate=True)
    if len(key) < 24:
        raise ValueError("A secret has at least 24 bytes.")
    signed = hmac.new(key, f"{uid}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"
