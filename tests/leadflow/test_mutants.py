"""Tests of the tests: each fault is put into the product on purpose, and a named test must notice (docs/testing.md)."""

from __future__ import annotations

import pytest
from django.db import connection

from handoff import assigning, clocks, locks, mailing, notices, roster, routing, workflow
from handoff.models import HandoffQuerySet
from leadflow.api import idempotency
from leads import clock, ledger, lifecycle, permissions
from leads.checks import triggers_present
from leads.intake import people, recording, storage
from leads.models.people import LeadQuerySet
from scoring import engine, facts, storing
from tests.factories import make_offer, make_rep
from tests.handoff import test_clocks as deadlines
from tests.handoff import test_notices as mails
from tests.handoff import test_routing as turns
from tests.handoff import test_routing_races as races
from tests.handoff import test_scenarios as scenarios
from tests.handoff import test_workflow as decisions
from tests.handoff.test_workflow import offer, rep  # noqa: F401 - fixtures of the tests called here
from tests.leadflow import test_constraints as constraints
from tests.leadflow.api import test_handoffs as handoffs_api
from tests.leadflow.api import test_idempotency as repeats
from tests.leadflow.api import test_leads as leads_api
from tests.leadflow.api.conftest import api_as  # noqa: F401
from tests.leads import test_clock as time
from tests.leads import test_lifecycle as door
from tests.leads import test_permissions as roles
from tests.leads.intake import test_concurrency as crowds
from tests.leads.intake import test_recording as intake
from tests.leads.intake.conftest import sender  # noqa: F401
from tests.mutation import mutate
from tests.scoring import test_promotion as promotion
from tests.scoring import test_races as workers

pytestmark = pytest.mark.django_db
# Not just any error: an assertion of the named test has to fail.
NOTICED = (AssertionError, pytest.fail.Exception)
# Where SQLite is right without the guard: its one writer at a time is one, too.
needs_a_server = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL")


def noticed():
    return pytest.raises(NOTICED)


# --- Events, and what they count --------------------------------------------------------------------


def test_message_ids_that_are_not_kept_are_noticed(monkeypatch, sender):  # noqa: F811
    mutate(monkeypatch, recording._prepare, 'event.message_id or f"server', 'f"server')

    with noticed():
        intake.test_replayed_batch_changes_nothing(sender)


def test_duplicates_that_are_counted_again_are_noticed(monkeypatch, sender):  # noqa: F811
    mutate(
        monkeypatch, storage.insert_events,
        "DO NOTHING RETURNING", "DO UPDATE SET received_at = excluded.received_at RETURNING",
    )  # fmt: skip

    with noticed():
        intake.test_events_of_one_day_add_up_over_batches(sender)


def test_counts_that_replace_instead_of_adding_are_noticed(monkeypatch, sender):  # noqa: F811
    monkeypatch.setattr(
        storage, "_ADD_DAYS", f"ON CONFLICT ({storage._DAY_KEY}) DO UPDATE SET count = excluded.count"
    )

    with noticed():
        intake.test_events_of_one_day_add_up_over_batches(sender)


def test_events_dated_by_their_receipt_are_noticed(monkeypatch, sender):  # noqa: F811
    mutate(monkeypatch, storage._event_row, "day_of(event.occurred_at)", "known_on")

    with noticed():
        intake.test_days_are_those_of_the_organisation(sender)


def test_news_taken_in_order_of_arrival_are_noticed(monkeypatch, sender):  # noqa: F811
    mutate(monkeypatch, people.carriers, "key=lambda event: event.occurred_at", "key=lambda event: 0")

    with noticed():
        intake.test_identifies_of_one_batch_hold_as_they_happened_not_as_they_arrived(sender)


@needs_a_server
@pytest.mark.django_db(transaction=True)
def test_a_count_read_before_it_is_written_is_noticed(monkeypatch):
    """What `count += 1` in Python does: the old value is that of the statement's start, not of the locked row."""
    before = (
        "SELECT d.count FROM leads_engagementday d WHERE d.lead_id = leads_engagementday.lead_id AND "
        "d.signal_id = leads_engagementday.signal_id AND d.occurred_on = leads_engagementday.occurred_on AND "
        "d.object_key = leads_engagementday.object_key AND d.known_on = leads_engagementday.known_on"
    )
    monkeypatch.setattr(
        storage, "_ADD_DAYS",
        f"ON CONFLICT ({storage._DAY_KEY}) DO UPDATE SET count = COALESCE(({before}), 0) + excluded.count",
    )  # fmt: skip

    with noticed():
        crowds.test_visits_of_the_same_day_and_page_are_all_counted_whichever_is_committed_first(monkeypatch)


