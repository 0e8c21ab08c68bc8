"""The compiled SQL against the engine: equal on every lead, on whatever database the tests run."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import EngagementDay, Lead, Signal
from scoring.documents import parse, standard_document
from scoring.engine import score
from scoring.sql import BY_IDS, BY_RANGE, SCORE_COLUMNS, compile_rules
from tests.factories import make_catalogue, make_lead
from tests.scoring.build import DAY, count, document, rule

pytestmark = pytest.mark.django_db
SLUGS = ["visit", "guide", "form", "email_open"]
OBJECTS = ["", "/a", "/b", "Ä"]

rules = st.builds(
    rule,
    signal=st.sampled_from(SLUGS),
    points=st.integers(-60, 60).filter(bool) | st.sampled_from([-1000, 1000]),
    half_life_days=st.none() | st.integers(1, 60),
    window_days=st.integers(1, 60) | st.just(400),
    distinct=st.sampled_from(["none", "day", "object"]),
    max_per_day=st.none() | st.integers(1, 4),
    max_points=st.integers(1, 40) | st.just(1000),
    group=st.sampled_from([None, "a", "b"]),
)
fit_rules = st.one_of(
    st.fixed_dictionaries(
        {"field": st.sampled_from(["role", "tech_stack"]), "op": st.sampled_from(["in", "not_in", "contains_any"]),
         "value": st.lists(st.sampled_from(["data", "IT", "Ärzte", "%(day)s", "a'b", "dbt"]), min_size=1, max_size=3)}
    ),
    st.fixed_dictionaries(
        {"field": st.just("employees"), "op": st.just("between"),
         "value": st.sampled_from([[10, 200], [None, 50], [201, None], [0, 0]])}
    ),
    st.fixed_dictionaries({"field": st.just("is_free_mail"), "op": st.just("is"), "value": st.booleans()}),
)  # fmt: skip
profiles = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["", "Data", "it", "ärzte", "ÄRZTE", "%(day)s", "A'B"]),
        "tech_stack": st.sampled_from(["", "dbt", "snowflake, DBT", "dbtx", "data, it"]),
        "employees": st.none() | st.sampled_from([0, 10, 50, 200, 201]),
        "is_free_mail": st.none() | st.booleans(),
        "is_competitor": st.none() | st.booleans(),
        "is_student": st.none() | st.booleans(),
    }
)
day_counts = st.lists(
    st.builds(
        count,
        signal=st.sampled_from([*SLUGS, "social"]),
        age=st.integers(-1, 62) | st.sampled_from([13, 14, 27, 28, 399, 400]),
        n=st.integers(-2, 12).filter(bool) | st.just(2_000_000_000),
        obj=st.sampled_from(OBJECTS),
        known=st.integers(-1, 30),
    ),
    max_size=14,
    unique_by=lambda row: (row.signal, row.object_key, row.occurred_on, row.known_on),
)


@st.composite
def documents(draw):
    engagement = [
        dict(entry, id=f"r{n}") for n, entry in enumerate(draw(st.lists(rules, min_size=1, max_size=7)))
    ]
    tests = draw(st.lists(st.tuples(fit_rules, st.integers(-30, 30).filter(bool)), max_size=4))
    fit = [{"id": f"f{n}", "label": "F", "points": points, **test} for n, (test, points) in enumerate(tests)]
    groups = [
        {"id": "a", "label": "A", "max_points": draw(st.integers(1, 30))},
        {"id": "b", "label": "B", "max_points": 9},
    ]
    return document(*engagement, groups=groups, fit=fit, momentum_days=draw(st.sampled_from([1, 7, 14, 30])))


def insert(cases) -> list[Lead]:
    ids = {slug: signal.id for slug, signal in make_catalogue().items()}
    leads = [make_lead(**profile) for profile, _ in cases]
    EngagementDay.objects.bulk_create(
        EngagementDay(
            lead=lead, signal_id=ids[row.signal], object_key=row.object_key, occurred_on=row.occurred_on,
            known_on=row.known_on, count=row.count,
        )
        for lead, (_, rows) in zip(leads, cases, strict=True)
        for row in rows
    )  # fmt: skip
    return leads


def compiled(doc):
    return compile_rules(parse(doc), dict(Signal.objects.values_list("slug", "id")), connection.vendor)


def run(statement, params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount if cursor.description is None else cursor.fetchall()


def filters(leads):
    ids = [lead.id for lead in leads]
    by_ids = {"ids": ids if connection.vendor == "postgresql" else str(ids)}
    return {BY_IDS: by_ids, BY_RANGE: {"after": min(ids) - 1, "upto": max(ids)}}


def columns_of(result):
    return (
        result.fit, result.engagement, result.score, result.grade, result.band, result.momentum, result.disqualified_by,
    )  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents(), st.lists(st.tuples(profiles, day_counts), min_size=1, max_size=4))
def test_sql_gives_exactly_the_engine_s_numbers(doc, cases):
    definition = parse(doc)
    with transaction.atomic():
        leads = insert(cases)
        statements = compiled(doc)

        for kind, chosen in filters(leads).items():
            rows = run(statements.scored[kind], statements.params(DAY, **chosen))
            found = {row[0]: row[1:] for row in rows}

            assert found == {
                lead.id: columns_of(score(profile, counts, definition, DAY))
                for lead, (profile, counts) in zip(leads, cases, strict=True)
            }
        transaction.set_rollback(True)


def test_update_writes_scores_with_their_version_and_only_what_changed():
    leads = insert([({"role": "data"}, [count("form")]), ({}, []), ({"role": "it"}, [])])
    statements = compiled(standard_document())
    params = statements.params(DAY, version=3, **filters(leads)[BY_RANGE])

    first, second = (run(statements.update[BY_RANGE], params) for _ in range(2))
    tomorrow = statements.params(DAY + timedelta(days=1), version=3, **filters(leads)[BY_RANGE])
    third = run(statements.update[BY_RANGE], tomorrow)

    assert (first, second, third) == (3, 0, 0)
    leads[0].refresh_from_db()
    stored = {name: getattr(leads[0], name) for name in [*SCORE_COLUMNS, "score_version", "scored_on"]}
    assert stored == {
        "fit_score": 8, "engagement_score": 14, "score": 22, "grade": "D", "band": 2, "momentum": 14,
        "disqualified_by": "", "score_version": 3, "scored_on": DAY,
    }  # fmt: skip


def test_signals_the_catalogue_does_not_know_give_no_points():
    leads = insert([({"role": "data"}, [count("form")])])
    statements = compiled(document(rule(signal="forgotten")))

    rows = run(statements.scored[BY_IDS], statements.params(DAY, **filters(leads)[BY_IDS]))

    assert [(row[1], row[2]) for row in rows] == [(8, 0)]


def test_merged_leads_keep_their_score():
    survivor, merged = insert([({}, []), ({"role": "data"}, [])])
    Lead.objects.filter(pk=merged.pk).update(merged_into=survivor)
    statements = compiled(standard_document())

    run(statements.update[BY_IDS], statements.params(DAY, version=1, **filters([survivor, merged])[BY_IDS]))

    assert list(Lead.objects.order_by("id").values_list("score_version", flat=True)) == [1, None]
