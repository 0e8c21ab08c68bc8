"""Handoffs over the API: the rep decides, the manager reassigns, and whoever is slower is told."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

import scoring
from handoff import routing
from handoff.models import Handoff, HandoffStatus, Opportunity
from leads import clock
from leads.enums import Role, Stage
from leads.lifecycle import move_to_stage
from leads.models import AuditEntry
from tests.factories import make_definition, make_mql, make_offer, make_pool, make_rep, make_team

pytestmark = pytest.mark.django_db
STANDARD = Path(scoring.__file__).parent / "standard.json"


@pytest.fixture
def offer():
    return make_offer(make_rep("Rita"), at=clock.now())


def status_of(handoff):
    handoff.refresh_from_db()
    return handoff.status


def test_list_is_the_reps_own_and_what_can_be_read(api_as, offer):
    other = make_rep("Otto", team=make_team("South"))
    clients = {
        api_as(offer.rep.user): [offer.pk],
        api_as(other.user): [],
        api_as(Role.MANAGER, team=offer.rep.user.team): [offer.pk],
        api_as(Role.MANAGER, team=other.user.team): [],
        api_as(Role.MARKETER): [],
        api_as(Role.ADMIN): [offer.pk],
    }

    for client, seen in clients.items():
        assert [row["id"] for row in client.get("handoffs/").json()["results"]] == seen
        assert client.get(f"handoffs/{offer.pk}/").status_code == (200 if seen else 404)


@pytest.mark.parametrize(
    ("params", "count"),
    [({"status": "offered"}, 1), ({"status": "queued"}, 0), ({"open": "true"}, 1), ({"open": "false"}, 0),
     ({"rep": "nobody@x.test"}, 0), ({"lead": 999}, 0)],
)  # fmt: skip
def test_list_filters(api, offer, params, count):
    assert len(api.get("handoffs/", **params).json()["results"]) == count


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_two_queries_whatever_its_length(api, count, django_assert_num_queries):
    rep = make_rep()
    for _ in range(count):
        make_offer(rep, at=clock.now())
    api.get("handoffs/")

    with django_assert_num_queries(2):
        assert len(api.get("handoffs/").json()["results"]) == count


def test_rep_accepts(api_as, offer):
    response = api_as(offer.rep.user).post(f"handoffs/{offer.pk}/accept/", {"next_step": "Call on Monday"})

    assert response.status_code == 200, response.json()
    body = response.json()
    assert (body["status"], body["decided_by"], body["next_step"]) == (
        "accepted", offer.rep.user.email, "Call on Monday",
    )  # fmt: skip
    assert body["contact_by"] is not None


def test_accept_without_a_body(api_as, offer):
    client = api_as(offer.rep.user)

    response = client.post(f"handoffs/{offer.pk}/accept/", b"")

    assert response.status_code == 200


def test_second_decision_gets_the_present_state(api_as, offer):
    client = api_as(offer.rep.user)
    client.post(f"handoffs/{offer.pk}/accept/")

    response = client.post(f"handoffs/{offer.pk}/accept/")

    problem = response.json()
    assert (response.status_code, problem["code"], problem["current_status"]) == (409, "accepted", "accepted")


def test_accept_after_the_deadline(api_as, offer):
    offer.accept_by = clock.now() - timedelta(seconds=1)
    offer.save(update_fields=["accept_by"])

    response = api_as(offer.rep.user).post(f"handoffs/{offer.pk}/accept/")

    assert (response.status_code, response.json()["code"]) == (409, "expired")


def test_handoff_of_another_is_not_there(api_as, offer):
    other = api_as(make_rep("Otto", team=offer.rep.user.team).user)

    assert other.post(f"handoffs/{offer.pk}/accept/").status_code == 404
    assert status_of(offer) == HandoffStatus.OFFERED


def test_reject_needs_a_reason_there_is(api_as, offer):
    client = api_as(offer.rep.user)
    slug = client.get("rejection-reasons/").json()["results"][0]["slug"]

    none = client.post(f"handoffs/{offer.pk}/reject/", {"reason": "mood"})
    given = client.post(f"handoffs/{offer.pk}/reject/", {"reason": slug, "note": "Not now"})

    assert (none.status_code, none.json()["errors"][0]["code"]) == (422, "not_found")
    assert (given.status_code, given.json()["status"], given.json()["reason"]) == (200, "rejected", slug)


def test_return_says_what_is_missing(api_as, offer):
    client = api_as(offer.rep.user)

    empty = client.post(f"handoffs/{offer.pk}/return/")
    given = client.post(f"handoffs/{offer.pk}/return/", {"missing": ["role"]})

    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/missing")
    assert (given.status_code, given.json()["status"]) == (200, "returned")


def test_defer_and_undo(api_as, offer, settings):
    settings.LEADFLOW_UNDO_SECONDS = 8
    client = api_as(offer.rep.user)
    client.post(f"handoffs/{offer.pk}/accept/")
    until = (clock.today() + timedelta(days=14)).isoformat()

    deferred = client.post(f"handoffs/{offer.pk}/defer/", {"until": until, "next_step": "Ask again"})
    undone = client.post(f"handoffs/{offer.pk}/undo/")

    assert (deferred.status_code, deferred.json()["deferred_until"]) == (200, until)
    assert (undone.status_code, undone.json()["deferred_until"]) == (200, None)


def test_manager_reassigns_within_the_team(signed_in, offer):
    team = offer.rep.user.team
    manager = signed_in(Role.MANAGER, team=team)
    otto = make_rep("Otto", team=team, capacity=0)
    body = {"rep": otto.user.email, "reason": "Knows them"}

    full = manager.post(f"handoffs/{offer.pk}/reassign/", body)
    done = manager.post(f"handoffs/{offer.pk}/reassign/", body | {"override_capacity": True})
    stranger = make_rep("Sue", team=make_team("South"))
    away = manager.post(f"handoffs/{done.json()['id']}/reassign/", body | {"rep": stranger.user.email})

    assert (full.status_code, full.json()["code"]) == (409, "capacity_reached")
    assert (done.status_code, done.json()["rep"]) == (200, otto.user.email)
    assert (away.status_code, away.json()["errors"][0]["pointer"]) == (422, "/rep")


def test_marketer_and_manager_do_not_decide_for_the_rep(api_as, offer):
    for role in (Role.MARKETER, Role.MANAGER, Role.ADMIN):
        client = api_as(role, team=offer.rep.user.team)
        assert client.post(f"handoffs/{offer.pk}/accept/").status_code == 403


def test_a_queued_one_says_why_nobody_has_it_and_the_list_does_not(api_as):
    make_pool(make_rep("Jonas Lind", capacity=0))
    queued = make_mql(at=clock.now())
    routing.drain(clock.now())
    client, without_pii = api_as(Role.ADMIN), api_as(Role.ADMIN, "handoffs:read")

    why = client.get(f"handoffs/{queued.pk}/").json()["why_waiting"]

    assert why == {
        "sentence": "“Nordics” sends it to Nordics: every eligible rep is at capacity.",
        "considered": ["Jonas Lind: at capacity, 0 of 0 seats"],
        "helps": ["A free seat of Jonas Lind: by a first contact, an answer, or more capacity."],
    }
    assert without_pii.get(f"handoffs/{queued.pk}/").json()["why_waiting"] == why | {"helps": []}
    assert "why_waiting" not in client.get("handoffs/").json()["results"][0]


def test_one_that_somebody_has_waits_for_nothing(api, offer, django_assert_max_num_queries):
    api.get("handoffs/")

    with django_assert_max_num_queries(4):
        assert api.get(f"handoffs/{offer.pk}/").json()["why_waiting"] is None


def test_context_is_shown_with_contact_details_only(api_as, offer):
    client = api_as(offer.rep.user, "handoffs:read")

    assert client.get(f"handoffs/{offer.pk}/").json()["context"] is None
    assert api_as(offer.rep.user).get(f"handoffs/{offer.pk}/").json()["context"] is not None


def test_discovery_is_saved_answer_by_answer(api_as, offer):
    client = api_as(offer.rep.user)
    client.post(f"handoffs/{offer.pk}/accept/")
    path = f"handoffs/{offer.pk}/discovery/"
    before = client.get(path)

    saved = client.patch(path, {"answers": {"need_problem": "Too slow"}}, If_Match=before["ETag"])
    stale = client.patch(path, {"answers": {"need_problem": "Too dear"}}, If_Match=before["ETag"])
    odd = client.patch(path, {"answers": {"colour": "red"}})

    assert saved.status_code == 200, saved.json()
    assert saved.json()["answers"]["need_problem"]["value"] == "Too slow"
    assert (stale.status_code, stale.json()["version"]) == (412, saved.json()["version"])
    assert (odd.status_code, odd.json()["errors"][0]["pointer"]) == (422, "/colour")


def test_qualify_says_what_is_missing(api_as, offer):
    make_definition(json.loads(STANDARD.read_text()))
    client = api_as(offer.rep.user)
    client.post(f"handoffs/{offer.pk}/accept/")

    response = client.post(f"handoffs/{offer.pk}/qualify/")

    assert (response.status_code, response.json()["code"]) == (422, "invalid")


def test_opportunity_is_opened_once_and_closed(api_as, offer):
    client = api_as(offer.rep.user)
    client.post(f"handoffs/{offer.pk}/accept/")
    offer.lead.refresh_from_db()
    move_to_stage(offer.lead, Stage.SQL, at=clock.now(), by=offer.rep.user)
    new = {
        "handoff": offer.pk,
        "name": "Acme",
        "amount": "1200.50",
        "currency": "EUR",
        "close_on": "2027-01-31",
    }

    opened = client.post("opportunities/", new)
    again = client.post("opportunities/", new)
    number = opened.json()["id"]
    won = client.post(f"opportunities/{number}/close/", {"outcome": "won"})

    assert (opened.status_code, opened.json()["amount"]) == (201, "1200.50")
    assert again.status_code == 409, again.json()
    assert (won.status_code, won.json()["outcome"]) == (200, "won")
    assert [row["id"] for row in client.get("opportunities/", outcome="won").json()["results"]] == [number]
    assert api_as(make_rep("Otto").user).get(f"opportunities/{number}/").status_code == 404
    assert Opportunity.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "-1"), ("amount", "1e99"), ("currency", "eur"), ("currency", "EURO"), ("close_on", "2027-02-30"),
     ("handoff", 999), ("handoff", "1"), ("name", ""), ("amount", "NaN")],
)  # fmt: skip
def test_opportunity_that_cannot_be_kept(api_as, offer, field, value):
    new = {"handoff": offer.pk, "name": "Acme", "amount": "1", "currency": "EUR", "close_on": "2027-01-31"}

    response = api_as(offer.rep.user).post("opportunities/", new | {field: value})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{field}")


def test_manager_sets_the_capacity_of_the_team(signed_in):
    rep = make_rep("Rita", capacity=10)
    manager, other = (signed_in(Role.MANAGER, team=team) for team in (rep.user.team, make_team("South")))

    changed = manager.patch(f"reps/{rep.pk}/", {"capacity": 3})

    assert (changed.status_code, changed.json()["capacity"]) == (200, 3)
    assert AuditEntry.objects.get(action="rep.edit").changes == {"capacity": [10, 3]}
    assert other.patch(f"reps/{rep.pk}/", {"capacity": 3}).status_code == 404
    assert [row["id"] for row in manager.get("reps/").json()["results"]] == [rep.pk]
    assert other.get("reps/").json()["results"] == []


def test_several_offers_are_accepted_each_by_itself(api_as, offer):
    foreign = make_offer(offer.rep, at=clock.now())
    Handoff.objects.filter(pk=foreign.pk).update(rep=make_rep("Otto"))
    client = api_as(offer.rep.user)

    answer = client.post("handoffs/accept/", {"handoffs": [offer.pk, foreign.pk]}).json()

    assert [row["id"] for row in answer["accepted"]] == [offer.pk]
    assert answer["refused"] == [{"handoff": foreign.pk, "detail": "There is no such handoff."}]
    assert status_of(foreign) == "offered"


def test_a_contact_stops_the_clock(api_as, offer):
    client = api_as(offer.rep.user)
    assert client.post(f"handoffs/{offer.pk}/contact/", {"what": "mail"}).status_code == 409
    client.post(f"handoffs/{offer.pk}/accept/", {})

    answer = client.post(f"handoffs/{offer.pk}/contact/", {"what": "mail"})

    assert answer.status_code == 200
    assert answer.json()["first_contact_at"] is not None


def test_a_rejection_may_name_the_day_to_look_again(api_as, offer, settings):
    settings.LEADFLOW_UNDO_SECONDS = 0
    day = clock.today() + timedelta(days=25)
    body = {"reason": "no_timeline", "wake_on": day.isoformat()}

    assert api_as(offer.rep.user).post(f"handoffs/{offer.pk}/reject/", body).status_code == 200
    offer.lead.refresh_from_db()
    assert (offer.lead.status, offer.lead.wake_on) == ("nurture", day)


def test_nurture_tracks_are_listed(api):
    assert "Product education" in [row["name"] for row in api.get("nurture-tracks/").json()["results"]]
