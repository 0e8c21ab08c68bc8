import pytest

from leads.models import AuditEntry, Event
from tests.factories import AT, make_catalogue, make_lead, make_user
from tests.leads.test_quarantine import SCANNER, page, send

pytestmark = pytest.mark.django_db
PAGE = "/quarantine/"


@pytest.fixture
def events(monkeypatch):
    monkeypatch.setattr("leads.clock.now", lambda: AT)
    make_catalogue()
    lead = make_lead(last_name="Novak")
    held = [(*page(f"/pricing/{n}", n), {"userAgent": SCANNER}) for n in range(2)]
    return send(lead, *held, page("/product", 9))


@pytest.fixture
def marketer(client):
    user = make_user("marketer")
    client.force_login(user)
    return client


def test_page_shows_who_why_and_how_many(marketer, events):
    html = marketer.get(PAGE).content.decode()

    assert html.count('<tr role="row" data-row>') == 2
    assert "Mail scanner <b>2</b>" in html
    assert "Novak" in html
    assert "Proofpoint" in html


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("?reason=mail_scanner", 2), ("?reason=crawler", 0), ("?agent=proofpoint", 2), ("?agent=safari", 0),
        ("?show=counted", 1), ("?show=released", 0), ("?lead=999999", 0), ("?days=7", 2),
    ],
)  # fmt: skip
def test_page_filters(marketer, events, query, rows):
    assert marketer.get(PAGE + query).content.decode().count('<tr role="row" data-row>') == rows


@pytest.mark.parametrize(
    "query", ["?show=all", "?reason=none", "?lead=x", "?days=1", "?lead=99999999999999999999"]
)
def test_page_says_what_a_filter_cannot_be(marketer, query):
    assert marketer.get(PAGE + query).status_code == 422


def test_page_refuses_a_cursor_it_did_not_make(marketer):
    assert marketer.get(f"{PAGE}?cursor=abc").status_code == 400


def test_release_answers_for_each_event_and_is_written_down(marketer, events):
    html = marketer.post(
        f"{PAGE}release/", {"event": [events[0].pk, events[2].pk, "7777777"]}
    ).content.decode()

    assert "1 counted again, 2 stayed as they were" in html
    assert "There is no such event." in html
    assert Event.objects.get(pk=events[0].pk).outcome == "counted"
    assert AuditEntry.objects.get().action == "events.release"


def test_counted_events_can_be_put_into_quarantine_by_hand(marketer, events):
    marketer.post(f"{PAGE}quarantine/", {"event": [events[2].pk]})

    assert Event.objects.get(pk=events[2].pk).outcome_reason == "by_hand"


@pytest.mark.parametrize("chosen", [[], ["x"], ["-1"]])
def test_nothing_chosen_changes_nothing(marketer, events, chosen):
    assert marketer.post(f"{PAGE}release/", {"event": chosen}).status_code == 422


def test_unknown_action_is_not_found(marketer):
    assert marketer.post(f"{PAGE}burn/", {"event": ["1"]}).status_code == 404


def test_timeline_says_that_and_why_it_does_not_count(marketer, events):
    html = marketer.get(f"/leads/{events[0].lead_id}/").content.decode()

    assert "in quarantine, does not count: Mail scanner" in html


def test_page_costs_the_same_for_one_and_for_three(marketer, events, django_assert_max_num_queries):
    marketer.get(PAGE)
    with django_assert_max_num_queries(12) as few:
        marketer.get(f"{PAGE}?show=counted")
    for number in range(3):
        send(make_lead(), page(f"/more/{number}"))
    with django_assert_max_num_queries(len(few.captured_queries)):
        marketer.get(f"{PAGE}?show=counted")
