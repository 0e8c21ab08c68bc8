"""Users and teams: nobody locks everybody out, and no lead is left behind (bad-input row 94)."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from handoff.models import HandoffStatus, Rep
from leads import clock
from leads.enums import Role
from leads.models import AuditEntry, Team, User
from tests.factories import make_offer, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def signed_in(user):
    client = Client()
    client.force_login(user, BACKEND)
    return client


@pytest.fixture
def admin():
    return make_user(Role.ADMIN, name="Ada")


def posted(user, **changes):
    data = {
        "name": user.name, "email": user.email, "role": user.role, "is_active": "on",
        "team": user.team_id or "", "new_team": "",
    }  # fmt: skip
    data |= changes
    return {name: value for name, value in data.items() if value is not None}


def edit(by, user, **changes):
    return signed_in(by).post(f"/users/{user.pk}/", posted(user, **changes))


def test_new_user_sets_a_password_by_a_link(admin):
    body = {"name": "Rita", "email": " Rita@X.test", "role": "rep", "new_team": "North"}

    response = signed_in(admin).post("/users/new/", body)

    user = User.objects.get(email="rita@x.test")
    assert (user.role, user.team.name, Rep.objects.filter(user=user).exists()) == ("rep", "North", True)
    link = response.context["link"].removeprefix("http://testserver")
    assert Client().get(link, follow=True).status_code == 200
    assert AuditEntry.objects.get().changes["role"] == [None, "rep"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 5000}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"email": "nobody"}, "email"),
        ({"email": "TAKEN@x.test"}, "email"),
        ({"role": "superuser"}, "role"),
        ({"role": "manager"}, "team"),
        ({"team": "999"}, "team"),
    ],
)
def test_user_that_cannot_be_kept_is_refused_by_field(admin, changes, field):
    make_user(email="taken@x.test")
    body = {"name": "Rita", "email": "rita@x.test", "role": "rep"} | changes

    response = signed_in(admin).post("/users/new/", body)

    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert User.objects.count() == 2


@pytest.mark.parametrize("name", ["Ünïcödé 🙂", "\u202eEvil", "Zalgo" + "\u0301" * 50])
def test_odd_names_are_shown_as_they_are(admin, name):
    edit(admin, make_user(name="Old", email="odd@x.test"), name=name)

    assert User.objects.get(email="odd@x.test").name == name
    assert signed_in(admin).get("/users/").status_code == 200


def test_role_and_team_hold_from_the_next_click(admin):
    user, team = make_user(Role.MARKETER), make_team("North")
    theirs = signed_in(user)

    edit(admin, user, role="manager", team=team.pk)

    assert theirs.get("/users/").status_code == 200
    user.refresh_from_db()
    assert (user.role, user.team) == ("manager", team)


def test_deactivated_user_is_signed_out(admin):
    user = make_user(Role.MARKETER)
    theirs = signed_in(user)

    edit(admin, user, is_active=None)

    assert theirs.get("/leads/").status_code == 302


@pytest.mark.parametrize("changes", [{"is_active": None}, {"role": "marketer"}])
def test_admin_cannot_take_away_the_own_access(admin, changes):
    make_user(Role.ADMIN)

    response = edit(admin, admin, **changes)

    assert response.status_code == 409
    assert "your own role or access" in response.content.decode()
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)


def test_last_admin_stays(admin):
    other = make_user(Role.ADMIN, is_active=False)
    other.is_active = True
    other.save()
    User.objects.filter(pk=other.pk).update(is_active=False)

    response = edit(admin, admin, is_active=None)

    assert response.status_code == 409
    assert "last admin" in response.content.decode()


def test_rep_with_open_handoffs_asks_who_gets_them(admin):
    rita, otto = make_rep("Rita"), make_rep("Otto", team=make_team("South"))
    offer = make_offer(rita, at=clock.now())

    asked = edit(admin, rita.user, is_active=None)
    assert asked.status_code == 409
    assert "Choose who gets them" in asked.content.decode()
    assert rita in (Rep.objects.filter(user__is_active=True))
    done = edit(admin, rita.user, is_active=None, heir=otto.pk)

    assert done.status_code == 302
    offer.refresh_from_db()
    rita.user.refresh_from_db()
    assert (offer.status, rita.user.is_active) == (HandoffStatus.REASSIGNED, False)
    offer.lead.refresh_from_db()
    assert offer.lead.owner == otto.user


def test_rep_without_handoffs_just_goes(admin):
    rep = make_rep("Rita")

    assert edit(admin, rep.user, is_active=None).status_code == 302


def test_manager_sees_the_own_team_and_edits_nobody():
    team = make_team("North")
    manager, rep = make_user(Role.MANAGER, team=team), make_rep("Rita", team=team)
    make_rep("Otto", team=make_team("South"))
    client = signed_in(manager)

    page = client.get("/users/").content.decode()

    assert ("Rita" in page, "Otto" in page) == (True, False)
    assert client.get(f"/users/{rep.user.pk}/").status_code == 403


def test_users_page_costs_the_same_for_one_as_for_three(admin, django_assert_num_queries):
    client = signed_in(admin)
    client.get("/users/")
    with CaptureQueriesContext(connection) as few:
        client.get("/users/")
    for n in range(3):
        make_user(Role.REP, team=make_team(f"T{n}"))

    with django_assert_num_queries(len(few.captured_queries)):
        client.get("/users/")


def test_new_team_is_made_once(admin):
    make_team("North")
    edit(admin, make_user(Role.REP), new_team="North")

    assert Team.objects.count() == 1
