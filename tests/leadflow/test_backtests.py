import copy
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leadflow.backtests.capacity import Capacity, capacity
from leads import clock
from leads.enums import DefinitionStatus, Role
from leads.models import AuditEntry, Definition
from scoring.backtest_runs import drain, start_backtest
from scoring.documents import standard_document
from scoring.models import Backtest
from tests.factories import make_catalogue, make_definition, make_rep, make_team, make_user
from tests.scoring.world import give, good_lead, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def draft() -> Definition:
    """A live definition for 40 days, three leads just below its line, and a draft with a lower one."""
    make_catalogue()
    now = clock.now()
    make_definition(standard_document(), at=now - 40 * DAY)
    for number in range(3):
        lead = good_lead(at=now - 40 * DAY, first_name="Lea", last_name=f"Novak {number}")
        give(lead, "comparison_sheet", at=now - 20 * DAY)
        settle(now - 20 * DAY)
    looser = copy.deepcopy(standard_document())
    looser["mql"]["rule_sets"][1]["all"][0]["value"] = 60
    return make_definition(looser, version=2, status=DefinitionStatus.DRAFT)


@pytest.fixture
def marketer(client):
    user = make_user(Role.MARKETER)
    client.force_login(user)
    return user


def finished(draft) -> Backtest:
    backtest = start_backtest(draft, days=90, at=clock.now())
    drain()
    backtest.refresh_from_db()
    return backtest


def test_a_marketer_starts_one_watches_it_and_reads_who_is_gained(client, marketer, draft):
    started = client.post(reverse("backtests:list"), {"definition": 2, "days": 90}, follow=True)
    assert "0 of 3 leads are done" in started.content.decode()

    drain()
    backtest = Backtest.objects.get()
    page = client.get(reverse("backtests:detail", args=[backtest.pk])).content.decode()

    assert "3 more MQLs in 41 days: 3 instead of 0. 3 gained, 0 lost." in page
    assert "Lea Novak 2" in page
    assert "Not enough history: sales decided on 0" in page
    assert AuditEntry.objects.filter(action="backtest.start", by=marketer).count() == 1


def test_the_bar_is_a_fragment_until_the_result_is_there(client, marketer, draft):
    backtest = start_backtest(draft, days=90, at=clock.now())
    address, htmx = reverse("backtests:detail", args=[backtest.pk]), {"HX-Request": "true"}

    running = client.get(address, headers=htmx)
    drain()
    done = client.get(address, headers=htmx)

    assert ("<html" in running.content.decode(), "HX-Refresh" in running) == (False, False)
    assert done["HX-Refresh"] == "true"


def test_the_tuner_looks_up_any_line(client, marketer, draft):
    address = reverse("backtests:detail", args=[finished(draft).pk])

    found = {one.label: one.mqls for one in client.get(f"{address}?line=64").context["settings"]}

    assert (found["60"], found["63"], found["64"]) == ("3", "3", "0")
    assert client.get(f"{address}?line=101").status_code == 400
    assert client.get(f"{address}?line=x").status_code == 400


def test_names_are_shown_to_those_who_may_see_the_lead(client, draft):
    backtest = finished(draft)
    client.force_login(make_user(Role.MANAGER, team=make_team()))

    detail = client.get(reverse("backtests:detail", args=[backtest.pk])).content.decode()
    leads = client.get(reverse("backtests:leads", args=[backtest.pk])).content.decode()

    assert "None of them are yours to see." in detail
    assert "Novak" not in detail + leads


def test_a_draft_leads_to_its_back_tests_and_they_lead_back(client, marketer, draft):
    definition = reverse("scoring:definition", args=[2])
    assert "Not yet. A back-test says" in client.get(definition).content.decode()
    detail = reverse("backtests:detail", args=[finished(draft).pk])

    shown = client.get(definition).content.decode()
    assert f'<a href="{detail}">Back-test of' in shown
    assert "3 MQLs in 41 days instead of 0; too little history to predict acceptance." in shown
    back = client.get(detail).content.decode()
    assert f'href="{definition}"' in back
    assert reverse("leadflow:definition_propose", args=[2]) in back
    assert detail in client.get(reverse("leadflow:definition_propose", args=[2])).content.decode()


def test_a_back_test_of_an_earlier_draft_says_so_and_proposes_nothing(client, marketer, draft):
    detail = reverse("backtests:detail", args=[finished(draft).pk])
    Definition.objects.filter(version=2).update(document=standard_document())

    back = client.get(detail).content.decode()

    assert "Definition 2 was changed since." in back
    assert reverse("leadflow:definition_propose", args=[2]) not in back
    page = client.get(reverse("scoring:definition", args=[2])).content.decode()
    assert "before the last change" in page


def test_a_broken_draft_is_refused_beside_the_field(client, marketer, draft):
    Definition.objects.filter(version=2).update(document={"format": 1})

    answer = client.post(reverse("backtests:list"), {"definition": 2, "days": 90})

    assert answer.status_code == 422
    assert "This draft is not complete yet" in answer.content.decode()
    assert not Backtest.objects.exists()


@pytest.mark.parametrize("query", ["?kind=odd", "?cursor=odd"])
def test_an_odd_address_is_answered_with_400(client, marketer, draft, query):
    assert client.get(reverse("backtests:leads", args=[finished(draft).pk]) + query).status_code == 400


def test_lists_cost_the_same_for_one_row_and_three(client, marketer, draft):
    backtest = finished(draft)
    address = reverse("backtests:leads", args=[backtest.pk])
    client.get(address)
    with CaptureQueriesContext(connection) as of_three:
        client.get(address)
    backtest.entries.exclude(pk=backtest.entries.first().pk).delete()
    with CaptureQueriesContext(connection) as of_one:
        client.get(address)
    assert len(of_one) == len(of_three) <= 10


def test_seats_take_leads_as_long_as_one_is_held():
    make_rep(capacity=4)
    make_rep(capacity=6)

    assert capacity(clock.now()).a_week() == 10
    assert Capacity(10, 3.5, {}).a_week() == 20
    assert Capacity(10, 0.2, {}).a_week(2) == 14
