"""What an endpoint's handler is for, and whether the caller may use it. Imports no views: settings name this."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from leadflow.api.fields import Body, Query
from leadflow.models import ApiKey
from leads.models import User
from leads.permissions import can, scopes_for


@dataclass(frozen=True)
class Operation:
    """What `operation` was told about a handler; read by the permission, the schema and the crawl test."""

    action: str
    also: tuple[str, ...] = ()  # further actions without which this one is closed
    output: type[BaseSerializer[Any]] | None = None
    query: type[Query] = Query
    body: type[Body] | None = None
    status: int = 200
    many: bool = False
    refusals: tuple[int, ...] = field(default=())


class Allowed(BasePermission):
    """Ask the one table for the handler's action; a handler without one is closed."""

    def has_permission(self, request: Request, view: object) -> bool:
        if not isinstance(request.user, User) or not request.user.is_active:
            return False  # DRF answers 401 where nobody is signed in
        about = operation_of(view, request.method)
        if about is None:
            return True  # no such method: 405
        actor = request.auth if isinstance(request.auth, ApiKey) else request.user
        for action in (about.action, *about.also):
            if not can(actor, action):
                raise PermissionDenied(_missing(request, action))
        return True


def operation_of(view: object, method: str | None) -> Operation | None:
    """Return what is known of the view's handler for `method`."""
    name = "get" if method == "HEAD" else (method or "").lower()
    found: Operation | None = getattr(getattr(view, name, None), "operation", None)
    return found


def _missing(request: Request, action: str) -> str:
    if not isinstance(request.auth, ApiKey):
        return "Your role does not include this."
    scopes = scopes_for(action)
    if not scopes:
        return "This is not open to API keys."
    if set(scopes) & set(request.auth.scopes):
        return "The user this key acts as may not do this."
    return f"This needs the scope {' or '.join(scopes)}."
