from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

from leads.enums import Role
from leads.models import User
from leads.permissions import ACTIONS, KEY_ONLY, SCOPES, can, requires, scopes_for


def user(role, **fields):
    return User(email="a@b.test", role=role, **fields)


def key(role, *scopes, **fields):
    return SimpleNamespace(scopes=list(scopes), user=user(role, **fields))


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        ("leads.read", {"marketer", "rep", "manager", "admin"}),
        ("leads.merge", {"marketer", "manager", "admin"}),
        ("stage.sales", {"rep", "manager", "admin"}),
        ("handoffs.respond", {"rep"}),
        ("handoffs.reassign", {"manager", "admin"}),
        ("definitions.approve_sales", {"manager", "admin"}),
        ("users.manage", {"admin"}),
        ("events.write", set()),
    ],
)
def test_can_follows_the_matrix(action, roles):
    assert {role for role in Role.values if can(user(role), action)} == roles


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_can_refuses_strangers_and_inactive_users(action):
    assert not can(None, action)
    assert not can(AnonymousUser(), action)
    assert not can(user(Role.ADMIN, is_active=False), action)
    assert not can(key(Role.ADMIN, *SCOPES, is_active=False), action)
    assert not can(key(Role.ADMIN), action)


def test_key_never_exceeds_the_role_it_acts_as():
    assert can(key(Role.REP, "handoffs:respond"), "handoffs.respond")
    assert not can(key(Role.ADMIN, "handoffs:respond"), "handoffs.respond")
    assert not can(key(Role.REP, "audit:read"), "audit.read")


def test_scopes_imply_nothing_else():
    opened = {
        scope: {action for action in ACTIONS if can(key(Role.ADMIN, scope), action)} for scope in SCOPES
    }

    assert opened["events:write"] == {"events.write"}
    assert opened["leads:write"] == {
        "leads.create",
        "leads.edit",
        "leads.upsert",
        "conversations.log",
        "me.read",
    }
    assert opened["leads:read_pii"] == {"leads.pii", "me.read"}


def test_scopes_name_known_actions_only():
    named = frozenset().union(*SCOPES.values())

    assert named <= ACTIONS.keys()
    assert named >= KEY_ONLY


def test_scopes_for_names_what_is_missing():
    assert scopes_for("signals.read") == ["rules:read"]
    assert scopes_for("stage.marketing") == []


@requires("signals.read", write="signals.edit")
def page(request):
    return HttpResponse("in")


def call(actor, method="get", **headers):
    request = getattr(RequestFactory(headers=headers), method)("/signals/?x=1")
    request.user = actor
    return page(request)


def test_requires_sends_a_stranger_to_sign_in_and_back():
    response = call(AnonymousUser())

    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/signals/%3Fx%3D1")


def test_requires_moves_the_whole_window_for_htmx():
    response = call(AnonymousUser(), **{"HX-Request": "true", "HX-Current-URL": "/signals/"})

    assert (response.status_code, response["HX-Redirect"]) == (204, "/sign-in/?next=/signals/")


def test_requires_asks_the_writing_action_for_a_post():
    assert call(user(Role.REP)).content == b"in"
    with pytest.raises(PermissionDenied):
        call(user(Role.REP), "post")
    assert call(user(Role.MARKETER), "post").content == b"in"


def test_requires_knows_its_actions():
    with pytest.raises(KeyError):
        requires("leads.fly")
