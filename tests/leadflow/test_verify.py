"""`manage.py verify`: nothing found in a sound installation, each fault named, and the exit code to go by."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from leadflow import checks
from leadflow.models import ApiKey, IdempotencyRecord
from leadflow.verification import all_checks
from leads import clock, ledger
from leads.enums import Role
from leads.models import User
from tests.factories import AT, make_key, make_user

pytestmark = pytest.mark.django_db


def run(capsys, *args):
    with pytest.raises(SystemExit) as ended:
        call_command("verify", *args)
    return ended.value.code, capsys.readouterr().out.strip().splitlines()


def test_verify_finds_nothing_in_a_sound_installation(capsys):
    make_user(Role.ADMIN)

    code, lines = run(capsys)

    assert (code, lines[-1]) == (0, "0 findings")
    assert len(lines) == len(all_checks()) + 1
    assert run(capsys, "--quiet") == (0, ["0 findings"])


def test_verify_names_what_it_finds(capsys):
    make_user(Role.ADMIN)
    User.objects.update(is_active=False)
    make_user(Role.REP)

    code, lines = run(capsys, "--quiet")

    assert (code, lines[-1]) == (1, "1 findings")
    assert "there is no active admin" in "\n".join(lines)


def test_missing_triggers_are_found():
    ledger.remove(connection)

    assert len(checks.append_only(AT)) == 4


def test_hanging_and_forgotten_records_are_found():
    at = clock.now()
    IdempotencyRecord.objects.create(
        credential="key 1", key="a", request_hash="x", claim="x", claimed_at=at - timedelta(hours=1)
    )
    IdempotencyRecord.objects.create(
        credential="key 1",
        key="b",
        request_hash="x",
        claim="x",
        claimed_at=at - timedelta(days=9),
        status=200,
    )

    assert len(checks.one_effect(at)) == 2


def test_unknown_scope_is_found():
    make_key(make_user(Role.ADMIN))
    ApiKey.objects.update(scopes=["leads:fly"])

    assert len(checks.keys_are_bounded(AT)) == 1
