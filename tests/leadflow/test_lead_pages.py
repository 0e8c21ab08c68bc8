"""The queue and the page of one lead: what they show, what they refuse, and at what cost."""

import csv
import io
import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leadflow.lead_pages.life import EVENTS, MOST
from leadflow.lead_pages.queue import PAGE_SIZE
from leads.enums import Role, Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import AuditEntry, Conversation, Event, Lead, Note, SavedView, StageChange
from leads.sources import create_source
from scoring.passes import continue_pass, start_full_pass
from tests.factories import AT, make_definition, make_lead, make_mql, make_offer, make_rep, make_user
from tests.scoring.world import give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
LIST_BUDGET = 20
PAGE_BUDGET = 32


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch):
    monkeypatch.setattr("leads.clock.now", lambda: AT)


@pytest.fixture
def marketer(client):
    user = make_user(Role.MARKETER)
    client.force_login(user)
    return user


def names(answer):
    return [row.lead.first_name for row in answer.context["rows"]]


def queries(client, address):
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


# --- The queue -------------------------------------------------------------------------------------


def test_queue_lists_leads_by_score_and_links_each(client, marketer):
    for name, score in (("Low", 3), ("High", 70)):
        make_lead(first_name=name, score=score)
    make_lead(first_name="Sus", stage=Stage.SUSPECT)

    answer = client.get("/leads/")

    assert names(answer) == ["High", "Low"]
    assert f"/leads/{Lead.objects.get(first_name='High').pk}/?" in answer.content.decode()


@pytest.mark.parametrize(
    ("view", "more"),
    # Why they wait asks rules, reps and absences.
    [("all", 0), ("suspects", 0), ("mql-waiting", 4), ("nurture", 0)],
)
def test_queue_costs_the_same_for_one_row_and_three(client, marketer, view, more):
    publish_standard()

    def another():
        lead = good_lead(stage=Stage.SUSPECT if view == "suspects" else Stage.LEAD)
        give(lead, "guide", days_ago=2, obj=str(lead.pk))
        settle()
        if view == "mql-waiting":
            make_mql(lead=lead)
        if view == "nurture":
            move_to_stage(
                lead, Stage.LEAD, at=AT, status=Status.NURTURE, wake_on=AT.date() + timedelta(days=5)
            )

    another()
    one = queries(client, f"/leads/?view={view}")
    another()
    another()

    assert queries(client, f"/leads/?view={view}") == one <= LIST_BUDGET + more


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ada", ["Ada"]),
        ("grade=A", ["Ada"]),
        ("score_min=20&score_max=60", ["Bea"]),
        ("trend=falling", ["Cleo"]),
        ("seen=7", ["Ada"]),
        ("source=google", ["Bea"]),
        ("owner=0&order=name", ["Ada", "Bea", "Cleo"]),
        ("stage=mql", []),
    ],
)
def test_filters_keep_what_they_say(client, marketer, query, found):
    make_lead(first_name="Ada", last_name="A", score=70, grade="A", momentum=5, last_seen_at=AT)
    make_lead(first_name="Bea", last_name="B", score=40, grade="B", source="Google")
    make_lead(first_name="Cleo", last_name="C", score=10, grade="C", momentum=-3)

    assert names(client.get(f"/leads/?{query}")) == found


def test_queue_says_that_scores_are_being_worked_out_anew(client, marketer):
    publish_standard()
    good_lead()
    start_full_pass("publish", AT)

    shown = client.get("/leads/").content.decode()
    assert "Scores are being worked out anew under definition 1." in shown
    assert "0 of 1 leads are done" in shown
    assert "htmx" in shown
    while continue_pass(AT):
        pass
    assert "being worked out anew" not in client.get("/leads/").content.decode()


@pytest.mark.parametrize(
    ("query", "status"),
    [("order=salary", 400), ("cursor=nonsense", 400), ("view=nonsense", 404)],
)
def test_queue_refuses_an_address_without_meaning(client, marketer, query, status):
    assert client.get(f"/leads/?{query}").status_code == status


@pytest.mark.parametrize(
    "query", ["score_min=ten", "grade=Z", "score_min=9&score_max=3", "stage=lead&stage=mql", "seen=3"]
)
def test_queue_says_which_filter_makes_no_sense(client, marketer, query):
    answer = client.get(f"/leads/?{query}")

    assert answer.context["form"].errors
    assert 'data-tone="bad"' in answer.content.decode()


def test_queue_pages_by_key_there_and_back(client, marketer):
    for number in range(PAGE_SIZE + 1):
        make_lead(first_name=f"P{number}", score=number)
    first = client.get("/leads/")
    second = client.get("/leads/" + first.context["next_url"])

    assert names(second) == ["P0"]
    assert names(client.get("/leads/" + second.context["previous_url"])) == names(first)


