"""The MQLs that happened are found again in a large past, too.

LEADFLOW_FAULTS=long plays 20,000 leads with 400,000 events, which takes the better part of an hour.
"""

from __future__ import annotations

import os
import random

import pytest

from leads.models import Lead
from tests.scoring.past import Past
from tests.scoring.test_backtest_truth import assert_true_to_the_past

LONG = os.environ.get("LEADFLOW_FAULTS") == "long"
LEADS, EVENTS = (20_000, 400_000) if LONG else (600, 12_000)


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.timeout(7200 if LONG else 300)
def test_a_large_past_is_found_again():
    played = Past(random.Random(20))
    played.play(leads=LEADS, days=64, busy=0.49)

    promotions = assert_true_to_the_past(played.day, played.disturbed)

    assert (Lead.objects.count(), played.events >= EVENTS) == (LEADS, True)
    assert promotions > LEADS
