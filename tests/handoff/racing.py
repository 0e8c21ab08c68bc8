"""Two at once, for real: threads that start together, each with a connection of its own."""

import random
import threading
import time
from functools import partial

from django.db import connection

from handoff.errors import HandoffConflict, NotAllowed
from leads.lifecycle import IllegalMove, StageConflict

REFUSALS = (HandoffConflict, IllegalMove, StageConflict, NotAllowed)
# Who starts first is chance; without this, it is nearly always the same one.
HEAD_START = 0.015


def at_once(*acts, within=30):
    """Run the acts at the same moment; return what each returned, or the refusal it met."""
    (results,) = race([None], *[lambda _, act=act: act() for act in acts], head_start=0, within=within)
    return results


def race(rounds, *acts, head_start=HEAD_START, within=240):
    """Have every act done with every one of the rounds, by a thread for each act, at the same moment.

    Return for each round what each act returned, or the refusal it met.
    """
    barrier = threading.Barrier(len(acts))
    results = [[None] * len(acts) for _ in rounds]

    def run(place, act):
        rng = random.Random(place)
        try:
            for number, one in enumerate(rounds):
                barrier.wait(within)
                time.sleep(rng.uniform(0, head_start))
                try:
                    results[number][place] = act(one)
                except Exception as error:  # noqa: BLE001 - a thread's failure is judged by the test
                    results[number][place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=partial(run, *entry), daemon=True) for entry in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(within)
        assert not thread.is_alive()
    return results


def winner(results):
    """Return the place of the only act that came through; every other must have been refused in words."""
    broken = [one for one in results if isinstance(one, Exception) and not isinstance(one, REFUSALS)]
    assert broken == []
    won = [place for place, one in enumerate(results) if not isinstance(one, Exception)]
    assert len(won) == 1, results
    return won[0]


def one_won(results):
    return results[winner(results)]


def both_won_some(results):
    """Every round had one winner, and not always the same one: else it was no race."""
    won = [winner(one) for one in results]
    assert len(set(won)) == len(results[0]), f"{won.count(0)} of {len(won)} went to the first"
