from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.enums import DefinitionStatus, Stage
from leads.models import Definition, Lead
from scoring import live, passes, storing
from scoring.documents import InvalidDocument, standard_document
from scoring.models import Rescore
from scoring.passes import continue_pass, roll_over, start_full_pass
from scoring.publishing import NotPublishable, ensure_standard_definition, publish, publish_draft, save_draft
from tests.factories import AT, make_catalogue, make_lead
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(passes, "CHUNK", {"postgresql": 2, "sqlite": 2})


def scores() -> list[int]:
    return list(Lead.objects.order_by("pk").values_list("score", flat=True))


def test_a_pass_scores_everybody_in_ranges_and_finishes():
    publish_standard()
    for _ in range(5):
        good_lead()

    run = start_full_pass("test", AT)
    assert settle() == 5

    run.refresh_from_db()
    assert scores() == [38] * 5
    assert (run.leads_total, run.leads_done, run.changed, run.finished_at) == (5, 5, 5, AT)


def test_a_killed_pass_goes_on_where_it_stopped():
    publish_standard()
    leads = [good_lead() for _ in range(5)]
    run = start_full_pass("test", AT)

    assert continue_pass(AT) == 2
    run.refresh_from_db()
    assert (run.last_lead_id, run.leads_done, scores()) == (leads[1].pk, 2, [38, 38, 0, 0, 0])

    settle()
    run.refresh_from_db()
    assert (run.leads_done, scores()) == (5, [38] * 5)


def test_a_chunk_that_fails_moves_no_score_and_is_left_to_marks(monkeypatch):
    publish_standard()
    lead = good_lead()
    run = start_full_pass("test", AT)

    def fail(*args):
        raise ValueError

    monkeypatch.setattr(passes, "promote_scored", fail)

    assert continue_pass(AT) == 1
    run.refresh_from_db()
    assert (run.last_lead_id, run.leads_done, scores()) == (lead.pk, 1, [0])
    assert settle() == 1
    assert scores() == [38]


def test_the_same_pass_is_started_once():
    publish_standard()
    good_lead()

    assert start_full_pass("test", AT) == start_full_pass("test", AT)
    assert Rescore.objects.count() == 1


def test_nightly_pass_starts_once_a_day_and_writes_only_what_changed():
    publish_standard()
    lead, other = good_lead(), make_lead()
    give(lead, "guide", obj="g", mark=False)
    roll_over(AT)
    settle()

    tomorrow = AT + DAY
    assert roll_over(tomorrow)
    assert roll_over(tomorrow) is None
    with CaptureQueriesContext(connection) as seen:
        settle(tomorrow)

    assert roll_over(tomorrow) is None
    lead.refresh_from_db()
    other.refresh_from_db()
    # 6 points decayed to 5.91, which still rounds to 6: nothing to write for either.
    assert (lead.scored_on, other.scored_on, Rescore.objects.first().changed) == (TODAY, TODAY, 0)
    assert not [query["sql"] for query in seen if '"leads_event"' in query["sql"]]


def test_a_score_decays_over_night():
    publish_standard()
    lead = good_lead()
    give(lead, "pricing_page")
    settle()

    roll_over(AT + 21 * DAY)
    settle(AT + 21 * DAY)

    lead.refresh_from_db()
    assert (lead.score, lead.momentum, lead.scored_on) == (44, -12, TODAY + 21 * DAY)


def test_the_fading_of_a_negative_signal_promotes_over_night():
    def undecayed(engagement):
        for rule in engagement["rules"]:
            rule["half_life_days"] = 2 if rule["points"] < 0 else None

    publish_standard(engagement=undecayed)
    lead = good_lead()
    give(lead, "pricing_page")
    give(lead, "form", obj="contact")
    give(lead, "newsletter")
    give(lead, "email_bounce")
    settle()
    lead.refresh_from_db()
    assert (lead.score, lead.stage) == (60, Stage.LEAD)

    roll_over(AT + 10 * DAY)
    settle(AT + 10 * DAY)

    lead.refresh_from_db()
    assert (lead.score, lead.stage) == (65, Stage.MQL)


# --- publishing


def softer() -> dict:
    document = standard_document()
    document["engagement"]["rules"][9]["points"] = 1  # guides
    return document


def test_publishing_flips_the_live_version_and_rescoring_follows():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")
    settle()

    live = publish(softer(), at=AT + DAY, note="Guides are not that telling")
    lead.refresh_from_db()
    assert (live.version, live.status, lead.score_version) == (2, DefinitionStatus.LIVE, 1)
    assert Definition.objects.get(version=1).live_until == AT + DAY
    settle(AT + DAY)

    lead.refresh_from_db()
    assert (lead.score, lead.score_version) == (39, 2)


def test_a_publish_promotes_leads_that_meet_the_new_rules():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")
    settle()
    looser = standard_document()
    looser["mql"]["rule_sets"][1]["all"][0]["value"] = 40

    publish(looser, at=AT)
    settle()

    lead.refresh_from_db()
    assert lead.stage == Stage.MQL


def test_of_two_publishes_the_second_wins_and_the_first_pass_ends():
    publish_standard()
    for _ in range(5):
        good_lead()
    publish(softer(), at=AT)
    continue_pass(AT)

    publish(standard_document(), at=AT)
    settle()

    assert set(Lead.objects.values_list("score_version", flat=True)) == {3}
    assert not Rescore.objects.filter(finished_at=None).exists()
    assert Rescore.objects.get(version=2).leads_done == 2


def test_an_event_during_a_pass_counts_once_and_under_the_new_version():
    publish_standard()
    leads = [good_lead() for _ in range(4)]
    publish(softer(), at=AT)
    continue_pass(AT)

    give(leads[0], "guide", obj="g")
    give(leads[3], "guide", obj="g")
    settle()

    assert scores() == [39, 38, 38, 39]


def test_a_refused_document_changes_nothing():
    publish_standard()

    with pytest.raises(InvalidDocument):
        publish({"format": 1}, at=AT)

    assert list(Definition.objects.values_list("version", "status")) == [(1, "live")]
    assert not Rescore.objects.exists()


def test_a_draft_is_published_once():
    publish_standard()
    draft = save_draft(softer(), at=AT)

    publish_draft(draft, at=AT)

    with pytest.raises(NotPublishable, match="Definition 2 is live already"):
        publish_draft(draft, at=AT)


def test_the_standard_definition_is_published_only_where_none_was():
    make_catalogue()

    assert ensure_standard_definition(AT).version == 1
    assert ensure_standard_definition(AT) is None


def test_rules_are_compiled_once_per_version(monkeypatch):
    publish_standard()
    for _ in range(6):
        good_lead()
    start_full_pass("test", AT)
    settle()

    def refuse(*args):
        raise AssertionError("compiled again")

    monkeypatch.setattr(live, "compile_rules", refuse)
    start_full_pass("again", AT)
    settle()


def test_rescore_command_scores_everybody(capsys):
    publish_standard()
    for _ in range(3):
        good_lead()

    call_command("rescore", "--all")

    assert "3 leads scored, 3 changed, definition 1" in capsys.readouterr().out
    assert scores() == [38] * 3


def test_lock_counts_the_leads_chosen():
    leads = [make_lead() for _ in range(3)]

    assert storing.Chosen(ids=[leads[0].pk, leads[2].pk]).lock() == 2
    assert storing.Chosen(after=leads[0].pk, upto=leads[2].pk).lock() == 2
