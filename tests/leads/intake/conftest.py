"""A source with its key, and a way to post to it; each test starts with full buckets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from leads.intake import rates
from leads.models import Source
from leads.sources import create_source
from tests.factories import AT, make_catalogue


@dataclass
class Sender:
    """A website that posts events."""

    source: Source
    key: str

    @property
    def authorization(self) -> str:
        return basic(self.key)

    def post(self, body: Any, path: str = "/v1/batch", **extra: Any) -> HttpResponse:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        extra = {"HTTP_AUTHORIZATION": self.authorization} | extra
        return Client().post(path, data=data, content_type="application/json", **extra)

    def batch(self, *items: dict[str, Any], **extra: Any) -> list[dict[str, Any]]:
        """Post a batch that must be answered 200 and return its results."""
        response = self.post({"batch": list(items)} | extra)
        assert response.status_code == 200, response.content
        return response.json()["results"]


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


@pytest.fixture
def sender(db: None) -> Sender:
    make_catalogue()
    return Sender(*create_source("Website", AT))


@pytest.fixture(autouse=True)
def _full_buckets() -> None:
    rates.forget()


@pytest.fixture
def shop(transactional_db: None) -> Callable[[], Sender]:
    """Like `sender`, for tests with several connections."""

    def make() -> Sender:
        make_catalogue()
        return Sender(*create_source("Website", AT))

    return make
