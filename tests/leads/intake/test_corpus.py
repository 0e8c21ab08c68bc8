"""Every row of the table of bad input for events, from tests/corpus/tracking.json."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leads import clock
from leads.checks import CHECKS
from leads.models import DeadLetter, Event, IntakeBatch, Lead
from leads.sources import create_source, revoke_source
from tests.factories import AT
from tests.leads.intake.conftest import basic

CASES = json.loads((Path(__file__).parents[2] / "corpus" / "tracking.json").read_text())
METHODS = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}


def body_of(case: dict[str, Any], now: datetime) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    if "gzip_of" in case:
        return gzip.compress(b" " * case["gzip_of"])
    if "parts" in case:
        text = "".join(part * times for part, times in case["parts"])
    else:
        text = case["text"] if "text" in case else json.dumps(case.get("body", ""))
    moment = r"\{\{now([+-]\d+)\}\}"
    return re.sub(moment, lambda m: (now + timedelta(seconds=int(m[1]))).isoformat(), text).encode()


def headers_of(case: dict[str, Any], sender: Any) -> dict[str, Any]:
    headers = {
        METHODS.get(name, "HTTP_" + name.upper().replace("-", "_")): value
        for name, value in case.get("headers", {}).items()
    }
    key = case.get("key", "header")
    if key == "header":
        headers.setdefault("HTTP_AUTHORIZATION", sender.authorization)
    if key == "wrong":
        headers["HTTP_AUTHORIZATION"] = basic("wk_wrong")
    if key == "revoked":
        source, revoked = create_source("Old", AT)
        revoke_source(source)
        headers["HTTP_AUTHORIZATION"] = basic(revoked)
    return headers


def send(case: dict[str, Any], sender: Any, now: datetime) -> Any:
    body, path, key = body_of(case, now), case["path"], case.get("key")
    if key == "query":
        path = f"{path}?writeKey={sender.key}"
    if key == "body":
        body = body.rstrip()[:-1] + f',"writeKey":"{sender.key}"}}'.encode()
    extra = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"} | headers_of(case, sender)
    extra["wsgi.input"] = io.BytesIO(
        body[: int(extra["CONTENT_LENGTH"])] if extra["CONTENT_LENGTH"].isdigit() else body
    )
    return Client().generic(case.get("method", "POST"), path, body, **extra)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['row']}: {case['name']}" for case in CASES])
def test_row_of_bad_input_gets_its_answer(case, sender):
    now = clock.now()

    response = send(case, sender, now)

    assert response.status_code == case["status"], response.content
    if "code" in case:
        problem = response.json()
        assert response["Content-Type"] == "application/problem+json"
        assert (problem["status"], problem["code"]) == (case["status"], case["code"])
        assert problem["errors"][0]["code"] == case["code"]
        assert problem["title"]
        assert problem["detail"]
    if case["status"] == 405:
        assert response["Allow"] == "POST, OPTIONS"
    if "items" in case:
        check_items(case["items"], response.json())
    if case["status"] != 200:
        assert not Event.objects.exists()
    check_what_was_stored(case, now)
    assert [finding for _, _, check in CHECKS for finding in check(now)] == []


def check_items(expected: list[dict[str, Any]], answer: dict[str, Any]) -> None:
    results = answer["results"]
    assert [result["index"] for result in results] == list(range(len(expected)))
    for want, result in zip(expected, results, strict=True):
        assert (result["outcome"], result.get("reason", "")) == (want["outcome"], want.get("reason", ""))
        assert want.get("warning", "") in ["", *result.get("warnings", [])]
        assert result.get("pointer", "").startswith(want.get("pointer", ""))
    rejected = sum(want["outcome"] == "rejected" for want in expected)
    assert (answer["accepted"], answer["rejected"]) == (len(expected) - rejected, rejected)
    batch = IntakeBatch.objects.get()
    assert (batch.received, batch.rejected) == (len(expected), rejected)
    assert DeadLetter.objects.count() == rejected


def check_what_was_stored(case: dict[str, Any], now: datetime) -> None:
    event = Event.objects.first()
    if "email" in case:
        assert Lead.objects.get().email == case["email"]
    if "occurred_at" in case:
        assert event.occurred_at.isoformat() == case["occurred_at"]
    if "flags" in case:
        assert event.flags == case["flags"]
    if "age" in case:
        assert abs((now - event.occurred_at).total_seconds() - case["age"]) < 5
    if "properties" in case:
        assert event.properties == case["properties"]


def test_refusals_never_repeat_the_key(sender):
    response = sender.post('{"batch":[', HTTP_AUTHORIZATION=sender.authorization)

    assert sender.key.encode() not in response.content


def test_minus_zero_is_stored_as_zero(sender):
    sender.post('{"event":"Guide Downloaded","userId":"u","properties":{"a":-0.0,"b":-0}}', "/v1/track")

    assert json.dumps(Event.objects.get().properties) == '{"a": 0, "b": 0}'
