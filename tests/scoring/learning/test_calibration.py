import pytest

from scoring.learning.calibration import grade_bands, in_band, score_bands, trend, verdict
from tests.scoring.learning.build import entries, entry


def in_bands(*bands):
    """Entries by (score, how many, how many of them accepted)."""
    return [
        entry(score=score, is_accepted=index < accepted)
        for score, count, accepted in bands
        for index in range(count)
    ]


@pytest.mark.parametrize(
    ("bands", "kind"),
    [
        ([(30, 40, 10), (50, 40, 20), (70, 40, 30)], "better"),
        ([(30, 40, 30), (50, 40, 20), (70, 40, 10)], "worse"),
        ([(30, 40, 20), (50, 40, 21), (70, 40, 19)], "flat"),
        ([(30, 20, 2), (70, 29, 20)], "few"),
        ([(30, 5, 1), (70, 80, 20)], "few"),
    ],
)
def test_verdict_says_whether_higher_scores_do_better(bands, kind):
    assert verdict(score_bands(in_bands(*bands)), "accepted", "are accepted").kind == kind


def test_verdict_says_how_many_are_missing():
    said = verdict(score_bands(in_bands((30, 20, 2))), "accepted", "are accepted").text

    assert said == "Not enough decisions yet to say whether higher scores are accepted: 20 of 50."


def test_undecided_leads_say_nothing():
    bands = score_bands(entries(100, is_decided=False))

    assert verdict(bands, "accepted", "are accepted").kind == "few"


def test_bands_hold_every_score_once():
    bands = score_bands([entry(score=score) for score in range(101)])

    assert [band.counts["all"] for band in bands] == [20, 20, 20, 20, 21]
    assert [sum(in_band(entry(score=s), band.kind, band.key) for s in range(101)) for band in bands] == [
        20, 20, 20, 20, 21,
    ]  # fmt: skip


def test_grades_run_from_worst_to_best():
    bands = grade_bands([*entries(2, grade="A"), *entries(3, grade="D"), *entries(1, grade="")])

    assert [(band.key, band.counts["all"]) for band in bands] == [("D", 3), ("C", 0), ("B", 0), ("A", 2)]


def test_trend_of_two_groups_is_the_test_of_two_shares():
    # (0.5 − 0.25) / √(0.375 · 0.625 · (1/40 + 1/40))
    assert trend([(10, 40), (20, 40)]) == pytest.approx(2.3094, abs=1e-4)


@pytest.mark.parametrize("groups", [[], [(0, 10), (0, 10)], [(10, 10), (10, 10)], [(5, 10), (0, 0)]])
def test_trend_of_nothing_to_compare_is_zero(groups):
    assert trend(groups) == 0
