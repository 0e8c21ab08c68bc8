"""The MQLs that happened are found again in a large past, too.

LEADFLOW_FAULTS=long plays 20,000 leads with 400,000 events; LEADFLOW_PAST_LEADS plays any other number;
--log-cli-level=INFO says how much there was.
"""

from __future__ import annotations

import logging
import os
import random

import pytest

from leads.models import Lead
from tests.scoring.past import Past
from tests.scoring.test_backtest_truth import assert_true_to_the_past

logger = logging.getLogger(__name__)
LONG = os.environ.get("LEADFLOW_FAULTS") == "long"
LEADS = int(os.environ.get("LEADFLOW_PAST_LEADS", 20_000 if LONG else 600))
EVENTS = 20 * LEADS


@pytest.mark.django_db
@pytest.mark.slow
@pytest.mark.timeout(300 if LEADS <= 1000 else 7200)
def test_a_large_past_is_found_again():
    played = Past(random.Random(20))
    played.play(leads=LEADS, days=64, busy=0.49)

    logger.info("%d leads, %d events", LEADS, played.events)
    promotions = assert_true_to_the_past(played.day, played.disturbed)

    assert (Lead.objects.count(), played.events >= EVENTS) == (LEADS, True)
    assert promotions > LEADS
