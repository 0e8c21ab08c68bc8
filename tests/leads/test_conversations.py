from datetime import timedelta

import pytest

from leads import seen
from leads.conversations import log_conversation
from leads.enums import Stage
from leads.models import Conversation, EngagementDay, Event
from leads.signals import contact_made
from tests.factories import AT, make_catalogue, make_lead, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead():
    make_catalogue()
    return make_lead(stage=Stage.SUSPECT)


@pytest.mark.parametrize("kind", ["call", "meeting", "chat"])
def test_conversation_held_is_a_signal_and_makes_a_suspect_a_lead(lead, kind):
    conversation = log_conversation(lead, kind, True, "Wants a demo", AT, make_user())

    lead.refresh_from_db()
    assert (lead.stage, conversation.summary) == (Stage.LEAD, "Wants a demo")
    assert lead.stage_changes.get(seq=2).actor == "signal:direct_conversation"
    assert EngagementDay.objects.values_list("signal__slug", "object_key", "occurred_on", "count").get() == (
        "direct_conversation", kind, AT.date(), 1,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "reached"), [("call", False), ("mail", True), ("mail", False)])
def test_trying_is_no_conversation(lead, kind, reached):
    log_conversation(lead, kind, reached, "", AT, make_user())

    lead.refresh_from_db()
    assert lead.stage == Stage.SUSPECT
    assert Conversation.objects.get().reached is reached
    assert not Event.objects.exists()


def test_every_attempt_is_announced(lead):
    heard = []

    def hear(conversation, **kwargs):
        heard.append((conversation.lead, conversation.reached))

    contact_made.connect(hear)
    try:
        log_conversation(lead, "call", False, "", AT, None)
        log_conversation(lead, "call", True, "", AT + timedelta(hours=1), None)
    finally:
        contact_made.disconnect(hear)

    assert heard == [(lead, False), (lead, True)]


def test_two_conversations_of_a_day_are_two_signals(lead):
    log_conversation(lead, "call", True, "", AT, None)
    log_conversation(lead, "call", True, "", AT + timedelta(hours=1), None)
    seen.drain()

    lead.refresh_from_db()
    assert EngagementDay.objects.get().count == 2
    assert (lead.last_seen_at, lead.last_signal.slug) == (AT + timedelta(hours=1), "direct_conversation")
