"""The managers' board: why leads wait, what would help, and giving them to somebody else."""

import pytest
from django.urls import reverse

from handoff import clocks, routing
from handoff.models import Handoff
from leads import clock
from leads.enums import Role
from tests.factories import AT, make_mql, make_offer, make_pool, make_rep, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(client):
    user = make_user(Role.MANAGER, team=make_team())
    client.force_login(user)
    return user


@pytest.fixture
def full(manager):
    """A lead that waits for the seat of somebody who has none."""
    make_pool(make_rep("Jonas Lind", capacity=0))
    handoff = make_mql(first_name="Maren")
    routing.drain(AT)
    handoff.refresh_from_db()
    return handoff


def get(client, name="board", *args, **query):
    return client.get(reverse(f"handoff:{name}", args=args), query).content.decode()


def test_the_board_says_why_a_lead_waits_and_what_would_help(client, full):
    page = get(client, view="waiting")

    assert "“Nordics” sends it to Nordics: every eligible rep is at capacity." in page
    assert "Jonas Lind: at capacity, 0 of 0 seats" in page
    assert "A free seat of Jonas Lind" in page
    assert "too long" not in page


def test_who_waits_too_long_stands_out(client, full):
    clocks.sweep(clock.now())

    page = get(client)
    assert "1 MQL has been without a rep for too long." in page
    assert "Over 8 h without a rep" in page
    assert "Over 8 h without a rep" in get(client, "handoff_detail", full.pk)


def test_lead_and_handoff_pages_say_why_it_waits(client, full):
    for page in (
        client.get(reverse("leads:lead_detail", args=[full.lead_id])).content.decode(),
        get(client, "handoff_detail", full.pk),
    ):
        assert "Why nobody has it yet" in page
        assert "A free seat of Jonas Lind: by a first contact, an answer, or more capacity." in page


def test_the_queue_says_why_in_a_line(client, full):
    page = client.get(reverse("leads:queue"), {"view": "mql-waiting"}).content.decode()

    assert "Every eligible rep is at capacity. Jonas Lind: at capacity, 0 of 0 seats." in page


def test_board_takes_as_many_queries_for_three_as_for_one(client, full, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        get(client)
    make_mql(), make_mql()
    routing.drain(AT)
    with django_assert_max_num_queries(22):
        assert get(client).count("data-row") == 3 + 1


def test_seats_on_the_board_are_those_that_count(client, manager):
    offer = make_offer(make_rep("Mia Berg", capacity=3))
    Handoff.objects.filter(pk=offer.pk).update(
        status="returned", settle_at=clock.now(), decided_at=clock.now(), decided_by=offer.rep.user
    )

    assert '<th scope="row">Mia Berg</th><td class="num">1</td>' in get(client)
