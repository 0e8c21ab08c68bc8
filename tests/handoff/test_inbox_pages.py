"""Working through the inbox: several at once, page to page, and being slower than somebody else."""

from datetime import timedelta

import pytest
from django.urls import reverse

from handoff import clocks, contact, discovery, inbox, workflow
from handoff.inbox import MOST
from handoff.models import Handoff
from leads import clock
from leads.enums import Role
from leads.models import AuditEntry, NurtureTrack
from scoring.documents import standard_document
from scoring.passes import continue_pass, start_full_pass
from tests.factories import make_definition, make_offer, make_rep, make_user
from tests.handoff.support import reason

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep():
    make_definition(standard_document())
    return make_rep("Jonas Lind", capacity=200)


@pytest.fixture
def offers(rep, client):
    client.force_login(rep.user)
    at = clock.now()
    return [
        make_offer(rep, at=at - timedelta(minutes=9 - n), first_name=name)
        for n, name in enumerate(["Ada", "Bea", "Cleo"])
    ]


def url(name, *args):
    return reverse(f"handoff:{name}", args=args)


def test_ticked_offers_are_accepted_together_and_taken_back_together(client, offers, settings):
    settings.LEADFLOW_UNDO_SECONDS = 60
    ids = [offer.pk for offer in offers[:2]]

    page = client.post(url("accept_many"), {"handoff": ids}, follow=True).content.decode()
    assert "2 handoffs accepted." in page
    assert set(Handoff.objects.filter(status="accepted").values_list("pk", flat=True)) == set(ids)

    client.post(url("undo_many") + f"?ids={','.join(map(str, ids))}")
    assert not Handoff.objects.filter(status="accepted").exists()


def test_what_cannot_be_accepted_says_why(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())

    page = client.post(
        url("accept_many"), {"handoff": [offer.pk for offer in offers] + ["x"]}, follow=True
    ).content.decode()

    assert "2 handoffs accepted." in page
    assert "was not accepted" in page


def test_nothing_ticked_says_what_to_do(client, offers):
    assert "Tick the rows first" in client.post(url("accept_many"), follow=True).content.decode()


def test_a_mail_is_logged_with_everybody_ticked(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())

    client.post(url("log_many", "mail"), {"handoff": [offers[0].pk]})

    offers[0].refresh_from_db()
    assert offers[0].first_contact_at is not None
    assert client.post(url("log_many", "meeting")).status_code == 404


def test_a_decision_on_the_page_goes_on_to_the_next_page(client, offers):
    answer = client.post(url("decide", offers[0].pk, "accept"), {"from": "page"})
    assert answer.headers["Location"] == url("handoff_detail", offers[1].pk)

    back = client.post(url("undo", offers[0].pk) + "?from=page")
    assert back.headers["Location"] == url("handoff_detail", offers[0].pk)


def test_a_decision_on_an_old_page_is_noticed(client, offers, rep):
    seen = offers[0].version
    workflow.accept(offers[0], rep.user, clock.now())

    answer = client.post(
        url("decide", offers[0].pk, "return"), {"version": seen, "missing": "role", "note": "Who decides?"}
    )

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "It was accepted by Jonas Lind" in page
    assert "Who decides?" in page
    assert url("inbox") in page


def test_the_loser_of_a_reassignment_sees_who_when_and_why(client, offers, rep):
    team = rep.user.team
    boss, other = make_user(Role.MANAGER, team=team, name="Karin Holm"), make_rep("Mia Berg", team=team)
    workflow.reassign(offers[0], boss, other, "Speaks Danish", clock.now())

    answer = client.post(url("decide", offers[0].pk, "accept"), {"version": 1})

    said = "It was reassigned to Mia Berg by Karin Holm at"
    assert answer.status_code == 409
    assert said in answer.content.decode()
    assert said in client.get(url("handoff_detail", offers[0].pk)).content.decode()


def test_a_crowded_group_shows_the_first_and_says_how_many_more(client, offers, rep):
    at = clock.now()
    for n in range(MOST):
        make_offer(rep, at=at - timedelta(seconds=n))

    page = client.get(url("inbox")).content.decode()
    assert "Show 3 more" in page
    assert page.count("data-row ") == MOST
    assert client.get(url("inbox") + "?all=1").content.decode().count("data-row ") == MOST + 3


def test_inbox_says_that_scores_are_being_worked_out_anew(client, offers):
    start_full_pass("publish", clock.now())
    assert "Scores are being worked out anew under definition 1." in client.get(url("inbox")).content.decode()

    while continue_pass():
        pass
    assert "being worked out anew" not in client.get(url("inbox")).content.decode()


def test_the_page_takes_as_many_queries_with_a_past_as_without(
    client, offers, rep, django_assert_max_num_queries
):
    with django_assert_max_num_queries(32) as first:
        client.get(url("handoff_detail", offers[0].pk))
    with django_assert_max_num_queries(32) as last:
        client.get(url("handoff_detail", offers[2].pk))

    assert len(first) == len(last)


def test_logging_a_contact_takes_one_press(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())

    page = client.post(url("contact_log", offers[0].pk), {"what": "call"}, follow=True).content.decode()
    assert "Call with Ada logged." in page
    assert "First contact" in page
    page = client.post(
        url("contact_log", offers[0].pk), {"what": "smoke signal"}, follow=True
    ).content.decode()
    assert "Choose one of call" in page


