"""Routing over the API: read it, draft it, try it, publish it; a manager within the own team."""

from copy import deepcopy

import pytest

from handoff import replays
from handoff.models import Pool, Rep, RoutingDecision, RoutingRule, RoutingVersion
from leads.enums import Role
from leads.models import Lead
from tests.factories import make_key, make_lead, make_pool, make_rep, make_team, make_user
from tests.leadflow.api.conftest import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def reps():
    jonas, mia = make_rep("Jonas Lind"), make_rep("Mia Berg", team=make_team("South"))
    make_pool(jonas, weights=[2])
    return jonas, mia


@pytest.fixture
def admin(signed_in, reps):
    return signed_in(Role.ADMIN)


@pytest.fixture
def manager(signed_in, reps):
    return signed_in(Role.MANAGER, team=make_team())


def begin(client):
    answer = client.post("routing-draft/")
    assert answer.status_code == 201, answer.json()
    return answer.json()["document"]


def put(client, document, etag='"1"'):
    return client.patch("routing-draft/", document, If_Match=etag)


def wrong(answer):
    assert answer.status_code == 422, answer.json()
    return [error["pointer"] for error in answer.json()["errors"]]


def test_a_draft_is_changed_tried_and_published(admin, reps):
    jonas, mia = reps
    document = begin(admin)
    document["rules"].insert(
        0,
        {
            "id": None,
            "name": "Nordics",
            "conditions": {"country": ["SE"]},
            "pool": None,
            "rep": mia.pk,
            "is_active": True,
        },
    )
    document["capacity"][str(jonas.pk)] = 4

    changed = put(admin, document)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"2"'
    assert "Jonas Lind takes 4 at once, not 10." in changed.json()["changes"]
    assert changed.json()["problems"] == []
    assert RoutingRule.objects.count() == 1  # nothing has happened yet

    asked = admin.post("routing-draft/replays/", {"days": 30})
    assert asked.json()["result"] is None
    replays.drain()
    played = admin.get(f"routing-replays/{asked.json()['id']}/").json()
    assert (played["days"], played["result"]["leads"], played["error"]) == (30, 0, "")

    published = admin.post("routing-draft/publish/", {"note": "Swedish"}, If_Match='"2"')
    assert (published.status_code, published.json()["status"]) == (200, "live")
    assert Rep.objects.get(pk=jonas.pk).capacity == 4
    assert admin.get("routing/").json()["document"]["rules"][0]["rep"] == mia.pk
    assert admin.get("routing-draft/").status_code == 404


def test_an_old_version_is_brought_back_as_the_draft(admin):
    begin(admin)
    admin.post("routing-draft/publish/", {"note": "Same"}, If_Match="*")

    assert [row["number"] for row in admin.get("routing-versions/").json()["results"]] == [2, 1]
    assert admin.get("routing-versions/1/").json()["status"] == "retired"
    assert admin.post("routing-draft/", {"based_on": 1}).json()["note"] == "Back to routing 1"
    assert admin.post("routing-draft/", {"based_on": 9}).status_code == 404
    assert admin.post("routing-draft/discard/", If_Match='"1"').json()["version"] == 2
    assert not RoutingVersion.objects.filter(status="draft").exists()


def test_what_was_changed_meanwhile_is_not_overwritten(admin):
    document = begin(admin)

    assert admin.patch("routing-draft/", document).status_code == 428
    assert put(admin, document).status_code == 200
    stale = put(admin, document)
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    assert admin.post("routing-draft/publish/", {"note": "x"}, If_Match='"1"').status_code == 412


