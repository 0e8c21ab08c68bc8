from datetime import timedelta

import pytest

from leads import seen
from leads.intake.events import IncomingEvent
from leads.intake.recording import record_events
from leads.models import IntakeBatch
from tests.factories import AT, make_catalogue, make_lead, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead():
    make_catalogue()
    return make_lead()


def record(lead, name, at):
    event = IncomingEvent("track", at, name, message_id=f"{name} {at}", lead_id=lead.pk)
    record_events([event], source=make_source(), received_at=AT)


def test_drain_writes_the_latest_signal_whatever_the_order(lead):
    record(lead, "Chat", AT)
    record(lead, "Guide Downloaded", AT - timedelta(days=1))

    assert seen.drain() == 2

    lead.refresh_from_db()
    assert (lead.last_seen_at, lead.last_signal.slug) == (AT, "chat")
    assert not IntakeBatch.objects.exclude(seen=None).exists()


def test_drain_never_goes_back(lead):
    record(lead, "Chat", AT)
    seen.drain()
    record(lead, "Guide Downloaded", AT - timedelta(days=1))

    seen.drain()

    lead.refresh_from_db()
    assert (lead.last_seen_at, lead.last_signal.slug) == (AT, "chat")


def test_drain_leaves_out_what_does_not_count(lead):
    record(lead, "Unheard of", AT)

    assert seen.drain() == 0

    lead.refresh_from_db()
    assert lead.last_seen_at is None


def test_drain_sees_what_waited_under_an_anonymous_id(lead):
    source = make_source()
    waiting = IncomingEvent("page", AT, message_id="p", anonymous_id="a-1", properties={"path": "/pricing"})
    record_events([waiting], source=source, received_at=AT)
    who = IncomingEvent("alias", AT, message_id="x", lead_id=lead.pk, previous_id="a-1")
    record_events([who], source=source, received_at=AT)

    seen.drain()

    lead.refresh_from_db()
    assert lead.last_signal.slug == "pricing_page"
