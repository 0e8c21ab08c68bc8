"""Idempotency-Key: a repeated request has one effect and gets the same answer (I20).

A row with a status and the effect it stands for are committed together. A row without one is a request still
running, or one whose process died: after `STALE` somebody else may take it over.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from leadflow.api.authentication import credential_of
from leadflow.api.errors import Refused
from leadflow.models import IdempotencyRecord
from leadflow.problems import CONTENT_TYPE
from leads import clock

STALE = timedelta(minutes=2)  # longer than any request is let run
MAX_KEY = 255
_HEADERS = ("Location", "ETag")


def run_once(
    request: Request, effect: Callable[[], Response], refuse: Callable[[Exception], Response]
) -> Response:
    """Run `effect` in one transaction, or give the answer it gave before to the same key and request.

    `refuse` turns what `effect` raised into an answer, or raises it again.
    """
    claim = _claim(request)
    if isinstance(claim, Response):
        return claim
    try:
        try:
            with transaction.atomic():
                response = effect()
                _finish(claim, response)
        except Exception as refused:  # noqa: BLE001 - raised again unless it is a refusal
            response = refuse(refused)
            _finish(claim, response)
    except BaseException:
        _release(claim)
        raise
    return response


def _running() -> Refused:
    text = "A request with this Idempotency-Key is still running."
    return Refused(409, "request_in_progress", text, headers={"Retry-After": "2"})


def _claim(request: Request) -> IdempotencyRecord | Response | None:
    """Return a row to finish, an answer given before, or None for a request without a key."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        text = f"An Idempotency-Key has 1 to {MAX_KEY} printable characters."
        raise Refused(400, "invalid_idempotency_key", text)
    at = clock.now()
    record = IdempotencyRecord(
        credential=credential_of(request), key=key, request_hash=_hash(request),
        claim=secrets.token_hex(16), claimed_at=at,
    )  # fmt: skip
    IdempotencyRecord.objects.outdated(at).filter(credential=record.credential).delete()
    try:
        with transaction.atomic():
            record.save(force_insert=True)
    except IntegrityError:
        return _claim_existing(record)
    return record


def _claim_existing(record: IdempotencyRecord) -> IdempotencyRecord | Response:
    rows = IdempotencyRecord.objects.filter(credential=record.credential, key=record.key)
    found = rows.first()
    if found is None:
        raise _running()
    if found.request_hash != record.request_hash:
        raise Refused(422, "idempotency_key_reused", "This Idempotency-Key was used for another request.")
    if found.status is not None:
        return _again(found)
    taken_over = rows.filter(
        claim=found.claim, status=None, claimed_at__lt=record.claimed_at - STALE
    ).update(claim=record.claim, claimed_at=record.claimed_at)  # fmt: skip
    if not taken_over:
        raise _running()
    return rows.get(claim=record.claim)


def _again(found: IdempotencyRecord) -> Response:
    content_type = CONTENT_TYPE if (found.status or 0) >= 400 else None
    headers = found.headers | {"Idempotency-Replayed": "true"}
    body = json.loads(found.body) if found.body else None
    return Response(body, status=found.status, headers=headers, content_type=content_type)


def _finish(record: IdempotencyRecord | None, response: Response) -> None:
    if record is None or response.status_code >= 500:
        return
    body = JSONRenderer().render(response.data).decode() if response.data is not None else ""
    headers = {name: response[name] for name in _HEADERS if name in response}
    held = IdempotencyRecord.objects.filter(pk=record.pk, claim=record.claim, status=None)
    if not held.update(status=response.status_code, body=body, headers=headers):
        raise _running()  # taken over meanwhile: undo this effect, the other one stands


def _release(record: IdempotencyRecord | None) -> None:
    if record is not None:
        IdempotencyRecord.objects.filter(pk=record.pk, claim=record.claim, status=None).delete()


def _hash(request: Request) -> str:
    content: list[Any] = [
        request.method,
        request.get_full_path(),
        request.data,
        request.headers.get("If-Match"),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_content_of).encode()).hexdigest()


def _content_of(file: Any) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
