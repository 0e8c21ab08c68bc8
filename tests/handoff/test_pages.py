"""The rep's and the manager's pages, through the test client."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handoff import routing
from handoff.models import Handoff, HandoffStatus, Pool, PoolMember, RejectionReason, Rep, RoutingRule
from leads import clock
from leads.enums import Role, Stage
from leads.models import Team
from scoring.documents import standard_document
from tests.factories import make_definition, make_lead, make_user

pytestmark = pytest.mark.django_db
PAGES = ["handoff:board", "handoff:routing", "handoff:reps", "handoff:reasons"]


@pytest.fixture
def team():
    return Team.objects.create(name="North")


@pytest.fixture
def rep(team):
    make_definition(standard_document())
    user = make_user(Role.REP, team=team)
    rep = Rep.objects.create(user=user, capacity=20)
    pool = Pool.objects.create(name="North", team=team)
    PoolMember.objects.create(pool=pool, rep=rep)
    RoutingRule.objects.create(position=1, name="Everybody", pool=pool)
    return rep


def offer(count=1):
    """MQLs routed to the one rep there is."""
    at = clock.now()
    for _ in range(count):
        make_lead(stage=Stage.MQL, at=at - timedelta(minutes=5), first_name="Maren", last_name="Solberg")
    routing.drain(at)
    return list(Handoff.objects.filter(status=HandoffStatus.OFFERED).order_by("id"))


def test_inbox_shows_offers_with_their_clock(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)

    page = client.get(reverse("handoff:inbox")).content.decode()

    assert "Maren Solberg" in page
    assert "to accept" in page
    assert reverse("handoff:decide", args=[handoff.pk, "accept"]) in page


def test_no_clock_runs_on_a_handoff_that_is_closed(client, rep):
    (handoff,) = offer()
    Handoff.objects.filter(pk=handoff.pk).update(
        status=HandoffStatus.ACCEPTED, decided_at=clock.now(), contact_by=clock.now() + timedelta(hours=4)
    )
    client.force_login(rep.user)
    address = reverse("handoff:handoff_detail", args=[handoff.pk])
    running = client.get(address).content.decode()

    Handoff.objects.filter(pk=handoff.pk).update(closed_at=clock.now())

    assert "to contact" in running
    assert "to contact" not in client.get(address).content.decode()


def test_empty_inbox_says_so(client, rep):
    client.force_login(rep.user)

    assert "Nothing waits for you" in client.get(reverse("handoff:inbox")).content.decode()


def test_inbox_takes_as_many_queries_for_three_as_for_one(client, rep, django_assert_max_num_queries):
    client.force_login(rep.user)
    offer()
    with django_assert_max_num_queries(12) as one:
        client.get(reverse("handoff:inbox"))
    offer(2)
    with django_assert_max_num_queries(12) as three:
        client.get(reverse("handoff:inbox"))

    assert len(three) == len(one)


def test_accepting_moves_on_to_the_next_row_with_undo(client, rep):
    first, second = offer(2)
    client.force_login(rep.user)

    answer = client.post(
        reverse("handoff:decide", args=[first.pk, "accept"]), {"next_step": "Call"}, follow=True
    )

    first.refresh_from_db()
    assert (first.status, first.next_step) == ("accepted", "Call")
    assert answer.redirect_chain[-1][0].endswith(f"?focus={second.pk}")
    assert reverse("handoff:undo", args=[first.pk]) in answer.content.decode()


def test_rejecting_needs_a_reason_and_keeps_what_was_typed(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)

    answer = client.post(
        reverse("handoff:decide", args=[handoff.pk, "reject"]), {"note": "Spoke to the wrong one"}
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose a reason" in page
    assert "Spoke to the wrong one" in page


def test_rejecting_with_a_reason_follows_its_path(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)
    reason = RejectionReason.objects.filter(next_path="nurture", needs_note=False).first()

    client.post(reverse("handoff:decide", args=[handoff.pk, "reject"]), {"reason": reason.slug})

    handoff.lead.refresh_from_db()
    assert (handoff.lead.stage, handoff.lead.status) == ("lead", "nurture")


def test_whoever_is_slower_is_told_and_answered_409(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)
    url = reverse("handoff:decide", args=[handoff.pk, "accept"])
    client.post(url)

    answer = client.post(url)

    assert answer.status_code == 409
    assert "accepted" in answer.content.decode()


def test_other_reps_handoff_is_not_found(client, rep):
    (handoff,) = offer()
    client.force_login(make_user(Role.REP))

    for name, args in (("handoff_detail", []), ("peek", []), ("discovery", []), ("decide", ["accept"])):
        assert client.get(reverse(f"handoff:{name}", args=[handoff.pk, *args])).status_code == 404


def test_from_acceptance_to_a_won_opportunity(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)
    client.post(reverse("handoff:decide", args=[handoff.pk, "accept"]))

    answers = {
        "need_problem": "Late feeds",
        "timing": "in 3 months",
        "next_step": "Show it on their feed",
        "version": 0,
    }
    client.post(reverse("handoff:discovery", args=[handoff.pk]), answers)
    client.post(reverse("handoff:qualify", args=[handoff.pk]))
    deal = {"name": "Nordhavn", "amount": "40000", "currency": "eur", "close_on": "2099-01-31"}
    client.post(reverse("handoff:opportunity_open", args=[handoff.pk]), deal)
    client.post(reverse("handoff:opportunity_close", args=[handoff.pk]), {"outcome": "won"})

    page = client.get(reverse("handoff:handoff_detail", args=[handoff.pk])).content.decode()
    handoff.lead.refresh_from_db()
    assert handoff.lead.stage == "won"
    assert "Late feeds" in page
    assert "40,000 EUR" in page


def test_qualifying_too_early_says_what_is_open(client, rep):
    (handoff,) = offer()
    client.force_login(rep.user)
    client.post(reverse("handoff:decide", args=[handoff.pk, "accept"]))

    answer = client.post(reverse("handoff:qualify", args=[handoff.pk]), follow=True)

    handoff.lead.refresh_from_db()
    assert handoff.lead.stage == "mql"
    assert "timing" in answer.content.decode().lower()


@pytest.mark.parametrize("name", PAGES)
def test_managers_pages_open(client, rep, team, name):
    offer()
    client.force_login(make_user(Role.MANAGER, team=team))

    assert client.get(reverse(name)).status_code == 200


def test_reassigning_shows_who_has_a_seat_and_leaves_out_who_has_the_lead(client, rep, team):
    offer()
    names = {"Ida Berg": {"capacity": 4}, "Jon Aas": {"capacity": 3, "is_available": False}}
    for name, fields in names.items():
        Rep.objects.create(user=make_user(Role.REP, team=team, name=name), **fields)
    client.force_login(make_user(Role.MANAGER, team=team))

    page = client.get(reverse("handoff:reassign", args=[Handoff.objects.get().pk]))

    labels = [label for _, label in page.context["form"].fields["rep"].choices][1:]
    assert labels == ["Ida Berg, 4 of 4 free", "Jon Aas, 3 of 3 free, not taking leads"]
    assert f"now with {rep.user.name}" in page.content.decode()


def test_manager_reassigns_with_a_reason(client, rep, team):
    (handoff,) = offer()
    other = Rep.objects.create(user=make_user(Role.REP, team=team), capacity=1)
    client.force_login(make_user(Role.MANAGER, team=team))

    client.post(reverse("handoff:reassign", args=[handoff.pk]), {"rep": other.pk, "reason": "Speaks Danish"})

    assert Handoff.objects.get(lead=handoff.lead, status="offered").rep == other
