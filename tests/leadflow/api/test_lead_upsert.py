"""Leads by the hundred."""

import pytest

from leads.enums import Role
from leads.models import AuditEntry, Lead
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


def test_upsert_answers_for_each_row(api):
    known = make_lead(email="ada@x.test", job_title="CTO")
    rows = [
        {"email": "ADA@x.test", "job_title": "CEO", "first_name": "Ada"},
        {"email": "grace@x.test", "company_name": "Navy"},
        {"email": "a@b"},
        {"email": "b@x.test", "score": 99, "employees": "12"},
        {"email": "ada@x.test"},
    ]

    answer = api.post("leads/upsert/", {"leads": rows}).json()

    assert {name: answer[name] for name in ("created", "updated", "unchanged", "refused")} == {
        "created": 1, "updated": 1, "unchanged": 1, "refused": 2,
    }  # fmt: skip
    assert [row["result"] for row in answer["results"]] == [
        "updated", "created", "refused", "refused", "unchanged",
    ]  # fmt: skip
    assert [(error["pointer"], error["code"]) for error in answer["results"][3]["errors"]] == [
        ("/score", "unknown_field"), ("/employees", "wrong_type"),
    ]  # fmt: skip
    known.refresh_from_db()
    assert (known.job_title, known.first_name) == ("CTO", "Ada")
    assert AuditEntry.objects.get(action="leads.upsert").changes["created"] == [None, 1]


def test_upsert_overwrites_if_told_so(api):
    known = make_lead(email="ada@x.test", job_title="CTO")

    api.post("leads/upsert/", {"leads": [{"email": "ada@x.test", "job_title": "CEO"}], "overwrite": True})

    known.refresh_from_db()
    assert known.job_title == "CEO"


def test_upsert_costs_the_same_for_three_as_for_thirty(api, django_assert_max_num_queries):
    def post(count, start):
        rows = [{"email": f"p{start + n}@x.test", "company_name": f"C{start + n}"} for n in range(count)]
        return api.post("leads/upsert/", {"leads": rows})

    with django_assert_max_num_queries(60) as few:
        post(3, 0)
    with django_assert_max_num_queries(60) as many:
        assert post(30, 100).json()["created"] == 30

    assert len(many.captured_queries) <= len(few.captured_queries)
    assert Lead.objects.count() == 33


def test_upsert_of_too_many(api):
    response = api.post("leads/upsert/", {"leads": [{"email": "a@x.test"}] * 1001})

    assert (response.status_code, response.json()["code"]) == (413, "too_many")


@pytest.mark.parametrize(("role", "status"), [(Role.MARKETER, 200), (Role.MANAGER, 403), (Role.REP, 403)])
def test_upsert_is_for_those_who_see_all_leads(api_as, role, status):
    assert api_as(role).post("leads/upsert/", {"leads": [{"email": "a@x.test"}]}).status_code == status
