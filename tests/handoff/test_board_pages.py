"""The managers' board: why leads wait, what would help, and giving them to somebody else."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handoff import clocks, pausing, routing, workflow
from handoff.models import Handoff, Notice, RoutingDecision
from leads import clock
from leads.enums import Role
from tests.factories import AT, make_mql, make_offer, make_pool, make_rep, make_team, make_user
from tests.handoff.support import findings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


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


@pytest.fixture
def three(manager):
    """Three offers with Jonas, and Mia with two seats."""
    jonas, mia = make_rep("Jonas Lind"), make_rep("Mia Berg", capacity=2)
    make_pool(jonas)
    handoffs = [
        make_mql(at=AT + n * MINUTE, first_name=name) for n, name in enumerate(("Ada", "Bea", "Cleo"))
    ]
    routing.drain(clock.now())
    return mia, [Handoff.objects.get(pk=one.pk) for one in handoffs]


def reassign(client, rep, handoffs, **more):
    ticked = [f"{one.pk}-{one.version}" for one in handoffs]
    fields = {"many-rep": rep.pk, "many-reason": "Jonas is ill", "handoff": ticked, **more}
    return client.post(reverse("handoff:reassign_many"), fields)


def held_by(rep):
    held = Handoff.objects.filter(rep=rep, status="offered").order_by("pk")
    return list(held.values_list("lead__first_name", flat=True))


def test_several_go_to_one_rep_until_the_seats_are_taken(client, three):
    mia, handoffs = three

    page = reassign(client, mia, reversed(handoffs)).content.decode()

    assert held_by(mia) == ["Ada", "Bea"]
    assert "2 now with Mia Berg, 1 not." in page
    assert "Mia Berg has 2 of 2 seats taken." in page
    assert f'value="{handoffs[2].pk}-{handoffs[2].version}"' in page  # offered again, to go beyond
    assert Notice.objects.filter(kind="reassigned").count() == 2


def test_whom_several_go_to_is_chosen_by_free_seats(client, three):
    mia, handoffs = three
    assert f'<option value="{mia.pk}">Mia Berg, 2 of 2 free</option>' in get(client)

    page = reassign(client, mia, handoffs).content.decode()

    assert f'<option value="{mia.pk}" selected>Mia Berg, 0 of 2 free</option>' in page


def test_beyond_the_capacity_only_with_a_reason_that_is_kept(client, three):
    mia, handoffs = three

    page = reassign(client, mia, handoffs, **{"many-beyond": "Only this week"}).content.decode()

    assert held_by(mia) == ["Ada", "Bea", "Cleo"]
    assert "Goes to Mia Berg, beyond their capacity" in page
    decisions = RoutingDecision.objects.filter(rep=mia).order_by("pk").values_list("way", "reason")
    assert list(decisions) == [
        ("manual", "Jonas is ill"), ("manual", "Jonas is ill"),
        ("override", "Jonas is ill. Beyond capacity: Only this week"),
    ]  # fmt: skip
    assert findings() == []


def test_what_changed_since_the_page_was_opened_stays(client, three):
    mia, (first, second, _) = three
    workflow.accept(second, by=second.rep.user, at=clock.now())

    page = reassign(client, mia, [first, second]).content.decode()

    assert held_by(mia) == ["Ada"]
    assert "It is accepted by now." in page


def test_others_and_nonsense_are_no_handoffs(client, three):
    mia, _ = three
    other = make_mql()  # of no team's pool yet

    page = reassign(client, mia, [other], handoff=[f"{other.pk}-1", "x", "7", "0-0"]).content.decode()

    assert "0 now with Mia Berg, 4 not." in page
    assert held_by(mia) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [({"handoff": []}, "Tick them on the board first"), ({"many-reason": ""}, "required"),
     ({"many-rep": ""}, "required"), ({"handoff": ["1-1"] * 201}, "201 are too many")],
)  # fmt: skip
def test_what_is_missing_is_said_and_nothing_moves(client, three, change, said):
    mia, handoffs = three

    answer = reassign(client, mia, handoffs, **change)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert held_by(mia) == []


def test_a_stopped_clock_goes_on_from_the_boards_form(client, three):
    _, (first, *_) = three
    pausing.pause(first, make_user("admin"), "Fair", clock.now() + timedelta(days=1), clock.now())

    assert reverse("handoff:resume", args=[first.pk]) in get(client)
    client.post(reverse("handoff:resume", args=[first.pk]), {"many-rep": "", "handoff": []})

    first.refresh_from_db()
    assert first.paused_at is None
