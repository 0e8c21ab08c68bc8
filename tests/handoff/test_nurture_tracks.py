"""Which track a rejected lead rests on, by what made it an MQL and why it was turned down."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from handoff import workflow
from handoff.errors import Invalid
from handoff.forms import RejectForm
from leads import nurture
from leads.enums import Stage
from leads.lifecycle import move_to_stage
from leads.models import NurtureTrack
from tests.factories import AT, make_offer, make_rep
from tests.handoff.support import reason

pytestmark = pytest.mark.django_db
TODAY = AT.date()


@pytest.fixture(autouse=True)
def _no_undo(settings):
    settings.LEADFLOW_UNDO_SECONDS = 0
    NurtureTrack.objects.all().delete()


@pytest.fixture
def rep():
    return make_rep("Jonas Lind")


def track(name="Evaluation", **fields):
    return NurtureTrack.objects.create(name=name, **fields)


def rejected(rep, **more):
    offer = make_offer(rep)
    workflow.reject(offer, rep.user, reason("no_timeline", nurture_days=90), at=AT, **more)
    offer.lead.refresh_from_db()
    return offer.lead


def test_the_first_track_that_takes_both_is_chosen():
    by_reason = track("Reach", reasons=["unreachable"], position=1)
    by_rule = track("Content", rules=["content"], position=2)
    rest = track("Rest", position=3)
    tracks = nurture.active_tracks()

    assert nurture.choose(tracks, "content", "unreachable") == by_reason
    assert nurture.choose(tracks, "content", "no_timeline") == by_rule
    assert nurture.choose(tracks, "form_product", "no_timeline") == rest
    assert nurture.choose([by_rule], "form_product", "no_timeline") is None


def test_a_track_says_when_and_by_which_signal(rep):
    content = track(rules=["content"], days=45, wake_signal="pricing_page")

    lead = rejected(rep)

    assert (lead.nurture_track, lead.wake_signal) == (content, "pricing_page")
    assert lead.wake_on == TODAY + timedelta(days=45)
    assert lead.nurture_reason == "Content, with fit"


def test_a_track_may_wait_for_a_signal_alone(rep):
    track(wakes_by_date=False, wake_signal="pricing_page")

    assert rejected(rep).wake_on is None


def test_the_day_the_rep_names_goes_first(rep):
    track(days=45)
    day = TODAY + timedelta(days=20)

    assert rejected(rep, wake_on=day).wake_on == day


def test_without_a_track_the_reason_says_the_days(rep):
    lead = rejected(rep)

    assert (lead.nurture_track, lead.wake_on) == (None, TODAY + timedelta(days=90))


def test_a_day_gone_by_is_refused(rep):
    with pytest.raises(Invalid, match="Pick a day after today"):
        rejected(rep, wake_on=TODAY)


def test_leaving_nurture_leaves_the_track(rep):
    track()
    lead = rejected(rep)

    move_to_stage(lead, Stage.LEAD, at=AT, actor="test")

    lead.refresh_from_db()
    assert lead.nurture_track is None


def test_nobody_rests_for_ever():
    with pytest.raises(IntegrityError), transaction.atomic():
        track(wakes_by_date=False)


def test_the_form_names_track_and_day_beside_the_reason():
    track("Evaluation", rules=["content"])
    reason("no_timeline", label="No timeline", nurture_days=30)

    form = RejectForm(rule="content", today=TODAY)

    hints = {label: label.hint for _, label in form.fields["reason"].choices}
    assert hints["No timeline"] == "Nurture, Evaluation. Wakes on a new signal or on 11 Apr."


def test_data_to_mend_has_to_be_named(rep):
    offer = make_offer(rep)

    with pytest.raises(Invalid, match="Name what has to be mended"):
        workflow.reject(offer, rep.user, reason("wrong_person", next_path="fix_data"), at=AT)
