from datetime import timedelta

import pytest

from leads.enums import Stage
from leads.models import Cycle, EngagementDay, Lead
from scoring import checks
from scoring.models import PendingScore
from scoring.passes import roll_over, start_full_pass
from scoring.publishing import publish
from tests.factories import AT
from tests.scoring.test_passes import softer
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def findings(at=AT) -> dict[str, list[str]]:
    found = {check.__name__: check(at) for _, _, check in checks.CHECKS}
    return {name: sentences for name, sentences in found.items() if sentences}


@pytest.fixture
def lead() -> Lead:
    publish_standard()
    lead = good_lead()
    give(lead, "demo_request", days_ago=2)
    give(lead, "guide", obj="g")
    settle()
    lead.refresh_from_db()
    return lead


def test_a_sound_installation_has_no_findings(lead):
    assert lead.stage == Stage.MQL
    assert findings() == {}


def test_a_score_holds_until_the_next_pass_and_must_hold_after_it(lead):
    assert findings(AT + 20 * DAY) == {}

    roll_over(AT + 20 * DAY)
    settle(AT + 20 * DAY)
    assert findings(AT + 20 * DAY) == {}

    Lead.objects.filter(pk=lead.pk).update(score=50, fit_score=50, engagement_score=0)
    assert list(findings(AT + 20 * DAY)) == ["scores_recompute"]


def test_an_event_after_the_last_pass_is_taken_into_account(lead):
    start_full_pass("test", AT)
    settle()
    give(lead, "webinar", obj="w", at=AT + DAY)
    settle(AT + DAY)

    assert findings(AT + 3 * DAY) == {}


def test_each_finding_is_a_sentence_that_names_the_row(lead):
    PendingScore.objects.create(lead=good_lead(), day=TODAY, created_at=AT - DAY)
    Lead.objects.filter(pk=lead.pk).update(score=1)
    Cycle.objects.update(number=2)

    assert findings() == {
        "marks_are_worked_off": [f"Lead {lead.pk + 1} waits to be scored since 2026-03-11 10:00:00+00:00."],
        "scores_recompute": [
            f"Lead {lead.pk} has (38, 35, 1, 'A', 3, 36, ''), the engine gives (38, 35, 73, 'A', 3, 36, '')."
        ],
        "scores_add_up": [f"Lead {lead.pk}: 38 and 35 are not 1."],
        "entries_have_cycles": [
            f"Lead {lead.pk}, cycle 1: 1 entries, 0 cycles.",
            f"Lead {lead.pk}, cycle 2: 0 entries, 1 cycles.",
        ],
    }


def test_a_count_changed_behind_our_back_is_found(lead):
    EngagementDay.objects.filter(signal__slug="guide").delete()

    assert list(findings()) == ["scores_recompute"]


def test_while_a_pass_replaces_scores_both_versions_are_in_order(lead):
    publish(softer(), at=AT)
    assert findings() == {}

    settle()
    Lead.objects.filter(pk=lead.pk).update(score_version=1)

    assert findings()["one_version"] == [f"Lead {lead.pk} has a score of definition 1, which is not live."]


def test_a_mark_on_a_merged_lead_is_found(lead):
    other = good_lead(merged_into=lead)
    PendingScore.objects.create(lead=other, day=TODAY, created_at=AT)

    assert findings()["merged_leads_are_at_rest"] == [
        f"Lead {other.pk} was merged and is marked for scoring."
    ]
