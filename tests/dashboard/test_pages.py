"""The dashboard as people see it: every number opens exactly the leads it counts."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from django.core.cache import cache

from leadflow.dashboard import report as reports
from leads.models import AuditEntry, Lead
from tests.dashboard.conftest import days_ago
from tests.factories import make_cycle, make_lead, make_team, make_user

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/"
BUDGET = 27  # queries of the whole page, the shell's and the session's included


class Anchors(HTMLParser):
    """Collects (address, text, title) of every link."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            given = dict(attrs)
            self.found.append([given.get("href", ""), "", given.get("title") or ""])
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "a"

    def handle_data(self, data):
        if self.inside:
            self.found[-1][1] += data


def counted_links(html: str) -> list[tuple[str, int | None]]:
    """Return every list behind a number, with the number where the link says one."""
    links = []
    for address, text, title in Anchors(html).found:
        if not address.startswith("/dashboard/leads/?"):
            continue
        said = re.match(r"([\d,]+)( so far| of [\d,]+)?$", text.strip()) or re.match(r"([\d,]+) of", title)
        links.append((address, int(said[1].replace(",", "")) if said else None))
    return links


def listed(client, address: str) -> int:
    """Count the rows behind an address, page by page, and see that the head says the same."""
    rows, head = 0, None
    while address:
        html = client.get(address).content.decode()
        said = re.search(r'page-sub"><b>([\d,]+)</b>', html)
        assert said, address
        head = head or int(said[1].replace(",", ""))
        rows += html.count("<tr data-row>")
        following = re.search(r'rel="next" href="([^"]+)"', html)
        address = "/dashboard/leads/" + unescape(following[1]) if following else ""
    assert rows == head
    return rows


@pytest.fixture
def signed_in(client):
    def as_(user):
        client.force_login(user)
        return client

    return as_


@pytest.mark.parametrize("query", ["", "?days=365&by=source", "?days=30&by=team"])
def test_every_number_opens_the_leads_it_counts(signed_in, quarter, query):
    client = signed_in(make_user("admin"))
    page = client.get(PAGE + query)
    links = counted_links(page.content.decode())

    assert page.status_code == 200
    assert len(links) > 40
    assert {
        address: said for address, said in links if said is not None and said != listed(client, address)
    } == {}
    assert all(listed(client, address) for address, said in links if said is None)


@pytest.mark.parametrize("role", ["manager", "rep", "marketer"])
def test_every_number_opens_for_each_role_in_its_scope(signed_in, quarter, team, rep, manager, role):
    user = {"manager": manager, "rep": rep}.get(role) or make_user("marketer")
    client = signed_in(user)
    links = counted_links(client.get(f"{PAGE}?days=365&by=campaign").content.decode())

    assert len(links) > 40
    assert {
        address: said for address, said in links if said is not None and said != listed(client, address)
    } == {}


def tile(html: str, label: str) -> str:
    found = re.search(rf"<dt>{label}</dt><dd class=\"fig\">(?:<a[^>]*>)?([^<]*)", html)
    assert found, label
    return found[1]


def test_figures_are_those_of_the_scope(signed_in, quarter, team, rep, manager):
    def mqls(user, query="?days=365"):
        return tile(signed_in(user).get(PAGE + query).content.decode(), "MQLs")

    everything, ours = "40", "30"
    assert mqls(make_user("admin")) == mqls(make_user("marketer")) == everything
    assert mqls(make_user("admin"), f"?days=365&team={team.pk}") == mqls(manager) == mqls(rep) == ours
    assert mqls(make_user("manager", team=make_team("South"))) == "10"
    assert mqls(make_user("manager")) == mqls(make_user("rep")) == "0"


def test_list_names_nobody_who_is_out_of_sight(signed_in, quarter, manager):
    html = signed_in(manager).get("/dashboard/leads/?days=90&of=mqls").content.decode()

    assert "Lead 5" in html
    assert "Lead 4" not in html  # the other team has it now
    assert "No longer with you" in html


def test_marketers_see_no_reps(signed_in, quarter):
    client = signed_in(make_user("marketer"))

    assert "Jonas Falk" not in client.get("/dashboard/leads/?of=mqls").content.decode()
    assert client.get(f"{PAGE}?by=rep").status_code == 403


