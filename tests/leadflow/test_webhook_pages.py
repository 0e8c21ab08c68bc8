"""Webhooks as pages and through the API."""

from datetime import timedelta

import pytest
from django.test import Client

from handoff import delivering, outbox
from handoff.destinations import addresses
from handoff.outgoing import Delivery, Destination, What
from leads.enums import Role
from leads.models import AuditEntry, Organisation
from tests.factories import AT, make_mql, make_user
from tests.handoff.sink import running
from tests.handoff.test_outbox import make_destination

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"
PUBLIC = "93.184.216.34"


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(addresses, "_lookup", lambda place: [place.host if ":" in place.host else PUBLIC])
    Organisation.current()
    client = Client()
    client.force_login(make_user(Role.ADMIN, name="Ada"), "django.contrib.auth.backends.ModelBackend")
    return client


def form(**changes):
    return {
        "name": "CRM", "kind": "webhook", "url": "https://crm.example/hooks/very-secret", "events": ["lead.mql"],
        "password": PASSWORD, **changes,
    }  # fmt: skip


def test_the_secret_is_shown_once_and_the_address_never(client):
    response = client.post("/webhooks/new/", form())

    made = Destination.objects.get()
    assert made.secret == response.context["secret"]
    assert made.secret.startswith("whsec_")
    assert "no-store" in response["Cache-Control"]
    for path in ("/webhooks/", f"/webhooks/{made.pk}/", f"/webhooks/{made.pk}/edit/", "/api/v1/webhooks/"):
        page = client.get(path).content.decode()
        assert "crm.example" in page
        assert made.secret not in page
        assert "very-secret" not in page
    entry = AuditEntry.objects.get(action="webhook.create")
    assert "very-secret" not in str(entry.changes)
    assert made.secret not in str(entry.changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "wrong"}, "password"), ({"name": ""}, "name"), ({"events": []}, "events"),
        ({"events": ["lead.eaten"]}, "events"), ({"kind": "fax"}, "kind"), ({"url": ""}, "url"),
        ({"url": "http://crm.example/"}, "url"), ({"url": "https://u:p@crm.example/"}, "url"),
        ({"url": "https://crm.example:22/"}, "url"), ({"url": "https://[::1]/"}, "url"), ({"url": "x" * 3000}, "url"),
    ],
)  # fmt: skip
def test_wrong_input_is_answered_beside_its_field_and_kept(client, changes, field):
    response = client.post("/webhooks/new/", form(**changes))

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Destination.objects.exists()


def test_a_name_is_used_once(client):
    make_destination()

    assert list(client.post("/webhooks/new/", form()).context["form"].errors) == ["name"]


def test_a_channel_has_no_secret_to_show(client):
    response = client.post("/webhooks/new/", form(kind="slack", name="Chat"))

    made = Destination.objects.get()
    assert response.url == f"/webhooks/{made.pk}/"
    assert made.secret == ""
    assert client.get(f"/webhooks/{made.pk}/confirm/rotate/").status_code == 404


def test_changing_keeps_the_address_and_listens_to_new_events_from_now(client):
    row = make_destination(events=[What.MQL], url="https://crm.example/one")
    since = row.listening_since

    client.post(f"/webhooks/{row.pk}/edit/", form(name="Deals", url="", events=[What.WON, What.MQL]))

    row.refresh_from_db()
    assert (row.name, row.url) == ("Deals", "https://crm.example/one")
    assert sorted(row.events) == [What.MQL, What.WON]
    assert row.listening_since > since
    assert AuditEntry.objects.filter(action="webhook.edit").exists()


def test_secret_on_off_and_removal_ask_for_the_password(client):
    row = make_destination()
    old = row.secret

    assert client.post(f"/webhooks/{row.pk}/confirm/rotate/", {"password": "wrong"}).status_code == 422
    shown = client.post(f"/webhooks/{row.pk}/confirm/rotate/", {"password": PASSWORD}).context["secret"]
    client.post(f"/webhooks/{row.pk}/do/switch-off/")
    row.refresh_from_db()
    assert (row.secret, row.old_secret, row.is_active) == (shown, old, False)
    assert "Switched off by Ada" in client.get(f"/webhooks/{row.pk}/").content.decode()

    client.post(f"/webhooks/{row.pk}/confirm/switch-on/", {"password": PASSWORD})
    row.refresh_from_db()
    assert row.is_active
    client.post(f"/webhooks/{row.pk}/confirm/remove/", {"password": PASSWORD})
    assert not Destination.objects.exists()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"webhook.rotate", "webhook.disable", "webhook.enable", "webhook.delete"} <= actions


