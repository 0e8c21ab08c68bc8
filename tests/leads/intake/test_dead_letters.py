import json
from datetime import timedelta

import pytest

from leads import clock
from leads.intake.dead_letters import retry, unmatched_events, waiting_letters
from leads.models import DeadLetter, EngagementDay, Event, Lead

PAGE = {"type": "page", "messageId": "p-1", "userId": "u-1", "properties": {"path": "/pricing"}}


def test_unmatched_events_are_listed_by_how_often_they_came(sender):
    sender.batch(
        *[{"type": "track", "event": "Signed Up", "userId": "u-1", "messageId": f"s-{n}"} for n in range(3)],
        {"type": "charm", "userId": "u-1", "messageId": "c"},
        PAGE,
    )

    found = unmatched_events()

    assert [(event.type, event.name, event.times) for event in found] == [
        ("track", "Signed Up", 3), ("unknown", "charm", 1),
    ]  # fmt: skip
    assert abs(found[0].last - clock.now()) < timedelta(minutes=1)
    assert unmatched_events(since=clock.now() + timedelta(minutes=1)) == []


def test_rejected_item_is_kept_as_sent_with_the_reason(sender):
    sender.batch(PAGE, PAGE | {"userId": "null"})

    letter = waiting_letters().get()

    assert (letter.index, letter.code, letter.pointer) == (1, "illegal_identity", "/userId")
    assert json.loads(letter.item) == PAGE | {"userId": "null"}


def test_mended_item_is_recorded_when_it_first_came(sender):
    sender.batch(PAGE | {"userId": "null"})
    letter = DeadLetter.objects.get()

    result = retry(letter, at=clock.now() + timedelta(days=3), item=json.dumps(PAGE))

    assert result.outcome == "counted"
    assert Event.objects.get().occurred_at == letter.batch.received_at
    assert not waiting_letters().exists()


def test_item_sent_again_twice_counts_once(sender):
    item = {key: value for key, value in PAGE.items() if key != "messageId"} | {"userId": "null"}
    sender.batch(
        {"type": "identify", "userId": "u-1", "messageId": "i", "traits": {"email": "ann@acme.test"}}, item
    )
    letter = DeadLetter.objects.get()

    results = [retry(letter, at=clock.now(), item=json.dumps(item | {"userId": "u-1"})) for _ in range(2)]

    assert [result.outcome for result in results] == ["counted", "duplicate"]
    assert EngagementDay.objects.get().count == 1


def test_item_of_a_single_endpoint_knows_its_type(sender):
    sender.post({"event": "Chat", "userId": "null"}, "/v1/track")
    letter = DeadLetter.objects.get()

    result = retry(letter, at=clock.now(), item=letter.item.replace("null", "u-1"))

    assert (result.outcome, Event.objects.get().type) == ("counted", "track")


@pytest.mark.parametrize("item", [None, "{", '{"type":"page"}', "[]", '{"a":1,"a":2}'])
def test_item_that_is_still_wrong_stays_in_the_list(sender, item):
    sender.batch(PAGE | {"userId": "null"})
    letter = DeadLetter.objects.get()

    result = retry(letter, at=clock.now(), item=item)

    assert result.outcome == "rejected"
    assert result.reason
    assert waiting_letters().get() == letter
    assert not Event.objects.exists()
    assert not Lead.objects.exists()