# --- Many at once ----------------------------------------------------------------------------------


def test_bulk_action_answers_for_every_lead(client, marketer):
    publish_standard()
    fine, already = make_lead(first_name="Fine"), make_lead(first_name="Already", stage=Stage.MQL)

    answer = client.post("/leads/bulk/hand-to-sales/", {"lead": [fine.pk, already.pk, 10**9, "x"]})

    assert [bool(result.problem) for result in answer.context["results"]] == [False, True, True, True]
    fine.refresh_from_db()
    assert (fine.stage, fine.handoffs.count()) == (Stage.MQL, 1)


def test_bulk_disqualify_asks_for_a_reason_and_changes_nothing_without(client, marketer):
    lead = make_lead()

    assert client.post("/leads/bulk/disqualify/", {"lead": [lead.pk]}).status_code == 422

    lead.refresh_from_db()
    assert lead.status == Status.ACTIVE


def test_bulk_nurture_takes_the_day_of_its_dialog(client, marketer):
    lead = make_lead()

    client.post(
        "/leads/bulk/nurture/", {"lead": [lead.pk], "wake_on": ["2026-05-01"], "reason": ["", "Later"]}
    )

    lead.refresh_from_db()
    assert (lead.status, str(lead.wake_on)) == (Status.NURTURE, "2026-05-01")


# --- One lead --------------------------------------------------------------------------------------


def test_lead_page_shows_lines_that_add_up(client, marketer):
    publish_standard()
    lead = good_lead(first_name="Ada")
    give(lead, "guide", obj="getting-started")
    settle()

    answer = client.get(f"/leads/{lead.pk}/")

    found = answer.context["breakdown"]
    lead.refresh_from_db()
    assert sum(line.points for line in found.lines) == lead.score > 0
    assert "What would make this an MQL" in answer.content.decode()


def test_lead_page_cost_does_not_grow_with_the_story(client, marketer):
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="one")
    settle()
    Note.objects.create(lead=lead, by=marketer, at=AT, text="Once")
    before = queries(client, f"/leads/{lead.pk}/?view=all")
    for number in range(3):
        give(lead, "visit", obj=f"/{number}", days_ago=number)
        Note.objects.create(lead=lead, by=marketer, at=AT, text="More")
    settle()

    assert queries(client, f"/leads/{lead.pk}/?view=all") <= min(before, PAGE_BUDGET)


def test_lead_page_leads_on_through_its_queue(client, marketer):
    first, second, third = (make_lead(first_name=str(n), score=50 - n) for n in range(3))

    around = client.get(f"/leads/{second.pk}/?view=all").context["neighbours"]

    assert (around.previous, around.next) == (first.pk, third.pk)


def test_a_lead_out_of_sight_is_not_found(client):
    mine = make_offer(make_rep("Jonas"))
    other = make_lead()
    client.force_login(mine.rep.user)

    assert client.get(f"/leads/{mine.lead_id}/").status_code == 200
    assert client.get(f"/leads/{other.pk}/").status_code == 404


@pytest.mark.parametrize("before", ["yesterday", "2026-03-01", "2026-13-45T00:00:00Z"])
def test_lead_page_refuses_a_moment_it_cannot_read(client, marketer, before):
    assert client.get(f"/leads/{make_lead().pk}/", {"before": before}).status_code == 400


# --- What people do there --------------------------------------------------------------------------


def test_add_lead_by_hand_and_find_who_is_here_already(client, marketer):
    given = {"email": "Ada@Example.com", "first_name": "Ada", "job_title": "Head of Data", "employees": "900"}

    client.post("/leads/new/", given)
    again = client.post("/leads/new/", given | {"email": "ada@example.com"})

    lead = Lead.objects.get(email="ada@example.com")
    assert (lead.stage, lead.employees) == (Stage.LEAD, 900)
    assert again.url == f"/leads/{lead.pk}/"


@pytest.mark.parametrize("given", [{}, {"email": "no address"}, {"email": "a@b.test", "employees": "-3"}])
def test_add_lead_keeps_what_was_typed_and_says_what_is_wrong(client, marketer, given):
    answer = client.post("/leads/new/", given | {"first_name": "Ada"})

    assert answer.status_code == 422
    assert 'value="Ada"' in answer.content.decode()
    assert not Lead.objects.exists()


