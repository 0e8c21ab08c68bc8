from math import sqrt

import pytest

from leads.statistics import median, newcombe, p90, wilson


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        # The figures of the design, and the textbook ends of the scale.
        (118, 228, 0.4529, 0.5816),
        (24, 88, 0.1907, 0.3738),
        (3, 6, 0.1876, 0.8124),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_gives_the_known_bounds(successes, total, low, high):
    assert wilson(successes, total) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "total"), [(1, 9), (17, 40), (118, 228), (999, 1000)])
def test_wilson_bounds_are_the_shares_that_this_result_only_just_fits(successes, total):
    share = successes / total

    for bound in wilson(successes, total):
        distance = abs(share - bound)
        assert distance == pytest.approx(1.959964 * sqrt(bound * (1 - bound) / total), rel=1e-5)


def test_wilson_of_nothing_is_nothing():
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("values", "expected"), [([], None), ([4], 4), ([9, 1, 5], 5), ([4, 1, 3, 2], 2.5)])
def test_median_is_the_middle(values, expected):
    assert median(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"), [([], None), ([7], 7), (range(1, 11), 9), (range(1, 12), 10), ([5, 5, 5, 90], 90)]
)
def test_p90_is_the_nearest_rank(values, expected):
    assert p90(list(values)) == expected


def test_newcombe_by_hand_and_of_nothing():
    # Newcombe 1998, table II, (a): 56/70 against 48/80, method 10.
    low, high = newcombe(56, 70, 48, 80)

    assert (low, high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))
    assert newcombe(0, 0, 3, 10) is None
