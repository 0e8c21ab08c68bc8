import copy
from random import Random

import pytest

from scoring.documents import parse, standard_document, validate
from scoring.learning.lift import Lift, Share
from scoring.learning.opinion import second_opinion
from scoring.learning.suggestions import Change, by_lift, by_opinion, changed
from tests.scoring.learning.build import entries, entry

RULEBOOK = parse(standard_document())


def drawn(count, chance_of, *, score=lambda random: random.randrange(101), seed=3):
    """Entries whose acceptance depends on signals alone, newest first."""
    random = Random(seed)
    made = []
    for number in range(count):
        signals = [slug for slug in ("pricing_page", "webinar", "email_click") if random.random() < 0.5]
        accepted = random.random() < chance_of(signals)
        made.append(entry(number, signals=signals, is_accepted=accepted, score=score(random)))
    return made


def test_opinion_finds_what_decides_and_beats_a_score_that_does_not():
    opinion = second_opinion(
        drawn(600, lambda signals: 0.85 if "pricing_page" in signals else 0.15), "accepted"
    )

    assert opinion.status == "yes"
    assert (opinion.learned, opinion.tried) == (420, 180)
    assert opinion.area > 0.75 > opinion.interval[0]
    assert opinion.brier < opinion.base_brier
    heaviest = opinion.weights[0]
    assert (heaviest.key, heaviest.is_clear) == ("pricing_page", True)
    assert heaviest.odds_interval[0] > 3


def test_opinion_on_chance_supports_nothing():
    opinion = second_opinion(drawn(600, lambda signals: 0.5), "accepted")

    assert opinion.status == "no"
    assert by_opinion(opinion, RULEBOOK) == []


def test_opinion_no_better_than_the_score_suggests_nothing():
    known = drawn(600, lambda signals: 0.8 if "webinar" in signals else 0.2)
    known = [
        entry(e.cycle_id, signals=e.signals, is_accepted=e.is_accepted, score=90 if e.is_accepted else 10)
        for e in known
    ]

    opinion = second_opinion(known, "accepted")

    assert (opinion.status, opinion.score_area) == ("same", 1.0)
    assert by_opinion(opinion, RULEBOOK) == []


@pytest.mark.parametrize("known", [[], entries(500), entries(40, is_accepted=True) + entries(40)])
def test_opinion_on_little_or_one_outcome_says_so(known):
    assert second_opinion(known, "accepted").status == "few"


def test_opinion_is_judged_by_later_leads_alone():
    # What held among the older no longer does among the newer, which stand first.
    older = drawn(700, lambda signals: 0.9 if "pricing_page" in signals else 0.1)
    newer = drawn(300, lambda signals: 0.1 if "pricing_page" in signals else 0.9)

    assert second_opinion(newer + older, "accepted").area < 0.3


def test_opinion_suggests_points_on_the_scale_there_is():
    opinion = second_opinion(
        drawn(600, lambda signals: 0.85 if "pricing_page" in signals else 0.15), "accepted"
    )

    changes = by_opinion(opinion, RULEBOOK)

    pricing = next(change for change in changes if change.key == "pricing_page")
    assert pricing.new > pricing.old > 0
    assert all(change.key == "pricing_page" or not change.new for change in changes)
    assert validate(changed(standard_document(), changes, {})) == []


def lift_of(kind, key, accepted):
    return Lift(kind, key, key, 40, 40, dict.fromkeys(("accepted", "converted", "won"), accepted))


UP, DOWN, SAME, FEW = Share(30, 40, 15, 40), Share(5, 40, 20, 40), Share(20, 40, 20, 40), Share(2, 4, 20, 40)


@pytest.mark.parametrize(
    ("kind", "key", "share", "points"),
    [
        ("signal", "webinar", UP, "up"), ("signal", "webinar", DOWN, "down"), ("signal", "webinar", SAME, None),
        ("signal", "webinar", FEW, None), ("signal", "never_scored", DOWN, None), ("rule", "content", UP, None),
    ],
)  # fmt: skip
def test_lift_suggests_points_only_where_it_is_clear(kind, key, share, points):
    change = by_lift(lift_of(kind, key, share), RULEBOOK)

    assert (change and ("up" if change.new > change.old else "down")) == points


def test_lift_of_a_signal_nothing_scores_suggests_a_rule():
    change = by_lift(lift_of("signal", "never_scored", UP), RULEBOOK)

    assert change == Change("signal", "never_scored", "", 0, 3)


def test_changes_leave_the_document_they_start_from_alone():
    document = standard_document()
    before = copy.deepcopy(document)
    rule, fit = document["engagement"]["rules"][0], document["fit"]["rules"][0]
    changes = [
        Change("signal", rule["signal"], rule["id"], rule["points"], 50),
        Change("fit", fit["id"], fit["id"], fit["points"], 0),
        Change("signal", "webinar-replay", "", 0, 4),
    ]

    made = changed(document, changes, {"webinar-replay": "Webinar replay"})

    assert document == before
    assert (made["engagement"]["rules"][0]["points"], made["engagement"]["rules"][0]["max_points"]) == (
        50,
        50,
    )
    assert fit["id"] not in [one["id"] for one in made["fit"]["rules"]]
    added = made["engagement"]["rules"][-1]
    assert (added["id"], added["label"], added["points"]) == ("webinar_replay", "Webinar replay", 4)
    assert validate(made) == []
