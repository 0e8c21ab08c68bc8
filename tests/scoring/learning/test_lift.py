import pytest

from scoring.learning.lift import Share, lifts, ratio_interval
from tests.scoring.learning.build import entries

LABELS = {"demo": "Demo request"}


def of(found, kind, key):
    return next(one for one in found if (one.kind, one.key) == (kind, key))


def test_lift_counts_those_with_it_and_the_others():
    known = (
        entries(30, signals=["demo"], is_accepted=True)
        + entries(10, signals=["demo"])
        + entries(20, is_accepted=True)
        + entries(40, fit_rules=frozenset({"size"}))
        + entries(5, signals=["demo"], is_decided=False)
    )

    demo = of(lifts(known, LABELS, {"size": "Size"}, {}), "signal", "demo")

    assert (demo.label, demo.leads, demo.rest) == ("Demo request", 45, 60)
    assert demo.shares["accepted"] == Share(30, 40, 20, 60)
    assert demo.shares["accepted"].lift == pytest.approx(2.25)
    assert demo.shares["accepted"].verdict == "up"


def test_rules_are_compared_by_what_promoted():
    known = entries(40, rule="content", is_sql=True) + entries(40, rule="hand", is_settled=False, is_sql=True)

    hand = of(lifts(known, {}, {}, {"hand": "Hand-raiser"}), "rule", "hand")

    assert (hand.label, hand.leads) == ("Hand-raiser", 40)
    assert hand.shares["converted"] == Share(0, 0, 40, 40)  # none is settled: nothing is said of them
    assert hand.shares["converted"].verdict == "few"


def test_fit_rules_that_matched_nobody_stand_with_nothing():
    (size, _) = lifts(entries(3), {}, {"size": "Size"}, {})

    assert (size.leads, size.shares["won"].lift) == (0, None)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((29, 29, 1, 400), "few"),
        ((20, 30, 20, 60), "up"),
        ((10, 60, 40, 60), "down"),
        ((15, 30, 30, 60), "same"),
    ],
)
def test_verdicts_need_leads_on_both_sides_and_an_interval_off_one(counts, verdict):
    assert Share(*counts).verdict == verdict


def test_ratio_interval_by_hand():
    # log 2 ± 1.96 √(1/20 − 1/40 + 1/10 − 1/40)
    low, high = ratio_interval(20, 40, 10, 40)

    assert (low, high) == (pytest.approx(1.0761, abs=1e-4), pytest.approx(3.7171, abs=1e-4))


@pytest.mark.parametrize("counts", [(0, 20, 5, 20), (20, 20, 20, 20), (5, 20, 0, 20)])
def test_ratio_interval_exists_without_successes_or_failures(counts):
    low, high = ratio_interval(*counts)

    assert 0 < low < high


def test_ratio_interval_of_nothing_is_none():
    assert ratio_interval(0, 0, 5, 20) is None
