import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.rotation import TURN, Rotation, charge, state_key

weights_of_pools = st.dictionaries(st.integers(1, 50), st.integers(1, 12), min_size=1, max_size=9)
shares = st.dictionaries(st.integers(1, 50), st.integers(-3 * TURN, 3 * TURN))


def run(rotation, turns, arrears=None):
    arrears = {} if arrears is None else arrears
    taken = []
    for _ in range(turns):
        rep = rotation.next_rep(arrears)
        rotation.take(rep)
        charge(arrears, rotation.weights, rep)
        taken.append(rep)
    return taken


@given(weights=weights_of_pools, arrears=shares, turns=st.integers(1, 150))
@settings(max_examples=150, deadline=None)
def test_every_rep_stays_within_the_bound_whatever_the_arrears(weights, arrears, turns):
    rotation = Rotation(weights)

    for _ in range(turns):
        run(rotation, 1, arrears)
        assert rotation.breaches() == []


@given(reps=st.integers(1, 12), turns=st.integers(1, 100), arrears=shares)
@settings(max_examples=80, deadline=None)
def test_equal_weights_differ_by_one_turn_at_most(reps, turns, arrears):
    rotation = Rotation(dict.fromkeys(range(1, reps + 1), 3))

    run(rotation, turns, arrears)

    taken = [rotation.turns.get(rep, 0) for rep in rotation.weights]
    assert max(taken) - min(taken) <= 1


@given(weights=weights_of_pools, arrears=shares, cut=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_a_restart_between_any_two_turns_changes_nothing(weights, arrears, cut):
    whole = run(Rotation(weights), 60, dict(arrears))
    first, kept = Rotation(weights), dict(arrears)

    before = run(first, cut, kept)
    after = run(Rotation(dict(weights), dict(first.turns), first.total), 60 - cut, kept)

    assert before + after == whole


@pytest.mark.parametrize(
    ("weights", "turns", "expected"),
    [
        ({1: 1}, 3, {1: 3}),
        ({1: 1, 2: 1}, 5, {1: 3, 2: 2}),
        ({1: 3, 2: 1}, 8, {1: 6, 2: 2}),
        ({1: 5, 2: 3, 3: 2}, 10, {1: 5, 2: 3, 3: 2}),
        ({1: 2, 2: 2, 3: 2, 4: 2, 5: 2}, 40, {1: 8, 2: 8, 3: 8, 4: 8, 5: 8}),
    ],
)
def test_full_rounds_give_each_rep_their_exact_share(weights, turns, expected):
    assert Counter(run(Rotation(weights), turns)) == expected


def test_a_tie_goes_to_the_fewest_turns_overall_then_to_the_lowest_id():
    assert Rotation({7: 1, 3: 1, 5: 1}).next_rep() == 3
    assert Rotation({7: 1, 3: 1, 5: 1}).next_rep(overall={3: 2, 5: 1, 7: 1}) == 5


def test_the_rep_furthest_behind_goes_first_in_a_new_state():
    assert Rotation({1: 1, 2: 1, 3: 1}).next_rep(arrears={2: TURN // 2}, overall={1: 0, 2: 9, 3: 0}) == 2


def test_somebody_back_from_leave_does_not_absorb_the_turns_they_missed():
    without, everybody, arrears = Rotation({1: 1, 2: 1}), Rotation({1: 1, 2: 1, 3: 1}), {}

    run(without, 60, arrears)
    back = Counter(run(everybody, 12, arrears))

    assert back == {1: 4, 2: 4, 3: 4}


def test_ever_changing_sets_leave_nobody_far_behind_their_share():
    rng, weights = random.Random(11), {1: 5, 2: 1, 3: 3, 4: 1, 5: 2, 6: 4, 7: 1, 8: 2}
    states, arrears = {}, {}

    for _ in range(3000):
        present = {rep: weight for rep, weight in weights.items() if rng.random() < 0.6} or weights
        rotation = states.setdefault(state_key(present), Rotation(present))
        run(rotation, 1, arrears)

    assert (
        max(abs(behind) for behind in arrears.values()) < 6 * TURN
    )  # a plain per-set rotation drifts past 20


def test_state_key_ignores_order_and_tells_weights_apart():
    assert state_key({1: 2, 3: 1}) == state_key({3: 1, 1: 2})
    assert state_key({1: 2, 3: 1}) != state_key({1: 1, 3: 2})
    assert len(state_key({1: 1})) == 64


def test_breaches_names_who_is_outside_the_bound():
    assert Rotation({1: 1, 2: 1}, {1: 3, 2: 1}, 4).breaches() == [1, 2]
