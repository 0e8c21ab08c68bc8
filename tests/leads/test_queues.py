from datetime import timedelta

import pytest

from leads.enums import Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Lead
from leads.queues import BY_SLUG, COUNT_CAP, Context, count, in_queue
from leads.search import BadQuery, matching
from tests.factories import AT, make_definition, make_lead, make_user

pytestmark = pytest.mark.django_db
TODAY = AT.date()


@pytest.fixture
def context():
    document = {
        "mql": {"rule_sets": [{"all": [{"kind": "score_at_least", "value": 60}]}]},
        "sql": {"meaning": "discovery", "rule_sets": []},
    }
    make_definition(document)
    return Context.on(AT)


def standing_in(slug, context):
    return list(in_queue(Lead.objects.live(), BY_SLUG[slug], context).order_by("id"))


def test_near_mql_holds_leads_within_fifteen_points_of_the_line(context):
    near = [make_lead(score=45), make_lead(score=59)]
    make_lead(score=44), make_lead(score=60), make_lead(score=50, stage=Stage.MQL)

    assert standing_in("near-mql", context) == near


def test_suspects_stand_apart_from_leads(context):
    suspect, lead = make_lead(stage=Stage.SUSPECT), make_lead()

    assert standing_in("suspects", context) == [suspect]
    assert standing_in("all", context) == [lead]


def test_new_ends_after_a_week(context):
    fresh = make_lead(at=AT - timedelta(days=6))
    make_lead(at=AT - timedelta(days=8))

    assert standing_in("new", context) == [fresh]


def test_mql_waiting_ends_with_an_owner(context):
    waiting = make_lead(stage=Stage.MQL)
    make_lead(stage=Stage.MQL, owner=make_user("rep"))

    assert standing_in("mql-waiting", context) == [waiting]


def test_vanishing_holds_everybody_without_a_coming_step(context):
    lost_sight = make_lead(stage=Stage.SQL)
    make_lead(stage=Stage.SQL, next_step_on=TODAY)
    late = make_lead(stage=Stage.SQL, next_step_on=TODAY - timedelta(days=1))
    overslept = make_lead()
    move_to_stage(overslept, Stage.LEAD, status=Status.NURTURE, wake_on=TODAY - timedelta(days=1), at=AT)
    make_lead()

    assert {lead.pk for lead in standing_in("vanishing", context)} >= {late.pk, overslept.pk, lost_sight.pk}


def test_count_reads_at_most_the_cap(context, django_assert_num_queries):
    make_lead()

    with django_assert_num_queries(1) as queries:
        assert count(Lead.objects.live(), BY_SLUG["all"], context) == 1

    assert f"LIMIT {COUNT_CAP + 1}" in queries.captured_queries[0]["sql"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mar", True),
        ("SOL mar", True),
        ("Solberg x", False),
        ("maren@", True),
        ("%", False),
        ("_aren", False),
        ("", True),
        ("🙂", False),
    ],
)
def test_search_matches_the_start_of_every_word_literally(text, found):
    make_lead(first_name="Maren", last_name="Solberg", email="maren@nord.test")

    assert matching(Lead.objects.live(), text).exists() is found


@pytest.mark.parametrize("text", ["x" * 201, "a\x00b"])
def test_search_refuses_what_cannot_be_searched(text):
    with pytest.raises(BadQuery):
        matching(Lead.objects.live(), text)
