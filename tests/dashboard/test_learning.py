import re
from datetime import timedelta
from html import unescape

import pytest

from leads.models import AuditEntry, Cycle, Definition, StageChange
from scoring.documents import standard_document
from tests.dashboard.conftest import days_ago
from tests.dashboard.test_pages import listed
from tests.factories import make_catalogue, make_cycle, make_definition, make_lead, make_team, make_user
from tests.scoring.build import GOOD_FIT
from tests.scoring.world import give

pytestmark = pytest.mark.django_db
PAGE, CALIBRATION, OPINION = "/dashboard/lift/", "/dashboard/lift/calibration/", "/dashboard/lift/opinion/"
PAGES = [PAGE, CALIBRATION, OPINION, f"{OPINION}?outcome=accepted"]
COUNT = re.compile(r'<a href="(/dashboard/leads/[^"]+)">([\d,]+)</a>')


@pytest.fixture
def history(team, rep):
    """A hundred MQLs: those who asked for a demo were accepted, three in four, the others one in four."""
    make_catalogue()
    make_definition(standard_document(), at=days_ago(400))
    return [
        make_entry(number, demo=number % 2 == 0, accepted=number % 8 in (0, 2, 4, 3, 7), rep=rep, team=team)
        for number in range(100)
    ]


def make_entry(number, *, demo, accepted, rep, team):
    at = days_ago(100 + number)
    lead = make_lead(at=at - timedelta(days=5), owner=rep, **(GOOD_FIT if number % 3 else {}))
    give(lead, "demo_request" if demo else "email_click", at=at, days_ago=1, mark=False)
    outcome = {"decision": "accepted", "sql_at": 5} if accepted else {"decision": "rejected", "ended_at": 1}
    StageChange.objects.create(
        lead=lead, seq=2, from_stage="lead", to_stage="mql", from_status="active", to_status="active", at=at,
        actor="rule:content", cycle_number=1, score=75 if demo else 45, evidence={"grade": "A" if demo else "B"},
    )  # fmt: skip
    return make_cycle(at, lead=lead, rep=rep, team=team, rule=["content", "hand"][number % 2], **outcome)


def signed_in(client, role, **fields):
    user = make_user(role, **fields)
    client.force_login(user)
    return user


@pytest.mark.parametrize("page", [PAGE, CALIBRATION])
def test_every_count_opens_the_leads_it_counts(client, history, page):
    signed_in(client, "marketer")
    links = COUNT.findall(client.get(page).content.decode())

    assert len(links) >= 16
    for address, said in links[::3]:
        assert listed(client, unescape(address)) == int(said.replace(",", "")), address


def test_lift_says_more_of_what_sales_take_more_often(client, history):
    signed_in(client, "manager", team=Cycle.objects.first().team)

    html = client.get(PAGE).content.decode()
    row = html[html.index("Demo request") :].partition("</tr>")[0]

    assert "<b>76%</b>" in row
    assert "more</span>" in row
    assert "others" in row


def test_few_leads_are_counted_without_a_rate(client, history, team, rep):
    lead = history[0].lead
    give(lead, "webinar", at=history[0].mql_at, mark=False)
    signed_in(client, "marketer")

    html = client.get(PAGE).content.decode()
    row = html[html.rindex("<tr", 0, html.index("Webinar attended")) :].partition("</tr>")[0]

    assert 'class="muted"' in row
    assert "%</b>" not in row


@pytest.mark.parametrize("sort", ["label", "leads", "accepted", "accepted-lift", "won-lift"])
def test_lift_sorts_by_each_column(client, history, sort):
    signed_in(client, "marketer")

    html = client.get(f"{PAGE}?sort={sort}").content.decode()

    assert "aria-sort" in html
    if sort == "accepted-lift":
        assert html.index("Demo request") < html.index("E-mail click")


