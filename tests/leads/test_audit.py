import pytest
import structlog
from django.db import IntegrityError, connection, transaction

from leads import ledger
from leads.audit import audit, diff, snapshot
from leads.enums import Role
from leads.models import AuditEntry
from tests.factories import AT, make_lead, make_team, make_user

pytestmark = pytest.mark.django_db


def test_audit_records_who_what_and_through_which_request():
    admin, lead = make_user(Role.ADMIN), make_lead(first_name="Ada", last_name="Byron")

    with structlog.contextvars.bound_contextvars(request_id="r-1", credential="key 7 CRM"):
        entry = audit("lead.update", lead, by=admin, at=AT, changes={"country": ("", "GB")})

    entry.refresh_from_db()
    assert (entry.by, entry.action, entry.object_type, entry.object_id) == (
        admin, "lead.update", "lead", str(lead.pk),
    )  # fmt: skip
    assert (entry.label, entry.changes) == ("Ada Byron", {"country": ["", "GB"]})
    assert (entry.request_id, entry.via) == ("r-1", "key 7 CRM")


def test_diff_holds_only_what_changed():
    user = make_user(Role.REP, name="Old")
    before = snapshot(user, ["name", "role", "team"])

    user.name = "New"

    assert diff(before, snapshot(user, ["name", "role", "team"])) == {"name": ["Old", "New"]}


def test_audit_log_refuses_update_and_delete():
    audit("lead.update", make_lead(), by=None, at=AT, changes={"email": ("a@b.test", "c@d.test")})

    for write in (lambda: AuditEntry.objects.update(action="x"), lambda: AuditEntry.objects.all().delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
    AuditEntry.objects.update(label="", changes={})

    assert AuditEntry.objects.get().changes == {}


def test_triggers_of_all_guarded_tables_are_there():
    assert ledger.missing(connection) == []


def test_visible_to_shows_a_manager_what_the_team_did():
    team = make_team()
    rep, outsider = make_user(Role.REP, team=team), make_user(Role.REP, team=make_team("South"))
    entry = audit("rep.capacity", by=rep, at=AT)
    audit("rep.capacity", by=outsider, at=AT)

    assert list(AuditEntry.objects.visible_to(make_user(Role.MANAGER, team=team))) == [entry]
    assert AuditEntry.objects.visible_to(make_user(Role.ADMIN)).count() == 2
    assert not AuditEntry.objects.visible_to(rep).exists()