def test_merged_lead_is_listed_as_the_one_it_lives_on_in(signed_in):
    survivor = make_lead(last_name="Survivor")
    gone = make_cycle(days_ago(5)).lead
    Lead.objects.filter(pk=gone.pk).update(merged_into=survivor)

    html = signed_in(make_user("admin")).get("/dashboard/leads/?of=mqls").content.decode()

    assert "Survivor" in html
    assert f"/leads/{survivor.pk}/" in html


@pytest.mark.parametrize("role", ["admin", "marketer", "manager", "rep"])
def test_page_of_nothing_stands(signed_in, role):
    client = signed_in(make_user(role, team=make_team()))

    page = client.get(PAGE)

    assert page.status_code == 200
    assert tile(page.content.decode(), "MQLs") == "0"
    assert counted_links(page.content.decode()) == []
    assert "No definition is live yet" in page.content.decode()


@pytest.mark.parametrize("query", ["", "?by=campaign", "?days=365"])
def test_page_of_one_row_shows_counts_and_no_rates(signed_in, query):
    make_cycle(days_ago(40), decision="accepted", contacted_at=1, sql_at=5)

    html = signed_in(make_user("admin")).get(PAGE + query).content.decode()

    assert tile(html, "Accepted") == "1 of 1"
    assert "100%</a>" not in html


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (f"{PAGE}?from=2026-13-01", "from"),
        (f"{PAGE}?from=2026-03-05&to=2026-03-01", "from"),
        (f"{PAGE}?from=1926-03-05", "from"),
        (f"{PAGE}?tz=Mars/Olympus", "tz"),
        (f"{PAGE}?team=1&team=2", "team"),
        (f"{PAGE}?of=mqls", "of"),
        ("/dashboard/leads/?of=password", "of"),
        ("/dashboard/leads/?of=mqls&within=30", "within"),
        ("/dashboard/leads/?of=converted&within=31", "within"),
        ("/dashboard/leads/?of=contacted&bucket=9", "bucket"),
        ("/dashboard/leads/?of=contacts_due&value=x", "value"),
        ("/dashboard/leads/?of=mqls&by=team&value=x", "value"),
        ("/dashboard/leads/?of=mqls&by=team&value=-1", "value"),
        ("/dashboard/leads.csv?unknown=1", "unknown"),
        ("/dashboard/cohorts.csv?days=1", "days"),
    ],
)
def test_bad_parameter_gets_a_page_that_names_it(signed_in, address, name):
    page = signed_in(make_user("admin")).get(address)

    assert page.status_code == 400
    assert f'<b dir="auto">{name}</b>' in page.content.decode()


@pytest.mark.parametrize("cursor", ["x", "WzBd", "%00", "a" * 199])
def test_bad_cursor_is_a_bad_request(signed_in, quarter, cursor):
    assert signed_in(make_user("admin")).get(f"/dashboard/leads/?of=mqls&cursor={cursor}").status_code == 400


@pytest.mark.parametrize("role", ["manager", "rep"])
def test_new_leads_belong_to_no_team(signed_in, role):
    client = signed_in(make_user(role, team=make_team()))

    assert client.get("/dashboard/leads/?of=leads").status_code == 403


def test_nobody_signed_in_is_sent_to_sign_in(client):
    for address in (PAGE, "/dashboard/leads/", "/dashboard/cohorts.csv", "/dashboard/leads.csv"):
        assert client.get(address).status_code == 302
        assert client.get(address)["Location"].startswith("/sign-in/")


def test_pages_only_read(signed_in):
    client = signed_in(make_user("admin"))

    assert [client.post(address).status_code for address in (PAGE, "/dashboard/leads/")] == [405, 405]


def test_page_takes_as_many_queries_for_many_rows_as_for_one(
    signed_in, django_assert_max_num_queries, quarter
):
    client = signed_in(make_user("admin"))
    client.get(PAGE)
    cache.clear()
    with django_assert_max_num_queries(BUDGET) as many:
        client.get(PAGE)
    for days in range(5, 80):
        make_cycle(days_ago(days), campaign=f"x{days}", rule=f"r{days}")
    cache.clear()
    with django_assert_max_num_queries(BUDGET) as more:
        client.get(PAGE)

    assert len(more.captured_queries) == len(many.captured_queries)


