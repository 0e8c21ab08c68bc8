"""A publish whose worker dies, again and again: one version everywhere in the end, and nothing to find."""

from __future__ import annotations

import random

import pytest

from leads.enums import Stage
from leads.models import Cycle, Lead
from scoring import checks, passes
from scoring.models import Rescore
from scoring.passes import continue_pass
from scoring.publishing import publish
from tests.factories import AT
from tests.scoring.test_life import with_points
from tests.scoring.world import give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
LEADS, KILLS = 24, 10


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may catch it."""


def die(*args: object) -> None:
    raise Killed


def test_ten_kills_during_a_publish_end_in_one_version_everywhere(monkeypatch):
    rng = random.Random(11)
    monkeypatch.setattr(passes, "CHUNK", {"postgresql": 2, "sqlite": 2})
    document = publish_standard()
    leads = [good_lead(first_name=str(number)) for number in range(LEADS)]
    for lead in leads:
        give(lead, "guide", obj="g")
        give(lead, "pricing_page", obj="/pricing")
        give(lead, "webinar", obj="w", days_ago=2)
    settle()
    publish(with_points(document, points=12), at=AT)

    for kill in range(KILLS):
        where = rng.choice(["store_scores", "promote_scored"])
        with monkeypatch.context() as killing:
            killing.setattr(passes, where, die)
            with pytest.raises(Killed):
                continue_pass(AT)
        done = Rescore.objects.get(reason="publish").leads_done
        assert done == Lead.objects.filter(score_version=2).count() == kill * 2
        give(leads[-1 - kill], "chat", obj=f"c{kill}")  # events keep coming
        assert continue_pass(AT) == 2
    settle()

    run = Rescore.objects.get(reason="publish")
    assert (run.leads_done, run.finished_at) == (LEADS, AT)
    assert set(Lead.objects.values_list("score_version", flat=True)) == {2}
    assert Cycle.objects.count() == Lead.objects.filter(stage=Stage.MQL).count() == LEADS
    assert {name: found for _, name, check in checks.CHECKS if (found := check(AT))} == {}
