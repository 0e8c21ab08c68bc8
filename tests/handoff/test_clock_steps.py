"""Warn, escalate, re-route: each step once, never early, in the rep's own working hours."""

from datetime import date, datetime, timedelta

import pytest

from handoff import clocks, pausing, routing, workflow
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import ClockTier, Handoff, Notice, WorkCalendar
from leads.conversations import log_conversation
from leads.models import Organisation
from tests.factories import make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current, findings, work

pytestmark = pytest.mark.django_db
OFFICE = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
SECOND = timedelta(seconds=1)


@pytest.fixture
def manager():
    return make_user("manager", team=make_team())


def berlin(text):
    return datetime.fromisoformat(f"{text}+01:00")


def told(kind):
    return Notice.objects.filter(kind=kind)


def make_calendar(name="Berlin", **fields):
    return WorkCalendar.objects.create(name=name, **{"time_zone": "Europe/Berlin", "hours": OFFICE, **fields})


def make_tier(**fields):
    return ClockTier.objects.create(
        **{"name": "Everybody", "accept_minutes": 240, "contact_minutes": 480, **fields}
    )


def test_a_deadline_counts_the_reps_hours_and_holidays_not_the_organisations():
    rep = make_rep(calendar=make_calendar(country="DE", days_off={"2026-03-16": "Move"}))
    make_calendar("Everybody", is_default=True, time_zone="UTC", days_off={"2026-03-17": "Founders' day"})

    offer = make_offer(rep, at=berlin("2026-03-13T15:00"))  # a Friday; Monday and Tuesday are off

    assert offer.accept_by == berlin("2026-03-18T11:00")
    assert [span[0][:10] for span in offer.clock_spans] == ["2026-03-13", "2026-03-18"]


def test_a_rep_without_a_calendar_follows_the_default_one():
    make_calendar(is_default=True)

    offer = make_offer(at=berlin("2026-03-13T16:00"))

    assert offer.accept_by == berlin("2026-03-16T12:00")


def test_tiers_go_by_score_and_hand_raise_in_their_order(at):
    make_tier(name="Asked", position=1, hand_raisers_only=True, accept_minutes=30)
    make_tier(name="Hot", position=2, min_score=80, accept_minutes=60)
    make_pool(make_rep())
    offers = [
        make_mql(at=at, score=90, hand_raiser=True), make_mql(at=at, score=80), make_mql(at=at, score=79)
    ]  # fmt: skip
    routing.drain(at)

    found = [Handoff.objects.get(pk=offer.pk) for offer in offers]
    assert [one.terms["tier"] for one in found] == ["Asked", "Hot", "Everybody"]
    assert [one.accept_by - at for one in found] == [timedelta(minutes=n) for n in (30, 60, 240)]


def test_rep_is_warned_then_the_manager_told_then_it_goes_on(at, manager):
    first, second = make_rep("First"), make_rep("Second")
    make_pool(first, second)
    lead = make_mql(at=at, first_name="Maren").lead
    routing.drain(at)
    offer = current(lead)
    steps = [
        (offer.accept_warn_at, "accept_warning", first.user, at + timedelta(hours=2)),
        (offer.accept_escalate_at, "accept_late", manager, at + timedelta(minutes=192)),
        (offer.accept_by, "expired", first.user, at + timedelta(hours=4)),
    ]
    for due, kind, user, expected in steps:
        assert due == expected
        clocks.sweep(due)
        assert not told(kind).exists()  # not early, not even by a microsecond
        clocks.sweep(due + SECOND)
        clocks.sweep(due + 20 * SECOND)
        assert told(kind).get().user == user
    work(offer.accept_by + timedelta(seconds=21))

    assert (current(lead).rep, current(lead).accept_warned_at) == (second, None)
    assert "First has not answered Maren yet" in told("accept_late").get().text
    assert findings(offer.accept_by + timedelta(seconds=40)) == []


def test_no_step_is_taken_for_what_is_decided(at, manager):
    rep = make_rep()
    offer = make_offer(rep)
    workflow.accept(offer, rep.user, at)
    log_conversation(offer.lead, "call", reached=False, summary="", at=at, by=rep.user)

    clocks.sweep(at + timedelta(days=30))

    assert set(Notice.objects.values_list("kind", flat=True)) == {"offered"}


def test_a_warning_that_comes_too_late_is_left_out_and_the_manager_is_still_told(at, manager):
    offer = make_offer()

    clocks.sweep(offer.accept_by + SECOND)

    kinds = set(Notice.objects.values_list("kind", flat=True))
    assert kinds == {"offered", "accept_late", "expired"}


def test_without_first_contact_somebody_else_gets_it_and_the_former_rep_only_if_nobody_else_can(at, manager):
    make_tier(reroute_minutes=60)
    first, second = make_rep("First"), make_rep("Second")
    make_pool(first, second)
    lead = make_mql(at=at).lead
    routing.drain(at)
    accepted = workflow.accept(current(lead), first.user, at)

    for due, kind in (
        (accepted.contact_warn_at, "contact_warning"), (accepted.contact_by, "contact_late"),
        (accepted.contact_reroute_at, "contact_lapsed"),
    ):  # fmt: skip
        clocks.sweep(due)
        assert not told(kind).exists()
        clocks.sweep(due + SECOND)
        assert told(kind).count() == 1
    end = accepted.contact_reroute_at + 2 * SECOND
    work(end)

    assert accepted.contact_reroute_at == at + timedelta(hours=9)
    assert (current(lead).rep, current(lead).lead.owner) == (second, second.user)
    assert findings(end) == []
    work(current(lead).accept_by + SECOND)
    assert (current(lead).rep, current(lead).decisions.get().way) == (first, "again")


