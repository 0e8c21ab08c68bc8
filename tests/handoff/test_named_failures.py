"""Failures of other round robins that were told in public, each as a test by its name."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction

from handoff import routing
from handoff.models import Handoff, Rep
from tests.factories import make_mql, make_pool, make_rep
from tests.handoff.support import findings

pytestmark = pytest.mark.django_db


def held():
    return Counter(Handoff.objects.filter(rep__isnull=False).values_list("rep__user__name", flat=True))


def test_thirty_leads_in_one_batch_to_a_team_do_not_all_go_to_its_senior_member(at):
    make_pool(*(make_rep(name, capacity=100) for name in ("Senior", "Ann", "Bo", "Cy", "Di")))
    for _ in range(30):
        make_mql(at=at)

    routing.drain(at)

    assert held() == dict.fromkeys(("Senior", "Ann", "Bo", "Cy", "Di"), 6)
    assert findings(at) == []


def test_a_batch_assigned_in_one_transaction_does_not_all_go_to_one_agent(at):
    make_pool(*(make_rep(name, capacity=100) for name in ("Ann", "Bo", "Cy")))

    with transaction.atomic():
        for n in range(9):
            make_mql(at=at + timedelta(seconds=n))
            routing.drain(at + timedelta(seconds=n))

    assert held() == {"Ann": 3, "Bo": 3, "Cy": 3}
    assert findings(at + timedelta(seconds=9)) == []


def test_who_comes_back_is_not_flooded_and_nobody_absorbs_all_meanwhile(at):
    reps = [make_rep(name, capacity=100) for name in ("Ann", "Bo", "Cy")]
    make_pool(*reps)
    Rep.objects.filter(pk=reps[0].pk).update(is_available=False)
    for n in range(12):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at + timedelta(minutes=1))
    assert held() == {"Bo": 6, "Cy": 6}
    Rep.objects.update(is_available=True)
    for n in range(6):
        make_mql(at=at + timedelta(hours=1, seconds=n))
    routing.drain(at + timedelta(hours=2))

    assert held() == {"Ann": 2, "Bo": 8, "Cy": 8}
