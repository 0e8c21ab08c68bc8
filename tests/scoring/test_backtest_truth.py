"""Replaying the versions that were live finds the MQLs that happened, day by day, and nothing else."""

from __future__ import annotations

import logging
import random
from collections.abc import Container
from datetime import date

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from leads import clock
from leads.enums import Stage
from leads.models import StageChange
from scoring.backtest import Entry, Plan, replay
from scoring.backtest_loading import Loader
from scoring.conditions import gather
from scoring.live import Catalogue, rules_from
from scoring.qualification import judge
from scoring.timeline import Versions
from tests.scoring import past
from tests.scoring.past import Past

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.django_db
Key = tuple[int, int, date]  # lead, attempt, day; the rule may be another one by the end of the day


def happened() -> set[Key]:
    """The ledger's rule promotions."""
    lines = StageChange.objects.filter(to_stage=Stage.MQL, actor__startswith="rule:")
    return {(line.lead_id, line.cycle_number - 1, clock.day_of(line.at)) for line in lines}


def found(entries: list[Entry]) -> set[Key]:
    return {(one.lead, one.attempt, one.live.day) for one in entries if one.live}


def fell_back(keys: set[Key], until: date, disturbed: Container[tuple[int, date]]) -> set[Key]:
    """Those of the promotions after which something took points away on the same day, so that by its end, asked by
    the functions that promote, no rule set held."""
    histories = {history.lead: history for history in Loader.until(until).load_ids({key[0] for key in keys})}
    catalogue, versions = Catalogue.load(), Versions()
    fallen = set()
    for lead, attempt, day in keys:
        if (lead, day) not in disturbed:
            continue
        history, rules = histories[lead], versions.on(day).rulebook
        standing = [
            one for one in history.standings if one.attempt == attempt and one.day <= day.toordinal()
        ][-1]
        ended = [
            one for one in history.standings if one.attempt == attempt + 1 and one.day == day.toordinal()
        ]
        profile, counts = history.profile(day.toordinal()), history.counts
        if ended:
            profile, counts = history.known_when(ended[0])
        facts = gather(profile, counts, rules, day, catalogue.facts, standing.boundary)
        if judge(facts, rules).promoted_by is None:
            fallen.add((lead, attempt, day))
    return fallen


def entries_of(plan: Plan, **options: bool) -> list[Entry]:
    return [entry for _, batch in replay(plan, **options) for entry in batch]


def assert_true_to_the_past(until: date, disturbed: Container[tuple[int, date]]) -> int:
    """Compare up to a day; return how many promotions there were. Only `disturbed` leads may have fallen back."""
    plan = Plan.of(1000, until)
    real, replayed = happened(), found(entries_of(plan))
    fallen = fell_back(real, until, disturbed)
    logger.info("%d promotions, %d of them fell back on the same day", len(real), len(fallen))
    assert real - replayed == fallen
    # Who fell back at once may be found again later in the same attempt, as nobody had been asked then.
    assert {key[:2] for key in replayed - real} <= {key[:2] for key in fallen}
    return len(real)


def test_replaying_what_was_live_finds_the_mqls_that_happened():
    played = Past(random.Random(1))
    played.play(leads=25, days=36)

    assert assert_true_to_the_past(played.day, played.disturbed) > 15


# A smaller seed is no simpler history, so nothing is gained by shrinking.
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(seed=st.integers(0, 2**32), leads=st.integers(1, 6), days=st.integers(8, 20))
@example(seed=18, leads=2, days=15).via("an event taken back on the day it was given")
def test_any_small_history_is_found_again(seed, leads, days):
    with transaction.atomic():
        played = Past(random.Random(seed))
        played.play(leads=leads, days=days, busy=0.6)
        assert_true_to_the_past(played.day, played.disturbed)
        draft = rules_from(past.document(random.Random(seed + 1)))
        plan = Plan.of(1000, played.day, draft)
        assert entries_of(plan) == entries_of(plan, every_day=True)
        transaction.set_rollback(True)


def test_a_replay_of_the_last_days_starts_from_who_was_an_mql_then():
    played = Past(random.Random(3))
    played.play(leads=20, days=30)

    plan = Plan.of(15, played.day)
    real = {key for key in happened() if key[2] >= plan.first}
    differing = found(entries_of(plan)) ^ real

    early = {key[:2] for key in happened() if key[2] < plan.first}
    assert {key[:2] for key in differing} <= {
        key[:2] for key in fell_back(happened(), played.day, played.disturbed)
    }
    assert not early & {key[:2] for key in found(entries_of(plan))}


def test_the_live_rules_as_a_draft_gain_and_lose_nobody():
    played = Past(random.Random(4))
    played.play(leads=20, days=28)
    plan = Plan.of(12, played.day, Versions().rules[-1])

    entries = [one for one in entries_of(plan) if one.live or one.draft]

    since = max(Versions().since)
    later = [one for one in entries if min(side.day for side in (one.live, one.draft) if side) > since]
    assert later
    assert [(one.live.day, one.live.rule) for one in later if one.live] == [
        (one.draft.day, one.draft.rule) for one in later if one.draft
    ]
