"""What real SDKs send: captured batches, and segment-analytics-python itself against a running server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from segment.analytics.client import Client as Segment

from leads.checks import CHECKS
from leads.models import EngagementDay, Event, Identity, IntakeBatch, Lead
from tests.factories import AT

WIRE = Path(__file__).parents[4] / "shared" / "data" / "sdk_wire.jsonl"


def wire():
    return [json.loads(line) for line in WIRE.read_text().splitlines()] if WIRE.exists() else []


@pytest.mark.skipif(not WIRE.exists(), reason="needs ../shared/data/sdk_wire.jsonl")
def test_captured_batches_are_taken_whole(sender):
    for request in wire():
        response = sender.post(request["body"], request["path"], HTTP_USER_AGENT="analytics-python/2.4.0")
        answer = response.json()
        assert (response.status_code, answer["accepted"]) == (200, len(request["body"]["batch"]))

    lead = Lead.objects.get()
    assert (lead.email, lead.first_name, lead.company.name, lead.employees) == (
        "pgibbons@initech.com", "Peter", "Initech", 329,
    )  # fmt: skip
    assert lead.stage == "lead"
    assert set(Identity.objects.values_list("kind", "value")) >= {("user", "lead-1"), ("anonymous", "anon-1")}
    assert not Event.objects.filter(lead=None).exists()
    assert set(EngagementDay.objects.values_list("signal__slug", "object_key", "count")) == {
        ("pricing_page", "/pricing", 3), ("visit", "Pricing", 1),
    }  # fmt: skip
    assert [finding for _, _, check in CHECKS for finding in check(AT)] == []


@pytest.mark.skipif(not WIRE.exists(), reason="needs ../shared/data/sdk_wire.jsonl")
def test_captured_batches_sent_again_are_all_duplicates(sender):
    for request in wire() * 2:
        sender.post(request["body"], request["path"])

    sizes = [len(request["body"]["batch"]) for request in wire()]
    assert list(IntakeBatch.objects.order_by("id").values_list("received", "duplicate")) == [
        *((size, 0) for size in sizes), *((size, size) for size in sizes),
    ]  # fmt: skip


@pytest.fixture
def segment(shop, live_server, hang_up):
    """Make unmodified clients that may not fail; flushed and closed at the end."""
    sender, clients, errors = shop(), [], []

    def make(**options):
        client = Segment(
            sender.key, host=live_server.url, on_error=lambda error, batch: errors.append(error), **options
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.flush()
        if client.consumers:
            client.join()
    assert errors == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"sync_mode": True}])
def test_segment_client_is_understood(segment, options):
    client = segment(**options)
    client.page(anonymous_id="a-1", name="Pricing", properties={"url": "https://us.test/pricing?x=1"})
    client.identify("u-1", {"email": "Ann@Acme.test", "firstName": "Ann", "title": "CTO"}, anonymous_id="a-1")
    client.track("u-1", "Demo Requested", {"product": "Lineage", "message": "Söhne 😀"})
    client.group("u-1", "g-1", {"name": "Acme", "employees": 50})
    client.alias("a-1", "u-1")
    client.screen("u-1", name="Home")
    client.flush()

    lead = Lead.objects.get()
    assert (lead.email, lead.job_title, lead.employees, lead.stage) == ("ann@acme.test", "CTO", 50, "lead")
    assert set(EngagementDay.objects.values_list("signal__slug", "object_key")) == {
        ("pricing_page", "/pricing"), ("demo_request", "Lineage"), ("screen", "Home"),
    }  # fmt: skip
    assert Event.objects.get(type="track").properties["message"] == "Söhne 😀"
    assert Event.objects.exclude(lead=lead).count() == 0


@pytest.mark.django_db(transaction=True)
def test_segment_client_waits_out_the_rate_limit(segment, settings):
    settings.LEADFLOW_RATE_EVENTS = "4/s"
    client = segment(upload_size=2)

    for n in range(8):
        client.track("u-1", "Chat", message_id=f"m-{n}")
    client.flush()

    assert Event.objects.count() == 8
    assert IntakeBatch.objects.count() == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hang_up")
def test_segment_client_is_told_its_key_is_wrong(shop, live_server, caplog):
    shop()
    errors = []
    client = Segment(
        "wk_wrong", host=live_server.url, on_error=lambda error, batch: errors.append(error.status)
    )
    client.track("u-1", "Chat")
    client.flush()
    client.join()

    assert errors == [401]
    assert not Event.objects.exists()
