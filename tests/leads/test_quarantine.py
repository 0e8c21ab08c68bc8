from datetime import timedelta

import pytest

from leads import automation, checks
from leads.intake import signatures
from leads.intake.bursts import Act, bursts
from leads.intake.events import IncomingEvent
from leads.intake.recording import record_events
from leads.models import AuditEntry, EngagementDay, Event, Lead
from leads.quarantine import quarantine, release
from scoring.explain import breakdown
from scoring.models import PendingScore
from tests.factories import AT, make_catalogue, make_lead, make_source, make_user
from tests.scoring.world import good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
TOMORROW = AT + timedelta(days=1)
SCANNER = "Mozilla/5.0 (compatible; Proofpoint URL Defense)"


@pytest.fixture(autouse=True)
def _catalogue():
    make_catalogue()


def send(lead, *events, at=AT):
    """Record events given as (type, name, properties, seconds before `at`)."""
    source = make_source()
    incoming = [
        IncomingEvent(
            type=kind, name=name, properties=dict(properties), occurred_at=at - timedelta(seconds=ago), index=index,
            message_id=f"m-{source.pk}-{index}", lead_id=lead.pk, context=context[0] if context else {},
        )
        for index, (kind, name, properties, ago, *context) in enumerate(events)
    ]  # fmt: skip
    record_events(incoming, source=source, received_at=at)
    return list(Event.objects.filter(source=source).order_by("pk"))


def click(link, ago=0):
    return ("track", "Email Link Clicked", {"link": link}, ago)


def page(path, ago=0):
    return ("page", "", {"path": path}, ago)


def counts(lead):
    rows = EngagementDay.objects.filter(lead=lead).order_by("known_on", "id")
    return list(rows.values_list("signal__slug", "known_on", "count"))


def sound():
    return checks.day_counts(AT) + checks.outcomes_explained(AT) + checks.quarantine_has_reason(AT)


def test_quarantine_takes_an_event_out_by_a_correction_of_its_day():
    lead = make_lead()
    (event,) = send(lead, page("/pricing"))
    PendingScore.objects.all().delete()

    (result,) = quarantine([event.pk], at=TOMORROW, by=make_user())

    event.refresh_from_db()
    assert result.problem == ""
    assert (event.outcome, event.outcome_reason) == ("quarantined", "by_hand")
    assert counts(lead) == [("pricing_page", AT.date(), 1), ("pricing_page", TOMORROW.date(), -1)]
    assert [mark.day for mark in PendingScore.objects.all()] == [TOMORROW.date()]
    assert sound() == []
    assert AuditEntry.objects.get().action == "events.quarantine"


def test_release_counts_again_from_the_day_of_the_correction():
    lead = make_lead()
    (event,) = send(lead, page("/pricing"))
    quarantine([event.pk], at=AT)

    release([event.pk], at=TOMORROW)

    event.refresh_from_db()
    assert (event.outcome, event.outcome_reason) == ("counted", "released")
    assert counts(lead) == [("pricing_page", TOMORROW.date(), 1)]
    assert sound() == []


def test_release_of_what_intake_held_back_names_it_by_the_catalogue():
    lead = make_lead(stage="suspect")
    (event,) = send(lead, (*page("/pricing"), {"userAgent": SCANNER}))
    assert (event.outcome, event.outcome_reason) == ("quarantined", "mail_scanner")
    assert counts(lead) == []

    release([event.pk], at=TOMORROW)

    event.refresh_from_db()
    lead.refresh_from_db()
    assert (event.signal.slug, lead.stage) == ("pricing_page", "lead")
    assert counts(lead) == [("pricing_page", TOMORROW.date(), 1)]
    assert sound() == []


def test_release_of_what_means_nothing_is_ignored_with_its_reason():
    (event,) = send(make_lead(), ("track", "Unheard of", {}, 0, {"userAgent": SCANNER}))

    release([event.pk], at=AT)

    event.refresh_from_db()
    assert (event.outcome, event.outcome_reason, event.signal) == ("ignored", "unmatched", None)
    assert sound() == []


def test_both_ways_are_safe_to_repeat_and_answer_for_every_event():
    lead = make_lead()
    first, second = send(lead, page("/pricing"), page("/product"))
    quarantine([first.pk], at=AT)

    results = quarantine([second.pk, first.pk, 10**9, second.pk], at=AT)

    assert [(result.event_id, bool(result.problem)) for result in results] == [
        (second.pk, False), (first.pk, True), (10**9, True),
    ]  # fmt: skip
    assert [result.problem for result in release([first.pk], at=AT)] == [""]
    assert [bool(result.problem) for result in release([first.pk], at=AT)] == [True]
    assert sound() == []


@pytest.mark.parametrize("at", [AT, TOMORROW], ids=["the same day", "the day after"])
def test_scores_follow_both_ways_as_the_engine_says(at):
    publish_standard()
    lead = good_lead()
    events = send(lead, page("/pricing"), page("/pricing/plans"), page("/product"))
    settle()
    scores = [Lead.objects.get(pk=lead.pk).score]
    for change in (quarantine, release):
        change([event.pk for event in events[:2]], at=at)
        settle(at)
        lead.refresh_from_db()
        scores.append(lead.score)
        assert lead.score == breakdown(lead, at.date()).score

    assert scores[1] < scores[0]
    assert scores[2] >= scores[0] - 2  # a day older at most


