"""The organisation as pages need it: read once per request, its time zone in force while a page is made."""

from collections.abc import Callable
from contextvars import ContextVar
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from leads.models import Organisation

# Programs get times in UTC and pay for no query; health checks must not need the database.
_NOT_PAGES = ("/v1/", "/api/", "/healthz", "/readyz", "/static/")
_current: ContextVar[Organisation | None] = ContextVar("organisation", default=None)


def current_organisation() -> Organisation:
    """Return this request's organisation, or a fresh reading of it where there is no request."""
    return _current.get() or Organisation.current()


class OrganisationMiddleware:
    """Show and read times in the organisation's time zone on pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(_NOT_PAGES):
            return self.get_response(request)
        organisation = Organisation.current()
        token = _current.set(organisation)
        try:
            with timezone.override(ZoneInfo(organisation.time_zone)):
                return self.get_response(request)
        finally:
            _current.reset(token)