RULE = {"id": None, "name": "New", "conditions": {}, "pool": "Nordics", "rep": None, "is_active": True}
POOL = {"id": None, "name": "New", "team": 1, "is_active": True, "members": {}}


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"rules": [RULE | {"id": 999}]}, ["/rules/0/id"]),
        ({"rules": [RULE | {"pool": "Nobody"}]}, ["/rules/0/pool"]),
        ({"rules": [RULE | {"pool": None}]}, ["/rules/0/pool"]),
        ({"rules": [RULE | {"pool": None, "rep": 999}]}, ["/rules/0/rep"]),
        ({"rules": [RULE | {"conditions": {"shoe_size": ["42"]}}]}, ["/rules/0/conditions/shoe_size"]),
        ({"rules": [RULE | {"conditions": {"country": "SE"}}]}, ["/rules/0/conditions/country"]),
        ({"rules": [RULE | {"conditions": {"country": ["S\x00"]}}]}, ["/rules/0/conditions/country/0"]),
        ({"rules": [RULE | {"is_active": "yes"}]}, ["/rules/0/is_active"]),
        ({"rules": [{"name": "x"}]}, [f"/rules/0/{name}" for name in ("id", "conditions", "pool", "rep", "is_active")]),
        ({"pools": []}, ["/rules/0/pool", "/pools"]),
        ({"capacity": {"999": 1}}, ["/capacity/999"]),
        ({"capacity": {"x": 1}}, ["/capacity/x"]),
        ({"surprise": 1}, ["/surprise"]),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_used_is_refused_place_by_place(admin, change, pointers):
    document = begin(admin)

    assert wrong(put(admin, document | change)) == pointers
    assert RoutingVersion.objects.get(status="draft").document == document


def test_ids_are_the_drafts_own_and_numbers_have_bounds(admin, reps):
    jonas, _ = reps
    document = begin(admin)
    (pool,) = document["pools"]

    twice = document | {"pools": [pool, deepcopy(pool) | {"name": "Twin"}]}
    assert wrong(put(admin, twice)) == ["/pools/1/id"]
    heavy = document | {"pools": [pool | {"members": {str(jonas.pk): 101}}]}
    assert wrong(put(admin, heavy)) == [f"/pools/0/members/{jonas.pk}"]
    assert wrong(put(admin, document | {"pools": [pool | {"team": 999}]})) == ["/pools/0/team"]
    assert wrong(put(admin, document | {"capacity": {str(jonas.pk): 1001}})) == [f"/capacity/{jonas.pk}"]


def test_a_manager_changes_the_own_teams_pools_and_reps_alone(manager, reps):
    jonas, mia = (str(rep.pk) for rep in reps)
    south = Pool.objects.create(name="South", team=make_team("South"))
    document = begin(manager)
    ours, theirs = sorted(document["pools"], key=lambda pool: pool["name"])

    assert wrong(put(manager, document | {"capacity": {jonas: 3, mia: 3}})) == [f"/capacity/{mia}"]
    assert wrong(put(manager, document | {"pools": [ours]})) == ["/pools"]
    assert wrong(put(manager, document | {"pools": [ours, theirs | {"name": "Mine"}]})) == ["/pools/1"]
    new = POOL | {"team": south.team_id}
    assert wrong(put(manager, document | {"pools": [ours, theirs, new]})) == ["/pools/2"]
    poached = ours | {"members": {jonas: 2, mia: 1}}
    assert wrong(put(manager, document | {"pools": [poached, theirs]})) == [f"/pools/0/members/{mia}"]
    fair = document | {"pools": [ours | {"members": {jonas: 3}}, theirs]}
    fair["capacity"] = document["capacity"] | {jonas: 3}
    assert put(manager, fair).status_code == 200


def test_a_draft_with_problems_is_not_published(admin):
    document = begin(admin)
    put(admin, document | {"rules": []})

    answer = admin.post("routing-draft/publish/", {"note": "x"}, If_Match='"2"')

    assert answer.status_code == 422
    assert "The last rule in use has to take everything" in str(answer.json()["errors"])


def test_who_may_read_and_who_may_draft(signed_in, reps):
    marketer, rep = signed_in(Role.MARKETER), signed_in(Role.REP)

    assert marketer.get("routing/").status_code == 200
    assert marketer.post("routing-draft/").status_code == 403
    assert rep.get("routing/").status_code == 403
    # No scope opens routing: a key is refused, whoever it acts as.
    assert Api(make_key(make_user(Role.ADMIN))).get("routing/").status_code == 403


