from datetime import timedelta

import pytest

from leads import checks, reclassify
from leads.intake.manual import record_manual_event
from leads.models import AuditEntry, EngagementDay, Event, Reclassification, Signal
from leads.reclassify import PREVIEW, RUN, AlreadyRunning, Line
from scoring.models import PendingScore
from tests.factories import AT, make_catalogue, make_lead, make_user
from tests.leads.test_quarantine import SCANNER, page, send

pytestmark = pytest.mark.django_db
TOMORROW = AT + timedelta(days=1)
VISIT = "page"


@pytest.fixture(autouse=True)
def catalogue():
    return make_catalogue()


def name_paths(*paths, before="pricing_page", slug="price_calculator"):
    """Add an entry for pages, ahead of all others."""
    return Signal.objects.create(slug=slug, label="Price calculator", position=0, match={"type": "page", "paths": list(paths)}, object_from=["path"], intent=3)  # fmt: skip


def walk(kind, at=TOMORROW):
    job = reclassify.start(kind, at=at, by=make_user())
    reclassify.drain(at)
    job.refresh_from_db()
    return job


def counts(lead):
    rows = EngagementDay.objects.filter(lead=lead).order_by("known_on", "signal__slug", "object_key")
    return [(r.signal.slug, r.object_key, r.known_on, r.count) for r in rows.select_related("signal")]


def test_nothing_moves_while_the_catalogue_stays(catalogue):
    lead = make_lead()
    send(
        lead, page("/pricing"), page("/anything"), ("track", "Form Submitted", {"form": "x", "product": "P"}, 0),
        ("page", "Home", {}, 3), ("track", "Unheard of", {}, 0), ("track", "Email Opened", {"campaign": "c"}, 0),
    )  # fmt: skip

    assert walk(PREVIEW).moves == {}
    assert walk(RUN).moves == {}


def test_preview_counts_events_and_leads_and_changes_nothing(catalogue):
    first, second = make_lead(), make_lead()
    send(first, page("/calculator/a"), page("/calculator/b"))
    send(second, page("/calculator/a"), page("/pricing"))
    before = list(Event.objects.order_by("pk").values_list("signal_id", "object_key", "outcome"))
    name_paths("/calculator/*")

    job = walk(PREVIEW)

    assert job.finished_at
    assert (job.events_done, job.events_total) == (4, 4)
    (line,) = reclassify.lines(job)
    assert (line.after, line.events, line.leads) == ("Price calculator", 3, 2)
    assert list(Event.objects.order_by("pk").values_list("signal_id", "object_key", "outcome")) == before


def test_run_moves_by_signed_counts_of_its_day_and_marks_the_leads(catalogue):
    lead, other = make_lead(), make_lead()
    (event,) = send(lead, page("/calculator/a"))
    send(other, page("/pricing"))
    old = event.signal.slug
    name_paths("/calculator/*")
    PendingScore.objects.all().delete()

    walk(RUN)

    event.refresh_from_db()
    assert event.signal.slug == "price_calculator"
    assert [row for row in counts(lead) if row[2] == TOMORROW.date()] == [
        ("price_calculator", "/calculator/a", TOMORROW.date(), 1), (old, "/calculator/a", TOMORROW.date(), -1),
    ]  # fmt: skip
    assert [(mark.lead_id, mark.day) for mark in PendingScore.objects.all()] == [(lead.pk, TOMORROW.date())]
    assert checks.day_counts(AT) == checks.outcomes_explained(AT) == []


def test_unmatched_events_come_to_count_and_matched_ones_may_cease_to(catalogue):
    lead = make_lead(stage="suspect")
    unheard, opened = send(lead, ("track", "Quiz Done", {}, 0), ("track", "Email Opened", {}, 5))
    Signal.objects.create(
        slug="quiz", label="Quiz", position=0, match={"type": "track", "names": ["Quiz Done"]}
    )
    Signal.objects.filter(slug="email_open").update(is_active=False)
    Signal.objects.get(slug="quiz").save()  # notices the change

    job = walk(RUN)

    unheard.refresh_from_db()
    opened.refresh_from_db()
    lead.refresh_from_db()
    assert (unheard.outcome, unheard.signal.slug, lead.stage) == ("counted", "quiz", "lead")
    assert (opened.outcome, opened.outcome_reason, opened.signal) == ("ignored", "unmatched", None)
    assert {(line.before, line.after) for line in reclassify.lines(job)} == {
        ("", "Quiz"),
        ("E-mail open", ""),
    }
    assert checks.day_counts(AT) == checks.outcomes_explained(AT) == []


def test_quarantine_and_what_was_named_by_hand_stay(catalogue):
    lead = make_lead()
    (held,) = send(lead, (*page("/calculator/a"), {"userAgent": SCANNER}))
    record_manual_event(lead, catalogue["webinar"], occurred_at=AT, at=AT, by=make_user())
    Signal.objects.create(slug="anything", label="Anything", position=0, match={"type": "track"})
    name_paths("/calculator/*")

    assert walk(RUN).moves == {}
    held.refresh_from_db()
    assert held.outcome == "quarantined"


def test_a_walk_goes_on_where_it_was_killed(catalogue, monkeypatch):
    monkeypatch.setattr(reclassify, "CHUNK", 2)
    send(make_lead(), *(page(f"/calculator/{number}") for number in range(5)))
    name_paths("/calculator/*")
    job = reclassify.start(RUN, at=TOMORROW, by=None)
    reclassify._next_chunk(TOMORROW)
    job.refresh_from_db()
    assert (job.events_done, job.finished_at) == (2, None)

    reclassify.drain(TOMORROW)

    job.refresh_from_db()
    assert job.events_done == 5
    assert [line.events for line in reclassify.lines(job)] == [5]
    assert checks.day_counts(AT) == []


def test_one_walk_of_a_kind_at_a_time():
    reclassify.start(PREVIEW, at=AT, by=None)

    with pytest.raises(AlreadyRunning):
        reclassify.start(PREVIEW, at=AT, by=None)
    assert Reclassification.objects.count() == 1


def test_lines_name_what_is_not_a_signal():
    job = Reclassification(moves={"0>0": {"events": 2, "leads": [1]}})

    assert reclassify.lines(job) == [Line("", "", 2, 1, False)]


# --- The page --------------------------------------------------------------------------------------


def test_page_leads_from_preview_to_run(client, catalogue):
    client.force_login(make_user("marketer"))
    send(make_lead(), page("/calculator/a"))
    name_paths("/calculator/*")
    assert "See what would move" in client.get("/signals/").content.decode()

    client.post("/signals/past/preview/")
    assert "Counting what would move" in client.get("/signals/").content.decode()
    reclassify.drain()
    assert "Move them" in client.get("/signals/").content.decode()

    client.post("/signals/past/run/")
    reclassify.drain()
    html = client.get("/signals/").content.decode()
    assert "Last moved" in html
    assert "Price calculator" in html
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "events.reclassify_preview",
        "events.reclassify_run",
    }


def test_a_preview_of_another_catalogue_offers_no_run(client, catalogue):
    client.force_login(make_user("marketer"))
    send(make_lead(), page("/calculator/a"))
    name_paths("/calculator/*")
    walk(PREVIEW)
    name_paths("/other/*", slug="other")

    assert "Move them" not in client.get("/signals/").content.decode()


def test_asking_twice_says_so_and_other_kinds_are_not_found(client):
    client.force_login(make_user("marketer"))
    client.post("/signals/past/preview/")

    assert "under way already" in client.post("/signals/past/preview/", follow=True).content.decode()
    assert client.post("/signals/past/undo/").status_code == 404
