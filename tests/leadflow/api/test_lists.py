"""What holds for every list: its cost does not follow its length, and its pages hold each row once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from leads.audit import audit
from leads.enums import Role
from leads.lifecycle import move_to_stage
from leads.models import Company, Conversation, Event, Note
from tests.factories import (
    AT,
    make_catalogue,
    make_definition,
    make_lead,
    make_mql,
    make_rep,
    make_source,
    make_user,
)

pytestmark = pytest.mark.django_db


def companies(lead, n):
    Company.objects.create(name=f"C{n}", created_at=AT, owner=make_user())


def events(lead, n):
    signal = make_catalogue()["pricing_page"]
    at = AT + timedelta(minutes=n)
    Event.objects.create(
        source=make_source(), message_id=str(n), type="page", lead=lead, signal=signal, occurred_at=at,
        received_at=at, occurred_on=at.date(), known_on=at.date(),
    )  # fmt: skip


def ledger(lead, n):
    for stage in ("mql", "lead"):
        move_to_stage(lead, stage, at=AT + timedelta(days=n), by=make_user())


def notes(lead, n):
    Note.objects.create(lead=lead, by=make_user(), text="x", at=AT)


def conversations(lead, n):
    Conversation.objects.create(lead=lead, by=make_user(), kind="call", at=AT)


def definitions(lead, n):
    make_definition({}, version=n + 1, status="retired", author=make_user())


def reps(lead, n):
    make_rep()


def audit_log(lead, n):
    audit("lead.edit", lead, by=make_user(), at=AT)


# Path, how a row comes to be, queries besides that for the key (a nested list reads its lead first).
LISTS: list[tuple[str, Callable, int]] = [
    ("leads/", lambda lead, n: make_lead(owner=make_user(Role.REP)), 1),
    ("companies/", companies, 1),
    ("events/", events, 1),
    ("leads/{lead}/events/", events, 2),
    ("leads/{lead}/ledger/", ledger, 2),
    ("leads/{lead}/cycles/", ledger, 2),
    ("leads/{lead}/notes/", notes, 2),
    ("leads/{lead}/conversations/", conversations, 2),
    ("definitions/", definitions, 1),
    ("handoffs/", lambda lead, n: make_mql(), 1),
    ("reps/", reps, 2),
    ("sources/", lambda lead, n: make_source(), 1),
    ("audit/", audit_log, 1),
]


@pytest.mark.parametrize(("path", "make", "queries"), LISTS)
@pytest.mark.parametrize("count", [1, 3])
def test_cost_does_not_follow_length(signed_in, path, make, queries, count, django_assert_num_queries):
    lead = make_lead()
    for n in range(count):
        make(lead, n)
    client = signed_in(Role.ADMIN)

    with django_assert_num_queries(queries + 2):  # the session and its user
        response = client.get(path.format(lead=lead.pk))

    assert len(response.json()["results"]) >= count, response.json()


@pytest.mark.parametrize(("path", "make", "queries"), [entry for entry in LISTS if entry[0] != "reps/"])
def test_pages_hold_each_row_once(signed_in, path, make, queries):
    lead, api = make_lead(), signed_in()
    for n in range(5):
        make(lead, n)
    path = path.format(lead=lead.pk)
    whole = api.get(path).json()["results"]

    pages, page = [], api.get(path, page_size=2).json()
    pages += page["results"]
    while page["next"]:
        page = api.client.get(page["next"]).json()
        pages += page["results"]

    assert len(whole) >= 5
    assert [row for row in pages if row in whole] == [row for row in whole if row in pages] == whole


@pytest.mark.parametrize(("path", "make", "queries"), LISTS)
def test_unknown_parameter_is_named(signed_in, path, make, queries):
    response = signed_in().get(path.format(lead=make_lead().pk), colour="red")

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "?colour")
