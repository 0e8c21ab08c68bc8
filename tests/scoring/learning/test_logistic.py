from math import exp, log
from random import Random

import pytest

from scoring.learning import logistic
from scoring.learning.goodness import auc, auc_interval, brier, foretold
from scoring.learning.points import cuts, whole_points


def drawn(count, intercept, coefficients, seed=7):
    """Rows of independent marks, and outcomes drawn from the model."""
    random = Random(seed)
    rows, outcomes = [], []
    for _ in range(count):
        row = [(column, 1.0) for column in range(len(coefficients)) if random.random() < 0.4]
        odds = intercept + sum(coefficients[column] for column, _ in row)
        rows.append(row)
        outcomes.append(random.random() < 1 / (1 + exp(-odds)))
    return rows, outcomes


def test_fit_finds_the_coefficients_the_outcomes_were_drawn_with():
    truth = [1.2, -0.8, 0.0]
    rows, outcomes = drawn(6000, -0.5, truth)

    model = logistic.fit(rows, outcomes, 3)

    for found, true, error in zip(model.coefficients, truth, model.errors, strict=False):
        assert abs(found - true) < 3 * error < 0.3
    assert model.intercept == pytest.approx(-0.5, abs=0.2)


def test_fit_of_one_mark_is_the_odds_ratio_of_the_table():
    # 30 of 40 with it, 10 of 40 without: log(3) − log(1/3)
    rows = [[(0, 1.0)]] * 40 + [[]] * 40
    outcomes = [True] * 30 + [False] * 10 + [True] * 10 + [False] * 30

    model = logistic.fit(rows, outcomes, 1, ridge=0)

    assert model.coefficients[0] == pytest.approx(2 * log(3), abs=1e-4)
    assert model.errors[0] == pytest.approx((1 / 30 + 1 / 10 + 1 / 10 + 1 / 30) ** 0.5, abs=1e-4)


def test_fit_is_the_same_every_time():
    rows, outcomes = drawn(300, 0, [1.0, -1.0])

    assert logistic.fit(rows, outcomes, 2) == logistic.fit(rows, outcomes, 2)


def test_ridge_keeps_a_mark_that_settles_everything_finite():
    model = logistic.fit([[(0, 1.0)]] * 20 + [[]] * 20, [True] * 20 + [False] * 20, 1)

    assert 1 < model.coefficients[0] < 20
    assert 0 < model.probability([]) < model.probability([(0, 1.0)]) < 1


@pytest.mark.parametrize("outcomes", [[], [True, True], [False]])
def test_fit_refuses_outcomes_that_are_all_one(outcomes):
    with pytest.raises(logistic.NotFitted):
        logistic.fit([[]] * len(outcomes), outcomes, 1)


@pytest.mark.parametrize(
    ("scores", "outcomes", "area"),
    [
        ([1, 2, 3], [0, 0, 1], 1.0),
        ([3, 2, 1], [0, 0, 1], 0.0),
        ([1, 1, 1], [0, 1, 0], 0.5),
        ([1, 2, 2], [0, 0, 1], 0.75),
    ],
)
def test_auc_counts_pairs_and_half_of_ties(scores, outcomes, area):
    assert auc(scores, outcomes) == area


def test_auc_needs_both_outcomes():
    assert auc([1, 2], [True, True]) is None


def test_auc_interval_narrows_with_leads():
    few, many = auc_interval(0.7, 20, 20), auc_interval(0.7, 500, 500)

    assert few[0] < many[0] < 0.7 < many[1] < few[1]


def test_brier_is_the_mean_square_off():
    assert brier([0.5, 1.0], [True, False]) == pytest.approx((0.25 + 1) / 2)


def test_foretold_parts_are_equal_and_rise():
    parts = foretold([index / 10 for index in range(10)], [index > 6 for index in range(10)])

    assert [(part.count, part.happened) for part in parts] == [(2, 0), (2, 0), (2, 0), (2, 1), (2, 2)]


def test_whole_points_keep_the_order_and_the_top():
    points = whole_points([{"small": -0.5, "large": 1.0}, {"one": 0.0, "two": 0.25, "three": 0.5}], 40)

    assert points == [{"small": 0, "large": 30}, {"one": 0, "two": 5, "three": 10}]


def test_whole_points_never_go_over_the_top():
    choices = [{"no": 0.0, "yes": 1.0} for _ in range(7)]

    assert sum(max(options.values()) for options in whole_points(choices, 40)) <= 40


def test_whole_points_of_nothing_are_nothing():
    assert whole_points([{"a": 1.0}, {}], 40) == [{"a": 0}, {}]


def test_cuts_put_a_common_zero_apart():
    assert cuts([0] * 50 + list(range(1, 51)), 5) == [1, 11, 21, 31, 41]
    assert cuts([1, 2, 3, 4], 2) == [3]
    assert cuts([0, 0, 0], 4) == []