# --- Scores and promotions --------------------------------------------------------------------------


def test_scores_from_what_was_not_known_yet_are_noticed(monkeypatch):
    # Both have to go: the query leaves out what the engine would pass over.
    mutate(monkeypatch, facts.load_counts, "known_on__lte=day, ", "")
    mutate(monkeypatch, engine.net_counts, "row.known_on <= day and ", "")
    promotion.publish_standard()

    with noticed():
        promotion.test_a_late_worker_sees_only_what_was_known_then()


@needs_a_server
@pytest.mark.django_db(transaction=True)
def test_scoring_without_its_lock_is_noticed(monkeypatch):
    mutate(monkeypatch, storing.Chosen.lock, ".select_for_update(no_key=True)", "")

    with noticed():
        workers.test_a_slow_pass_cannot_overwrite_a_newer_score()


# --- The stage door and its ledger ------------------------------------------------------------------


def test_a_ledger_without_triggers_is_noticed(at):
    ledger.remove(connection)

    assert triggers_present(at)
    with noticed():
        door.test_ledger_refuses_update_and_delete()


def test_a_door_that_takes_a_stale_lead_is_noticed(monkeypatch):
    mutate(
        monkeypatch, lifecycle._acceptable, "(move.from_stage and current.stage != move.from_stage)", "False"
    )

    with noticed():
        door.test_a_move_that_would_be_legal_from_the_new_stage_is_a_conflict_all_the_same()


UNIQUE = {
    "handoff_one_open": ("handoff_handoff", constraints.test_a_second_open_handoff_of_a_lead_is_refused),
    "lead_email_unique_live": ("leads_lead", constraints.test_a_second_live_lead_with_an_address_is_refused),
}
UNIQUE_CONSTRAINTS = {
    "handoff_attempt_unique": (
        "handoff_handoff", constraints.test_a_second_handoff_of_the_same_attempt_is_refused,
    ),
    "cycle_unique": ("leads_cycle", constraints.test_a_second_cycle_of_a_number_is_refused),
    "stage_change_seq_unique": (
        "leads_stagechange", constraints.test_a_second_ledger_line_of_a_number_is_refused,
    ),
    "event_message_unique": ("leads_event", constraints.test_a_second_event_of_a_message_is_refused),
}  # fmt: skip


@pytest.mark.parametrize("name", UNIQUE)
def test_a_dropped_unique_index_is_noticed(name):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")

    with noticed():
        UNIQUE[name][1]()


@needs_a_server
@pytest.mark.parametrize("name", UNIQUE_CONSTRAINTS)
def test_a_dropped_unique_constraint_is_noticed(name):
    table, notices_it = UNIQUE_CONSTRAINTS[name]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    with noticed():
        notices_it()


# --- Decisions about handoffs -----------------------------------------------------------------------


def test_an_accept_that_ignores_the_deadline_is_noticed(monkeypatch, offer, rep):  # noqa: F811
    mutate(monkeypatch, workflow.accept, "Q(status=OFFERED, accept_by__gte=at)", "Q(status=OFFERED)")

    with noticed():
        decisions.test_accept_wins_at_the_deadline_and_loses_after_it(offer, rep)


def test_an_accept_that_ignores_the_status_is_noticed(monkeypatch, offer, rep, at):  # noqa: F811
    mutate(monkeypatch, workflow.accept, "Q(status=OFFERED, accept_by__gte=at)", "Q(accept_by__gte=at)")

    with noticed():
        decisions.test_accepting_again_after_looking_again_is_refused(offer, rep, at)


def test_a_decision_that_ignores_the_version_is_noticed(monkeypatch, offer, rep, at):  # noqa: F811
    mutate(
        monkeypatch,
        workflow._decide,
        "pk=handoff.pk, version=handoff.version, closed_at",
        "pk=handoff.pk, closed_at",
    )

    with noticed():
        decisions.test_an_older_page_does_not_overwrite_a_newer_deferral(offer, rep, at)


