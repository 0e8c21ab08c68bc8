"""Refusals of the tracking API, as problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, JsonResponse


class Refused(Exception):
    """The whole request is refused; nothing of it was stored. Never holds a key or a piece of the body."""

    def __init__(
        self, status: int, code: str, detail: str, *, pointer: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.pointer = status, code, detail, pointer
        self.headers = headers or {}


def problem_response(request: HttpRequest, refused: Refused) -> JsonResponse:
    """Answer a refusal."""
    error = {"pointer": refused.pointer, "code": refused.code, "detail": refused.detail}
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        # What Segment's SDKs show their users.
        "message": refused.detail,
        "errors": [error],
        "request_id": request.META.get("HTTP_X_REQUEST_ID", ""),
    }
    return JsonResponse(
        body, status=refused.status, content_type="application/problem+json", headers=refused.headers
    )