def test_a_test_shows_what_was_answered_and_can_be_sent_again(client, settings):
    settings.LEADFLOW_ALLOW_LOCAL_WEBHOOKS = True
    with running() as sink:
        sink.behaviours["/crm"] = lambda call: call.answer(500, b"<b>out of order</b>")
        row = make_destination(url=sink.url("/crm"))
        path = client.post(f"/webhooks/{row.pk}/do/test/").url
        addresses_found = addresses._lookup
        addresses._lookup = lambda place: [place.host]
        delivering.deliver_due()
        page = client.get(path).content.decode()
        assert "&lt;b&gt;out of order" in page
        assert "It answered 500." in page

        sink.behaviours.clear()
        client.post(f"{path}resend/")
        delivering.deliver_due()
        addresses._lookup = addresses_found

    assert "Delivered" in client.get(path).content.decode()
    assert len({h["webhook-id"] for h, _, _ in sink.calls["/crm"]}) == 1


def test_what_was_given_up_is_listed_and_sent_again(client):
    row = make_destination(events=[What.MQL])
    make_mql(), make_mql()
    Delivery.objects.update(status="failed", due_at=None)

    page = client.get(f"/webhooks/{row.pk}/?status=failed").content.decode()
    client.post(f"/webhooks/{row.pk}/do/retry/")

    assert page.count('data-tone="bad"') == 2
    assert Delivery.objects.filter(status="waiting", attempts=0).count() == 2


def test_what_waits_for_a_webhook_that_is_off_promises_no_try(client):
    row = make_destination(events=[What.MQL])
    make_mql(), make_mql()
    tried, fresh = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=tried.pk).update(attempts=2)
    assert "Next try" in client.get(f"/webhooks/{row.pk}/").content.decode()

    Destination.objects.update(is_active=False, disabled_reason="Off.")

    page = client.get(f"/webhooks/{row.pk}/").content.decode()
    assert page.count("Kept until it is on again") == 2
    assert "Next try" not in page
    of_one = client.get(f"/webhooks/deliveries/{fresh.pk}/").content.decode()
    assert "Nothing is sent while the webhook is off." in of_one


@pytest.mark.parametrize(
    ("path", "most"), [("/webhooks/", 6), ("/webhooks/{pk}/", 8), ("/api/v1/webhooks/", 4)]
)
def test_as_many_queries_for_three_rows_as_for_one(client, django_assert_max_num_queries, path, most):
    row = make_destination(events=[What.MQL])
    outbox.announce_test(row, AT), make_mql()
    path = path.format(pk=row.pk)
    client.get(path)
    with django_assert_max_num_queries(most) as one:
        client.get(path)
    make_destination("B", [What.MQL]), make_destination("C"), make_mql(), make_mql()
    with django_assert_max_num_queries(most) as three:
        assert client.get(path).status_code == 200

    assert len(three) == len(one)


def test_the_api_lists_deliveries_by_state(client):
    row = make_destination(events=[What.MQL], at=AT - timedelta(hours=1))
    lead = make_mql().lead

    answer = client.get(f"/api/v1/webhooks/{row.pk}/deliveries/?status=waiting").json()

    (one,) = answer["results"]
    assert (one["event"], one["lead"], one["status"]) == ("lead.mql", lead.pk, "waiting")
    assert client.get(f"/api/v1/webhooks/{row.pk}/deliveries/?status=failed").json()["results"] == []
    assert client.get("/api/v1/webhooks/999/deliveries/").status_code == 404


@pytest.mark.parametrize("path", ["?cursor=x", "?status=x", "?status=waiting&cursor="])
def test_nonsense_in_the_address_is_no_fault(client, path):
    row = make_destination()

    assert client.get(f"/webhooks/{row.pk}/{path}").status_code in (200, 400)


def test_unknown_deeds_and_things_are_not_found(client):
    row = make_destination()
    for path in (f"/webhooks/{row.pk}/do/eat/", f"/webhooks/{row.pk}/confirm/eat/", "/webhooks/999/do/test/"):
        assert client.post(path).status_code == 404