def test_edit_conflict_shows_who_was_faster_and_keeps_the_text(client, marketer):
    lead = make_lead(first_name="Ada")
    form = {"first_name": "Ada", "last_name": "Mine", "version": lead.version}
    assert client.post(f"/leads/{lead.pk}/edit/", form | {"last_name": "Theirs"}).status_code == 302

    answer = client.post(f"/leads/{lead.pk}/edit/", form)

    lead.refresh_from_db()
    assert (answer.status_code, lead.last_name) == (409, "Theirs")
    assert "Mine" in answer.content.decode()
    assert "Theirs" in answer.content.decode()


def test_note_conversation_and_move_are_written_down(client, marketer):
    publish_standard()
    lead = make_lead()

    client.post(f"/leads/{lead.pk}/note/", {"note-text": "Met at the fair", "note-for_sales": "on"})
    client.post(f"/leads/{lead.pk}/conversation/", {"talk-kind": "call", "talk-reached": "on"})
    client.post(f"/leads/{lead.pk}/move/", {"move-to": "mql", "move-reason": "Asked on the phone"})

    assert Note.objects.get().for_sales
    assert Conversation.objects.get().by == marketer
    line = StageChange.objects.get(to_stage=Stage.MQL)
    assert (line.by, line.reason) == (marketer, "Asked on the phone")


def test_a_move_that_is_not_legal_is_refused_with_the_reason_kept(client, marketer):
    lead = make_lead(stage=Stage.OPPORTUNITY)

    answer = client.post(f"/leads/{lead.pk}/move/", {"move-to": "mql", "move-reason": "Back you go"})

    assert answer.status_code == 409
    assert "Back you go" in answer.content.decode()
    lead.refresh_from_db()
    assert lead.stage == Stage.OPPORTUNITY


def set_by_hand(client, lead, **changed):
    given = {"score": "90", "reason": "Met at the fair", "expires_on": "2026-04-01", **changed}
    return client.post(
        f"/leads/{lead.pk}/score/override/", {f"override-{name}": value for name, value in given.items()}
    )


def test_score_set_by_hand_stands_beside_the_computed_one_and_is_lifted(client, marketer):
    publish_standard()
    lead = good_lead()
    give(lead, "guide")
    settle()

    set_by_hand(client, lead)
    html = client.get(f"/leads/{lead.pk}/").content.decode()

    assert "Score 90 of 100, set by hand (computed: 44)" in html
    assert "Met at the fair" in html
    assert "Score set to 90 by hand until 1 Apr 2026 by" in html
    assert '<tr class="sum-total"><th scope="row">Score</th><td>44</td></tr>' in html
    client.post(f"/leads/{lead.pk}/score/override/lift/")
    html = client.get(f"/leads/{lead.pk}/").content.decode()
    assert "set by hand (computed" not in html
    assert "Score set by hand lifted by" in html


def test_queue_marks_sorts_filters_and_exports_by_the_score_set_by_hand(client, marketer):
    low, high = make_lead(first_name="Low", score=10), make_lead(first_name="High", score=70)
    set_by_hand(client, low)

    answer = client.get("/leads/")

    assert names(answer) == ["Low", "High"]
    assert answer.content.decode().count("data-by-hand") == 1
    assert names(client.get("/leads/?by_hand=yes")) == names(client.get("/leads/?score_min=80")) == ["Low"]
    assert names(client.get("/leads/?by_hand=no")) == ["High"]
    exported = csv.DictReader(io.StringIO(client.get("/leads/export.csv").getvalue().decode("utf-8-sig")))
    assert [(row["score"], row["shown_score"], row["override_score"]) for row in exported] == [
        ("10", "90", "90"),
        ("70", "70", ""),
    ]
    around = client.get(f"/leads/{high.pk}/?view=all").context["neighbours"]
    assert (around.previous, around.next) == (low.pk, None)


@pytest.mark.parametrize(
    "changed", [{"score": "101"}, {"reason": "  "}, {"expires_on": "2026-03-12"}, {"expires_on": "soon"}]
)
def test_score_set_by_hand_asks_again_with_what_was_typed(client, marketer, changed):
    lead = make_lead()

    answer = set_by_hand(client, lead, **changed)

    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {next(iter(changed))}
    assert 'value="' in answer.content.decode()
    assert not lead.score_overrides.exists()


