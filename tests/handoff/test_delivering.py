import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from handoff import delivering, outbox, standing
from handoff.models import Notice
from handoff.outgoing import Attempt, Delivery, What
from leads.models import AuditEntry
from tests.factories import AT, make_mql, make_user
from tests.handoff.sink import running
from tests.handoff.test_outbox import make_destination

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = True
    settings.LEADFLOW_WEBHOOK_BACKOFF = [10, 20, 40]
    with running() as sink:
        yield sink


@pytest.fixture
def destination(sink):
    return make_destination(url=sink.url("/crm"), events=[What.MQL])


def ids(sink, path="/crm"):
    return [headers["webhook-id"] for headers, _, _ in sink.calls[path]]


def test_a_signed_cloud_event_arrives_once(sink, destination):
    now = datetime.now(UTC)
    lead = make_mql(at=now, first_name="Maren", email="maren@example.test").lead

    assert [delivering.deliver_due(now), delivering.deliver_due(now)] == [1, 0]

    ((headers, body, _),) = sink.calls["/crm"]
    event = Webhook(destination.secret).verify(body, headers)
    assert event["type"] == "leadflow.lead.mql"
    assert (event["id"], event["subject"]) == (headers["webhook-id"], f"lead/{lead.pk}")
    assert event["data"]["lead"]["email"] == "maren@example.test"
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.error, attempt.answer) == (200, "", "thanks")
    assert Delivery.objects.get().status == "delivered"


def test_failures_are_tried_on_schedule_with_the_same_body_then_given_up(sink, destination):
    sink.behaviours["/crm"] = lambda call: call.answer(500, b"out of order")
    make_mql()
    moment = AT
    for pause in (10, 20, 40):
        assert delivering.deliver_due(moment) == 1
        moment += timedelta(seconds=pause)
        assert delivering.deliver_due(moment - timedelta(seconds=1)) == 0
    assert delivering.deliver_due(moment) == 1
    assert delivering.deliver_due(moment + timedelta(days=1)) == 0

    assert len(ids(sink)) == 4
    assert len({(h["webhook-id"], body) for h, body, _ in sink.calls["/crm"]}) == 1
    assert Delivery.objects.get().status == "failed"
    assert Attempt.objects.first().answer == "out of order"


def test_gone_switches_off_and_tells_the_admins(sink, destination):
    admin = make_user("admin")
    sink.behaviours["/crm"] = lambda call: call.answer(410)
    make_mql()

    delivering.deliver_due(AT)

    destination.refresh_from_db()
    assert (destination.is_active, destination.disabled_reason) == (False, "It answered 410 Gone.")
    assert Notice.objects.get(user=admin).text.startswith("The webhook “CRM” was switched off.")
    assert AuditEntry.objects.filter(action="webhook.disable", by=None).exists()
    assert delivering.deliver_due(AT + timedelta(days=1)) == 0


def test_failing_for_three_days_switches_off(sink, destination, settings):
    settings.LEADFLOW_WEBHOOK_BACKOFF = [3600] * 100
    sink.behaviours["/crm"] = lambda call: call.answer(500)
    make_mql()
    for hours in (0, 24, 48, 71):
        delivering.deliver_due(AT + timedelta(hours=hours))
    destination.refresh_from_db()
    assert destination.is_active

    delivering.deliver_due(AT + timedelta(hours=73))

    destination.refresh_from_db()
    assert destination.disabled_reason.startswith("Nothing arrived there for 72 hours")


def test_one_that_keeps_failing_is_left_alone_then_asked_once(sink, destination):
    sink.behaviours["/crm"] = lambda call: call.answer(500)
    for _ in range(12):
        make_mql()
    delivering.deliver_due(AT)
    tried = len(ids(sink))
    assert tried <= 8 + standing.PATIENCE
    assert delivering.deliver_due(AT + timedelta(seconds=1)) == 0

    sink.behaviours.clear()
    delivering.deliver_due(AT + timedelta(hours=1))

    assert len(set(ids(sink))) == 12
    destination.refresh_from_db()
    assert (destination.failures, destination.paused_until) == (0, None)


