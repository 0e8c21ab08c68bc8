"""Speed against conversion: every figure opens its leads, and the sentence follows the figures."""

import csv
import io
import re
from datetime import timedelta
from html import unescape

import pytest
from django.http import QueryDict

from handoff import workflow
from leadflow.dashboard import parameters, speed
from leads.conversations import log_conversation
from leads.models import Cycle
from scoring.documents import standard_document
from tests.dashboard.conftest import RULES, days_ago
from tests.dashboard.test_learning import COUNT, signed_in
from tests.dashboard.test_pages import listed
from tests.factories import (
    AT,
    make_catalogue,
    make_cycle,
    make_definition,
    make_offer,
    make_rep,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/lift/speed/"
MINUTE = 1 / 24 / 60


@pytest.fixture
def history(team, rep):
    """Eighty accepted leads: three in four called within the hour became SQLs, one in four of those called later."""
    make_definition(RULES, version=2, at=days_ago(400))
    for number in range(80):
        fast = number % 2 == 0
        sql = number % 8 in (0, 2, 4, 3)
        make_accepted(
            days_ago(100 + number), 30 * MINUTE if fast else 2, rep, team, sql=sql, won=sql and fast
        )
    make_accepted(days_ago(99), None, rep, team)


def make_accepted(at, waited, rep, team, *, sql=False, won=False):
    came = {"sql_at": 5} if sql else {"ended_at": 6}
    came |= {"opportunity_at": 6, "won_at": 9} if won else {}
    came |= {"contacted_at": waited} if waited is not None else {}
    return make_cycle(at, rep=rep, team=team, decision="accepted", **came)


def counts(user):
    asked = parameters.read(QueryDict(""), user, AT.date(), "UTC", span="365")
    return {one.label: one.counts for one in speed.classes(user, asked, AT) if one.counts["all"]}


def test_accepted_leads_are_counted_by_class(history):
    found = counts(make_user("admin"))

    assert found == {
        "15–60 min": {"all": 40, "settled": 40, "converted": 30, "closed": 40, "won": 30},
        "1–3 days": {"all": 40, "settled": 40, "converted": 10, "closed": 30, "won": 0},
        "Not contacted": {"all": 1, "settled": 1, "converted": 0, "closed": 1, "won": 0},
    }


def test_time_runs_from_the_offer_of_whoever_made_the_contact():
    make_catalogue()
    make_definition(RULES, version=2, at=days_ago(400))
    rep = make_rep()
    offer = make_offer(rep, at=AT - timedelta(days=2))
    workflow.accept(offer, rep.user, AT - timedelta(days=2) + timedelta(hours=3))
    log_conversation(offer.lead, "call", True, "", AT - timedelta(days=2) + timedelta(hours=5), rep.user)

    assert list(counts(make_user("admin"))) == ["4–8 h"]  # five hours after the offer, two after accepting


def test_every_count_opens_the_leads_it_counts(client, history):
    signed_in(client, "marketer")
    html = client.get(PAGE).content.decode()
    links = COUNT.findall(html)

    assert len(links) >= 19
    for address, said in links:
        assert listed(client, unescape(address)) == int(said.replace(",", "")), address


@pytest.mark.parametrize(
    ("bound", "label"), [(14, "Under 15 min"), (15, "15–60 min"), (59, "15–60 min"), (60, "1–4 h")]
)
def test_a_class_begins_with_its_bound_in_the_figure_and_in_its_list(client, team, rep, bound, label):
    make_definition(RULES, version=2, at=days_ago(400))
    cycle = make_accepted(days_ago(100), None, rep, team)
    Cycle.objects.filter(pk=cycle.pk).update(contacted_at=cycle.decided_at + timedelta(minutes=bound))
    signed_in(client, "admin")

    assert list(counts(make_user("admin"))) == [label]
    index = speed.LABELS.index(label)
    query = f"/dashboard/leads/?days=365&of=acceptances&speed={index}"
    assert [listed(client, f"/dashboard/leads/?days=365&of=acceptances&speed={n}") for n in range(8)] == [
        int(n == index) for n in range(8)
    ]
    assert label in client.get(query).content.decode()


def test_the_page_says_whether_speed_matters(client, history):
    signed_in(client, "manager", team=Cycle.objects.first().team)

    html = client.get(PAGE).content.decode()

    assert "Leads contacted sooner become SQLs more often, clearly more than chance would make it." in html
    row = re.search(r'<tr><th scope="row">15–60 min</th>.*?</tr>', html[html.index("h-table") :], re.DOTALL)[
        0
    ]
    assert "<b>75%</b>" in row
    assert "likely 60–86%" in row
    few = re.search(
        r'<tr><th scope="row">Not contacted</th>.*?</tr>', html[html.index("h-table") :], re.DOTALL
    )[0]
    assert "muted" in few
    assert "%</b>" not in few


def test_where_accepting_makes_the_sql_the_page_says_so(client, team, rep):
    rules = standard_document()
    rules["sql"]["meaning"] = "accepted"
    make_definition(rules, version=2, at=days_ago(400))
    make_accepted(days_ago(100), 1, rep, team, sql=True)
    signed_in(client, "admin")

    assert "speed shows only in what was won" in client.get(PAGE).content.decode()


def test_too_little_says_so(client, team, rep):
    make_definition(RULES, version=2, at=days_ago(400))
    make_accepted(days_ago(100), 1, rep, team)
    signed_in(client, "admin")

    assert "Not enough is known yet to say whether leads contacted sooner become SQLs: 1 of 50." in (
        client.get(PAGE).content.decode()
    )


@pytest.mark.parametrize("role", ["marketer", "rep", "manager", "admin"])
def test_the_page_of_nothing_stands(client, role):
    signed_in(client, role, team=make_team())

    assert "No lead was accepted in this period" in client.get(PAGE).content.decode()


def test_a_manager_sees_the_own_team_alone(client, history):
    signed_in(client, "manager", team=make_team("South"))

    assert "No lead was accepted in this period" in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "of=acceptances&speed=8",
        "of=acceptances&speed=1&then=lost",
        "of=mqls&speed=1",
        "of=acceptances&then=won",
    ],
)
def test_lists_name_what_they_do_not_know(client, history, query):
    signed_in(client, "marketer")

    assert client.get(f"/dashboard/leads/?{query}").status_code == 400


def test_the_table_as_csv(client, history):
    signed_in(client, "admin")

    text = b"".join(client.get("/dashboard/speed.csv?days=365").streaming_content).decode()
    rows = {row["first_contact"]: row for row in csv.DictReader(io.StringIO(text.lstrip("\ufeff")))}

    assert [rows["15–60 min"][name] for name in ("accepted", "sql", "sql_of", "won", "won_of")] == [
        "40", "30", "40", "30", "40",
    ]  # fmt: skip
    assert rows["Later"]["accepted"] == "0"


def test_figures_take_few_queries_whatever_the_leads(client, history, django_assert_max_num_queries):
    signed_in(client, "admin")

    with django_assert_max_num_queries(20):
        client.get(PAGE)
