"""Idempotency-Key: one effect and one answer, however often and in whatever order a request comes."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from leadflow.api import idempotency
from leadflow.models import IDEMPOTENCY_KEPT, IdempotencyRecord
from leads import clock
from leads.enums import Role
from leads.models import Lead
from tests.factories import make_key, make_lead, make_user
from tests.leadflow.api.conftest import Api

NEW = {"email": "ada@x.test"}


@pytest.mark.django_db
def test_repeat_gets_the_same_answer_and_no_second_effect(api):
    first = api.post("leads/", NEW, Idempotency_Key="k1")
    again = api.post("leads/", NEW, Idempotency_Key="k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (again["Location"], again["ETag"], again["Idempotency-Replayed"]) == (
        first["Location"], first["ETag"], "true",
    )  # fmt: skip
    assert Lead.objects.count() == 1


@pytest.mark.django_db
def test_refusal_is_repeated_too(api):
    first = api.post("leads/", {"email": "a@b"}, Idempotency_Key="k1")
    again = api.post("leads/", {"email": "a@b"}, Idempotency_Key="k1")

    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert again["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"), [("leads/", {"email": "grace@x.test"}), ("opportunities/", NEW), ("leads/", {})]
)
def test_other_request_with_the_same_key_is_refused(api, path, body):
    api.post("leads/", NEW, Idempotency_Key="k1")

    response = api.post(path, body, Idempotency_Key="k1")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.django_db
def test_key_belongs_to_the_credential(api_as):
    for client in (api_as(), api_as()):
        assert client.post("leads/", NEW, Idempotency_Key="k1").status_code in (201, 409)

    assert IdempotencyRecord.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_bad_key_is_refused(api, key):
    response = api.post("leads/", NEW, Idempotency_Key=key)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")
    assert not Lead.objects.exists()


def running(client, age=timedelta(0)):
    """Leave a record as a process that died, or has not finished, leaves it."""
    client.post("leads/", NEW, Idempotency_Key="k1")
    Lead.objects.all().update(email="gone@x.test")
    IdempotencyRecord.objects.update(status=None, body="", claimed_at=clock.now() - age)


@pytest.mark.django_db
def test_request_still_running_is_a_conflict(api):
    running(api)

    response = api.post("leads/", NEW, Idempotency_Key="k1")

    assert (response.status_code, response.json()["code"]) == (409, "request_in_progress")
    assert response["Retry-After"] == "2"


@pytest.mark.django_db
def test_abandoned_request_is_taken_over(api):
    running(api, age=idempotency.STALE + timedelta(seconds=1))

    assert api.post("leads/", NEW, Idempotency_Key="k1").status_code == 201
    assert IdempotencyRecord.objects.get().status == 201


@pytest.mark.django_db
def test_effect_is_undone_when_somebody_took_the_request_over(api, monkeypatch):
    finish = idempotency._finish

    def taken_over_first(record, response):
        IdempotencyRecord.objects.update(claim="another")
        finish(record, response)

    monkeypatch.setattr(idempotency, "_finish", taken_over_first)

    assert api.post("leads/", NEW, Idempotency_Key="k1").status_code == 409
    assert not Lead.objects.exists()


@pytest.mark.django_db
def test_crash_leaves_nothing_behind(api, monkeypatch):
    monkeypatch.setattr("leadflow.api.views.leads.audit", lambda *args, **kwargs: 1 / 0)

    assert api.post("leads/", NEW, Idempotency_Key="k1").status_code == 500

    assert (Lead.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_answer_is_forgotten_after_a_day(api):
    api.post("leads/", NEW, Idempotency_Key="k1")
    IdempotencyRecord.objects.update(claimed_at=clock.now() - IDEMPOTENCY_KEPT - timedelta(seconds=1))

    assert api.post("leads/", NEW, Idempotency_Key="k1").status_code == 409  # the lead is there
    assert IdempotencyRecord.objects.count() == 1


@pytest.mark.django_db
def test_patch_honours_it_too(api):
    lead = make_lead()

    answers = [
        api.patch(f"leads/{lead.pk}/", {"country": "DE"}, If_Match='"1"', Idempotency_Key="k1")
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer at a time"
)
def test_of_many_at_once_one_has_an_effect():
    key = make_key(make_user(Role.ADMIN))
    start, answers = threading.Barrier(6), []

    def call():
        start.wait()
        answers.append(Api(key).post("leads/", NEW, Idempotency_Key="k1").status_code)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Lead.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer at a time"
)
def test_of_many_creates_at_once_one_wins_and_the_others_get_its_link():
    key = make_key(make_user(Role.ADMIN))
    start, answers = threading.Barrier(6), []

    def call():
        start.wait()
        answers.append(Api(key).post("leads/", NEW))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    link = next(answer["Location"] for answer in answers if answer.status_code == 201)
    assert {answer.json()["lead"] for answer in answers if answer.status_code == 409} == {link}
