import copy

import pytest

from leads.enums import Role
from leads.models import Definition
from scoring.documents import standard_document
from tests.factories import make_catalogue, make_definition, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def live():
    make_catalogue()
    return make_definition(standard_document())


def softer():
    document = copy.deepcopy(standard_document())
    document["engagement"]["rules"][0]["points"] = 2
    return document


def test_a_definition_goes_its_way_over_the_api(signed_in):
    lea, karin = signed_in(Role.MARKETER), signed_in(Role.MANAGER)

    made = lea.post("definitions/", {"based_on": 1, "note": "Opens count more"})
    assert (made.status_code, made["ETag"], made["Location"]) == (201, '"1"', "/api/v1/definitions/2/")
    changed = lea.patch("definitions/2/", {"document": softer()}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert lea.get("definitions/2/changes/").json()["results"] == [
        {"section": "Engagement points", "what": "E-mail opens, points", "kind": "changed", "was": "+1", "now": "+2"}
    ]  # fmt: skip
    assert lea.post("definitions/2/propose/").json()["status"] == "proposed"
    half = lea.post("definitions/2/approve/marketing/", If_Match='"2"').json()
    assert [(one["side"], one["by"]) for one in half["approvals"]] == [("marketing", lea.user.email)]

    live = karin.post("definitions/2/approve/sales/").json()

    assert (live["status"], live["went_live"]) == ("live", "approved")
    assert karin.get("definitions/live/").json()["version"] == 2
    assert karin.get("definitions/1/").json()["status"] == "retired"


def test_a_stale_change_is_refused_and_one_without_a_version_too(signed_in):
    lea = signed_in(Role.MARKETER)
    lea.post("definitions/")
    lea.patch("definitions/2/", {"note": "first"}, If_Match='"1"')

    stale = lea.patch("definitions/2/", {"note": "second"}, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"], stale["ETag"]) == (412, "stale", '"2"')
    assert lea.patch("definitions/2/", {"note": "second"}).status_code == 428
    assert Definition.objects.get(version=2).note == "first"


def test_a_broken_document_is_refused_naming_rule_and_field(signed_in):
    document = softer()
    document["engagement"]["rules"][0]["points"] = 10**12

    refused = signed_in(Role.MARKETER).post("definitions/", {"document": document})

    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"pointer": "/document/engagement/rules/0/points", "code": "invalid",
         "detail": "rule “email_open”, points: Must be a whole number from -1000 to 1000."}
    ]  # fmt: skip


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"format": 1}])
def test_what_is_no_document_is_refused(signed_in, document):
    assert signed_in(Role.MARKETER).post("definitions/", {"document": document}).status_code == 422


def test_a_failing_example_is_named(signed_in):
    lea, document = signed_in(Role.MARKETER), softer()
    document["scenarios"][0]["mql"] = False
    made = lea.post("definitions/", {"document": document}).json()
    assert [one["name"] for one in made["examples"] if not one["holds"]] == [document["scenarios"][0]["name"]]

    refused = lea.post("definitions/2/propose/")

    assert (refused.status_code, refused.json()["code"]) == (409, "examples_break")
    assert document["scenarios"][0]["name"] in refused.json()["examples"][0]


def test_nobody_approves_for_both_sides(signed_in):
    admin = signed_in(Role.ADMIN)
    admin.post("definitions/")
    admin.post("definitions/2/propose/")
    admin.post("definitions/2/approve/sales/")

    refused = admin.post("definitions/2/approve/marketing/")

    assert (refused.status_code, refused.json()["code"]) == (409, "other_side_too")


def test_publishing_needs_the_approvals(signed_in):
    lea = signed_in(Role.MARKETER)
    lea.post("definitions/")
    lea.post("definitions/2/propose/")

    refused = lea.post("definitions/2/publish/")

    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    assert lea.post("definitions/2/withdraw/", {"reason": "Not yet"}).json()["status"] == "draft"
    assert lea.post("definitions/2/discard/").json()["status"] == "discarded"


def test_keys_read_rules_and_change_none(api_as):
    key = api_as(make_user(Role.ADMIN), "rules:read")

    assert key.get("definitions/1/").status_code == 200
    assert key.post("definitions/").status_code == 403
