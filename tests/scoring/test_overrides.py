"""A score set by hand: beside the computed one, until it expires, is lifted or replaced; no rule reads it."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from leads.enums import Role, Stage
from leads.models import AuditEntry, Lead, Organisation, StageChange
from scoring.checks import overrides_stand_beside
from scoring.models import ScoreOverride
from scoring.overrides import BadExpiry, NothingToLift, expire_due, lift_override, override_on, set_override
from scoring.timeline import score_timeline
from tests.factories import AT, make_lead, make_user
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def marketer():
    return make_user(Role.MARKETER, name="Mia")


def overridden(lead, by, score=80, *, at=AT, days=10, reason="Met at the fair"):
    return set_override(lead, score, reason=reason, expires_on=at.date() + days * DAY, by=by, at=at)


def scores(lead):
    return Lead.objects.values_list("score", "override_score", "shown_score").get(pk=lead.pk)


def test_setting_shows_another_score_and_leaves_the_computed_one(marketer):
    lead = make_lead(score=40)

    made = overridden(lead, marketer)

    assert scores(lead) == (40, 80, 80)
    assert (made.by, made.set_on, made.expires_on) == (marketer, TODAY, TODAY + 10 * DAY)
    assert AuditEntry.objects.get(action="score.override").changes["override_score"] == [None, 80]


def test_a_rescore_changes_the_computed_score_alone(marketer):
    publish_standard()
    lead = good_lead()
    overridden(lead, marketer, 5)

    give(lead, "guide")
    settle()

    computed, by_hand, shown = scores(lead)
    assert computed > 38
    assert (by_hand, shown) == (5, 5)


def test_an_override_above_every_line_promotes_nobody_and_one_below_keeps_nobody_back(marketer):
    publish_standard()
    low, high = good_lead(), good_lead()
    overridden(low, marketer, 100)
    overridden(high, marketer, 0)

    for lead in (low, high):
        give(lead, "guide")
    for signal in ("demo_request", "pricing_guide", "comparison_sheet"):
        give(high, signal)
    settle()

    assert Lead.objects.get(pk=low.pk).stage == Stage.LEAD
    entry = StageChange.objects.get(to_stage=Stage.MQL)
    assert (entry.lead_id, entry.score) == (high.pk, Lead.objects.get(pk=high.pk).score)
    assert entry.score > 0


def test_a_second_override_replaces_the_first_and_both_are_kept(marketer):
    lead, admin = make_lead(score=40), make_user(Role.ADMIN)
    first = overridden(lead, marketer)

    overridden(lead, admin, 20, at=AT + DAY)

    first.refresh_from_db()
    assert scores(lead) == (40, 20, 20)
    assert (first.ending, first.ended_by, first.score) == ("replaced", admin, 80)
    assert ScoreOverride.objects.in_force().get().by == admin


def test_lifting_shows_the_computed_score_again_once(marketer):
    lead = make_lead(score=40)
    overridden(lead, marketer)

    lifted = lift_override(lead, by=marketer, at=AT + DAY)

    assert scores(lead) == (40, None, 40)
    assert (lifted.ending, lifted.ended_on) == ("lifted", TODAY + DAY)
    with pytest.raises(NothingToLift):
        lift_override(lead, by=marketer, at=AT + DAY)


def test_it_expires_by_itself_on_its_day_and_not_before(marketer):
    lead, other = make_lead(score=40), make_lead(score=30)
    overridden(lead, marketer, days=2)
    overridden(other, marketer, days=3)

    assert [expire_due(AT + age * DAY) for age in (1, 2, 2)] == [0, 1, 0]

    assert scores(lead) == (40, None, 40)
    assert scores(other) == (30, 80, 80)
    assert ScoreOverride.objects.get(lead=lead).ending == "expired"


def test_expiry_is_judged_by_the_organisations_day(marketer):
    lead = make_lead()
    organisation = Organisation.current()
    organisation.time_zone = "Europe/Berlin"
    organisation.save()
    late = AT.replace(hour=23, minute=30)  # tomorrow there

    with pytest.raises(BadExpiry):
        set_override(lead, 80, reason="x", expires_on=date(2026, 3, 13), by=marketer, at=late)


def test_many_expire_in_batches(marketer, monkeypatch):
    monkeypatch.setattr("scoring.overrides.BATCH", 2)
    for _ in range(5):
        overridden(make_lead(), marketer, days=1)

    assert expire_due(AT + DAY) == 5
    assert not Lead.objects.exclude(override_score=None).exists()


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_an_expiry_that_is_not_ahead_or_too_far_is_refused(marketer, days):
    lead = make_lead()

    with pytest.raises(BadExpiry):
        overridden(lead, marketer, days=days)

    assert not ScoreOverride.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": ""}, {"score": 101}, {"expires_on": TODAY}, {"ending": "lifted"}, {"ended_at": AT},
        {"ending": "lifted", "ended_at": AT, "ended_on": TODAY},
    ],
)  # fmt: skip
def test_the_database_refuses_what_is_no_override(marketer, changed):
    row = {"lead": make_lead(), "score": 80, "reason": "x", "by": marketer, "set_at": AT, "set_on": TODAY}

    with pytest.raises(IntegrityError), transaction.atomic():
        ScoreOverride.objects.create(**{**row, "expires_on": TODAY + DAY, **changed})


def test_the_database_refuses_a_second_one_in_force(marketer):
    lead = make_lead()
    overridden(lead, marketer)

    with pytest.raises(IntegrityError), transaction.atomic():
        ScoreOverride.objects.create(
            lead=lead, score=1, reason="x", by=marketer, set_at=AT, set_on=TODAY, expires_on=TODAY + DAY
        )


def test_what_was_in_force_on_a_day_is_known_later(marketer):
    lead = make_lead()
    first = overridden(lead, marketer, days=3)
    expire_due(AT + 5 * DAY)  # a sweep that came late
    second = overridden(lead, marketer, 20, at=AT + 6 * DAY)
    lift_override(lead, by=marketer, at=AT + 8 * DAY)

    held = [override_on(lead, TODAY + age * DAY) for age in range(-1, 10)]

    assert held == [None, first, first, first, None, None, None, second, second, None, None]


def test_timeline_names_the_override_with_reason_expiry_and_end(marketer):
    publish_standard()
    lead = good_lead(at=AT - 20 * DAY)
    settle(AT - 20 * DAY)
    overridden(lead, marketer, at=AT - 10 * DAY, days=4)
    expire_due(AT - 6 * DAY)
    overridden(lead, marketer, 10, at=AT - 3 * DAY)
    lift_override(lead, by=marketer, at=AT - 2 * DAY)

    _, *points = score_timeline(lead, TODAY, days=12)

    assert [(one.day, one.score, one.shown, one.change) for one in points] == [
        (TODAY - 10 * DAY, 38, 80, 0), (TODAY - 6 * DAY, 38, 38, 0),
        (TODAY - 3 * DAY, 38, 10, 0), (TODAY - 2 * DAY, 38, 38, 0),
    ]  # fmt: skip
    assert [cause.text for one in points for cause in one.causes] == [
        "Score set to 80 by hand until 6 Mar 2026 by Mia: Met at the fair",
        "Score set by hand expired",
        "Score set to 10 by hand until 19 Mar 2026 by Mia: Met at the fair",
        "Score set by hand lifted by Mia",
    ]


def test_verify_finds_a_lead_that_shows_something_else_and_one_that_did_not_expire(marketer):
    fine, lost, stray, late = (make_lead() for _ in range(4))
    for lead in (fine, lost):
        overridden(lead, marketer)
    overridden(late, marketer, days=1)
    Lead.objects.filter(pk=lost.pk).update(override_score=None)
    Lead.objects.filter(pk=stray.pk).update(override_score=3)

    assert overrides_stand_beside(AT + DAY) == [
        f"Lead {lost.pk} shows None as set by hand; in force is 80.",
        f"Lead {stray.pk} shows 3 as set by hand; in force is None.",
        f"The score set by hand of lead {late.pk} expired on {TODAY + DAY}.",
    ]


def at_once(*works):
    """Run these in threads that start together."""
    barrier = threading.Barrier(len(works))

    def run(work):
        barrier.wait(30)
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="one writer at a time")
@pytest.mark.parametrize("score", range(10))
def test_setting_while_the_old_one_expires_ends_with_the_new_one(marketer, score):
    lead, later = make_lead(), AT + DAY
    overridden(lead, marketer, 50, days=1)

    at_once(
        lambda: expire_due(later),
        lambda: overridden(lead, marketer, score, at=later),
        lambda: expire_due(later),
    )

    assert scores(lead)[1:] == (score, score)
    assert overrides_stand_beside(later) == []