def tried(client, **asked):
    answer = client.get("routing-draft/preview/", **asked)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_one_lead_is_tried_on_the_draft_and_stays_as_it_is(admin, reps):
    mia = reps[1]
    document = begin(admin)
    put(admin, document | {"rules": [RULE | {"name": "South", "pool": None, "rep": mia.pk}]})
    lead = make_lead(email="maren@nordhavn.example")

    found = tried(admin, email="Maren@Nordhavn.example")

    assert found == tried(admin, lead=lead.pk) == {
        "lead": lead.pk, "revision": 2, "outcome": "assigned", "rule": "South", "pool": None, "rep": mia.pk,
        "way": "direct", "sentence": "Mia Berg: South, 1 of 10 seats, named by the rule",
        "candidates": [
            {
                "rep": mia.pk, "name": "Mia Berg", "verdict": "chosen", "why": "Chosen", "seats": 0,
                "capacity": 10, "weight": 1,
            }
        ],
    }  # fmt: skip
    assert (Lead.objects.get().owner, RoutingDecision.objects.exists()) == (None, False)


def test_a_lead_that_would_wait_says_why(admin, reps):
    document = begin(admin)
    put(admin, document | {"capacity": dict.fromkeys(document["capacity"], 0)})

    found = tried(admin, lead=make_lead().pk)

    assert (found["outcome"], found["rep"], found["way"]) == ("at_capacity", None, "")
    assert found["candidates"][0]["why"] == "At capacity, 0 of 0 seats"


def test_trying_names_one_lead_that_is_there_and_needs_a_draft(admin):
    lead = make_lead(email="maren@nordhavn.example")
    assert admin.get("routing-draft/preview/", lead=lead.pk).status_code == 404
    begin(admin)

    for unknown in ({"email": "who@nordhavn.example"}, {"email": "nonsense"}, {"lead": lead.pk + 1}):
        missing = admin.get("routing-draft/preview/", **unknown)
        assert (missing.status_code, missing.json()["detail"]) == (404, "There is no such lead.")
    for asked in ({}, {"lead": lead.pk, "email": lead.email}):
        refused = admin.get("routing-draft/preview/", **asked)
        assert refused.status_code == 400
        assert [error["pointer"] for error in refused.json()["errors"]] == ["?lead"]
        assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_manager_tries_leads_of_the_own_team_and_nobodys(admin, manager, signed_in, reps):
    jonas, mia = reps
    begin(admin)
    ours, theirs, nobodys = make_lead(owner=jonas.user), make_lead(owner=mia.user), make_lead()

    assert tried(manager, lead=ours.pk)["lead"] == ours.pk
    assert tried(manager, lead=nobodys.pk)["lead"] == nobodys.pk
    assert manager.get("routing-draft/preview/", lead=theirs.pk).status_code == 404
    assert signed_in(Role.MARKETER).get("routing-draft/preview/", lead=ours.pk).status_code == 403
    assert Api(make_key(make_user(Role.ADMIN))).get("routing-draft/preview/").status_code == 403


def test_trying_asks_as_often_for_many_reps_as_for_one(admin, django_assert_max_num_queries):
    lead = make_lead()
    begin(admin)
    tried(admin, lead=lead.pk)  # the first one makes the row of the organisation
    counts = []
    for name in ("More", "Yet more"):
        with django_assert_max_num_queries(11) as found:
            tried(admin, lead=lead.pk)
        counts.append(len(found))
        make_pool(make_rep(), make_rep(), name=name)
        admin.post("routing-draft/discard/", If_Match="*")
        begin(admin)
    assert counts[0] == counts[1]


def test_reading_takes_few_queries_whatever_the_rules(admin, django_assert_max_num_queries):
    begin(admin)
    for position in range(5):
        RoutingRule.objects.create(position=position, name=f"Rule {position}", pool=Pool.objects.get())

    with django_assert_max_num_queries(8):
        admin.get("routing/")
    with django_assert_max_num_queries(20):
        admin.get("routing-draft/")
