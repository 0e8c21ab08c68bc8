from datetime import timedelta

import pytest

from handoff import contact, workflow
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from leads.models import Conversation, Event
from leads.notes import write_note
from tests.factories import AT, make_catalogue, make_offer, make_rep, make_user
from tests.handoff.support import LATER

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep():
    make_catalogue()
    return make_rep("Jonas Lind")


@pytest.fixture
def accepted(rep, settings):
    settings.LEADFLOW_UNDO_SECONDS = 0
    return workflow.accept(make_offer(rep, first_name="Ada"), rep.user, AT)


@pytest.mark.parametrize("what", ["call", "no_answer", "mail", "meeting"])
def test_one_act_stops_the_contact_clock(accepted, rep, what):
    contact.log_contact(accepted, what, by=rep.user, at=LATER)

    accepted.refresh_from_db()
    assert accepted.first_contact_at == LATER


def test_only_speaking_is_a_signal(accepted, rep):
    for what in ("no_answer", "mail", "call"):
        contact.log_contact(accepted, what, by=rep.user, at=LATER)

    assert Event.objects.filter(lead=accepted.lead).count() == 1
    assert list(Conversation.objects.order_by("pk").values_list("kind", "reached")) == [
        ("call", False), ("mail", False), ("call", True),
    ]  # fmt: skip


def test_a_note_needs_words(accepted, rep):
    with pytest.raises(Invalid, match="Write the note first"):
        contact.log_contact(accepted, "note", by=rep.user, at=LATER)

    contact.log_contact(accepted, "note", by=rep.user, at=LATER, summary="Left word at the desk")
    accepted.refresh_from_db()
    assert accepted.first_contact_at == LATER


def test_a_plain_note_of_the_rep_stops_the_contact_clock(accepted, rep):
    write_note(accepted.lead, "Wants a call next week", by=rep.user, at=LATER)

    accepted.refresh_from_db()
    accepted.cycle.refresh_from_db()
    assert (accepted.first_contact_at, accepted.cycle.contacted_at) == (LATER, LATER)
    assert accepted.cycle.meeting_at is None


@pytest.mark.parametrize("role", ["marketer", "manager", "rep"])
def test_a_note_of_somebody_else_is_no_contact(accepted, role):
    write_note(accepted.lead, "Met them at the fair", by=make_user(role), at=LATER)

    accepted.refresh_from_db()
    assert accepted.first_contact_at is None


def test_the_second_contact_does_not_move_the_first(accepted, rep):
    contact.log_contact(accepted, "mail", by=rep.user, at=LATER)
    contact.log_contact(accepted, "call", by=rep.user, at=LATER + timedelta(hours=1))

    accepted.refresh_from_db()
    assert accepted.first_contact_at == LATER


def test_an_offer_has_to_be_accepted_first(rep):
    with pytest.raises(HandoffConflict, match="accepted first"):
        contact.log_contact(make_offer(rep), "call", by=rep.user, at=LATER)


def test_nobody_else_logs_it(accepted):
    with pytest.raises(NotAllowed):
        contact.log_contact(accepted, "call", by=make_rep("Mia Berg").user, at=LATER)


def test_many_are_logged_each_by_itself(accepted, rep):
    offer = make_offer(rep, first_name="Bea")

    logged, refused = contact.log_many([offer, accepted], "mail", by=rep.user, at=LATER)

    assert [handoff.pk for handoff in logged] == [accepted.pk]
    assert [(handoff.pk, "accepted first" in why) for handoff, why in refused] == [(offer.pk, True)]
