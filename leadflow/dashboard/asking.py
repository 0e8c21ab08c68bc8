"""How a page asks for a report: parameters read once, and one answer to those without a meaning."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from leadflow.dashboard.parameters import BadParameter, Parameters, read
from leadflow.dashboard.report import Report, recent_report
from leadflow.organisation import current_organisation
from leads import clock
from leads.models import User


@dataclass(frozen=True)
class Asked:
    """Who asks, when, for what."""

    user: User
    at: datetime
    parameters: Parameters


def asked_of(request: HttpRequest, more: Collection[str] = ()) -> Asked:
    """Read a request. Raises BadParameter or PermissionDenied."""
    user = request.user
    assert isinstance(user, User)
    at, zone = clock.now(), current_organisation().time_zone
    return Asked(user, at, read(request.GET, user, clock.day_of(at, zone), zone, more))


def report_for(asked: Asked) -> Report:
    """Return the report asked for."""
    return recent_report(asked.user, asked.parameters, asked.at, current_organisation().contact_hours)


View = Callable[..., HttpResponseBase]


def names_bad_parameters(view: View) -> View:
    """Answer 400 with a page that says which parameter has no meaning, and what would do."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except BadParameter as bad:
            said = {"name": bad.name, "message": str(bad)}
            return render(request, "dashboard/bad_parameter.html", said, status=400)

    return answered