def test_events_nobody_owns_change_without_counts():
    record_events(
        [IncomingEvent(type="page", properties={"path": "/pricing"}, occurred_at=AT, anonymous_id="a-1")],
        source=make_source(), received_at=AT,
    )  # fmt: skip
    event = Event.objects.get()

    quarantine([event.pk], at=AT)

    assert not EngagementDay.objects.exists()
    assert sound() == []


def test_quarantine_takes_the_same_statements_for_one_and_for_three(django_assert_max_num_queries):
    events = send(make_lead(), page("/a"), page("/b"), page("/c"), page("/d"))

    with django_assert_max_num_queries(25) as one:
        quarantine([events[0].pk], at=AT)
    with django_assert_max_num_queries(len(one.captured_queries)):
        quarantine([event.pk for event in events[1:]], at=AT)


# --- What gives machines away ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "privacy_proxy"),
        (SCANNER, "mail_scanner"), ("Mozilla/5.0 (compatible; Googlebot/2.1)", "crawler"), ("curl/8.5.0", "script"),
        ("facebookexternalhit/1.1", "link_preview"), ("Pingdom.com_bot_version_1.4", "monitor"),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120", "script"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_3) AppleWebKit/605.1.15 Version/17.3 Safari/605.1.15", ""),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT NOTE) Chrome/120", ""),
    ],
)  # fmt: skip
def test_names_give_machines_away(user_agent, kind):
    assert signatures.kind_of(user_agent) == kind


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"sg_machine_open": True}, "machine_open"),
        ({"prefetch": "true"}, "prefetch"),
        ({"prefetch": False}, ""),
        ({}, ""),
    ],
)
def test_marks_of_the_sender_give_machines_away(properties, why):
    (event,) = send(make_lead(), ("page", "", {"path": "/pricing", **properties}, 0))

    assert (event.outcome == "quarantined", event.outcome_reason) == (bool(why), why)


def test_every_reason_has_words():
    kinds = {kind for kind, _ in signatures._PATTERNS} | set(signatures._MARKS.values())

    assert kinds < signatures.REASONS.keys()


def act(number, kind, thing, seconds, person=1):
    return Act(number, person, kind, thing, AT + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("acts", "found"),
    [
        ([act(n, "click", f"/{n}", n) for n in range(4)], {0, 1, 2, 3}),
        ([act(n, "click", f"/{n}", 4 * n) for n in range(4)], set()),  # twelve seconds: a quick person
        ([act(n, "click", "/same", n) for n in range(9)], set()),  # one link, clicked again and again
        ([act(n, "click", f"/{n}", n, person=n) for n in range(4)], set()),
        ([act(n, "page", f"/{n}", n / 4) for n in range(5)], {0, 1, 2, 3, 4}),
        ([act(n, "page", f"/{n}", n) for n in range(9)], set()),
        ([act(9, "open", "", -20), act(8, "open", "", -600), *(act(n, "click", f"/{n}", n) for n in range(4))], {9, 0, 1, 2, 3}),
        ([act(9, "page", "/later", 60), *(act(n, "page", f"/{n}", 0) for n in range(6))], {0, 1, 2, 3, 4, 5}),
    ],
    ids=["links", "quick person", "one link", "many people", "pages", "reader", "open of the burst", "pages apart"],
)  # fmt: skip
def test_bursts_are_what_no_person_does(acts, found):
    assert bursts(acts).keys() == found


def test_a_history_that_knows_only_days_is_no_burst():
    midnight = AT.replace(hour=0, minute=0, second=0)

    assert bursts([Act(n, 1, "page", f"/{n}", midnight) for n in range(9)]) == {}


# --- The sweep -------------------------------------------------------------------------------------


def test_sweep_finds_a_burst_over_several_requests_and_nothing_else():
    lead, reader = make_lead(), make_lead()
    clicks = [send(lead, click(f"https://x.test/{n}", ago=n))[0] for n in range(4)]
    send(reader, page("/a", 9), page("/b", 6), page("/c", 3), page("/d"))

    assert automation.drain(AT + timedelta(seconds=5)) == 4
    assert automation.drain(AT + timedelta(seconds=20)) == 0

    assert {event.outcome_reason for event in Event.objects.filter(pk__in=[e.pk for e in clicks])} == {
        "link_burst"
    }
    assert Event.objects.filter(outcome="quarantined").count() == 4
    assert counts(lead) == []
    assert sound() == []


def test_sweep_leaves_what_was_released_alone():
    events = send(make_lead(), *(click(f"https://x.test/{n}", ago=n) for n in range(4)))
    automation.drain(AT)
    release([event.pk for event in events], at=AT)

    assert automation.drain(AT + timedelta(seconds=10)) == 0


def test_sweep_that_did_not_run_for_a_while_catches_up():
    automation.drain(AT - timedelta(days=3))
    send(make_lead(), *(click(f"https://x.test/{n}", ago=n) for n in range(4)), at=AT - timedelta(days=2))

    assert automation.drain(AT) == 4
