from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from leads.enums import Stage
from leads.models import Lead, Organisation, StageChange
from scoring import rescoring
from scoring.explain import breakdown
from scoring.models import MAX_ATTEMPTS, PendingScore
from scoring.rescoring import drain, retry_given_up, score_batch, score_leads
from tests.factories import AT, make_lead
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def stored(lead: Lead) -> tuple[int, int | None]:
    lead.refresh_from_db()
    return lead.score, lead.score_version


def test_drain_scores_marked_leads_and_deletes_their_marks():
    publish_standard()
    marked, other = good_lead(), good_lead()
    give(marked, "guide", obj="g")
    give(marked, "visit", obj="/")

    assert settle() == 1
    assert settle() == 0

    assert (stored(marked), stored(other)) == ((46, 1), (0, None))
    assert not PendingScore.objects.exists()


def test_stored_score_equals_the_breakdown_with_its_lines():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g", days_ago=5)
    give(lead, "email_open", n=9)
    settle()

    lead.refresh_from_db()
    found = breakdown(lead, TODAY)
    assert (lead.score, lead.fit_score, lead.engagement_score) == (found.score, found.fit, found.engagement)
    assert found.score == sum(line.points for line in found.lines)
    assert found.version == lead.score_version


def test_without_a_definition_marks_are_dropped_for_the_first_publish_scores_everybody():
    lead = make_lead()
    give(lead, "guide", obj="g")

    assert settle() == 1

    assert stored(lead) == (0, None)
    assert not PendingScore.objects.exists()


def test_a_mark_of_a_merged_lead_is_dropped():
    publish_standard()
    survivor, merged = good_lead(), good_lead()
    give(merged, "demo_request")
    Lead.objects.filter(pk=merged.pk).update(merged_into=survivor)

    settle()

    merged.refresh_from_db()
    assert (merged.score, merged.stage, PendingScore.objects.count()) == (0, Stage.LEAD, 0)


def test_scoring_an_unchanged_lead_writes_nothing():
    publish_standard()
    lead = good_lead()
    settle_twice = [score_leads([lead.pk], TODAY, AT), score_leads([lead.pk], TODAY + DAY, AT)]

    assert settle_twice == [1, 0]


def test_a_mark_late_in_the_evening_is_followed_by_one_for_tomorrow():
    publish_standard()
    Organisation.objects.update_or_create(id=1, defaults={"time_zone": "Europe/Copenhagen"})
    zone = ZoneInfo("Europe/Copenhagen")
    evening = datetime(2026, 3, 12, 23, 57, tzinfo=zone)
    lead = good_lead()
    give(lead, "demo_request", at=datetime(2026, 3, 13, tzinfo=zone), known=TODAY, mark=False)
    PendingScore.objects.create(lead=lead, day=TODAY, created_at=evening)

    settle(evening)
    lead.refresh_from_db()
    assert lead.stage == Stage.LEAD

    settle(datetime(2026, 3, 13, tzinfo=zone))
    lead.refresh_from_db()
    assert lead.stage == Stage.MQL
    assert not PendingScore.objects.exists()


def test_several_days_gone_by_are_asked_in_order():
    publish_standard()
    lead = good_lead()
    give(lead, "pricing_page", at=AT)
    give(lead, "demo_request", at=AT + DAY)

    settle(AT + 5 * DAY)

    line = StageChange.objects.get(lead=lead, to_stage=Stage.MQL)
    assert line.at == AT + DAY


# --- a lead that cannot be scored


@pytest.fixture
def poison(monkeypatch):
    """Make scoring raise whenever the lead with this id is in the batch."""
    ids: list[int] = []
    original = rescoring.store_scores

    def store(chosen, *args):
        if set(ids) & set(chosen.ids):
            raise ValueError("this lead is poison")
        return original(chosen, *args)

    monkeypatch.setattr(rescoring, "store_scores", store)
    return ids


def test_a_poison_lead_is_isolated_put_off_and_given_up(poison):
    publish_standard()
    leads = [good_lead() for _ in range(7)]
    for lead in leads:
        give(lead, "guide", obj="g")
    poison.append(leads[4].pk)

    settle()
    assert [stored(lead)[0] for lead in leads] == [44, 44, 44, 44, 0, 44, 44]
    mark = PendingScore.objects.get()
    assert (mark.lead_id, mark.attempts, mark.set_aside) == (leads[4].pk, 1, "")
    assert mark.not_before == AT + timedelta(seconds=10)

    at = AT
    for _ in range(MAX_ATTEMPTS):
        at += timedelta(hours=1)
        settle(at)
    mark.refresh_from_db()
    assert (mark.attempts, mark.set_aside) == (MAX_ATTEMPTS, "ValueError: this lead is poison")
    assert settle(at + DAY) == 0


def test_a_lead_given_up_can_be_retried(poison):
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")
    PendingScore.objects.update(attempts=MAX_ATTEMPTS, set_aside="ValueError: it was broken")

    assert retry_given_up() == 1
    settle()

    assert stored(lead)[0] == 44


def test_a_database_that_is_away_is_nobody_s_fault(monkeypatch):
    publish_standard()
    give(good_lead(), "guide", obj="g")

    def away(*args):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(rescoring, "store_scores", away)

    with pytest.raises(OperationalError):
        score_batch(AT)
    assert PendingScore.objects.get().attempts == 0


def test_a_busy_database_is_tried_again(monkeypatch):
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")
    original, failures = rescoring.store_scores, [OperationalError("database is locked")] * 2

    def busy(*args):
        if failures:
            raise failures.pop()
        return original(*args)

    monkeypatch.setattr(rescoring, "store_scores", busy)

    assert settle() == 1
    assert stored(lead)[0] == 44


# --- cost


def statements(lead_count: int, days: int = 1) -> list[str]:
    leads = [good_lead() for _ in range(lead_count)]
    for lead in leads:
        for age in range(days):
            give(lead, "guide", obj="g", days_ago=age)
    with CaptureQueriesContext(connection) as seen:
        drain(at=AT)
    return [query["sql"] for query in seen]


def test_incremental_rescore_is_a_constant_number_of_statements_and_reads_no_event():
    publish_standard()
    statements(1)

    few, many = statements(2), statements(20, days=3)

    assert len(few) == len(many) <= 20
    assert not [sql for sql in many if "leads_event" in sql and "leads_eventengagement" not in sql]


def test_leads_beyond_a_batch_take_further_batches(monkeypatch):
    publish_standard()
    monkeypatch.setattr(rescoring, "BATCH", 3)
    leads = [good_lead() for _ in range(7)]
    for lead in leads:
        give(lead, "guide", obj="g")

    assert drain(at=AT) == 7
    assert {stored(lead)[0] for lead in leads} == {44}
