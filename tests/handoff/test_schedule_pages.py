"""Calendars, promised times, absences and pauses through their pages and the API."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handoff.models import Absence, ClockTier, Handoff, WorkCalendar
from leads import clock
from leads.enums import Role
from leads.models import AuditEntry, Organisation
from tests.factories import make_offer, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db
CALENDAR = {
    "name": "Munich", "is_default": "on", "time_zone": "Europe/Berlin", "mon": "9-12:30, 13:00-17", "country": "de",
    "subdivision": "by", "days_off": "2026-12-24 Christmas Eve\n2026-12-31",
}  # fmt: skip
TIER = {
    "name": "Hot", "position": 1, "min_score": 80, "accept_minutes": 60, "contact_minutes": 120, "warn_percent": 50,
    "escalate_percent": 80, "reroute_minutes": "",
}  # fmt: skip


@pytest.fixture
def manager(client):
    user = make_user(Role.MANAGER, team=make_team())
    client.force_login(user)
    return user


def post(client, name, data, *args):
    return client.post(reverse(f"handoff:{name}", args=args), data, follow=True)


def test_a_calendar_is_stored_as_it_is_read(client, manager):
    page = post(client, "calendar_new", CALENDAR).content.decode()

    row = WorkCalendar.objects.get()
    assert (row.hours, row.country, row.subdivision) == ({"mon": ["09:00-12:30", "13:00-17:00"]}, "DE", "BY")
    assert row.days_off == {"2026-12-24": "Christmas Eve", "2026-12-31": "Day off"}
    assert "Mon 09:00–12:30, 13:00–17:00" in page
    assert AuditEntry.objects.get().action == "calendar.create"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mon": "nine to five"}, "is no time of work"),
        ({"mon": "17-9"}, "ends before it begins"),
        ({"mon": "9-25"}, "is no time of day"),
        ({"mon": "9-12, 11-13"}, "do not overlap"),
        ({"mon": ""}, "at least one day"),
        ({"time_zone": "Mars/Olympus"}, "There is no time zone"),
        ({"country": "XX"}, "no public holidays known"),
        ({"subdivision": "ZZ"}, "no public holidays known"),
        ({"days_off": "Christmas"}, "does not begin with a day"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said_and_kept(client, manager, change, said):
    answer = post(client, "calendar_new", CALENDAR | change)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert all(value in answer.content.decode() for value in change.values())


def test_one_calendar_is_for_everybody_and_one_in_use_is_not_removed(client, manager):
    post(client, "calendar_new", CALENDAR)
    assert (
        "is for everybody now" in post(client, "calendar_new", CALENDAR | {"name": "Oslo"}).content.decode()
    )

    calendar = WorkCalendar.objects.get()
    make_rep("Jonas", calendar=calendar)
    assert "is used by Jonas" in post(client, "calendar_delete", {}, calendar.pk).content.decode()
    calendar.reps.update(calendar=None)
    post(client, "calendar_delete", {}, calendar.pk)
    assert not WorkCalendar.objects.exists()


def test_promised_times_are_checked_shown_and_removed(client, manager):
    assert "in this order" in post(client, "tier_new", TIER | {"warn_percent": 90}).content.decode()
    assert "at most 100" in post(client, "tier_new", TIER | {"min_score": 101}).content.decode()

    page = post(client, "tier_new", TIER).content.decode()
    assert "score 80 or more" in page
    assert "the manager decides" in page

    post(client, "tier_delete", {}, ClockTier.objects.get().pk)
    assert not ClockTier.objects.exists()


def test_a_manager_notes_an_absence_of_the_own_team_and_removes_it(client, manager):
    rep, cover = make_rep("Mira", team=manager.team), make_rep("Jonas", team=manager.team)
    today = clock.today()
    days = {"starts_on": today, "back_on": today + timedelta(days=3), "cover": cover.pk}

    assert "Mira is away" in post(client, "absences", days, rep.pk).content.decode()
    assert "covered by Jonas" in client.get(reverse("handoff:reps")).content.decode()
    post(client, "absence_delete", {}, Absence.objects.get().pk)

    assert not Absence.objects.exists()
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["absence.create", "absence.delete"]


def test_a_rep_adds_own_days_and_cannot_take_them_back(client):
    rep = make_rep()
    client.force_login(rep.user)
    today = clock.today()

    page = post(client, "my_absences", {"starts_on": today, "back_on": today}).content.decode()
    assert "Being back comes after" in page
    page = post(
        client, "my_absences", {"starts_on": today, "back_on": today + timedelta(days=1)}
    ).content.decode()

    assert "Away now" in page
    assert "Remove" not in page
    assert client.post(reverse("handoff:absence_delete", args=[Absence.objects.get().pk])).status_code == 403


def test_reps_page_takes_as_many_queries_for_three_as_for_one(client, manager, django_assert_max_num_queries):
    counts = []
    for number in (1, 2):
        for _ in range(number):
            rep, day = make_rep(team=manager.team), clock.today()
            Absence.objects.create(
                rep=rep, starts_on=day, back_on=day + timedelta(days=2), created_at=clock.now()
            )
        with django_assert_max_num_queries(12) as found:
            client.get(reverse("handoff:reps"))
        counts.append(len(found))

    assert counts[0] == counts[1]


def test_a_manager_pauses_a_clock_and_lets_it_go_on(client, manager):
    offer = make_offer(make_rep(team=manager.team), at=clock.now())

    page = post(client, "pause", {"reason": "", "until": "2099-01-01T10:00"}, offer.pk)
    assert page.status_code == 422
    until = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    page = post(client, "pause", {"reason": "Trade fair", "until": until}, offer.pk).content.decode()
    assert "Paused until" in page
    post(client, "resume", {}, offer.pk)

    assert Handoff.objects.get(pk=offer.pk).paused_at is None


def test_the_api_tells_working_minutes_pauses_and_absences(client, manager):
    rep = make_rep(team=manager.team)
    offer = make_offer(rep, at=clock.now())
    day = clock.today()

    found = client.get(f"/api/v1/handoffs/{offer.pk}/").json()
    assert found["working_minutes_left"] in (238, 239)
    body = {"reason": "Fair", "until": (clock.now() + timedelta(days=1)).isoformat()}
    paused = client.post(f"/api/v1/handoffs/{offer.pk}/pause/", body, "application/json").json()
    assert (paused["pause_reason"], paused["working_minutes_left"]) == ("Fair", None)
    assert (
        client.post(f"/api/v1/handoffs/{offer.pk}/resume/", {}, "application/json").json()["paused_until"]
        is None
    )

    days = {"starts_on": day.isoformat(), "back_on": (day + timedelta(days=2)).isoformat()}
    made = client.post(f"/api/v1/reps/{rep.pk}/absences/", days, "application/json")
    assert made.status_code == 201
    assert client.get(f"/api/v1/reps/{rep.pk}/absences/").json()["results"] == [made.json()]
    wrong = client.post(
        f"/api/v1/reps/{rep.pk}/absences/", days | {"back_on": days["starts_on"]}, "application/json"
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/back_on")


HOURS = {"accept_hours": 6, "hand_raise_accept_hours": 1, "contact_hours": 24, "age_alarm_hours": 16}


def test_the_hours_of_everybody_else_are_set_and_logged(client, manager):
    Organisation.objects.filter(pk=Organisation.current().pk).update(accept_hours=4, catalogue_version=7)

    page = post(client, "hours_edit", HOURS).content.decode()

    organisation = Organisation.current()
    assert (organisation.accept_hours, organisation.age_alarm_hours) == (6, 16)
    assert organisation.catalogue_version == 7
    assert "without a rep for 16 working hours" in page
    changes = {"accept_hours": [4, 6], "age_alarm_hours": [8, 16]}
    assert AuditEntry.objects.get(action="organisation.edit").changes == changes


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("accept_hours", 0, "Give 1 to 2,000"), ("age_alarm_hours", 2001, "Give 0 to 2,000"),
     ("contact_hours", "", "required")],
)  # fmt: skip
def test_hours_that_promise_nothing_are_refused(client, manager, name, value, said):
    answer = client.post(reverse("handoff:hours_edit"), {**HOURS, name: value})

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Organisation.current().accept_hours == 4
