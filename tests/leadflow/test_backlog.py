import datetime as dt

import pytest

from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from leadflow import backlog
from leads.enums import Role
from scoring.models import PendingScore
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ago(at: dt.datetime) -> dt.datetime:
    return at - dt.timedelta(seconds=90)


def test_nothing_waits_in_an_empty_installation(at: dt.datetime) -> None:
    assert backlog.oldest(at=at) == {}


def test_marks_to_score_count_from_the_oldest_that_is_due(at: dt.datetime, ago: dt.datetime) -> None:
    lead = factories.make_lead()
    PendingScore.objects.all().delete()
    early = ago - dt.timedelta(hours=1)
    mark = {"lead": lead, "day": at.date()}
    PendingScore.objects.create(**mark, created_at=ago)
    PendingScore.objects.create(**mark, created_at=early, not_before=at + dt.timedelta(minutes=5))
    PendingScore.objects.create(**mark, created_at=early, set_aside="broken profile")

    assert backlog.oldest(at=at)["scores"] == 90


def test_handoff_counts_while_nobody_tried_to_route_it(at: dt.datetime, ago: dt.datetime) -> None:
    handoff = factories.make_mql()
    Handoff.objects.filter(pk=handoff.pk).update(waiting_since=ago)
    before = backlog.oldest(at=at)

    Handoff.objects.filter(pk=handoff.pk).update(queue_reason=QueueReason.AT_CAPACITY)

    assert before["routing"] == 90
    assert "routing" not in backlog.oldest(at=at)


def test_deadlines_and_decisions_count_once_they_are_past(at: dt.datetime, ago: dt.datetime) -> None:
    offer = factories.make_offer()
    rows = Handoff.objects.filter(pk=offer.pk)
    rows.update(accept_by=ago)
    overdue = backlog.oldest(at=at)

    rows.update(status=HandoffStatus.ACCEPTED, decided_at=ago, settle_at=ago)
    unsettled = backlog.oldest(at=at)
    rows.update(settle_at=at + dt.timedelta(seconds=8))

    assert overdue["deadlines"] == 90
    assert unsettled["decisions"] == 90
    assert "decisions" not in backlog.oldest(at=at)


def test_notices_count_until_they_are_mailed(at: dt.datetime, ago: dt.datetime) -> None:
    Notice.objects.all().delete()
    user = factories.make_user(Role.MANAGER)
    notice = Notice.objects.create(user=user, kind="queued", text="One lead waits", created_at=ago)
    before = backlog.oldest(at=at)

    Notice.objects.filter(pk=notice.pk).update(mailed_at=at)

    assert before["notices"] == 90
    assert "notices" not in backlog.oldest(at=at)
