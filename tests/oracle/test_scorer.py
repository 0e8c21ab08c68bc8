"""The oracle agrees with the worked numbers of docs/stories.md, which were computed by hand."""

from datetime import date, timedelta

import pytest

from tests.oracle.scorer import Deed, judge, read_json, weight

TODAY = date(2026, 3, 12)
DEFINITION = read_json("scoring/standard.json")
GOOD = {"employees": 1200, "industry": "logistics", "role": "data", "seniority": "head", "region": "nordics"}


def did(*what):
    """Deeds from (signal, object, days ago); all known today."""
    return [Deed(signal, thing, TODAY - timedelta(days=ago), TODAY) for signal, thing, ago in what]


def visits(*ages):
    return did(*[("visit", f"/blog/{age}", age) for age in ages])


CASES = [
    (GOOD, [], (38, 0, "A", 1, 0)),
    (GOOD, did(("guide", "getting-started", 3)), (38, 6, "A", 1, 6)),
    (GOOD, did(("guide", "g", 3), ("pricing_page", "/pricing", 1), ("pricing_page", "/pricing", 0)), (38, 30, "A", 3, 30)),
    (GOOD, visits(21, 17, 13, 10, 7, 5, 3, 2, 1, 0), (38, 11, "A", 2, 12)),
    (GOOD, visits(27, 26, 25, 24, 23, 21, 19, 16, 13, 9) + did(("unsubscribe", "", 2)), (38, 0, "A", 1, -32)),
    (GOOD, did(("visit", "/", 0), ("product_page", "/product", 0)), (38, 5, "A", 1, 5)),
    (GOOD, did(("newsletter", "n", 0)), (38, 1, "A", 1, 1)),
    (
        {"employees": 800, "industry": "software", "role": "operations", "seniority": "vp", "region": "nordics",
         "tech_stack": "snowflake, dbt", "data_maturity": "growing"},
        did(("guide", "g", 150), ("comparison_sheet", "c", 0)),
        (40, 26, "A", 3, 25),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "deeds", "expected"), CASES)
def test_oracle_gives_the_numbers_worked_by_hand(profile, deeds, expected):
    verdict = judge(profile, deeds, DEFINITION, TODAY)

    assert (verdict.fit, verdict.engagement, verdict.grade, verdict.band, verdict.momentum) == expected
    assert sum(points for _, points in verdict.lines) == verdict.score


@pytest.mark.parametrize(
    ("half", "age", "expected"),
    [(21, 1, 968), (45, 3, 955), (45, 150, 99), (60, 2, 977), (1, 1, 500), (1, 10, 1)],
)
def test_weights_are_whole_thousandths(half, age, expected):
    assert weight(half, age) == expected


def test_a_correction_takes_away_what_it_corrects():
    deeds = [*did(("guide", "g", 3)), Deed("guide", "g", TODAY - timedelta(days=3), TODAY, -1)]

    assert judge(GOOD, deeds, DEFINITION, TODAY).engagement == 0
