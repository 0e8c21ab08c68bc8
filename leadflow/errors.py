"""Answers to what went wrong: problem+json for programs, a plain page for people."""

import errno
import logging
import sys
from http import HTTPStatus

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

from leadflow.problems import CONTENT_TYPE, problem

logger = logging.getLogger(__name__)

_PROGRAMS = ("/api/", "/v1/")
_SQLITE_AWAY = ("locked", "busy", "unable to open", "disk i/o error", "readonly database")
# SQLSTATE classes and codes that pass by themselves: connection, resources, lock not available,
# operator intervention (shutdown, statement timeout), deadlock, serialization.
_PASSING = ("08", "53", "55P03", "57", "40P01", "40001")
_TITLES = {
    400: "The request could not be understood.",
    403: "This is not open to you.",
    404: "There is nothing at this address.",
    500: "Something went wrong on our side.",
    503: "Leadflow cannot reach its database right now. Nothing was saved; please try again in a moment.",
    507: "The disk is full. Nothing was saved; please tell whoever runs this installation.",
}


def outage_status(exception: BaseException | None) -> int | None:
    """Return 507 for a full disk, 503 for a database that is away or overloaded, None for a bug."""
    if isinstance(exception, OSError) and exception.errno in (errno.ENOSPC, errno.EDQUOT):
        return 507
    if not isinstance(exception, DatabaseError | InterfaceError):
        return None
    cause = exception.__cause__
    code = getattr(cause, "pgcode", None)
    message = str(exception).lower()
    if code == "53100" or "disk is full" in message:
        return 507
    if code is not None:
        return 503 if code.startswith(_PASSING) else None
    return 503 if _is_away(exception, cause, message) else None


def _is_away(exception: BaseException, cause: BaseException | None, message: str) -> bool:
    if type(cause).__module__ == "sqlite3":
        return any(word in message for word in _SQLITE_AWAY)
    # psycopg2 has no code when there was no server to give one.
    return isinstance(exception, OperationalError | InterfaceError)


def outage_response(request: HttpRequest, exception: BaseException | None) -> HttpResponse | None:
    """Answer for an outage, with a time to try again; None if `exception` is not one."""
    status = outage_status(exception)
    if status is None:
        return None
    logger.error("outage: %s", type(exception).__name__, exc_info=exception)
    response = error_response(request, status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = "5"
    return response


def error_response(request: HttpRequest, status: int) -> HttpResponse:
    """Answer `status` in the form this caller reads."""
    if request.path.startswith(_PROGRAMS):
        body = problem(status, detail=_TITLES[status], request_id=request.META.get("HTTP_X_REQUEST_ID", ""))
        return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
    # From 500 up without the request: context processors would ask the very database that is away.
    shown_with = request if status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    try:
        page = render_to_string(f"{status}.html", {"title": _TITLES[status]}, request=shown_with)
        return HttpResponse(page, status=status)
    except TemplateDoesNotExist:
        return HttpResponse(_TITLES[status], status=status, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    return error_response(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return error_response(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return error_response(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 and 507 for an outage met outside a view, as in a middleware."""
    return outage_response(request, sys.exc_info()[1]) or error_response(request, 500)