def test_list_takes_as_many_queries_for_many_rows_as_for_one(signed_in, django_assert_max_num_queries):
    client = signed_in(make_user("admin"))
    make_cycle(days_ago(5))
    client.get("/dashboard/leads/?of=mqls")

    with django_assert_max_num_queries(20) as one:
        client.get("/dashboard/leads/?of=mqls")
    for _ in range(5):
        make_cycle(days_ago(5))
    with django_assert_max_num_queries(20) as six:
        client.get("/dashboard/leads/?of=mqls")

    assert len(six.captured_queries) == len(one.captured_queries)


def test_costly_figures_are_kept_for_a_short_while(signed_in, quarter, monkeypatch):
    monkeypatch.setattr(reports, "CHEAP", -1)
    monkeypatch.setattr(reports, "KEPT", 60)
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr(reports.time, "monotonic", lambda: next(ticks))
    client = signed_in(make_user("admin"))

    first = tile(client.get(PAGE).content.decode(), "MQLs")
    make_cycle(days_ago(1))

    assert tile(client.get(PAGE).content.decode(), "MQLs") == first
    assert tile(client.get(f"{PAGE}?days=30").content.decode(), "MQLs") != first


def rows_of(response) -> list[str]:
    return b"".join(response.streaming_content).decode().splitlines()


@pytest.mark.parametrize(
    "table", ["summary", "cohorts", "breakdown", "steps", "weeks", "reasons", "first-contact"]
)
def test_every_table_is_to_be_had_as_csv(signed_in, quarter, table):
    user = make_user("manager", team=make_team())

    response = signed_in(user).get(f"/dashboard/{table}.csv?days=365")
    rows = rows_of(response)

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert rows[0].startswith("\ufeff")
    assert len(rows) > 1
    assert AuditEntry.objects.filter(action="reports.export", by=user).count() == 1


def test_csv_holds_no_formula(signed_in):
    lead = make_lead(first_name='=HYPERLINK("http://evil.test")', last_name="+cmd")
    make_cycle(days_ago(5), lead=lead, campaign="@SUM(A1)", source="-2+3")
    client = signed_in(make_user("admin"))

    people = rows_of(client.get("/dashboard/leads.csv?of=mqls"))
    groups = rows_of(client.get("/dashboard/breakdown.csv?by=campaign"))

    assert not re.search(r'(^|,)"?[=+@-]', "\n".join(people + groups), re.MULTILINE)
    assert "'@SUM(A1)" in people[1]


def test_csv_of_a_list_holds_what_was_counted(signed_in, quarter, manager):
    rows = rows_of(signed_in(manager).get("/dashboard/leads.csv?of=mqls&days=365"))

    assert len(rows) == 1 + 30
    assert "Lead 4" not in "\n".join(rows)


@pytest.mark.parametrize("address", ["/dashboard/cohorts.csv", "/dashboard/leads.csv"])
def test_reps_take_nothing_away(signed_in, quarter, rep, address):
    client = signed_in(rep)

    assert client.get(address).status_code == 403
    assert ".csv" not in client.get(PAGE).content.decode()


def test_unknown_table_is_not_found(signed_in):
    assert signed_in(make_user("admin")).get("/dashboard/passwords.csv").status_code == 404


def test_charts_mark_the_definitions_that_went_live(signed_in, quarter):
    html = signed_in(make_user("marketer")).get(f"{PAGE}?days=90").content.decode()
    link = '<a href="/definitions/2/"'

    assert (
        f'{link} title="Definition 2 went live on 11 Jan 2026">Definition 2</a> went live on 11 Jan 2026'
        in html
    )
    assert f"{link}><title>Definition 2 went live here</title>" in html  # the weeks
    assert (
        f'<span class="tag">{link} title="Definition 2 went live on 11 Jan 2026">v2</a>' in html
    )  # the cohorts
    assert html.count(" went live</span>") == 1  # the table beside the weeks
