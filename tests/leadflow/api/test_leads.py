"""Leads over the API: who sees which, filters, pages, adding, changing."""

from datetime import timedelta

import pytest

from leadflow.lead_pages.life import MOST
from leads.enums import Role, Stage
from leads.models import AuditEntry, Company, Lead, Note
from tests.factories import AT, make_lead, make_team, make_user

pytestmark = pytest.mark.django_db


def emails(response):
    assert response.status_code == 200, response.json()
    return [row["email"] for row in response.json()["results"]]


def errors(response):
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


def test_list_shows_stage_scores_and_owner(api):
    rep = make_user(Role.REP, email="rep@x.test")
    make_lead(email="ada@x.test", owner=rep, score=71, fit_score=31, engagement_score=40, grade="A", band=4)

    (row,) = api.get("leads/", email=" ADA@x.test ").json()["results"]

    names = ("email", "stage", "status", "owner", "score", "fit_score", "engagement_score", "grade", "band")
    assert [row[name] for name in names] == [
        "ada@x.test", "lead", "active", "rep@x.test", 71, 31, 40, "A", 4,
    ]  # fmt: skip


def test_list_is_what_can_be_read(api_as):
    team, other = make_team(), make_team("South")
    rep = make_user(Role.REP, team=team)
    own, waiting = make_lead(owner=rep), make_lead(pool_team=team)
    far = make_lead(owner=make_user(Role.REP, team=other))
    free = make_lead()
    seen = {
        api_as(Role.MARKETER): {own, waiting, far, free},
        api_as(Role.MANAGER, team=team): {own, waiting},
        api_as(rep): {own},
        api_as(Role.MANAGER): set(),
    }

    for client, leads in seen.items():
        listed = {row["id"] for row in client.get("leads/").json()["results"]}
        assert listed == {lead.pk for lead in leads}
        for lead in (own, waiting, far, free):
            assert client.get(f"leads/{lead.pk}/").status_code == (200 if lead in leads else 404)


def test_missing_and_hidden_lead_answer_alike(api_as):
    client = api_as(Role.REP)
    hidden = make_lead()

    answers = [client.get(f"leads/{pk}/").json() | {"request_id": ""} for pk in (hidden.pk, 10**12)]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"stage": "mql"}, ["mql@x.test"]),
        ({"score_min": 50}, ["mql@x.test"]),
        ({"score_max": 49}, ["new@x.test"]),
        ({"source": "GOOGLE"}, ["new@x.test"]),
        ({"grade": "B"}, ["mql@x.test"]),
        ({"owner": "none"}, ["new@x.test"]),
        ({"owner": "rep@x.test"}, ["mql@x.test"]),
        ({"q": "grace"}, ["mql@x.test"]),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "\\"}, []),
        ({"q": "🙂"}, []),
        ({"q": "\u202e"}, []),
        ({"created_from": (AT + timedelta(hours=1)).isoformat()}, ["mql@x.test"]),
        ({"created_to": (AT + timedelta(hours=1)).isoformat()}, ["new@x.test"]),
        ({"email": "nobody@x.test"}, []),
        ({"ordering": "score"}, ["new@x.test", "mql@x.test"]),
        ({"ordering": "-score"}, ["mql@x.test", "new@x.test"]),
    ],
)
def test_list_filters(api, params, found):
    rep = make_user(Role.REP, email="rep@x.test")
    make_lead(email="new@x.test", source="Google", score=10)
    later = AT + timedelta(days=1)
    make_lead(
        email="mql@x.test", stage=Stage.MQL, owner=rep, score=70, grade="B", first_name="Grace", at=later
    )

    assert emails(api.get("leads/", **params)) == found


def test_pages_hold_every_lead_once_while_others_arrive(api):
    for n in range(7):
        make_lead(email=f"p{n}@x.test", at=AT + timedelta(minutes=n))
    first = api.get("leads/", page_size=3).json()
    make_lead(email="late@x.test", at=AT + timedelta(days=1))

    seen, page = first["results"], first
    while page["next"]:
        page = api.client.get(page["next"], headers=api.headers).json()
        seen += page["results"]

    assert [row["email"] for row in seen] == [f"p{n}@x.test" for n in reversed(range(7))]
    assert api.client.get(page["previous"], headers=api.headers).json()["results"] == seen[3:6]


def test_page_size_is_capped(api, django_assert_num_queries):
    for n in range(202):
        Lead.objects.create(email=f"p{n}@x.test", stage_since=AT, created_at=AT)

    assert len(api.get("leads/", page_size=10**9).json()["results"]) == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_two_queries_whatever_its_length(api, count, django_assert_num_queries):
    company = Company.objects.create(name="Acme", created_at=AT)
    for _ in range(count):
        make_lead(owner=make_user(Role.REP), company=company)
    api.get("leads/")

    with django_assert_num_queries(2):
        assert len(emails(api.get("leads/"))) == count


def test_post_adds_a_lead(api):
    body = {
        "email": " Ada@X.test",
        "stage": "lead",
        "job_title": "CTO",
        "company_name": "Acme",
        "source": "ads",
    }

    response = api.post("leads/", body)

    made = response.json()
    assert response.status_code == 201, made
    assert (response["Location"], response["ETag"]) == (made["url"], f'"{made["version"]}"')
    assert (made["email"], made["stage"], made["source"], made["company"]["name"]) == (
        "ada@x.test", "lead", "ads", "Acme",
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="lead.create")
    assert (entry.by, entry.via.split()[0], entry.object_id) == (api.user, "key", str(made["id"]))


def test_post_of_a_known_address_links_to_it_and_changes_nothing(api):
    known = make_lead(email="ada@x.test")

    response = api.post("leads/", {"email": "ADA@x.test", "job_title": "CTO"})

    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "duplicate")
    assert problem["lead"].endswith(f"/api/v1/leads/{known.pk}/")
    known.refresh_from_db()
    assert known.job_title == ""


