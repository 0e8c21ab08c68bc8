from datetime import timedelta

import pytest

from leads.enums import Stage
from leads.intake.manual import UnknownSignal, record_manual_event
from leads.intake.times import BadTime
from leads.models import EngagementDay, Event, IntakeBatch, Signal
from tests.factories import AT, make_catalogue, make_lead, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def tradeshow():
    return make_catalogue()["tradeshow"]


def enter(lead, signal, **fields):
    return record_manual_event(lead, signal, **{"occurred_at": AT, "at": AT, "by": make_user()} | fields)


def test_entered_signal_counts_and_says_who_entered_it(tradeshow):
    lead, user = make_lead(stage=Stage.SUSPECT), make_user()

    result = enter(
        lead, tradeshow, by=user, occurred_at=AT - timedelta(days=2), object_key="Fair", note="Met at B12"
    )

    lead.refresh_from_db()
    assert (result.outcome, lead.stage) == ("counted", Stage.LEAD)
    assert Event.objects.get().properties == {"by": user.pk, "note": "Met at B12"}
    day = EngagementDay.objects.get()
    assert (day.object_key, day.occurred_on, day.known_on) == (
        "Fair",
        (AT - timedelta(days=2)).date(),
        AT.date(),
    )
    assert IntakeBatch.objects.get().source.name == "Manual"


def test_same_entry_sent_twice_counts_once(tradeshow):
    lead = make_lead()

    outcomes = [enter(lead, tradeshow, entry_id="e-1").outcome for _ in range(2)]

    assert outcomes == ["counted", "duplicate"]


def test_page_signal_can_be_entered_too(tradeshow):
    lead = make_lead()

    enter(lead, Signal.objects.get(slug="pricing_page"), object_key="/pricing")

    assert EngagementDay.objects.get().signal.slug == "pricing_page"


def test_signal_out_of_use_is_refused(tradeshow):
    tradeshow.is_active = False
    tradeshow.save()

    with pytest.raises(UnknownSignal):
        enter(make_lead(), tradeshow)


def test_signal_of_the_day_after_tomorrow_is_refused(tradeshow):
    with pytest.raises(BadTime):
        enter(make_lead(), tradeshow, occurred_at=AT + timedelta(days=2))