def test_what_was_under_way_when_a_worker_died_goes_again_under_the_same_id(sink, destination):
    make_mql()
    delivery = Delivery.objects.get()
    assert delivering._take(delivery, AT)
    assert not delivering._take(Delivery(pk=delivery.pk, attempts=0, due_at=AT), AT)

    assert delivering.deliver_due(AT + timedelta(seconds=59)) == 0
    assert delivering.deliver_due(AT + timedelta(seconds=61)) == 1

    assert ids(sink) == [delivery.fact.uid]


def test_a_slow_one_does_not_keep_the_others_waiting(sink, destination):
    make_destination("Slow", [What.MQL], url=sink.url("/slow"))
    sink.behaviours["/slow"] = lambda call: (call.hang(2), call.answer(200))
    for _ in range(20):
        make_mql()

    assert delivering.deliver_due(AT) == 40

    first_slow, last_fast = sink.calls["/slow"][0][2], sink.calls["/crm"][-1][2]
    assert last_fast - first_slow < 2
    assert Counter(Delivery.objects.values_list("status", flat=True)) == {"delivered": 40}


def test_a_claimed_destination_is_left_to_whoever_has_it(sink, destination):
    make_mql()
    destination.claimed_until = AT + timedelta(seconds=5)
    destination.save()

    assert delivering.deliver_due(AT) == 0
    assert delivering.deliver_due(AT + timedelta(seconds=6)) == 1
    destination.refresh_from_db()
    assert destination.claimed_until is None


def test_both_secrets_sign_for_a_day_after_a_change(sink, destination):
    at, old = datetime.now(UTC), destination.secret
    new = standing.rotate(destination, by=make_user("admin"), at=at)
    make_mql()
    delivering.deliver_due(at)

    ((headers, body, _),) = sink.calls["/crm"]
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)
    destination.refresh_from_db()
    assert destination.secrets_at(at + timedelta(hours=25)) == [new]


def test_asked_to_wait_it_waits(sink, destination):
    sink.behaviours["/crm"] = lambda call: call.answer(429, Retry_After="300")
    make_mql()
    delivering.deliver_due(AT)

    assert Delivery.objects.get().due_at == AT + timedelta(seconds=300)


def test_a_blocked_address_is_not_tried_again(sink, destination, settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = False
    make_mql()

    delivering.deliver_due(AT)

    assert not sink.calls
    assert Delivery.objects.get().status == "failed"
    assert Attempt.objects.get().error.startswith("Blocked")


def test_sent_again_it_keeps_its_id(sink, destination):
    make_mql()
    delivering.deliver_due(AT)
    standing.send_again(Delivery.objects.get(), by=make_user("admin"), at=AT)
    delivering.deliver_due(AT)

    assert len(ids(sink)) == 2
    assert len(set(ids(sink))) == 1


def test_switched_on_again_it_gets_what_waited(sink, destination):
    make_mql()
    standing.switch_off(destination, "By hand", AT, by=make_user("admin"))
    assert delivering.deliver_due(AT) == 0

    standing.switch_on(destination, make_user("admin"), AT)
    assert delivering.deliver_due(AT) == 1


def test_a_test_goes_to_one_destination_only(sink, destination):
    make_destination("Other", [What.MQL], url=sink.url("/other"))

    outbox.announce_test(destination, AT)
    delivering.deliver_due(AT)

    assert json.loads(sink.calls["/crm"][0][1])["type"] == "leadflow.test"
    assert not sink.calls["/other"]


def test_a_channel_gets_a_sentence_with_a_link(sink):
    make_destination("Chat", [What.MQL], kind="slack", url=sink.url("/chat"))
    lead = make_mql(first_name="Maren <!here>").lead

    delivering.deliver_due(AT)

    ((headers, body, _),) = sink.calls["/chat"]
    text = json.loads(body)["text"]
    assert text.startswith("Maren &lt;!here&gt; is an MQL")
    assert f"/leads/{lead.pk}/|Open>" in text
    assert "webhook-signature" not in headers