def test_answers_are_judged_while_they_are_typed(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())
    typed = {"need_problem": "Late feeds", "budget": "25-75 k", "timing": "2027-02-31"}

    page = client.post(url("discovery_check", offers[0].pk), typed).content.decode()

    assert "1 of 3" in page
    assert "timing is open" in page
    assert "Budget is read as 25,000–75,000." in page
    assert "There is no such date." in page
    assert not hasattr(Handoff.objects.get(pk=offers[0].pk).cycle, "discovery")


def test_saving_and_qualifying_is_one_act(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())
    typed = {"need_problem": "Late feeds", "timing": "in 3 months", "next_step": "Show it", "version": 0}

    client.post(url("discovery", offers[0].pk), typed | {"qualify": "1"})

    offers[0].lead.refresh_from_db()
    assert offers[0].lead.stage == "sql"


def test_deferring_by_a_usual_step_takes_its_usual_day(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())

    client.post(url("decide", offers[0].pk, "defer"), {"step": "Check-in", "next_step": "After the fair"})

    offers[0].refresh_from_db()
    assert offers[0].next_step == "Check-in: After the fair"
    assert offers[0].deferred_until == clock.today() + timedelta(days=30)


def test_deferring_without_a_step_asks_for_one(client, offers, rep):
    workflow.accept(offers[0], rep.user, clock.now())

    answer = client.post(url("decide", offers[0].pk, "defer"), {"step": ""})

    assert answer.status_code == 422
    assert "Say what happens next" in answer.content.decode()


# --- Marketing's side ------------------------------------------------------------------------------


def test_marketing_sees_the_reps_words_mends_and_releases(client, offers, rep):
    workflow.reject(
        offers[0], rep.user, reason("wrong_person", next_path="fix_data", label="Wrong person"), "She left in May",
        ["role"], at=clock.now(),
    )  # fmt: skip
    client.force_login(make_user(Role.MARKETER))

    queue = client.get("/leads/?view=returned").content.decode()
    assert "Jonas Lind: Wrong person, Their role in the decision. “She left in May”" in queue

    page = client.get(f"/leads/{offers[0].lead_id}/").content.decode()
    assert "To mend: <b>Their role in the decision</b>" in page
    waiting = Handoff.objects.get(lead=offers[0].lead_id, status="queued")
    client.post(url("release", waiting.pk), {"note": "Ole took over"})
    waiting.refresh_from_db()
    assert waiting.queue_reason != "returned_to_marketing"
    assert (
        "Back from sales" not in client.get(f"/leads/{offers[0].lead_id}/").content.decode().split("<main")[1]
    )


def test_a_marketer_edits_tracks_and_it_is_written_down(client):
    client.force_login(make_user(Role.MARKETER))
    NurtureTrack.objects.all().delete()
    typed = {"name": "Quiet", "wakes_by_date": "on", "days": "40", "position": "5", "is_active": "on"}

    assert client.post(url("track_new"), typed | {"days": "0"}).status_code == 422
    client.post(url("track_new"), typed)

    track = NurtureTrack.objects.get()
    assert (track.name, track.days) == ("Quiet", 40)
    assert AuditEntry.objects.filter(action="nurture_track.create").exists()
    assert "Quiet" in client.get(url("tracks")).content.decode()
    refused = client.post(url("track_edit", track.pk), {"name": "Quiet", "position": "5"})
    assert "Nobody rests for ever" in refused.content.decode()


# --- Coming back by itself -------------------------------------------------------------------------


def group_of(handoff, at):
    groups = inbox.grouped(Handoff.objects.filter(rep=handoff.rep_id), at)
    return next(group.slug for group in groups if handoff.pk in [row.pk for row in group.rows])


def test_a_deferred_lead_comes_back_as_todays_follow_up(offers, rep, settings):
    settings.LEADFLOW_UNDO_SECONDS = 0
    at = clock.now()
    handoff = workflow.accept(offers[0], rep.user, at)
    contact.log_contact(handoff, "mail", by=rep.user, at=at)
    handoff.refresh_from_db()
    handoff = workflow.defer(handoff, rep.user, clock.day_of(at) + timedelta(days=7), "Check-in", at)
    assert group_of(handoff, at) == "deferred"

    clocks.sweep(at + timedelta(days=7))

    handoff.refresh_from_db()
    assert (handoff.deferred_until, handoff.next_step) == (None, "Check-in")
    assert group_of(handoff, at + timedelta(days=7)) == "today"


def test_a_step_agreed_in_discovery_is_followed_up_on_its_day(offers, rep, settings):
    settings.LEADFLOW_UNDO_SECONDS = 0
    at = clock.now()
    handoff = workflow.accept(offers[0], rep.user, at)
    contact.log_contact(handoff, "call", by=rep.user, at=at)
    step = at + timedelta(days=3)
    discovery.save_answers(
        handoff, {"next_step": "Workshop", "next_step_at": step.isoformat()}, by=rep.user, at=at
    )

    assert group_of(handoff, at) == "working"
    assert group_of(handoff, step) == "today"


def test_a_rep_stops_new_offers_and_only_the_manager_lets_them_come_again(client, offers, rep):
    page = client.post(url("availability"), {"is_available": "0"}, follow=True).content.decode()

    rep.refresh_from_db()
    assert not rep.is_available
    assert "Your manager lets you take leads again." in page
    assert client.post(url("availability"), {"is_available": "1"}).status_code == 403
    client.force_login(make_user(Role.MANAGER, team=rep.user.team))
    client.post(url("rep_edit", rep.pk), {"capacity": 5, "is_available": "on"})
    rep.refresh_from_db()
    assert rep.is_available
