"""What a program is told when something is refused: RFC 9457 problem+json, one shape everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

CONTENT_TYPE = "application/problem+json"
_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    500: "server_error",
    503: "unavailable",
    507: "storage_full",
}


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one part of a request; `pointer` is a JSON pointer, "?name" for a parameter."""

    pointer: str
    code: str
    detail: str


def problem(
    status: int,
    *,
    code: str = "",
    detail: str = "",
    errors: Iterable[FieldError] = (),
    request_id: str = "",
    **more: Any,
) -> dict[str, Any]:
    """Return the body of a refusal. `more` are members of its own, such as `allowed`."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code or _CODES.get(status, "error"),
        "detail": detail,
        "errors": [asdict(error) for error in errors],
        "request_id": request_id,
        **more,
    }
