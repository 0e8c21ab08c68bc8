"""A lead without a rep for too long: whoever answers for it is told, once."""

from datetime import datetime, timedelta

import pytest

from handoff import clocks, routing, workflow
from handoff.models import Handoff, Notice, Rep, WorkCalendar
from leads.models import Organisation
from tests.factories import AT, make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current, findings, work

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
EIGHT_HOURS = timedelta(hours=8)


@pytest.fixture
def manager():
    return make_user("manager", team=make_team())


def told():
    return Notice.objects.filter(kind="waits_long")


def test_managers_are_told_once_and_never_early(manager):
    make_pool(make_rep(capacity=0))
    lead = make_mql(first_name="Maren", last_name="Solberg").lead
    routing.drain(AT)

    clocks.sweep(AT + EIGHT_HOURS)
    assert not told().exists()
    for later in (SECOND, 2 * SECOND, timedelta(days=3)):
        clocks.sweep(AT + EIGHT_HOURS + later)

    notice = told().get()
    assert (notice.user, notice.lead) == (manager, lead)
    assert notice.text == (
        "Maren Solberg has been without a rep for over 8 working hours. Every eligible rep is at capacity."
    )
    waiting = current(lead)
    assert (waiting.age_alarm_at, waiting.age_alarm_hours) == (AT + EIGHT_HOURS + SECOND, 8)


def test_nights_and_weekends_do_not_count(manager):
    office = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    WorkCalendar.objects.create(name="Office", is_default=True, hours=office)
    make_pool(make_rep(capacity=0))
    make_mql(at=datetime.fromisoformat("2026-03-13T15:00Z"))  # a Friday
    routing.drain(AT)
    due = datetime.fromisoformat("2026-03-16T15:00Z")

    clocks.sweep(due)
    assert not told().exists()
    clocks.sweep(due + SECOND)
    assert told().count() == 1


def test_many_at_once_are_one_notice(manager):
    make_pool(make_rep(capacity=0))
    for _ in range(3):
        make_mql()
    routing.drain(AT)

    clocks.sweep(AT + timedelta(hours=9))

    assert told().count() == 1
    assert "and 2 more have been" in told().get().text
    assert not Handoff.objects.filter(age_alarm_at=None).exists()


def test_time_with_a_rep_does_not_count(manager):
    offer = make_offer()
    Rep.objects.update(capacity=0)
    work(offer.accept_by + SECOND)  # lapsed, and nobody else is there
    again = current(offer.lead)
    assert again.status == "queued"

    clocks.sweep(offer.accept_by + EIGHT_HOURS)
    assert not told().exists()
    clocks.sweep(offer.accept_by + EIGHT_HOURS + 2 * SECOND)
    assert told().get().handoff == again


def test_what_waits_for_marketing_is_told_to_marketing(manager):
    marketer = make_user("marketer")
    offer = make_offer()
    workflow.return_to_marketing(offer, offer.rep.user, ["phone"], at=AT)

    clocks.sweep(AT + timedelta(hours=9))

    assert told().get().user == marketer


def test_zero_hours_tell_nobody(manager):
    Organisation.objects.update_or_create(id=1, defaults={"age_alarm_hours": 0})
    make_mql()

    clocks.sweep(AT + timedelta(days=30))

    assert not told().exists()
    assert findings(AT + timedelta(days=30)) == [f"handoff {Handoff.objects.get().pk} was not routed in time"]


def test_verify_misses_an_alarm(manager):
    make_pool(make_rep(capacity=0))
    waiting = make_mql()
    routing.drain(AT)

    missing = f"handoff {waiting.pk} has waited too long without an alarm"
    assert missing not in findings(AT + EIGHT_HOURS)
    assert missing in findings(AT + timedelta(hours=9))
    clocks.sweep(AT + timedelta(hours=9))
    assert findings(AT + timedelta(hours=9)) == []
