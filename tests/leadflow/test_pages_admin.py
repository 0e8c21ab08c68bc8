"""API keys, audit log, operations and search as pages."""

from datetime import timedelta

import pytest
from django.test import Client

from leadflow import operations
from leadflow.demo.rebase import mark_present
from leadflow.heartbeat import beat
from leadflow.keys import find_key
from leadflow.models import ApiKey
from leads import clock
from leads.audit import audit
from leads.enums import Role
from leads.models import AuditEntry, Company, DeadLetter, IntakeBatch, Lead
from scoring.models import PendingScore
from tests.factories import make_key, make_lead, make_mql, make_rep, make_source, make_user

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
PASSWORD = "correct horse"  # as tests/factories.py gives everybody


@pytest.fixture
def admin():
    return make_user(Role.ADMIN, name="Ada")


@pytest.fixture
def client(admin):
    client = Client()
    client.force_login(admin, BACKEND)
    return client


def key_form(acts_as, **changes):
    return {
        "name": "CRM", "user": acts_as.pk, "scopes": ["leads:read"], "days": "30", "password": PASSWORD,
    } | changes  # fmt: skip


def test_key_is_shown_once(client):
    rep = make_user(Role.REP)

    response = client.post("/api-keys/new/", key_form(rep))

    secret = response.context["secret"]
    key = find_key(secret)
    assert (key.user, key.scopes, key.created_by.name) == (rep, ["leads:read"], "Ada")
    assert key.expires_at - key.created_at == timedelta(days=30)
    assert "no-store" in response["Cache-Control"]
    page = client.get("/api-keys/").content.decode()
    assert (key.prefix in page, secret in page) == (True, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "wrong"}, "password"),
        ({"password": ""}, "password"),
        ({"password": "x" * 5000}, "password"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["leads:fly"]}, "scopes"),
        ({"name": " "}, "name"),
        ({"user": 999}, "user"),
        ({"days": "7"}, "days"),
    ],
)
def test_key_that_cannot_be_made(client, admin, changes, field):
    response = client.post("/api-keys/new/", key_form(admin, **changes))

    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])
    assert not ApiKey.objects.exists()


def test_key_is_revoked_with_the_password_only(client, admin):
    secret = make_key(admin)
    key = ApiKey.objects.get()

    wrong = client.post(f"/api-keys/{key.pk}/revoke/", {"password": "wrong"})
    assert (wrong.status_code, find_key(secret)) == (422, key)
    client.post(f"/api-keys/{key.pk}/revoke/", {"password": PASSWORD})

    assert find_key(secret) is None
    assert AuditEntry.objects.filter(action="apikey.revoke").count() == 1


def test_audit_page_shows_before_and_after(client, admin):
    lead = make_lead(first_name="Grace", last_name="Hopper")
    audit("lead.edit", lead, by=admin, at=clock.now(), changes={"country": ("", "DE")}, via="key 7 CRM")

    page = client.get("/audit/").content.decode()

    for words in ("lead.edit", "Grace Hopper", "country", "DE", "key 7 CRM"):
        assert words in page
    assert "Nothing was changed yet" in client.get("/audit/?object_type=rep").content.decode()


@pytest.mark.parametrize("query", ["?cursor=nonsense", "?object_id=%00"])
def test_audit_page_survives_nonsense(client, query):
    assert client.get(f"/audit/{query}").status_code in (302, 400)


def test_audit_pages_follow_one_another(client, admin):
    for n in range(60):
        audit("lead.edit", by=admin, at=clock.now(), label=f"entry {n:02}")

    first = client.get("/audit/")
    second = client.get("/audit/" + first.context["next_url"])

    assert "entry 59" in first.content.decode()
    assert [row.label for row in second.context["page"].rows] == [
        f"entry {n:02}" for n in reversed(range(10))
    ]


