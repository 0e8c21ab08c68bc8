from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.documents import parse, standard_document
from scoring.engine import Line, engagement_points, net_counts, round_thousandths, score, weights
from tests.scoring.build import DAY, GOOD_FIT, count, rule, rulebook


def engagement_of(*counts, definition) -> int:
    return score({}, counts, definition, DAY).engagement


@pytest.mark.parametrize(
    ("half_life", "age", "weight"),
    [
        (None, 399, 1000),
        (14, 0, 1000),
        (14, 14, 500),
        (14, 56, 62),
        (21, 1, 968),
        (45, 3, 955),
        (45, 150, 99),
        (60, 2, 977),
    ],
)
def test_weights_are_whole_thousandths_rounded_half_to_even(half_life, age, weight):
    assert weights(half_life)[age] == weight


@pytest.mark.parametrize(
    ("thousandths", "whole"),
    [(499, 0), (500, 1), (1499, 1), (1500, 2), (-499, 0), (-500, -1), (-1500, -2), (0, 0)],
)
def test_thousandths_round_half_away_from_zero(thousandths, whole):
    assert round_thousandths(thousandths) == whole


@pytest.mark.parametrize(
    ("fields", "counts", "expected"),
    [
        ({}, [], 0),
        ({}, [count()], 10),
        ({}, [count(n=3)], 30),
        ({}, [count(age=59)], 10),
        ({}, [count(age=60)], 0),
        ({}, [count(age=-1, known=0)], 0),
        ({}, [count(age=2, known=-1)], 0),
        ({"half_life_days": 14}, [count(age=14, n=3)], 15),
        ({"half_life_days": 14, "points": 1}, [count(age=14)], 1),
        ({"half_life_days": 14, "points": 1}, [count(age=15)], 0),
        ({"max_points": 25}, [count(n=3)], 25),
        ({"distinct": "day"}, [count(n=3), count(obj="/b"), count(age=1)], 20),
        ({"distinct": "object"}, [count(obj="/a"), count(obj="/a", age=3), count(obj="/b", age=4, n=7)], 20),
        ({"distinct": "object", "half_life_days": 10}, [count(obj="/a"), count(obj="/a", age=10)], 10),
        ({"max_per_day": 2}, [count(n=2), count(n=1, obj="/b"), count(age=1)], 30),
        ({"distinct": "object", "max_per_day": 1}, [count(obj="/a"), count(obj="/b"), count(age=1)], 20),
    ],
)  # fmt: skip
def test_engagement_line_takes_window_distinct_daily_cap_decay_and_cap_in_order(fields, counts, expected):
    assert engagement_of(*counts, definition=rulebook(rule(**fields))) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([count(n=3), count(n=-1)], 20),
        ([count(n=1), count(n=-1)], 0),
        ([count(n=1), count(n=-3)], 0),
        ([count(n=2, obj="/a"), count(n=-1, obj="/b")], 20),
        ([count(n=2), count(n=-1, known=-1)], 20),
        ([count(n=1, age=2), count(n=-1, age=2, known=0), count(n=1, age=2, known=0)], 10),
    ],
)
def test_corrections_net_out_per_signal_object_and_day(counts, expected):
    assert engagement_of(*counts, definition=rulebook()) == expected


def test_an_object_whose_latest_day_was_corrected_away_counts_on_the_day_before():
    definition = rulebook(rule(distinct="object", half_life_days=10))

    result = engagement_of(
        count(obj="/a", age=10), count(obj="/a"), count(obj="/a", n=-1), definition=definition
    )

    assert result == 5


def test_group_cap_and_clip_are_lines_of_their_own():
    definition = rulebook(
        rule(points=30, group="web"), rule(id="open", signal="email_open", points=40, group="web"),
        rule(id="form", signal="form", points=50),
        groups=[{"id": "web", "label": "Website", "max_points": 45}],
    )  # fmt: skip

    result = score({}, [count(), count("email_open"), count("form")], definition, DAY)

    assert [(line.kind, line.points) for line in result.lines if line.kind != "fit"] == [
        ("engagement", 30), ("engagement", 40), ("engagement", 50), ("cap", -25), ("clip", -35),
    ]  # fmt: skip
    assert result.engagement == 60


def test_negative_engagement_is_clipped_to_zero_and_says_so():
    result = score({}, [count()], rulebook(rule(points=-20, max_points=15)), DAY)

    engagement = [line for line in result.lines if line.kind in ("engagement", "clip")]
    assert engagement == [
        Line("Visits, no less than -15", "engagement", -15, "1 × -20 points, last today", "visit"),
        Line("Engagement never falls below 0", "clip", 15),
    ]


