"""The admin's pages: users, API keys, and the audit log, which managers read too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from handoff.errors import HandoffConflict, Invalid, NotAllowed
from leadflow.keys import create_key, revoke_key
from leadflow.models import ApiKey
from leadflow.staff import NeedsHeir, NotPossible, change_user, create_user
from leadflow.staff_forms import ApiKeyForm, ConfirmedForm, UserForm
from leads import clock
from leads.models import AuditEntry, User
from leads.paging import BadCursor, keyset_page
from leads.permissions import can, requires

AUDIT_PAGE = 50


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@requires("users.read")
@require_safe
def users_page(request: HttpRequest) -> HttpResponse:
    """List users: a manager sees the own team."""
    users = User.objects.select_related("team").order_by("-is_active", "name", "pk")
    me = _user(request)
    if me.is_manager:
        users = users.filter(team=me.team) if me.team else users.none()
    return render(request, "leadflow/users.html", {"users": users, "may_manage": can(me, "users.manage")})


@requires("users.manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def user_new(request: HttpRequest) -> HttpResponse:
    """Add a user and show the link by which they set a password; it is also what a reset mail would hold."""
    form = UserForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(
            request, "leadflow/user_form.html", {"form": form}, status=422 if form.is_bound else 200
        )
    user = create_user(form.values(), by=_user(request), at=clock.now())
    return render(request, "leadflow/user_made.html", {"made": user, "link": _password_link(request, user)})


def _password_link(request: HttpRequest, user: User) -> str:
    number = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("leadflow:new_password", args=[number, default_token_generator.make_token(user)])
    return request.build_absolute_uri(path)


@requires("users.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    initial = {name: getattr(user, name) for name in ("name", "email", "role", "is_active", "team")}
    form = UserForm(request.POST or None, initial=initial, user=user, ask_heir="heir" in request.POST)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            heir = form.cleaned_data["heir"]
            change_user(user, form.values(), by=_user(request), at=clock.now(), heir=heir)
        except NeedsHeir as left:
            form = UserForm(request.POST, user=user, ask_heir=True)
            form.add_error("heir", str(left))
        except (NotPossible, NotAllowed, HandoffConflict, Invalid) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{form.cleaned_data['name']} saved.")
            return redirect("leadflow:users")
        status = 409
    elif form.is_bound:
        status = 422
    return render(request, "leadflow/user_form.html", {"form": form, "subject": user}, status=status)


@requires("apikeys.manage")
@require_safe
def api_keys_page(request: HttpRequest) -> HttpResponse:
    return render(request, "leadflow/api_keys.html", {"keys": _keys()})


def _keys() -> list[ApiKey]:
    keys = list(ApiKey.objects.select_related("user", "created_by").order_by("revoked_at", "name", "pk"))
    at = clock.now()
    for key in keys:
        key.shown_state = key.state(at)  # type: ignore[attr-defined]
    return keys


@requires("apikeys.manage")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_key_new(request: HttpRequest) -> HttpResponse:
    """Make a key and show it once; only its hash is kept."""
    form = ApiKeyForm(request.POST or None, request=request)
    if request.method != "POST" or not form.is_valid():
        return render(
            request, "leadflow/api_key_form.html", {"form": form}, status=422 if form.is_bound else 200
        )
    data, at = form.cleaned_data, clock.now()
    expires_at = at + timedelta(days=int(data["days"])) if data["days"] else None
    key, secret = create_key(
        data["name"],
        user=data["user"],
        scopes=data["scopes"],
        by=_user(request),
        at=at,
        expires_at=expires_at,
    )
    return render(request, "leadflow/api_key_made.html", {"key": key, "secret": secret})


@requires("apikeys.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def api_key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.select_related("user"), pk=pk)
    form = ConfirmedForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        revoke_key(key, by=_user(request), at=clock.now())
        messages.success(request, f"The key “{key.name}” no longer opens anything.")
        return redirect("leadflow:api_keys")
    context = {"form": form, "key": key}
    return render(request, "leadflow/api_key_revoke.html", context, status=422 if form.is_bound else 200)


@requires("audit.read")
@require_safe
def audit_page(request: HttpRequest) -> HttpResponse:
    """Show who changed what, the latest first; a manager sees what the team did."""
    entries = AuditEntry.objects.visible_to(_user(request)).select_related("by")
    wanted = {name: request.GET[name] for name in ("object_type", "object_id") if request.GET.get(name)}
    if any("\x00" in value for value in wanted.values()):
        raise BadRequest("This cannot be searched for.")
    try:
        page = keyset_page(
            entries.filter(**wanted), order=("-id",), cursor=request.GET.get("cursor", ""), size=AUDIT_PAGE
        )
    except BadCursor:
        return redirect("leadflow:audit")
    return render(
        request, "leadflow/audit.html", {"page": page, "wanted": wanted, **_addresses(request, page)}
    )


def _addresses(request: HttpRequest, page: Any) -> dict[str, str]:
    def at(cursor: str | None) -> str:
        query = request.GET.copy()
        query["cursor"] = cursor or ""
        return f"?{query.urlencode()}" if cursor else ""

    return {"next_url": at(page.next), "previous_url": at(page.previous)}