def test_post_links_to_no_lead_of_another_team(api_as):
    make_lead(email="ada@x.test", owner=make_user(Role.REP, team=make_team("South")))

    response = api_as(Role.MANAGER, team=make_team()).post("leads/", {"email": "ada@x.test"})

    assert (response.status_code, response.json()["lead"]) == (409, None)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, [("/email", "no_contact")]),
        ({"email": "a@b"}, [("/email", "email_invalid")]),
        ({"email": "x" * 330 + "@x.test"}, [("/email", "max_length")]),
        (
            {"email": "a@x.test", "score": 99, "id": 1},
            [("/id", "unknown_field"), ("/score", "unknown_field")],
        ),
        ({"email": "a@x.test", "stage": "sql"}, [("/stage", "invalid_choice")]),
        ({"email": "a@x.test", "employees": 1.5}, [("/employees", "wrong_type")]),
        ({"email": "a@x.test", "employees": True}, [("/employees", "wrong_type")]),
        ({"email": "a@x.test", "is_student": "false"}, [("/is_student", "wrong_type")]),
        ({"email": "a@x.test", "first_name": None}, [("/first_name", "null_not_allowed")]),
        ({"email": "a@x.test", "first_name": "x" * 5000}, [("/first_name", "max_length")]),
        ({"email": "a@x.test", "first_name": "Ada\r\nBcc: x"}, [("/first_name", "line_break")]),
        ({"email": "a@x.test", "first_name": "A\x07"}, [("/first_name", "control_character")]),
        ({"email": "a@x.test", "first_name": "A\x00"}, [("/first_name", "nul_character")]),
        ({"email": "a@x.test", "country": "Atlantis"}, [("/country", "unreadable")]),
    ],
)
def test_post_refuses_what_cannot_be_kept(api, body, found):
    response = api.post("leads/", body)

    assert (response.status_code, errors(response)) == (422, found)
    assert not Lead.objects.exists()


def test_get_hides_contact_details_without_the_scope(api_as):
    lead = make_lead(email="ada@x.test", phone="+4930123456")

    row = api_as(Role.ADMIN, "leads:read").get(f"leads/{lead.pk}/").json()

    assert (row["email"], row["phone"], row["first_name"]) == (None, None, "")
    assert api_as(Role.ADMIN, "leads:read").get("leads/", q="ada").status_code == 403


def test_patch_changes_the_profile_and_its_version(api):
    lead = make_lead(job_title="CTO")

    response = api.patch(f"leads/{lead.pk}/", {"country": "DE", "next_step": "Call"}, If_Match='"1"')

    assert response.status_code == 200, response.json()
    lead.refresh_from_db()
    assert (lead.country, lead.next_step, response["ETag"]) == ("DE", "Call", f'"{lead.version}"')
    changes = AuditEntry.objects.get(action="lead.edit").changes
    assert (changes["country"], changes["next_step"]) == (["", "DE"], ["", "Call"])


def test_patch_needs_the_version_it_is_based_on(api):
    lead = make_lead(version=3)

    missing = api.patch(f"leads/{lead.pk}/", {"country": "DE"})
    stale = api.patch(f"leads/{lead.pk}/", {"country": "DE"}, If_Match='"2"')

    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_required")
    assert (stale.status_code, stale.json()["version"], stale["ETag"]) == (412, 3, '"3"')
    assert api.patch(f"leads/{lead.pk}/", {"country": "DE"}, If_Match="*").status_code == 200


def test_patch_sends_a_stage_through_the_door(api):
    lead = make_lead()

    skipping = api.patch(f"leads/{lead.pk}/", {"stage": "sql"}, If_Match="*")
    legal = api.patch(f"leads/{lead.pk}/", {"stage": "mql"}, If_Match="*")

    assert (skipping.status_code, skipping.json()["code"]) == (409, "illegal_transition")
    assert skipping.json()["allowed"] == ["mql"]
    assert (legal.status_code, errors(legal)) == (422, [("/stage", "use_move")])


def test_patch_of_the_owner_is_refused_by_field(api_as):
    rep = make_user(Role.REP)
    lead = make_lead(owner=rep)

    by_rep = api_as(rep).patch(f"leads/{lead.pk}/", {"owner": "other@x.test"}, If_Match="*")
    by_admin = api_as().patch(f"leads/{lead.pk}/", {"owner": "other@x.test"}, If_Match="*")

    assert (by_rep.status_code, errors(by_rep)) == (403, [("/owner", "forbidden_field")])
    assert (by_admin.status_code, errors(by_admin)) == (422, [("/owner", "use_reassign")])


def test_patch_to_the_address_of_another_lead_is_a_conflict(api):
    make_lead(email="ada@x.test")
    lead = make_lead()

    response = api.patch(f"leads/{lead.pk}/", {"email": "Ada@x.test"}, If_Match="*")

    assert (response.status_code, response.json()["code"]) == (409, "duplicate")


def test_timeline_leads_on_to_what_is_older(api_as):
    marketer = make_user(Role.MARKETER)
    client, lead = api_as(marketer), make_lead()
    Note.objects.bulk_create(
        Note(lead=lead, by=marketer, at=AT - timedelta(minutes=n), text=str(n)) for n in range(MOST + 3)
    )

    told, address = [], f"/api/v1/leads/{lead.pk}/timeline/"
    while address:
        part = client.client.get(address, headers=client.headers).json()
        told += [entry["detail"] for entry in part["results"] if entry["kind"] == "note"]
        address = part["next"]

    assert told == [str(n) for n in range(MOST + 3)]
