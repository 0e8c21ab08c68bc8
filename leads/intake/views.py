"""The tracking API: what a Segment SDK posts, with the status codes it expects (docs/tracking.md)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from leads.intake import body, rates, setting, strict_json, tracking
from leads.intake.events import ItemResult
from leads.intake.problems import Refused, problem_response
from leads.intake.setting import Sender, Setting
from leads.models import Source
from leads.sources import key_hash

_KEY_NAMES = ("writekey", "write_key", "key", "api_key", "apikey", "token", "access_token")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-retry-count",
    "Access-Control-Max-Age": "7200",
}
_VARY = "Origin"


@dataclass
class _Call:
    """One request on its way: what is known of it so far, for the headers of the answer."""

    request: HttpRequest
    origin: str
    sender: Sender | None = None
    verdict: rates.Verdict | None = None

    def finish(self, response: HttpResponse) -> HttpResponse:
        """Add the headers that depend on who asked."""
        if self.origin and (self.sender is None or self.sender.allows(self.origin)):
            response["Access-Control-Allow-Origin"] = self.origin
            response["Vary"] = _VARY
        if self.verdict is not None:
            for name, value in self.verdict.headers().items():
                response[name] = value
        return response


@csrf_exempt
def collect(request: HttpRequest, kind: str) -> HttpResponse:
    """Take events: one of type `kind`, or a batch where `kind` is ""."""
    if request.method == "OPTIONS":
        return _preflight(request)
    if request.method != "POST":
        return _wrong_method(request, "POST, OPTIONS")
    call = _Call(request, request.META.get("HTTP_ORIGIN", ""))
    try:
        return call.finish(_collect(call, kind))
    except Refused as refused:
        return call.finish(problem_response(request, refused))


def _collect(call: _Call, kind: str) -> HttpResponse:
    request = call.request
    key = _key_in_header(request)
    # Whoever has no valid key is turned away before the body is looked at, where the header tells.
    now = _admit(call, key) if key else None
    text = body.read_text(request)
    envelope = strict_json.read_single(text) if kind else strict_json.read_batch(text)
    if now is None:
        now = _admit(call, _key_in_body(envelope, kind))
    assert call.sender is not None
    _check_batch(envelope, kind)
    call.verdict = rates.take(call.sender.id, len(envelope.items))
    if not call.verdict.allowed:
        raise Refused(429, "rate_limited", "This source sends more than it may; try again later.")
    fields = envelope.fields if not kind else _fields_of(envelope)
    results = tracking.receive(envelope.items, text, fields, kind=kind, source_id=call.sender.id, now=now)
    if kind and (refusal := tracking.refusal_of(results[0], envelope.items[0].flaw)):
        raise refusal
    return _answer(results)


def _check_batch(envelope: strict_json.Envelope, kind: str) -> None:
    if not kind and envelope.fields.get("batch") is not None:
        raise Refused(400, "wrong_type", "The batch must be a list.", pointer="/batch")
    if not envelope.items:
        raise Refused(422, "empty_batch", 'Send at least one event in the list "batch".', pointer="/batch")


def _fields_of(envelope: strict_json.Envelope) -> dict[str, Any]:
    # An item that is a request of its own has its sentAt beside the other fields; its context stays its own.
    value = envelope.items[0].value
    return {"sentAt": value.get("sentAt")} if isinstance(value, dict) else {}


def _answer(results: list[ItemResult]) -> HttpResponse:
    accepted = sum(result.is_accepted for result in results)
    duplicates = sum(result.outcome == "duplicate" for result in results)
    answer = {
        "success": True,
        "received": len(results),
        "accepted": accepted,
        "duplicates": duplicates,
        "rejected": len(results) - accepted,
        "results": [_shown(result) for result in results],
    }
    return HttpResponse(json.dumps(answer, separators=(",", ":")), content_type="application/json")


def _shown(result: ItemResult) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "index": result.index,
        "status": 200 if result.is_accepted else 422,
        "outcome": result.outcome,
    }
    if result.event_id:
        shown["messageId"] = result.event_id
    if result.reason:
        shown["reason"] = result.reason
    if result.warnings:
        shown["warnings"] = result.warnings
    if not result.is_accepted:
        pointer = f"/batch/{result.index}{result.pointer}"
        shown |= {"code": result.reason, "pointer": pointer, "detail": result.detail}
    return shown


# --- Who sends -------------------------------------------------------------------------------------


def _admit(call: _Call, key: str) -> Setting:
    """Return the setting with the sender of this key; raises Refused."""
    now = setting.read(key_hash(key)) if key else None
    if now is None or now.sender is None or not now.sender.is_active:
        raise _unauthorised(
            "The write key is not valid." if key else "Send the write key as the user name of HTTP Basic."
        )
    if call.origin and not now.sender.allows(call.origin):
        call.sender = now.sender
        raise Refused(403, "origin_not_allowed", "Pages of this origin may not send with this key.")
    call.sender = now.sender
    return now


def _unauthorised(detail: str) -> Refused:
    # No WWW-Authenticate challenge of type Basic: a browser would ask its user for a password.
    return Refused(
        401, "not_authenticated", detail, headers={"WWW-Authenticate": 'WriteKey realm="tracking"'}
    )


def _key_in_header(request: HttpRequest) -> str:
    if any(name.lower() in _KEY_NAMES for name in request.GET):
        raise _unauthorised("Keys go in the Authorization header, never in the address.")
    header = request.META.get("HTTP_AUTHORIZATION", "").strip()
    if not header:
        return ""
    # Servers join repeated headers with commas.
    if "," in header:
        raise Refused(400, "several_credentials", "Send one Authorization header.")
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise _unauthorised("Send the write key as the user name of HTTP Basic.")
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise _unauthorised("The Authorization header is not valid.") from error
    key = decoded.partition(":")[0]
    if not key:
        raise _unauthorised("The write key is missing.")
    return key


def _key_in_body(envelope: strict_json.Envelope, kind: str) -> str:
    """Return the key browser SDKs also put into the body, where a beacon cannot set headers."""
    holder: Any = envelope.items[0].value if kind else envelope.fields
    key = holder.get("writeKey") if isinstance(holder, dict) else None
    if not key and not kind and envelope.items and isinstance(envelope.items[0].value, dict):
        key = envelope.items[0].value.get("writeKey")
    return key if isinstance(key, str) else ""


# --- Browsers --------------------------------------------------------------------------------------


def _preflight(request: HttpRequest) -> HttpResponse:
    """Answer a browser's question before it sends; it cannot tell its key yet, so any source's origins count."""
    response = HttpResponse(status=204)
    origin = request.META.get("HTTP_ORIGIN", "")
    response["Allow"] = "POST, OPTIONS"
    response["Vary"] = _VARY
    if origin and _known_origin(origin):
        response["Access-Control-Allow-Origin"] = origin
        for name, value in _PREFLIGHT.items():
            response[name] = value
    return response


def _known_origin(origin: str) -> bool:
    allowed = (
        Source.objects.filter(is_active=True).exclude(key_prefix="").values_list("allowed_origins", flat=True)
    )
    return any(not origins or origin in origins for origins in allowed)


def _wrong_method(request: HttpRequest, allow: str) -> HttpResponse:
    refused = Refused(405, "method_not_allowed", f"Allowed here: {allow}.", headers={"Allow": allow})
    return problem_response(request, refused)


@csrf_exempt
def browser_settings(request: HttpRequest, key: str) -> HttpResponse:
    """Tell analytics.js where to send; it asks before anything else."""
    if request.method == "OPTIONS":
        return HttpResponse(
            status=204, headers={"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Origin": "*"}
        )
    if request.method not in ("GET", "HEAD"):
        return _wrong_method(request, "GET, HEAD, OPTIONS")
    sender = setting.read(key_hash(key)).sender
    if sender is None or not sender.is_active:
        response: HttpResponse = problem_response(
            request, Refused(404, "not_found", "No source has this write key.")
        )
    else:
        integration = {"apiKey": key, "apiHost": f"{request.get_host()}/v1", "protocol": request.scheme}
        integrations = {"Segment.io": integration}
        plan: dict[str, Any] = {"track": {"__default": {"enabled": True, "integrations": {}}}}
        response = JsonResponse({"integrations": integrations, "plan": plan, "edgeFunction": {}})
    response["Access-Control-Allow-Origin"] = "*"
    return response
