"""Requests as they should not be, and the answer each gets: the corpus of bad input for the API (rows 70 to 85)."""

import json

import pytest
from django.test import Client

from leads.enums import Role, Stage
from tests.factories import make_lead, make_team, make_user
from tests.leadflow.api.conftest import ROOT

pytestmark = pytest.mark.django_db


def outcome(response):
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert problem["status"] == response.status_code
    return response.status_code, problem["code"]


@pytest.mark.parametrize(
    "path",
    ["leads/abc/", "leads/7d444840-9dc0-11d1-b245-5ffdce74fad2/", "leads/99999999999999999999999/", "leads/-1/",
     "leads/../admin/", "leads/9223372036854775808/", "leads/0/", "nothing/", "leads/1/nothing/", "definitions/0/"],
)  # fmt: skip
def test_address_of_nothing(api, path):
    assert outcome(api.get(path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("params", "pointer", "code"),
    [
        ({"page": "0"}, "?page", "unknown_parameter"),
        ({"page": "-1"}, "?page", "unknown_parameter"),
        ({"page_size": "abc"}, "?page_size", "invalid"),
        ({"page_size": "0"}, "?page_size", "number_out_of_range"),
        ({"page_size": "9" * 2000}, "?page_size", "number_out_of_range"),
        ({"cursor": "abc"}, "?cursor", "invalid_cursor"),
        ({"cursor": "WzAsbnVsbF0"}, "?cursor", "invalid_cursor"),
        ({"cursor": "x" * 501}, "?cursor", "max_length"),
        ({"ordering": "owner__password"}, "?ordering", "invalid_choice"),
        ({"score__regex": "(a+)+$"}, "?score__regex", "unknown_parameter"),
        ({"_connector": "OR"}, "?_connector", "unknown_parameter"),
        ({"unknown": "1"}, "?unknown", "unknown_parameter"),
        ({"owner__email": "x"}, "?owner__email", "unknown_parameter"),
        ({"created_from": "2026-13-01"}, "?created_from", "invalid"),
        (
            {"created_from": "2026-05-01T00:00Z", "created_to": "2026-04-01T00:00Z"},
            "?created_from",
            "empty_span",
        ),
        ({"score_min": "80", "score_max": "20"}, "?score_min", "empty_span"),
        ({"score_min": "101"}, "?score_min", "number_out_of_range"),
        ({"company": "9223372036854775808"}, "?company", "number_out_of_range"),
        ({"q": "x" * 10_000}, "?q", "max_length"),
        ({"q": "a\x00b"}, "?q", "nul_character"),
        ({"email": "a@b"}, "?email", "invalid"),
        ({"stage": "mql\x00"}, "?stage", "invalid_choice"),
        ({"stage": ["lead", "mql"]}, "?stage", "repeated_parameter"),
        ({"email": ["a@x.test", "b@x.test"]}, "?email", "repeated_parameter"),
    ],
)
def test_parameter_that_cannot_be_used(api, params, pointer, code):
    response = api.get("leads/", **params)

    assert outcome(response) == (400, "invalid_parameter")
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'"x"', 400, "wrong_type"),
        (b"null", 400, "wrong_type"),
        (b"[]", 400, "wrong_type"),
        (b" ", 400, "empty_body"),
        (b'{"employees": NaN}', 400, "invalid_number"),
        (b'{"email": "a@x.test", "email": "b@x.test"}', 400, "duplicate_key"),
        (b"[" * 10_000, 400, "too_deep"),
        (b'{"a":' * 10_000, 400, "too_deep"),
        (b'{"employees": ' + b"9" * 5000 + b"}", 400, "number_out_of_range"),
        (b'{"employees": 1e999}', 422, "number_out_of_range"),
        (b'{"employees": 9223372036854775808}', 422, "number_out_of_range"),
        (b'{"first_name": "\xff"}', 400, "not_utf8"),
        ('{"first_name": "a"}'.encode("utf-16"), 400, "not_utf8"),
        (b'{"first_name": "\\ud800"}', 422, "invalid_text"),
        (b'{"first_name": "\\u0000"}', 422, "nul_character"),
        (b'{"' + b"k" * 129 + b'": 1}', 422, "key_too_long"),
        (b"{" + b" " * (1024 * 1024) + b"}", 413, "too_large"),
    ],
)
def test_body_that_cannot_be_used(api, body, status, code):
    assert outcome(api.post("leads/", body)) == (status, code)


