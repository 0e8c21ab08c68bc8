"""Menus by role: only what exists and is allowed, with few queries."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import include, path

from handoff.models import Notice
from leadflow import navigation
from leadflow.page_urls import urlpatterns as own
from leads.enums import Role
from leads.models import SavedView
from tests.factories import AT, make_team, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def _page(request):
    return HttpResponse("")


def _pages(*names):
    return [path(f"{name}/", _page, name=name) for name in names]


def _app(name, *pages):
    return include((_pages(*pages), name))


_LEADS = [path("", _page, name="queue"), path("7/", _page), *_pages("signals")]

urlpatterns = [
    path("leads/", include((_LEADS, "leads"))),
    path("h/", _app("handoff", "inbox", "board", "routing", "reps", "reasons")),
    path("s/", _app("scoring", "definitions")),
    path("d/", _app("dashboard", "conversion")),
    path("", include(([*own, *_pages("operations", "users", "api_keys", "search", "notices")], "leadflow"))),
]


def build(user, address="/password/"):
    request = RequestFactory().get(address)
    request.user = user
    return navigation.build(request)


def labels(found):
    return [item.label for group in found.groups for item in group.items]


def test_rep_sees_the_inbox_first_and_no_rules_to_edit():
    found = build(make_user(Role.REP))

    assert labels(found) == [
        "Inbox", "My leads", "Nurture", "About to vanish", "Notices", "Definitions", "My results",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (Role.MARKETER, "Back from sales", "API keys"),
        (Role.MANAGER, "Needs routing", "API keys"),
        (Role.ADMIN, "API keys", "Inbox"),
    ],
)
def test_menu_follows_the_role(role, seen, unseen):
    found = labels(build(make_user(role)))

    assert seen in found
    assert unseen not in found


def test_places_without_a_page_are_left_out():
    assert "Imports" not in labels(build(make_user(Role.MARKETER)))
    assert navigation.link("leads:imports") == ""


def test_nobody_signed_in_has_no_menu():
    assert build(AnonymousUser()).groups == []


def test_counts_call_for_the_user_alone():
    user, other = make_user(Role.REP), make_user(Role.REP)
    for number in range(3):
        Notice.objects.create(user=user, kind="woken", text=f"Lead {number}", created_at=AT)
    Notice.objects.create(user=user, kind="woken", text="Read", created_at=AT, read_at=AT)

    counted = {item.label: item.count for group in build(user).groups for item in group.items}
    others = {item.label: item.count for group in build(other).groups for item in group.items}

    assert counted["Notices"] == 3
    assert counted["Inbox"] == others["Notices"] == 0
    assert counted["My leads"] is None


@pytest.mark.parametrize("role", Role.values)
def test_menu_takes_two_queries_whatever_stands_in_it(role, django_assert_num_queries):
    user = make_user(role, team=make_team())
    for number in range(3):
        SavedView.objects.create(owner=user, name=f"View {number}", query="view=new", created_at=AT)

    with django_assert_num_queries(2):
        found = build(user)

    assert found.team == "Nordics"


def test_count_stops_at_a_thousand():
    item = navigation.Item("Notices", "/", "bell", count=1000)

    assert item.shown_count == "999+"


def test_saved_views_are_places():
    user = make_user(Role.MARKETER)
    SavedView.objects.create(owner=user, name="Hannover fair", query="view=all&source=fair", created_at=AT)

    found = build(user, "/leads/?view=all&source=fair")

    here = next(item for group in found.groups for item in group.items if item.current)
    assert (here.label, here.url) == ("Hannover fair", "/leads/?view=all&source=fair")


@pytest.mark.parametrize(
    ("address", "label", "current"),
    [
        ("/leads/", "Lead queue", "page"),
        ("/leads/?view=near-mql", "Close to MQL", "page"),
        ("/leads/?view=near-mql&grade=A", "Close to MQL", "page"),
        ("/leads/7/", "Lead queue", "true"),
        ("/leads/signals/", "Signals", "page"),
    ],
)
def test_current_place_is_the_page_or_what_it_lies_under(address, label, current):
    found = build(make_user(Role.MARKETER), address)

    marked = [(item.label, item.current) for group in found.groups for item in group.items if item.current]
    assert marked == [(label, current)]


@pytest.mark.parametrize(
    ("role", "url"),
    [
        (Role.MARKETER, "/leads/"),
        (Role.REP, "/h/inbox/"),
        (Role.MANAGER, "/d/conversion/"),
        (Role.ADMIN, "/operations/"),
    ],
)
def test_landing_is_where_the_day_begins(role, url):
    assert navigation.landing_url(make_user(role)) == url
