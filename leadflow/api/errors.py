"""From what went wrong to the answer a program gets. Domain exceptions are turned here, nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from handoff.errors import CapacityReached, HandoffConflict, Invalid, NotAllowed
from leadflow.problems import CONTENT_TYPE, FieldError, problem
from leads.lifecycle import IllegalMove, StageConflict
from leads.paging import BadCursor
from scoring.documents import InvalidDocument
from scoring.life import ExamplesBreak, NotNow, Stale
from scoring.overrides import BadExpiry, NothingToLift

_CODES = {
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
    exceptions.NotFound: "not_found",
}
# DRF's words for what is wrong with a field, where ours differ.
_FIELD_CODES = {
    "null_characters_not_allowed": "nul_character",
    "surrogate_characters_not_allowed": "invalid_text",
    "does_not_exist": "not_found",
    "incorrect_type": "wrong_type",
    "not_a_list": "wrong_type",
    "not_a_dict": "wrong_type",
    "null": "null_not_allowed",
    "max_string_length": "number_out_of_range",
    "max_value": "number_out_of_range",
    "min_value": "number_out_of_range",
}


class Refused(exceptions.APIException):
    """A refusal with its own code, and perhaps fields, headers and members of its own."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail, code)
        self.status_code, self.code, self.words = status, code, detail
        self.errors, self.headers, self.more = errors, dict(headers or {}), more


class InvalidQuery(Refused):
    """Something in the query string cannot be used."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(400, "invalid_parameter", errors[0].detail, errors=errors)


def handle(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal as problem+json; None for what is a bug or an outage."""
    refused = as_refused(exception)
    if refused is None:
        return None
    request = context["request"]
    body = problem(
        refused.status_code,
        code=refused.code,
        detail=refused.words,
        errors=refused.errors,
        request_id=request.META.get("HTTP_X_REQUEST_ID", ""),
        **refused.more,
    )
    headers = dict(refused.headers)
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return Response(body, status=refused.status_code, headers=headers, content_type=CONTENT_TYPE)


def as_refused(exception: Exception) -> Refused | None:
    """Return what a program is told about `exception`; None where that is not for us to say."""
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        errors = tuple(field_errors(exception.get_full_details()))
        return Refused(422, "invalid", "Some of what was sent cannot be used.", errors=errors)
    if isinstance(exception, exceptions.APIException):
        return _of_framework(exception)
    return _of_django(exception) or _of_leads(exception) or _of_scoring(exception) or _of_handoff(exception)


def _of_framework(exception: exceptions.APIException) -> Refused:
    code = _CODES.get(type(exception)) or str(exception.get_codes())
    return Refused(exception.status_code, code, str(exception.detail))


def _of_django(exception: Exception) -> Refused | None:
    if isinstance(exception, Http404):
        # One text for what is not there and what is not yours, so that nothing can be probed.
        return Refused(404, "not_found", "There is nothing at this address.")
    if isinstance(exception, PermissionDenied):
        return Refused(403, "forbidden", str(exception) or "This is not open to you.")
    if isinstance(exception, MultiPartParserError):
        return Refused(400, "bad_multipart", "The form that holds the file cannot be read.")
    if isinstance(exception, RequestDataTooBig):
        return Refused(413, "too_large", "The request is too large.")
    if isinstance(exception, SuspiciousOperation):
        return Refused(400, "bad_request", "The request could not be understood.")
    return None


def _of_leads(exception: Exception) -> Refused | None:
    if isinstance(exception, IllegalMove):
        return Refused(409, "illegal_transition", str(exception), allowed=exception.allowed)
    if isinstance(exception, StageConflict):
        return Refused(409, "conflict", str(exception))
    if isinstance(exception, BadCursor):
        return InvalidQuery(FieldError("?cursor", "invalid_cursor", str(exception)))
    return None


def _of_scoring(exception: Exception) -> Refused | None:
    if isinstance(exception, InvalidDocument):
        errors = tuple(
            FieldError(f"/document/{one.path}".rstrip("/"), "invalid", str(one)) for one in exception.problems
        )
        return Refused(422, "invalid", "The definition cannot be used as it is.", errors=errors)
    if isinstance(exception, Stale):
        revision = exception.definition.revision
        return Refused(412, "stale", str(exception), headers={"ETag": f'"{revision}"'}, version=revision)
    if isinstance(exception, ExamplesBreak):
        return Refused(409, exception.code, "An example does not hold.", examples=exception.sentences)
    if isinstance(exception, BadExpiry):
        errors = (FieldError("/expires_on", "invalid", str(exception)),)
        return Refused(422, "invalid", "Some of what was sent cannot be used.", errors=errors)
    if isinstance(exception, NothingToLift):
        return Refused(409, "not_overridden", str(exception))
    if isinstance(exception, NotNow):
        return Refused(409, exception.code, str(exception))
    return None


def _of_handoff(exception: Exception) -> Refused | None:
    if isinstance(exception, HandoffConflict):
        by = exception.who.name if exception.who else None
        return Refused(
            409,
            exception.code,
            str(exception),
            current_status=exception.current_status,
            by=by,
            at=exception.when,
        )
    if isinstance(exception, NotAllowed):
        return Refused(403, "forbidden", str(exception))
    if isinstance(exception, CapacityReached):
        return Refused(
            409, "capacity_reached", str(exception), seats=exception.seats, capacity=exception.capacity
        )
    if isinstance(exception, Invalid):
        errors = tuple(FieldError(f"/{name}", "invalid", text) for name, text in exception.problems.items())
        return Refused(422, "invalid", "Some of what was sent cannot be used.", errors=errors)
    return None


def field_errors(full: Any, pointer: str = "") -> Iterator[FieldError]:
    """Flatten DRF's nested errors, with their codes, into one list with pointers."""
    if _is_leaf(full):
        yield FieldError(pointer or "/", _FIELD_CODES.get(full["code"], full["code"]), str(full["message"]))
    elif isinstance(full, Mapping):
        for name, inner in full.items():
            own = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from field_errors(inner, pointer if own else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(full, list):
        # Either the errors of one value, or one entry for each row of a list.
        in_rows = not all(map(_is_leaf, full))
        for number, inner in enumerate(full):
            yield from field_errors(inner, f"{pointer}/{number}" if in_rows else pointer)


def _is_leaf(full: Any) -> bool:
    return isinstance(full, Mapping) and full.keys() == {"message", "code"} and isinstance(full["code"], str)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
