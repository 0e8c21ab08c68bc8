from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import ProfileChange
from scoring.documents import standard_document
from scoring.explain import breakdown
from scoring.publishing import publish
from scoring.timeline import Cause, recent_scores, score_timeline
from tests.factories import AT
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_timeline_names_the_cause_of_every_change():
    publish_standard()
    lead = good_lead(role="")
    give(lead, "guide", obj="g", at=AT - 20 * DAY)
    lead.role = "data"
    lead.save()
    ProfileChange.objects.create(lead=lead, field="role", value="data", day=TODAY - 10 * DAY, at=AT)
    give(lead, "guide", obj="g", at=AT - 4 * DAY, n=-1, days_ago=16)
    give(lead, "pricing_page", at=AT - DAY)
    weaker = standard_document()
    weaker["engagement"]["rules"][8]["points"] = 6
    publish(weaker, at=AT)

    points = score_timeline(lead, TODAY, days=30)

    assert [(point.day, point.score, point.change, point.causes) for point in points] == [
        (TODAY - 30 * DAY, 30, 0, ()),
        (TODAY - 20 * DAY, 36, 6, (Cause("event", "Guide or e-book"),)),
        (TODAY - 14 * DAY, 35, -1, (Cause("decay", "Earlier engagement counts less"),)),
        (TODAY - 10 * DAY, 43, 8, (Cause("profile", "Role changed"),)),
        (TODAY - 4 * DAY, 38, -5, (Cause("event", "Guide or e-book taken back"),)),
        (TODAY - DAY, 50, 12, (Cause("event", "Pricing page"),)),
        (TODAY, 44, -6, (Cause("rules", "Definition 2 went live"),)),
    ]


def test_timeline_ends_at_the_stored_score():
    publish_standard()
    lead = good_lead()
    give(lead, "webinar", obj="w", days_ago=30)
    settle()

    lead.refresh_from_db()
    assert score_timeline(lead, TODAY)[-1].score == lead.score


def test_recent_scores_are_those_of_the_days_gone_by_in_constant_statements():
    publish_standard()
    leads = [good_lead() for _ in range(3)]
    for age, lead in enumerate(leads):
        give(lead, "guide", obj="g", at=AT - age * 5 * DAY)
    settle()
    for lead in leads:
        lead.refresh_from_db()

    with CaptureQueriesContext(connection) as one:
        recent_scores(leads[:1], TODAY)
    with CaptureQueriesContext(connection) as three:
        found = recent_scores(leads, TODAY)

    assert len(one) == len(three) <= 6
    for lead in leads:
        days = [TODAY - age * DAY for age in range(13, -1, -1)]
        assert found[lead.pk] == [breakdown(lead, day).score for day in days]


def test_without_a_definition_there_is_no_curve():
    assert recent_scores([good_lead()], TODAY) == {}
    assert score_timeline(good_lead(), TODAY) == []
