from datetime import UTC, date, timedelta

import pytest
from icalendar import Calendar

from handoff import feeds, workflow
from handoff.models import Handoff
from leads.conversations import log_conversation
from leads.models import User
from tests.factories import AT, make_offer, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db


def read(user, at=AT):
    calendar = Calendar.from_ical(feeds.render(user, at))
    return {str(event["UID"]).partition("@")[0]: event for event in calendar.walk("VEVENT")}


def test_deadlines_and_follow_ups_are_events_with_lasting_ids():
    rep = make_rep("Jonas")
    offer = make_offer(rep, first_name="Maren; Ann, \\ of\nOslo")
    before = read(rep.user)[f"accept-{offer.pk}"]
    assert before.decoded("DTSTART") == offer.accept_by
    assert str(before["SUMMARY"]) == "Accept by now: Maren; Ann, \\ of Oslo"
    assert str(before["URL"]).endswith(f"/handoffs/{offer.pk}/")

    taken = workflow.accept(offer, rep.user, AT, next_step="Demo", next_step_at=AT + timedelta(days=2))
    first = read(rep.user)
    assert set(first) == {f"contact-{offer.pk}", f"step-{offer.pk}"}
    assert first[f"step-{offer.pk}"].decoded("DTSTART") == AT + timedelta(days=2)

    Handoff.objects.filter(pk=taken.pk).update(next_step_at=AT + timedelta(days=3), version=taken.version + 1)
    moved = read(rep.user)[f"step-{offer.pk}"]
    assert moved.decoded("DTSTART") == AT + timedelta(days=3)
    assert int(moved["SEQUENCE"]) > int(first[f"step-{offer.pk}"]["SEQUENCE"])


def test_a_clock_that_is_stopped_is_no_deadline():
    rep = make_rep()
    workflow.accept(make_offer(rep), rep.user, AT)
    assert len(read(rep.user)) == 1

    Handoff.objects.update(
        paused_at=AT, paused_until=AT + timedelta(days=1), paused_by=rep.user, pause_reason="Fair"
    )

    assert read(rep.user) == {}


def test_a_deferral_is_a_whole_day():
    rep = make_rep()
    taken = workflow.accept(make_offer(rep), rep.user, AT)
    workflow.defer(taken, rep.user, date(2026, 4, 1), "Education call", AT)

    (event,) = read(rep.user).values()

    assert event.decoded("DTSTART") == date(2026, 4, 1)
    assert event.decoded("DTEND") == date(2026, 4, 2)
    assert str(event["SUMMARY"]).startswith("Education call: ")


def test_meetings_are_in_it():
    rep = make_rep()
    taken = workflow.accept(make_offer(rep), rep.user, AT)
    log_conversation(taken.lead, kind="meeting", by=rep.user, at=AT, summary="Showed the demo", reached=True)

    meeting = next(event for uid, event in read(rep.user).items() if uid.startswith("meeting-"))

    assert meeting.decoded("DTSTART") == AT
    assert "Showed the demo" in str(meeting["DESCRIPTION"])


def test_each_sees_the_own_and_a_manager_the_teams():
    team = make_team("Nordics")
    one, other = make_rep("One", team=team), make_rep("Two", team=make_team("South"))
    offer = make_offer(one)

    assert list(read(one.user)) == [f"accept-{offer.pk}"]
    assert read(other.user) == {}
    boss = read(make_user("manager", team=team))
    assert str(boss[f"accept-{offer.pk}"]["SUMMARY"]).endswith(", One")


def test_lines_are_folded_at_75_bytes_within_no_character():
    rep = make_rep()
    make_offer(rep, first_name="Łöäü€😀" * 16)

    text = feeds.render(rep.user, AT)

    assert max(len(line) for line in text.split(b"\r\n")) <= 75
    assert b"\n" not in text.replace(b"\r\n", b"")
    (event,) = read(rep.user).values()
    assert "Łöäü€😀" * 16 in str(event["SUMMARY"])


def test_the_address_is_secret_revocable_and_dies_with_the_user(client):
    rep = make_rep()
    old = feeds.new_address(rep.user, AT)
    secret = feeds.new_address(rep.user, AT)

    answer = client.get(f"/calendar/{secret}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    assert Calendar.from_ical(answer.content)
    assert client.get(f"/calendar/{old}.ics").status_code == 404
    assert secret not in rep.user.feed.token_hash

    User.objects.filter(pk=rep.user.pk).update(is_active=False)
    assert client.get(f"/calendar/{secret}.ics").status_code == 404
    User.objects.filter(pk=rep.user.pk).update(is_active=True)
    assert feeds.revoke(rep.user)
    assert client.get(f"/calendar/{secret}.ics").status_code == 404


def test_as_many_queries_for_three_as_for_one(django_assert_max_num_queries):
    rep = make_rep()
    make_offer(rep)
    with django_assert_max_num_queries(2) as one:
        feeds.render(rep.user, AT.astimezone(UTC))
    make_offer(rep), make_offer(rep)
    with django_assert_max_num_queries(2) as three:
        feeds.render(rep.user, AT)

    assert len(one) == len(three)
