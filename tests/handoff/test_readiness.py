from datetime import timedelta

import pytest

from handoff import routing, workflow
from handoff.models import Handoff
from handoff.readiness import sales_ready
from leads.models import EngagementDay, Lead
from tests.factories import (
    AT,
    make_catalogue,
    make_definition,
    make_lead,
    make_mql,
    make_pool,
    make_rep,
    make_user,
)
from tests.handoff.support import findings

pytestmark = pytest.mark.django_db
DAY = AT.date()


def publish(*conditions):
    handoff = {"mode": "sales_ready", "all": list(conditions)}
    make_definition({"mql": {"handoff": handoff}, "sql": {"meaning": "discovery", "rule_sets": []}})


def did(lead, signal, key="", days_ago=0, count=1):
    day = DAY - timedelta(days=days_ago)
    EngagementDay.objects.create(
        lead=lead, signal=make_catalogue()[signal], object_key=key, occurred_on=day, known_on=DAY, count=count
    )


def twice(signal, days, **fields):
    return {"kind": "signal", "signals": [signal], "at_least": 2, "within_days": days, **fields}


def test_every_mql_is_ready_unless_the_definition_says_otherwise(at):
    lead = make_lead()
    assert sales_ready([lead.pk], DAY) == {lead.pk}


@pytest.mark.parametrize(
    ("condition", "fields"),
    [
        ({"kind": "score_at_least", "value": 65}, {"score": 65}),
        ({"kind": "fit_at_least", "value": 20}, {"fit_score": 20}),
        ({"kind": "engagement_at_least", "value": 30}, {"engagement_score": 30}),
        ({"kind": "grade_at_least", "value": "B"}, {"grade": "B"}),
        ({"kind": "band_at_least", "value": 3}, {"band": 3}),
        ({"kind": "momentum_at_least", "value": 5}, {"momentum": 5}),
    ],
    ids=lambda value: value.get("kind", ""),
)
def test_conditions_on_stored_scores(condition, fields):
    publish(condition)
    ready, other = make_lead(**fields), make_lead()

    assert sales_ready([ready.pk, other.pk], DAY) == {ready.pk}


@pytest.mark.parametrize(
    ("condition", "did_it"),
    [
        (twice("webinar", 30), [("webinar", "a"), ("webinar", "b", 29)]),
        (twice("visit", 9, distinct="day"), [("visit", "a"), ("visit", "a", 1)]),
        (twice("guide", 9, distinct="object"), [("guide", "a"), ("guide", "b")]),
        ({"kind": "form_with_product", "within_days": 30}, [("form", "Product form#Pipelines")]),
        ({"kind": "re_engagement", "within_days": 14}, [("visit", "a"), ("webinar", "a", 13)]),
    ],
    ids=lambda value: value.get("kind", "") if isinstance(value, dict) else "",
)  # fmt: skip
def test_conditions_on_what_they_did(condition, did_it):
    publish(condition)
    ready, nearly = make_lead(), make_lead()
    for entry in did_it:
        did(ready, *entry)
    for entry in did_it[1:]:
        did(nearly, *entry)

    assert sales_ready([ready.pk, nearly.pk], DAY) == {ready.pk}


def test_what_a_correction_took_back_does_not_count():
    publish({"kind": "signal", "signals": ["webinar"], "at_least": 1, "within_days": 30})
    lead = make_lead()
    did(lead, "webinar", "a")
    did(lead, "webinar", "a", 1, count=-1)

    assert sales_ready([lead.pk], DAY) == set()


def test_an_mql_is_nurtured_as_one_until_it_is_ready(at):
    publish({"kind": "score_at_least", "value": 80})
    make_pool(make_rep())
    handoff = make_mql()

    assert routing.drain(at) == 0
    handoff.refresh_from_db()
    assert (handoff.queue_reason, handoff.lead.stage, handoff.lead.status) == (
        "not_sales_ready",
        "mql",
        "active",
    )
    assert findings(at + timedelta(days=1)) == []
    Lead.objects.update(score=80)
    routing.drain(at)

    assert Handoff.objects.get().status == "offered"


def test_marketing_may_send_it_to_sales_before(at):
    publish({"kind": "score_at_least", "value": 80})
    make_pool(make_rep())
    handoff = make_mql()

    workflow.release_to_sales(handoff, make_user("marketer"), at)
    routing.drain(at)

    assert Handoff.objects.get().status == "offered"