def test_a_late_contact_stays_with_the_rep_where_no_reroute_is_set(at, manager):
    rep = make_rep()
    accepted = workflow.accept(make_offer(rep), rep.user, at)

    work(accepted.contact_by + timedelta(days=9))

    assert current(accepted.lead).status == "accepted"
    assert told("contact_late").count() == 1


@pytest.mark.parametrize("kind", ["call", "mail", "meeting"])
def test_any_contact_in_time_stops_the_clock(kind, at, manager):
    make_tier(reroute_minutes=60)
    rep = make_rep()
    accepted = workflow.accept(make_offer(rep), rep.user, at)
    log_conversation(accepted.lead, kind, reached=True, summary="", at=at, by=rep.user)

    work(accepted.contact_reroute_at + timedelta(days=1))

    assert current(accepted.lead).status == "accepted"
    assert not told("contact_late").exists()


def test_a_pause_gives_back_the_working_time_it_took(at, manager):
    rep = make_rep(calendar=make_calendar())
    offer = make_offer(rep, at=berlin("2026-03-12T10:00"))  # due at 14:00

    paused = pausing.pause(
        offer, manager, "Waits for legal", until=berlin("2026-03-16T10:00"), at=berlin("2026-03-12T13:00")
    )
    clocks.sweep(berlin("2026-03-14T12:00"))
    assert current(offer.lead).status == "offered"
    clocks.sweep(berlin("2026-03-16T10:00"))

    running = current(offer.lead)
    assert (paused.pause_reason, paused.paused_by) == ("Waits for legal", manager)
    assert (running.paused_at, running.accept_by) == (None, berlin("2026-03-16T11:00"))
    work(running.accept_by + SECOND)
    assert findings(running.accept_by + 2 * SECOND) == []


def test_a_paused_offer_can_be_accepted_after_what_was_its_deadline(at, manager):
    rep = make_rep()
    offer = make_offer(rep)
    pausing.pause(offer, manager, "Trade fair", until=at + timedelta(days=2), at=at + timedelta(hours=3))
    later = at + timedelta(days=1)

    accepted = workflow.accept(current(offer.lead), rep.user, later)

    assert (accepted.status, accepted.accept_by) == ("accepted", later + timedelta(hours=1))
    assert findings(later) == []


def test_a_manager_lets_a_paused_clock_go_on_early(at, manager):
    offer = make_offer()
    paused = pausing.pause(offer, manager, "Fair", until=at + timedelta(days=2), at=at)

    running = pausing.resume(paused, manager, at + timedelta(hours=5))

    assert (running.paused_until, running.pause_reason) == (None, "")
    assert running.accept_by == at + timedelta(hours=9)


def test_pausing_needs_a_reason_an_end_a_running_clock_and_a_manager(at, manager):
    rep = make_rep()
    offer = make_offer(rep)
    soon = at + timedelta(days=1)
    with pytest.raises(Invalid, match="Say why"):
        pausing.pause(offer, manager, " ", until=soon, at=at)
    with pytest.raises(Invalid, match="30 days"):
        pausing.pause(offer, manager, "Why", until=at + timedelta(days=31), at=at)
    with pytest.raises(NotAllowed):
        pausing.pause(offer, rep.user, "Busy", until=soon, at=at)
    with pytest.raises(NotAllowed):
        pausing.pause(offer, make_user("manager", team=make_team("Far")), "Why", until=soon, at=at)
    with pytest.raises(HandoffConflict):
        pausing.pause(offer, manager, "Late", until=soon, at=offer.accept_by + SECOND)


def test_undoing_an_acceptance_gives_the_offer_its_clock_back(at, settings):
    settings.LEADFLOW_UNDO_SECONDS = 8
    rep = make_rep(calendar=make_calendar())
    offer = make_offer(rep, at=at)
    accepted = workflow.accept(offer, rep.user, at)

    undone = workflow.undo(accepted, rep.user, at + SECOND)

    assert (undone.contact_by, undone.contact_warn_at) == (None, None)
    assert undone.clock_spans == offer.clock_spans


def test_steps_of_many_take_few_statements(at, manager, django_assert_max_num_queries):
    make_pool(make_rep(capacity=50), make_rep(capacity=50))
    for _ in range(20):
        make_mql(at=at)
    routing.drain(at)

    with django_assert_max_num_queries(30):
        clocks.sweep(at + timedelta(hours=2, seconds=1))

    assert told("accept_warning").count() == 20


def test_over_the_skipped_hour_the_deadline_is_the_wall_clocks(at):
    Organisation.objects.update_or_create(id=1, defaults={"time_zone": "Europe/Berlin"})
    make_calendar(is_default=True, hours={"mon": ["09:00-17:00"], "fri": ["09:00-17:00"]})

    offer = make_offer(at=berlin("2026-03-27T15:00"))

    assert offer.accept_by == datetime.fromisoformat("2026-03-30T11:00+02:00")
    assert "30 Mar 11:00" in told("offered").get().text
    assert date(2026, 3, 29).weekday() == 6
