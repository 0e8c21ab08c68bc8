"""Who may do what: one table for pages, API, commands and tests. Which rows: the querysets' `visible_to`.

A function a role may not use answers 403; an object outside its rows answers 404. An API key may do what its
scopes name and never more than the user it acts as.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Protocol, runtime_checkable

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from leads.enums import Role
from leads.models import User

_M, _R, _G, _A = Role.MARKETER, Role.REP, Role.MANAGER, Role.ADMIN
_ALL = frozenset(Role.values)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

# Action → the roles that may use it at all.
ACTIONS: dict[str, frozenset[str]] = {
    "leads.read": _ALL,
    "leads.pii": _ALL,
    "leads.create": frozenset({_M, _G, _A}),
    "leads.edit": _ALL,
    "leads.upsert": frozenset({_M, _A}),  # touches whoever it matches, so only for those who see all
    "leads.merge": frozenset({_M, _G, _A}),
    "conversations.log": _ALL,
    "stage.marketing": frozenset({_M, _G, _A}),
    "stage.sales": frozenset({_R, _G, _A}),
    "events.read": _ALL,
    "events.write": frozenset(),
    "events.quarantine": frozenset({_M, _A}),
    "deadletters": frozenset({_M, _A}),
    "score.read": _ALL,
    "score.adjust": frozenset({_M, _A}),
    "definitions.read": _ALL,
    "definitions.edit": frozenset({_M, _A}),
    "definitions.withdraw": frozenset({_M, _G, _A}),
    "definitions.approve_marketing": frozenset({_M, _A}),
    "definitions.approve_sales": frozenset({_G, _A}),
    "backtests.read": frozenset({_M, _G, _A}),
    "backtests.run": frozenset({_M, _A}),
    "signals.read": _ALL,
    "signals.edit": frozenset({_M, _A}),
    "reasons.read": _ALL,
    "reasons.edit": frozenset({_M, _A}),
    "forms.edit": frozenset({_M, _A}),
    "forms.submit": frozenset(),
    "suppression.add": frozenset({_M, _G, _A}),
    "imports": frozenset({_M, _G, _A}),
    "exports": frozenset({_M, _G, _A}),
    "routing.read": frozenset({_M, _G, _A}),
    "routing.edit": frozenset({_G, _A}),
    "reps.own_capacity": frozenset({_R}),
    "handoffs.list": _ALL,  # a marketer sees counts: no row is visible to the role
    "handoffs.respond": frozenset({_R}),
    "handoffs.discovery": frozenset({_R, _G, _A}),
    "handoffs.reassign": frozenset({_G, _A}),
    "handoffs.release": frozenset({_M, _A}),
    "reports.read": _ALL,
    "views.save": _ALL,
    "users.read": frozenset({_G, _A}),
    "users.manage": frozenset({_A}),
    "apikeys.manage": frozenset({_A}),
    "webhooks.manage": frozenset({_A}),
    "sources.read": frozenset({_M, _A}),
    "sources.manage": frozenset({_A}),
    "organisation.manage": frozenset({_A}),
    "privacy.request": frozenset({_M, _G, _A}),
    "privacy.erase": frozenset({_A}),
    "audit.read": frozenset({_G, _A}),
    "operations.read": frozenset({_M, _A}),
    "operations.retry": frozenset({_A}),
    "me.read": _ALL,
    "metrics.read": frozenset(),
}

# Scope of an API key → the actions it opens. An action in no scope is closed to every key.
SCOPES: dict[str, frozenset[str]] = {
    "leads:read": frozenset({"leads.read", "score.read"}),
    "leads:read_pii": frozenset({"leads.pii"}),
    "leads:write": frozenset({"leads.create", "leads.edit", "leads.upsert", "conversations.log"}),
    "leads:export": frozenset({"exports"}),
    "opps:write": frozenset({"stage.sales"}),
    "events:read": frozenset({"events.read"}),
    "events:write": frozenset({"events.write"}),
    "rules:read": frozenset({"definitions.read", "backtests.read", "signals.read", "reasons.read"}),
    "forms:submit": frozenset({"forms.submit"}),
    "handoffs:read": frozenset({"handoffs.list"}),
    "handoffs:respond": frozenset({"handoffs.respond", "handoffs.discovery"}),
    "reports:read": frozenset({"reports.read"}),
    "privacy:write": frozenset({"privacy.erase"}),
    "audit:read": frozenset({"audit.read"}),
    "metrics:read": frozenset({"metrics.read"}),
}
for _scope in SCOPES.keys() - {"events:write", "forms:submit", "metrics:read"}:
    SCOPES[_scope] |= {"me.read"}
# What no role may do by itself: only a key made for it.
KEY_ONLY = frozenset({"events.write", "forms.submit", "metrics.read"})


@runtime_checkable
class Key(Protocol):
    """What the table must know of an API key; the key itself lives above this app."""

    scopes: Collection[str]
    user: Any


def can(actor: User | AnonymousUser | Key | None, action: str) -> bool:
    """Tell whether this user or API key may use `action` at all; an unknown action is a KeyError."""
    roles = ACTIONS[action]
    if isinstance(actor, User):
        return actor.is_active and actor.role in roles
    if isinstance(actor, Key):
        opened = any(action in SCOPES[scope] for scope in actor.scopes if scope in SCOPES)
        return opened and actor.user.is_active and (action in KEY_ONLY or actor.user.role in roles)
    return False


def scopes_for(action: str) -> list[str]:
    """Return the scopes that open `action`, for a refusal that says what is missing."""
    return sorted(scope for scope, actions in SCOPES.items() if action in actions)


View = Callable[..., HttpResponseBase]


def requires(action: str, *, write: str | None = None) -> Callable[[View], View]:
    """Let only users who may use `action` into a page; `write`, if given, is asked for all but reading.

    Nobody signed in is sent to sign in and comes back; a role without the action gets the 403 page.
    """
    needed = {action, write or action}
    if unknown := needed - ACTIONS.keys():
        raise KeyError(f"unknown action: {unknown}")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            asked = action if request.method in _SAFE_METHODS else write or action
            if not can(request.user, asked):
                raise PermissionDenied(f"Your role does not include this ({asked}).")
            return view(request, *args, **kwargs)

        guarded.action = action  # type: ignore[attr-defined]  # read by the crawl test
        guarded.write_action = write or action  # type: ignore[attr-defined]
        return guarded

    return decorate


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return redirect_to_login(request.get_full_path())
    # htmx would swap the sign-in page into a corner of this one: send the whole window there.
    response = HttpResponse(status=204)
    page = request.headers.get("HX-Current-URL") or request.get_full_path()
    response["HX-Redirect"] = redirect_to_login(page).url
    return response