def test_saved_view_stands_in_the_menu_and_only_its_owner_removes_it(client, marketer):
    client.post("/leads/views/", {"name": "Rising", "query": "view=all&trend=rising", "is_shared": "on"})
    view = SavedView.objects.get()

    assert "Rising" in client.get("/leads/").content.decode()
    client.force_login(make_user(Role.MARKETER))
    assert client.post(f"/leads/views/{view.pk}/delete/").status_code == 404
    client.force_login(marketer)
    client.post(f"/leads/views/{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_view_without_a_name_is_not_saved(client, marketer):
    client.post("/leads/views/", {"name": "  ", "query": "view=all"})

    assert not SavedView.objects.exists()


def test_export_holds_the_queue_and_no_formula(client, marketer):
    make_lead(first_name="=cmd|' /C calc'!A0", last_name="+SUM(1)", score=5)
    make_lead(first_name="Sus", stage=Stage.SUSPECT)

    answer = client.get("/leads/export.csv?view=all")

    (row,) = csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig")))
    assert row["first_name"].startswith("'=")
    assert row["last_name"].startswith("'+")
    assert AuditEntry.objects.filter(action="leads.export", by=marketer).exists()


def test_timeline_marks_the_definitions_since_we_know_the_person(client):
    lead = make_lead()
    make_definition({"mql": {"rule_sets": []}}, version=7, at=AT - timedelta(days=1), status="retired")
    make_definition(
        {"mql": {"rule_sets": []}},
        version=8,
        at=AT + timedelta(days=1),
        status="retired",
        note="Opens halved",
    )
    client.force_login(make_user("marketer"))

    html = client.get(f"/leads/{lead.pk}/").content.decode()

    assert '<a href="/definitions/8/">Definition 8 went live</a>' in html
    assert "Opens halved" in html
    assert "Definition 7 went live" not in html


@pytest.mark.parametrize(("order", "first"), [("rising", "Riser"), ("falling", "Faller")])
def test_queue_sorts_by_momentum(client, order, first):
    for name, momentum in (("Riser", 30), ("Flat", 0), ("Faller", -30)):
        make_lead(last_name=name, momentum=momentum)
    client.force_login(make_user("marketer"))

    html = client.get(f"/leads/?order={order}").content.decode()

    names = re.findall(r"Riser|Flat|Faller", html)
    assert names[0] == first
    assert "aria-sort" in html


# --- A long timeline -------------------------------------------------------------------------------


def give_events(lead, *happened):
    """Store signals without a batch; `happened` are object keys and how many seconds ago."""
    source, _ = create_source("Website", AT)
    moments = [(key, AT - timedelta(seconds=seconds)) for key, seconds in happened]
    Event.objects.bulk_create(
        Event(
            source=source, message_id=str(number), type="track", name="Read", lead=lead, object_key=key,
            occurred_at=at, received_at=at, occurred_on=at.date(), known_on=at.date(),
        )
        for number, (key, at) in enumerate(moments)
    )  # fmt: skip


def parts_of(client, lead):
    """Return the timeline's parts from the newest on, as its pages show them."""
    parts, query = [], ""
    while True:
        context = client.get(f"/leads/{lead.pk}/{query}").context
        parts.append(context["entries"])
        if not context["older"]:
            return parts
        query = "?" + urlencode({"before": context["older"]})


def test_timeline_in_parts_shows_every_signal_once_and_all_within_its_line(client, marketer):
    publish_standard()
    lead = good_lead()
    give_events(lead, *((f"/{n % 2}" if n < MOST - 3 else "/same", n + 1) for n in range(EVENTS + 20)))
    for seconds in (0, MOST + 5, EVENTS + 10):
        Note.objects.create(lead=lead, by=marketer, at=AT - timedelta(seconds=seconds), text=str(seconds))

    parts = parts_of(client, lead)

    entries = [entry for part in parts for entry in part]
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    times = [re.search(r", (\d+) times$", entry.text) for entry in entries if entry.kind == "signal"]
    assert sum(int(found[1]) if found else 1 for found in times) == EVENTS + 20
    assert [entry.detail for entry in entries if entry.kind == "note"] == [
        "0",
        str(MOST + 5),
        str(EVENTS + 10),
    ]
    assert [len(part) for part in parts] == [MOST + 1, 2]


def test_timeline_in_parts_shows_every_note(client, marketer):
    lead = make_lead()
    Note.objects.bulk_create(
        Note(lead=lead, by=marketer, at=AT - timedelta(seconds=n), text=str(n)) for n in range(2 * MOST + 5)
    )

    entries = [entry for part in parts_of(client, lead) for entry in part]

    assert [entry.detail for entry in entries if entry.kind == "note"] == [
        str(n) for n in range(2 * MOST + 5)
    ]


def test_lead_page_reads_as_many_events_however_long_the_history(client, marketer):
    lead = good_lead()
    give_events(lead, *(("/same", n + 1) for n in range(3 * EVENTS)))

    texts = [[entry.text for entry in part if entry.kind == "signal"] for part in parts_of(client, lead)]

    assert texts == [[f"Read: /same, {EVENTS} times"]] * 3