def test_body_may_begin_with_a_byte_order_mark(api):
    assert api.post("leads/", b'\xef\xbb\xbf{"email": "a@x.test"}').status_code == 201


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
def test_body_of_another_kind(api, kind):
    response = api.client.post(ROOT + "leads/", b"x", content_type=kind, headers=api.headers)

    assert outcome(response) == (415, "unsupported_media_type")


def test_packed_body(api):
    assert outcome(api.post("leads/", b"{}", Content_Encoding="gzip")) == (415, "unsupported_encoding")


def test_answer_in_another_form(api):
    assert outcome(api.client.get(ROOT + "leads/", headers=api.headers | {"Accept": "application/xml"})) == (
        406, "not_acceptable",
    )  # fmt: skip
    assert outcome(api.get("leads/", format="admin")) == (404, "not_found")
    assert api.get("leads/", format="json").status_code == 200


@pytest.mark.parametrize("method", ["put", "delete", "options", "trace"])
def test_method_that_is_not_there(api, method):
    response = getattr(api.client, method)(ROOT + "leads/", headers=api.headers)

    assert (*outcome(response), response["Allow"]) == (405, "method_not_allowed", "GET, HEAD, POST")


def test_method_override_is_ignored(api):
    lead = make_lead()

    response = api.client.get(
        ROOT + f"leads/{lead.pk}/", headers=api.headers | {"X-HTTP-Method-Override": "PATCH"}
    )

    assert response.status_code == 200


def test_forged_host_and_address_are_not_believed(api):
    assert api.client.get(ROOT + "leads/", headers=api.headers | {"Host": "evil.test"}).status_code == 400
    make_lead()
    make_lead()
    page = api.client.get(
        ROOT + "leads/?page_size=1", headers=api.headers | {"X-Forwarded-Host": "evil.test"}
    ).json()
    assert page["next"].startswith("http://testserver/")


def test_head_is_answered_like_get(api):
    response = api.client.head(ROOT + "leads/", headers=api.headers)

    assert (response.status_code, response.content) == (200, b"")


def test_bulk_of_too_many(api_as):
    user = make_user(Role.MARKETER)
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    body = json.dumps({"to": "disqualified", "reason": "Old", "ids": list(range(1, 10_002))})

    response = client.post(ROOT + "leads/move/", body, content_type="application/json")

    assert outcome(response) == (413, "too_many")


def test_bulk_answers_for_each_and_hides_what_is_not_yours():
    team = make_team()
    client = Client()
    manager = make_user(Role.MANAGER, team=team)
    client.force_login(manager, "django.contrib.auth.backends.ModelBackend")
    rep = make_user(Role.REP, team=team)
    good, done = make_lead(owner=rep), make_lead(owner=rep, stage=Stage.WON)
    hidden = make_lead(owner=make_user(Role.REP, team=make_team("South")))
    ids = [good.pk, done.pk, hidden.pk, 10**15, good.pk]
    body = json.dumps({"to": "mql", "reason": "Met at the fair", "ids": ids})

    answer = client.post(ROOT + "leads/move/", body, content_type="application/json").json()

    assert (answer["done"], answer["refused"]) == (1, 3)
    assert [(row["id"], row["code"]) for row in answer["results"]] == [
        (good.pk, ""), (done.pk, "illegal_transition"), (hidden.pk, "not_found"), (10**15, "not_found"),
    ]  # fmt: skip
    assert answer["results"][2] | {"id": 0} == answer["results"][3] | {"id": 0}
    good.refresh_from_db()
    assert (good.stage, good.cycles.get().rule) == ("mql", "manual")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"to": "sql", "reason": "x", "ids": [1]}, "/to", "invalid_choice"),
        ({"to": "mql", "ids": [1]}, "/reason", "required"),
        ({"to": "mql", "reason": " ", "ids": [1]}, "/reason", "blank"),
        ({"to": "mql", "reason": "x", "ids": []}, "/ids", "empty"),
        ({"to": "mql", "reason": "x", "ids": ["1"]}, "/ids/0", "wrong_type"),
        ({"to": "mql", "reason": "x", "ids": [1], "wake_on": "2027-01-01"}, "/wake_on", "not_for_this"),
    ],
)
def test_bulk_that_cannot_be_meant(body, field, code):
    client = Client()
    client.force_login(make_user(Role.ADMIN), "django.contrib.auth.backends.ModelBackend")

    response = client.post(ROOT + "leads/move/", json.dumps(body), content_type="application/json")

    assert outcome(response) == (422, "invalid")
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(field, code)]
