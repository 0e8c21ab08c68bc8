from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from leadflow.keys import UnknownScope, create_key, find_key, hash_of, revoke_key
from leadflow.models import ApiKey
from leads import clock
from leads.enums import Role
from leads.models import AuditEntry
from tests.factories import AT, make_user

pytestmark = pytest.mark.django_db


def make_key(user, by=None, **fields):
    return create_key("CRM", user=user, scopes=["leads:read"], by=by or user, at=AT, **fields)


def test_create_key_keeps_only_a_hash_and_writes_it_down():
    admin, rep = make_user(Role.ADMIN), make_user(Role.REP)

    key, secret = make_key(rep, admin)

    assert find_key(secret) == key
    assert key.key_hash == hash_of(secret)
    assert secret not in str(ApiKey.objects.values())
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.by, entry.label) == ("apikey.create", admin, "CRM")
    assert secret not in str(entry.changes)


def test_create_key_refuses_a_scope_that_does_not_exist():
    with pytest.raises(UnknownScope, match="leads:fly"):
        create_key("CRM", user=make_user(), scopes=["leads:fly"], by=make_user(), at=AT)


def test_revoked_key_is_not_found():
    user = make_user(Role.ADMIN)
    key, secret = make_key(user)

    revoke_key(key, by=user, at=AT)

    key.refresh_from_db()
    assert (find_key(secret), key.state(AT)) == (None, "revoked")


def test_expired_key_is_not_found():
    now = clock.now()
    user = make_user(Role.ADMIN)
    _, old = make_key(user, expires_at=now - timedelta(seconds=5))
    _, fresh = make_key(user, expires_at=now + timedelta(hours=1))

    assert (find_key(old), find_key(fresh) is not None) == (None, True)


@pytest.mark.parametrize("who", ["user", "maker"])
def test_key_dies_with_its_user_and_its_maker(who):
    admin, rep = make_user(Role.ADMIN), make_user(Role.REP)
    key, secret = make_key(rep, admin)
    person = rep if who == "user" else admin

    person.is_active = False
    person.save()

    key = ApiKey.objects.select_related("user", "created_by").get()
    assert (find_key(secret), key.state(AT)) == (None, "disabled")


def test_key_dies_when_its_maker_is_no_admin_any_more():
    admin = make_user(Role.ADMIN)
    _, secret = make_key(make_user(Role.REP), admin)

    admin.role = Role.MARKETER
    admin.save()

    assert find_key(secret) is None


def test_create_api_key_prints_the_key_as_last_word(capsys):
    rep = make_user(Role.REP)

    call_command(
        "create_api_key",
        "CRM",
        "--as",
        rep.email.upper(),
        "--scope",
        "leads:read,",
        "--scope",
        "handoffs:respond",
    )

    key = find_key(capsys.readouterr().out.split()[-1])
    assert (key.user, key.scopes) == (rep, ["handoffs:respond", "leads:read"])


def test_create_api_key_refuses_an_unknown_user():
    with pytest.raises(CommandError, match="no active user"):
        call_command("create_api_key", "CRM", "--as", "nobody@x.test", "--scope", "leads:read")