@pytest.mark.parametrize(
    ("op", "value", "field", "have", "points"),
    [
        ("in", ["Data", "it"], "role", "DATA", 7),
        ("in", ["data"], "role", "sales", 0),
        ("in", ["data"], "role", "", 0),
        ("in", ["åland"], "region", "Åland", 0),
        ("not_in", ["data"], "role", "sales", 7),
        ("not_in", ["data"], "role", "", 0),
        ("contains_any", ["dbt", "kafka"], "tech_stack", "Snowflake, dbt", 7),
        ("contains_any", ["flake"], "tech_stack", "snowflake", 0),
        ("between", [200, 5000], "employees", 200, 7),
        ("between", [200, 5000], "employees", 5001, 0),
        ("between", [5001, None], "employees", 10**6, 7),
        ("between", [None, 5], "employees", 0, 7),
        ("between", [200, 5000], "employees", None, 0),
        ("is", True, "is_free_mail", True, 7),
        ("is", False, "is_free_mail", False, 7),
        ("is", False, "is_free_mail", None, 0),
    ],
)
def test_fit_rule_matches_known_values_only(op, value, field, have, points):
    fit = [{"id": "f", "label": "F", "field": field, "op": op, "value": value, "points": points or 7}]

    result = score({field: have}, [], rulebook(fit=fit), DAY)

    assert result.fit == points
    assert (result.lines[0].detail == "unknown") == (have in (None, ""))


def test_fit_is_clipped_to_its_maximum_and_graded():
    everything = GOOD_FIT | {"tech_stack": "dbt", "data_maturity": "advanced"}

    result = score(everything, [], parse(standard_document()), DAY)

    assert (result.fit, result.grade) == (40, "A")
    assert result.lines[-1] == Line("Fit counts 40 at most", "clip", -4)


@pytest.mark.parametrize(
    ("fit", "grade"), [(40, "A"), (30, "A"), (29, "B"), (20, "B"), (10, "C"), (9, "D"), (0, "D")]
)
def test_grade_falls_with_fit(fit, grade):
    assert rulebook().grade_of(fit) == grade


@pytest.mark.parametrize(
    ("engagement", "band"), [(0, 1), (9, 1), (10, 2), (25, 3), (39, 3), (40, 4), (60, 4)]
)
def test_band_rises_with_engagement(engagement, band):
    assert rulebook().band_of(engagement) == band


def test_disqualifier_is_named_and_hides_no_points():
    result = score(GOOD_FIT | {"is_competitor": True}, [count()], rulebook(), DAY)

    assert (result.disqualified_by, result.score) == ("competitor", 48)


@pytest.mark.parametrize(
    ("counts", "momentum"),
    [
        ([count(age=13)], 10),
        ([count(age=14)], -10),
        ([count(age=27)], -10),
        ([count(age=28)], 0),
        ([count(age=1, n=3), count(age=20, n=2)], 10),
        ([count(n=10**9)], 1_000_000),
    ],
)
def test_momentum_compares_two_fortnights_undecayed(counts, momentum):
    assert score({}, counts, rulebook(rule(half_life_days=1)), DAY).momentum == momentum


@pytest.mark.parametrize(
    ("ages", "unsubscribed", "engagement", "momentum"),
    [
        ((21, 17, 13, 10, 7, 5, 3, 2, 1, 0), False, 11, 12),
        ((27, 26, 25, 24, 23, 21, 19, 16, 13, 9), True, 0, -32),
    ],
)
def test_ten_visits_rising_differ_from_ten_declining_then_unsubscribed(
    ages, unsubscribed, engagement, momentum
):
    counts = [count(age=age, obj=f"/{age}") for age in ages] + [count("unsubscribe", 2)] * unsubscribed

    result = score(GOOD_FIT, counts, parse(standard_document()), DAY)

    assert (result.fit, result.engagement, result.momentum) == (38, engagement, momentum)


count_rows = st.builds(
    count,
    signal=st.sampled_from(["visit", "guide", "email_open", "pricing_page", "unsubscribe", "unknown"]),
    age=st.integers(-2, 90),
    n=st.integers(-2, 9).filter(bool),
    obj=st.sampled_from(["", "/a", "/b"]),
    known=st.integers(-2, 90),
)


@given(st.lists(count_rows, max_size=30), st.randoms())
def test_score_equals_its_lines_and_is_independent_of_order(counts, random):
    definition = parse(standard_document())
    shuffled = list(counts)
    random.shuffle(shuffled)

    result = score(GOOD_FIT, counts, definition, DAY)

    assert result == score(GOOD_FIT, shuffled, definition, DAY)
    assert result.score == sum(line.points for line in result.lines)
    assert 0 <= result.engagement <= 60
    assert result.engagement == engagement_points(net_counts(counts, DAY), definition, DAY)


@given(st.lists(count_rows, max_size=20))
def test_net_counts_are_positive_and_known(counts):
    nets = net_counts(counts, DAY)

    assert all(n > 0 and day <= DAY for (_, _, day), n in nets.items())
    assert nets == net_counts([row for row in counts if row.known_on <= DAY], DAY)


def test_score_of_a_past_day_ignores_what_became_known_later():
    yesterday = DAY - timedelta(days=1)

    late = score({}, [count(age=5), count(age=3, known=0)], rulebook(), yesterday)

    assert late == score({}, [count(age=5)], rulebook(), yesterday)