def test_calibration_says_in_words_whether_higher_is_better(client, history):
    signed_in(client, "marketer")

    html = client.get(CALIBRATION).content.decode()

    assert "Higher scores are accepted more often" in html
    assert "60–79 against 40–59: 76% and 50%" in html


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ["marketer", "rep", "manager", "admin"])
def test_pages_of_nothing_stand(client, page, role):
    signed_in(client, role, team=make_team())

    assert client.get(page).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["?sort=best", "?days=7", "?unknown=1"],
)
def test_lift_names_what_it_does_not_know(client, query):
    signed_in(client, "marketer")

    assert client.get(PAGE + query).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "known=signal", "known=grade:E", "known=score:1-2", "known=signal:demo_request&side=left",
        "known=signal:demo_request&came=lost", "side=rest", "known=fit:x&of=sqls",
    ],
)  # fmt: skip
def test_lists_name_what_they_do_not_know(client, history, query):
    signed_in(client, "marketer")

    assert (
        client.get(
            f"/dashboard/leads/?of=mqls&{query}" if "of=" not in query else f"/dashboard/leads/?{query}"
        ).status_code
        == 400
    )


def test_managers_learn_from_their_team_alone(client, history):
    signed_in(client, "manager", team=make_team("South"))

    assert "No lead became an MQL in this period" in client.get(PAGE).content.decode()


def test_a_suggestion_opens_a_draft_and_leaves_the_live_rules_alone(client, history):
    user = signed_in(client, "marketer")
    live = Definition.objects.get(status="live")

    answer = client.post(f"{PAGE}draft/", {"days": "365", "known": "signal:demo_request"})

    draft = Definition.objects.get(status="draft")
    assert answer.headers["Location"] == f"/backtests/?definition={draft.version}"
    assert draft.author == user
    assert "Suggested by the lift" in draft.note
    before = {rule["id"]: rule["points"] for rule in live.document["engagement"]["rules"]}
    after = {rule["id"]: rule["points"] for rule in draft.document["engagement"]["rules"]}
    changed = {key for key in after if after[key] != before.get(key)}
    assert len(changed) == 1
    assert all(after[key] > before.get(key, 0) for key in changed)
    assert Definition.objects.get(status="live") == live
    assert AuditEntry.objects.filter(action="definition.draft").count() == 1


@pytest.mark.parametrize(("role", "status"), [("manager", 403), ("rep", 403), ("admin", 302)])
def test_only_who_edits_definitions_opens_drafts(client, history, role, status):
    signed_in(client, role, team=make_team())

    assert client.post(f"{PAGE}draft/", {"days": "365", "known": "signal:demo_request"}).status_code == status


def test_a_draft_of_figures_that_suggest_nothing_is_not_made(client, history):
    signed_in(client, "marketer")

    answer = client.post(f"{PAGE}draft/", {"days": "365", "known": "rule:content"}, follow=True)

    assert "suggest no change" in answer.content.decode()
    assert not Definition.objects.filter(status="draft").exists()


def test_opinion_says_when_there_is_too_little(client, history):
    signed_in(client, "marketer")

    html = client.get(OPINION).content.decode()

    assert "Too little to learn from" in html
    assert "Open a draft" not in html


@pytest.mark.parametrize("table", ["lift", "calibration", "second-opinion"])
def test_tables_are_csv_and_api(client, history, table):
    signed_in(client, "admin")

    lines = b"".join(client.get(f"/dashboard/{table}.csv?days=365").streaming_content).decode().splitlines()
    rows = client.get(f"/api/v1/reports/{table}/?days=365").json()["rows"]

    assert len(lines) == len(rows) + 1
    if table == "lift":
        demo = next(row for row in rows if row["key"] == "demo_request")
        assert (demo["accepted"], demo["accepted_of"], demo["accepted_verdict"]) == (38, 50, "up")


@pytest.mark.parametrize("page", [PAGE, CALIBRATION, f"{OPINION}?outcome=accepted"])
def test_pages_cost_the_same_for_few_and_many(client, history, django_assert_max_num_queries, page):
    signed_in(client, "marketer")
    client.get(page)

    with django_assert_max_num_queries(22) as few:
        client.get(page)
    for number in range(100, 130):
        make_entry(number, demo=True, accepted=True, rep=history[0].rep, team=history[0].team)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(page)