def test_an_offer_that_lapses_at_its_deadline_is_noticed(monkeypatch, at):
    mutate(monkeypatch, clocks._expire_batch, "accept_by__lt=at", "accept_by__lte=at", times=2)

    with noticed():
        deadlines.test_an_offer_lapses_after_its_deadline_and_goes_to_the_next_rep(at)


@needs_a_server
def test_a_local_clock_in_place_of_the_databases_is_noticed(monkeypatch):
    mutate(monkeypatch, clock.now, 'connection.vendor == "postgresql"', "False")

    with noticed():
        time.test_a_wrong_clock_on_this_machine_does_not_move_the_present()


# --- Routing ----------------------------------------------------------------------------------------


def test_routing_that_ignores_capacity_is_noticed(monkeypatch, at):
    monkeypatch.setattr(roster.RepCard, "is_full", False)

    with noticed():
        scenarios.test_fifty_at_once_to_five_with_eight_seats_each(at)


@needs_a_server
@pytest.mark.django_db(transaction=True)
def test_routers_that_do_not_lock_the_pool_are_noticed(monkeypatch):
    mutate(monkeypatch, locks.lock_pools, '.select_for_update(no_key=True, of=("self",))', "")
    mutate(monkeypatch, locks.lock_reps, '.select_for_update(no_key=True, of=("self",))', "")

    with noticed():
        races.test_eight_routers_fill_every_seat_and_then_serve_the_longest_waiting(rounds=3)


def test_turns_that_are_not_kept_are_noticed(monkeypatch, at):
    mutate(monkeypatch, roster.save_rotations, "if pool.changed:", "if False:")

    with noticed():
        scenarios.test_one_lead_at_a_time_over_a_month_stays_even(at)


def test_the_newest_lead_served_first_is_noticed(monkeypatch, at):
    mutate(monkeypatch, routing.routable, '"waiting_since", "pk"', '"-waiting_since", "pk"')

    with noticed():
        turns.test_freed_seats_go_to_the_longest_waiting(at)


def test_an_offer_without_its_owner_is_noticed(monkeypatch, at):
    mutate(monkeypatch, assigning._write_owners, "update(owner=_each(owners.items()), ", "update(")

    with noticed():
        turns.test_drain_offers_with_owner_deadline_turn_decision_and_notice(at)


# --- Notices ----------------------------------------------------------------------------------------


def test_a_mail_sent_before_the_commit_is_noticed(monkeypatch, at):
    at_once = '__import__("handoff.mailing", fromlist=["mailing"]).deliver_due(rows[0][5])'
    mutate(monkeypatch, notices.notify, 'wake("handoff.tasks.deliver_notices")', at_once)

    with noticed():
        mails.test_nothing_is_mailed_of_what_was_rolled_back(at)


def test_a_notice_mailed_twice_is_noticed(monkeypatch, at):
    mutate(monkeypatch, mailing._deliver, 'mine.update(mailed_at=at, error="")', 'mine.update(error="")')

    with noticed():
        mails.test_each_notice_is_mailed_once(make_offer(make_rep()), at)


# --- Who sees and may do what -----------------------------------------------------------------------


def test_leads_of_other_teams_shown_are_noticed(monkeypatch, api_as):  # noqa: F811
    mutate(monkeypatch, LeadQuerySet.visible_to, "filter(own_team | waiting_for_team)", "all()")

    with noticed():
        leads_api.test_list_is_what_can_be_read(api_as)


def test_handoffs_of_other_reps_shown_are_noticed(monkeypatch, api_as, offer):  # noqa: F811
    mutate(monkeypatch, HandoffQuerySet.visible_to, "filter(rep__user=user)", "all()")

    with noticed():
        handoffs_api.test_handoff_of_another_is_not_there(api_as, offer)


def test_a_key_beyond_its_role_is_noticed(monkeypatch):
    mutate(monkeypatch, permissions.can, "(action in KEY_ONLY or actor.user.role in roles)", "True")

    with noticed():
        roles.test_key_never_exceeds_the_role_it_acts_as()


def test_repeats_across_credentials_are_noticed(monkeypatch, api_as):  # noqa: F811
    mutate(monkeypatch, idempotency._claim, "credential=credential_of(request)", 'credential="all"')

    with noticed():
        repeats.test_key_belongs_to_the_credential(api_as)
