"""What the sections that read pages share: somebody to read them, and how long the slow ones took."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from benchmarks.environment import Bench
from benchmarks.load import Job, request, send
from leadflow.keys import create_key
from leads import clock
from leads.enums import Role
from leads.models import User

REQUESTS = (200, 60)  # at scale 1, at the least
WARM_UP = 20


def credentials() -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers of a signed-in marketer and of a key that acts as them."""
    user, is_new = User.objects.get_or_create(
        email="reader@example.com", defaults={"name": "Reader", "role": Role.MARKETER}
    )
    if is_new:
        user.set_unusable_password()
        user.save()
    _, secret = create_key("Benchmark", user=user, scopes=["leads:read"], by=user, at=clock.now())
    return signed_in(user), {"Authorization": f"Bearer {secret}"}


def signed_in(user: User) -> dict[str, str]:
    """Return the headers of a browser in which this user has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}


def slow_ones(bench: Bench, port: int, path: str, headers: dict[str, str]) -> float:
    """Return the 95th percentile of the milliseconds an answer takes on one connection."""
    wanted = request("GET", path, headers)
    took = send(Job(port, [wanted] * (WARM_UP + bench.size(*REQUESTS)))).took[WARM_UP:]
    return 1000 * sorted(took)[int(len(took) * 0.95)]
