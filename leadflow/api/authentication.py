"""Who is asking: a program with a key in the Authorization header, or a person signed in on the pages."""

from __future__ import annotations

import math
import re
import time

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db.models.functions import Now
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from leadflow.api.errors import Refused
from leadflow.keys import find_key
from leadflow.models import ApiKey
from leads.models import User

_BEARER = re.compile(r"Bearer +([\x21-\x2b\x2d-\x7e]{1,200})", re.IGNORECASE)  # no comma: that is two of them
_IN_QUERY = ("key", "api_key", "apikey", "access_token", "token", "authorization")
_NOTE_EVERY = 60.0  # seconds between two notes that a key was used
_noted: dict[int, float] = {}


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`. The request then acts as the key's user, within the key's scopes."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            if any(name in request.query_params for name in _IN_QUERY):
                raise AuthenticationFailed(
                    "Keys go in the header: Authorization: Bearer KEY.", "key_in_query"
                )
            return None
        if "," in header:
            raise Refused(400, "repeated_header", "Send one Authorization header.")
        found = _BEARER.fullmatch(header.strip())
        key = find_key(found[1]) if found else None
        if key is None:
            raise AuthenticationFailed("The API key is not valid.", "invalid_key")
        _note_use(key)
        structlog.contextvars.bind_contextvars(credential=f"key {key.pk} {key.name}")
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Leadflow"'


def _note_use(key: ApiKey) -> None:
    if time.monotonic() - _noted.get(key.pk, float("-inf")) >= _NOTE_EVERY:
        _noted[key.pk] = time.monotonic()
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now())


def credential_of(request: Request) -> str:
    """Return who is asking as a short text: keys of one user are told apart."""
    return f"key {request.auth.pk}" if isinstance(request.auth, ApiKey) else f"user {request.user.pk}"


class CredentialThrottle(BaseThrottle):
    """So many requests in a while for each key or person; each process counts by itself (LEADFLOW_RATE_API)."""

    limit = left = 0

    def allow_request(self, request: Request, view: object) -> bool:
        self.limit, period = _rate(settings.LEADFLOW_RATE_API)
        window, passed = divmod(time.time(), period)
        self.reset = math.ceil(period - passed)
        used = _count(f"api-rate:{credential_of(request)}:{window:.0f}".replace(" ", "-"), period)
        self.left = max(0, self.limit - used)
        return used <= self.limit

    def wait(self) -> float:
        return self.reset

    def headers(self) -> dict[str, str]:
        """Return how much is left, for the answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }


def _rate(text: str) -> tuple[int, int]:
    number, _, period = text.partition("/")
    return int(number), {"s": 1, "m": 60, "h": 3600, "d": 86400}[period[0]]


def _count(name: str, period: int) -> int:
    cache.add(name, 0, period)
    try:
        return cache.incr(name)
    except ValueError:  # dropped from a full cache in between
        cache.set(name, 1, period)
        return 1


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, made under API keys."}
