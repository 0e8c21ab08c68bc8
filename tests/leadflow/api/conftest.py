"""A client that speaks as a program does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from leadflow.api import authentication
from leads.enums import Role
from leads.models import User
from tests.factories import make_key, make_user

ROOT = "/api/v1/"


class Api:
    """Calls the API with a key, or as somebody signed in; paths start below /api/v1/."""

    def __init__(self, key: str = "", user: User | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.user = user
        if user and not key:
            self.client.force_login(user, "django.contrib.auth.backends.ModelBackend")

    def get(self, path: str, **params: Any) -> Any:
        return self.client.get(ROOT + path, params, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("patch", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = body if isinstance(body, bytes | str) else json.dumps(body or {})
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        call = getattr(self.client, method)
        return call(ROOT + path, content, content_type="application/json", headers=self.headers | named)


@pytest.fixture(autouse=True)
def _fresh_rate() -> None:
    cache.clear()
    authentication._noted.clear()


@pytest.fixture
def api_as() -> Any:
    """Make a client for a new user of a role, with every scope unless some are named."""

    def make(role: str | User = Role.ADMIN, *scopes: str, **fields: Any) -> Api:
        user = role if isinstance(role, User) else make_user(role, **fields)
        return Api(make_key(user, *scopes), user)

    return make


@pytest.fixture
def signed_in() -> Any:
    """Make a client for somebody signed in on the pages; some things are not open to keys."""

    def make(role: str | User = Role.ADMIN, **fields: Any) -> Api:
        return Api(user=role if isinstance(role, User) else make_user(role, **fields))

    return make


@pytest.fixture
def api(api_as: Any) -> Api:
    """A client that may do all an admin may."""
    client: Api = api_as()
    return client
