from datetime import timedelta

import pytest

from leads import clock
from leads.enums import Role
from leads.models import AuditEntry, Lead
from scoring.models import ScoreOverride
from scoring.overrides import set_override
from tests.factories import make_lead, make_rep, make_user
from tests.scoring.world import good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def body(**changed):
    expires_on = (clock.today() + 10 * DAY).isoformat()
    return {"score": 80, "reason": "Met at the fair", "expires_on": expires_on, **changed}


def overridden(lead, score=80):
    at = clock.now()
    expires_on = at.date() + 10 * DAY
    return set_override(lead, score, reason="Met", expires_on=expires_on, by=make_user(Role.MARKETER), at=at)


def test_setting_one_shows_in_the_lead_beside_the_computed_score(signed_in):
    marketer, lead = signed_in(Role.MARKETER), make_lead(score=40)

    done = marketer.post(f"leads/{lead.pk}/overrides/", body())

    assert done.status_code == 201
    assert done.json() | {"id": 0, "set_at": ""} == {
        "id": 0, "score": 80, "reason": "Met at the fair", "by": marketer.user.email, "set_at": "",
        "expires_on": body()["expires_on"], "ending": "", "ended_at": None, "ended_by": None,
    }  # fmt: skip
    seen = marketer.get(f"leads/{lead.pk}/").json()
    assert [seen[name] for name in ("score", "override_score", "shown_score")] == [40, 80, 80]


def test_the_breakdown_names_the_one_in_force_and_adds_up_without_it(api):
    publish_standard()
    lead = good_lead(at=clock.now() - 3 * DAY)
    settle(clock.now())
    overridden(lead)

    today = api.get(f"leads/{lead.pk}/score/").json()
    before = api.get(f"leads/{lead.pk}/score/", as_of=(clock.today() - DAY).isoformat()).json()

    assert (today["override"]["score"], before["override"]) == (80, None)
    assert sum(line["points"] for line in today["lines"]) == today["score"] == 38


def test_lifting_answers_with_what_was_lifted_and_then_409(signed_in):
    admin, lead = signed_in(Role.ADMIN), make_lead(score=40)
    overridden(lead)

    first, second = (admin.post(f"leads/{lead.pk}/overrides/lift/") for _ in range(2))

    assert (first.status_code, first.json()["ending"]) == (200, "lifted")
    assert first.json()["ended_by"] == admin.user.email
    assert (second.status_code, second.json()["code"]) == (409, "not_overridden")
    assert Lead.objects.get(pk=lead.pk).shown_score == 40


def test_history_is_listed_latest_first_at_one_cost(api, django_assert_max_num_queries):
    lead = make_lead()
    for score in (10, 20, 30):
        overridden(lead, score)

    with django_assert_max_num_queries(6):
        found = api.get(f"leads/{lead.pk}/overrides/").json()["results"]

    assert [(one["score"], one["ending"]) for one in found] == [(30, ""), (20, "replaced"), (10, "replaced")]


@pytest.mark.parametrize(
    "changed",
    [
        {"score": 101}, {"score": -1}, {"score": "80"}, {"score": None}, {"reason": ""}, {"reason": "  "},
        {"reason": "x" * 301}, {"reason": "a\nb"}, {"expires_on": "2020-01-01"}, {"expires_on": "2999-01-01"},
        {"expires_on": "soon"}, {"expires_on": None}, {"for": "ever"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_changes_nothing(signed_in, changed):
    lead = make_lead()

    done = signed_in(Role.MARKETER).post(f"leads/{lead.pk}/overrides/", body(**changed))

    assert (done.status_code, done.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(changed))}")
    assert not ScoreOverride.objects.exists()
    assert not AuditEntry.objects.filter(action="score.override").exists()


def test_a_rep_may_read_and_not_set_and_no_key_may_set(api, signed_in):
    rep = make_rep()
    lead = make_lead(owner=rep.user)
    overridden(lead)

    as_rep = signed_in(rep.user)

    assert as_rep.get(f"leads/{lead.pk}/overrides/").status_code == 200
    assert as_rep.post(f"leads/{lead.pk}/overrides/", body()).status_code == 403
    assert api.post(f"leads/{lead.pk}/overrides/", body()).status_code == 403


def test_leads_can_be_ordered_by_what_is_shown(api):
    for name, score in (("Low", 10), ("High", 70)):
        make_lead(last_name=name, score=score)
    overridden(Lead.objects.get(last_name="Low"), 99)

    names = {
        order: [one["last_name"] for one in api.get("leads/", ordering=order).json()["results"]]
        for order in ("-score", "-shown_score", "shown_score")
    }

    assert names == {
        "-score": ["High", "Low"],
        "-shown_score": ["Low", "High"],
        "shown_score": ["High", "Low"],
    }
