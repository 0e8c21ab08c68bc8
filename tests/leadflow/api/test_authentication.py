"""Keys, sessions, scopes, rates: who gets in, and what a stranger is told."""

from datetime import timedelta

import pytest
from django.test import Client

from leadflow.keys import revoke_key
from leadflow.models import ApiKey
from leads import clock
from leads.enums import Role
from tests.factories import make_key, make_lead, make_user
from tests.leadflow.api.conftest import Api

pytestmark = pytest.mark.django_db
LEADS = "/api/v1/leads/"


def test_stranger_is_told_how_to_sign_in():
    response = Client().get(LEADS)

    problem = response.json()
    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="Leadflow"')
    assert response["Content-Type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "code", "detail", "errors", "request_id"}
    assert (problem["code"], problem["request_id"]) == ("not_authenticated", response["X-Request-ID"])


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("Bearer lf_wrong", 401, "invalid_key"),
        ("Bearer", 401, "invalid_key"),
        ("Basic bGY6", 401, "invalid_key"),
        ("Bearer \udcff", 401, "invalid_key"),
        ("Bearer " + "x" * 5000, 401, "invalid_key"),
        ("Bearer one, Bearer two", 400, "repeated_header"),
    ],
)
def test_bad_header_is_refused(header, status, code):
    response = Client().get(LEADS, headers={"Authorization": header})

    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "token"])
def test_key_in_the_address_is_refused_with_a_hint(name):
    response = Client().get(LEADS, {name: make_key(make_user(Role.ADMIN))})

    assert (response.status_code, response.json()["code"]) == (401, "key_in_query")
    assert "header" in response.json()["detail"]


def test_revoked_expired_and_orphaned_keys_answer_alike(api):
    user = make_user(Role.ADMIN)
    expired = make_key(user, expires_at=clock.now() - timedelta(minutes=1))
    revoked = make_key(user)
    revoke_key(ApiKey.objects.get(user=user, expires_at=None), by=user, at=clock.now())
    orphan_user = make_user(Role.REP)
    orphaned = make_key(orphan_user)
    orphan_user.is_active = False
    orphan_user.save()

    answers = [Api(key).get("leads/") for key in (expired, revoked, orphaned)]

    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {
        (401, "The API key is not valid.")
    }


def test_refusal_names_the_scope_that_is_missing(api_as):
    response = api_as(Role.ADMIN, "leads:read").post("leads/", {"email": "a@x.test"})

    assert (response.status_code, response.json()["detail"]) == (403, "This needs the scope leads:write.")


def test_scope_opens_nothing_beyond_the_role(api_as):
    response = api_as(Role.REP, "leads:write").post("leads/", {"email": "a@x.test"})

    assert (response.status_code, response.json()["detail"]) == (
        403, "The user this key acts as may not do this.",
    )  # fmt: skip


def test_new_role_holds_from_the_next_request(api_as):
    client = api_as(Role.MARKETER)
    make_lead()
    assert len(client.get("leads/").json()["results"]) == 1

    client.user.role = Role.REP
    client.user.save()

    assert client.get("leads/").json()["results"] == []


def test_use_of_a_key_is_noted_now_and_then(api, django_assert_num_queries):
    api.get("me/")
    first = ApiKey.objects.get().last_used_at

    with django_assert_num_queries(1):
        api.get("me/")
    assert first is not None


def test_session_reads_and_needs_a_csrf_token_to_write():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(Role.ADMIN), "django.contrib.auth.backends.ModelBackend")

    assert client.get(LEADS).status_code == 200
    response = client.post(LEADS, {"email": "a@x.test"}, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (403, "application/problem+json")
    client.get("/api/v1/docs/")
    token = client.cookies["csrftoken"].value
    response = client.post(
        LEADS, {"email": "a@x.test"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert response.status_code == 201


def test_me_says_what_a_key_may(api_as):
    me = api_as(Role.REP, "handoffs:read", "events:write").get("me/").json()

    assert me["scopes"] == ["events:write", "handoffs:read"]
    assert me["actions"] == ["events.write", "handoffs.list", "me.read"]


def test_rate_is_limited_for_each_key(api, api_as, settings):
    settings.LEADFLOW_RATE_API = "2/min"

    answers = [api.get("me/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert 1 <= int(answers[2]["Retry-After"]) <= 60
    assert answers[2].json()["code"] == "throttled"
    assert api_as(api.user).get("me/").status_code == 200