def test_operations_page_tells_what_waits_and_what_failed(client):
    at = clock.now()
    lead = make_lead(first_name="Poison")
    PendingScore.objects.all().delete()
    PendingScore.objects.create(
        lead=lead, day=at.date(), created_at=at, attempts=5, set_aside="ZeroDivisionError: division by zero"
    )
    PendingScore.objects.create(lead=lead, day=at.date(), created_at=at - timedelta(hours=2))
    batch = IntakeBatch.objects.create(
        received_at=at, received=3, counted=1, rejected=2, reasons={"rejected:no_identity": 2}
    )
    DeadLetter.objects.create(batch=batch, index=0, code="no_identity")
    beat("worker-1", at=at - timedelta(hours=1))
    mark_present(at)
    make_mql(at=at)

    page = client.get("/operations/").content.decode()

    for words in ("Poison", "ZeroDivisionError", "no_identity", "worker-1", "Silent", "Score them again"):
        assert words in page
    assert [worker["name"] for worker in operations.workers(at)] == ["worker-1"]  # making the demo is none


def test_operations_retries_what_was_set_aside(client):
    lead, at = make_lead(), clock.now()
    mark = PendingScore.objects.create(
        lead=lead, day=at.date(), created_at=at, attempts=5, set_aside="Error", not_before=at
    )

    response = client.post("/operations/retry/scores/")

    mark.refresh_from_db()
    assert (response.status_code, mark.set_aside, mark.attempts) == (302, "", 0)
    assert AuditEntry.objects.get(action="scores.retry").changes == {"leads": [None, 1]}


def test_operations_page_of_an_empty_installation(client):
    page = client.get("/operations/").content.decode()

    assert "Nothing failed." in page
    assert "No worker was seen" in page


@pytest.mark.parametrize("count", [1, 3])
def test_operations_page_costs_the_same_whatever_there_is(client, count, django_assert_max_num_queries):
    at = clock.now()
    for n in range(count):
        beat(f"worker-{n}", at=at)
        IntakeBatch.objects.create(received_at=at - timedelta(days=n), received=1, counted=1)
        make_mql(at=at)
    client.get("/operations/")

    with django_assert_max_num_queries(29):
        client.get("/operations/")


@pytest.mark.parametrize(
    ("q", "found"),
    [("grace", 1), ("GRACE hop", 1), ("acme", 1), ("grace@", 1), ("%", 0), ("_", 0), ("nobody", 0), ("", 0),
     ("\u202e", 0), ("🙂", 0)],
)  # fmt: skip
def test_search_finds_by_the_start_of_words(client, q, found):
    company = Company.objects.create(name="Acme", created_at=clock.now())
    make_lead(first_name="Grace", last_name="Hopper", email="grace@x.test", company=company)
    make_lead(first_name="Ada")

    response = client.get("/search/", {"q": q})

    assert (response.status_code, len(response.context["leads"])) == (200, found)


@pytest.mark.parametrize("q", ["x" * 201, "a\x00b"])
def test_search_refuses_what_cannot_be_searched_for(client, q):
    assert client.get("/search/", {"q": q}).status_code == 400


def test_search_keeps_to_the_leads_one_may_see():
    rep = make_rep("Rita")
    mine, other = make_lead(first_name="Grace", owner=rep.user), make_lead(first_name="Grace")
    client = Client()
    client.force_login(rep.user, BACKEND)

    assert client.get("/search/", {"q": "grace"}).context["leads"] == [mine]
    assert Lead.objects.get(pk=other.pk)


@pytest.mark.parametrize("count", [1, 3])
def test_search_costs_the_same_for_one_as_for_three(client, count, django_assert_num_queries):
    for _ in range(count):
        make_lead(first_name="Grace", owner=make_user(Role.REP))

    client.get("/search/", {"q": "grace"})

    with django_assert_num_queries(6):  # session, user, organisation, counts, saved views, the leads
        client.get("/search/", {"q": "grace"})


def test_operations_sends_refused_items_again(client):
    batch = IntakeBatch.objects.create(
        source=make_source(), received_at=clock.now(), received=2, rejected=2, reasons={"rejected:x": 2}
    )
    good = '{"type": "track", "event": "Pricing Viewed", "anonymousId": "a-1", "messageId": "m-1"}'
    for index, item in enumerate((good, "{")):
        DeadLetter.objects.create(batch=batch, index=index, code="no_identity", item=item)

    response = client.post("/operations/retry/letters/", {"code": "no_identity"}, follow=True)

    assert "1 of 2 are accepted now." in response.content.decode()
    assert [letter.retried_at is None for letter in DeadLetter.objects.order_by("index")] == [False, True]
