"""Suggestions and decay days are true: tried out on copies of leads through the real engine."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from leads.enums import Stage
from leads.models import EngagementDay, Lead
from scoring.counterfactual import Action, falls_below, lowest_line
from scoring.documents import parse, standard_document
from scoring.explain import outlook
from scoring.facts import load_facts
from scoring.live import Catalogue
from scoring.models import NewnessBoundary
from scoring.rulebook import PROFILE_FIELDS
from tests.factories import AT, make_lead
from tests.oracle.scorer import Deed
from tests.oracle.scorer import judge as judged_by_oracle
from tests.scoring.past import Past
from tests.scoring.world import TODAY, end_cycle, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def copy_of(lead: Lead, at: Any) -> Lead:
    """Another record with the same profile, standing, counts and boundary."""
    profile = {name: getattr(lead, name) for name in PROFILE_FIELDS}
    same = {name: getattr(lead, name) for name in ("status", "wake_on", "wake_signal", "nurture_reason")}
    twin = make_lead(at=at, stage=lead.stage, **profile)
    Lead.objects.filter(pk=twin.pk).update(**same)
    for row in EngagementDay.objects.filter(lead=lead):
        row.pk, row.lead = None, twin
        row.save()
    for boundary in NewnessBoundary.objects.filter(lead=lead).order_by("at", "id"):
        boundary.pk, boundary.lead = None, twin
        boundary.save()
    twin.refresh_from_db()
    return twin


def becomes_mql(lead: Lead, actions: tuple[Action, ...], at: Any) -> bool:
    twin = copy_of(lead, at)
    for action in actions:
        if action.field:
            Lead.objects.filter(pk=twin.pk).update(**{action.field: action.value})
    for action in actions:
        if action.signal:
            give(twin, action.signal, obj=action.object_key, at=at)
    if not any(action.signal for action in actions):
        give(twin, "unsubscribe", n=0, at=at)  # a mark, as an edit of the profile leaves it
    settle(at)
    twin.refresh_from_db()
    return bool(twin.stage == Stage.MQL)


def strict_subsets(actions: tuple[Action, ...]) -> list[tuple[Action, ...]]:
    return [part for size in range(1, len(actions)) for part in combinations(actions, size)]


LEADS: list[tuple[dict[str, Any], list[tuple[str, int]]]] = [
    ({}, []),
    ({"role": "data"}, [("guide", 3)]),
    ({"role": "data", "seniority": "head", "employees": 900}, [("pricing_page", 9)]),
    ({"role": "data", "seniority": "head", "industry": "logistics", "employees": 900}, [("webinar", 30)]),
    ({"role": "data", "seniority": "head", "industry": "logistics", "employees": 900}, [("unsubscribe", 5)]),
]


@pytest.mark.parametrize(("profile", "given"), LEADS)
def test_every_suggestion_makes_an_mql_and_no_strict_subset_does(profile, given):
    publish_standard()
    lead = make_lead(at=AT - 40 * DAY, **profile)
    for signal, days_ago in given:
        give(lead, signal, at=AT - days_ago * DAY, obj="x", mark=False)
    settle()

    found = outlook(lead, TODAY)

    assert found is not None
    for suggestion in found.suggestions:
        assert becomes_mql(lead, suggestion.actions, AT), suggestion
        for part in strict_subsets(suggestion.actions):
            assert not becomes_mql(lead, part, AT), part


def test_suggestions_are_true_of_leads_with_a_past():
    played = Past(random.Random(8))
    played.play(leads=20, days=24)
    at = played.moment(20)
    tried = 0
    for lead in Lead.objects.filter(stage=Stage.LEAD).exclude(status="disqualified").order_by("pk")[:6]:
        found = outlook(lead, played.day)
        assert found is not None
        for suggestion in found.suggestions[:3]:
            assert becomes_mql(lead, suggestion.actions, at), (lead.pk, suggestion)
            assert not any(becomes_mql(lead, part, at) for part in strict_subsets(suggestion.actions))
            tried += 1
    assert tried > 5


def test_after_a_cycle_only_what_skips_the_cool_down_is_suggested():
    publish_standard()
    lead = good_lead()
    give(lead, "demo_request")
    settle()
    end_cycle(lead)
    lead.refresh_from_db()

    found = outlook(lead, TODAY)

    assert found is not None
    assert {one.rule_set for one in found.suggestions} == {"Hand-raiser"}


def test_nothing_is_suggested_to_who_is_an_mql_or_disqualified():
    publish_standard()
    lead = good_lead()
    give(lead, "demo_request")
    settle()
    lead.refresh_from_db()
    student = good_lead(is_student=True)

    assert [outlook(one, TODAY).suggestions for one in (lead, student)] == [[], []]


def test_the_decay_day_is_the_day_for_every_lead_of_a_generated_set():
    document = standard_document()
    rulebook, rng = parse(document), random.Random(5)
    publish_standard()
    signals = sorted({rule["signal"] for rule in document["engagement"]["rules"]})
    for _ in range(60):
        lead = good_lead(at=AT - 90 * DAY)
        for _ in range(rng.randint(1, 8)):
            give(lead, rng.choice(signals), days_ago=rng.randint(0, 60), obj=rng.choice("ab"), mark=False)
    line, fallen = lowest_line(rulebook) or 0, 0
    for facts in load_facts(list(Lead.objects.all()), TODAY, Catalogue.load()):
        deeds = [Deed(c.signal, c.object_key, c.occurred_on, c.known_on, c.count) for c in facts.counts]

        def score_on(day, facts=facts, deeds=deeds):
            return judged_by_oracle(dict(facts.profile), deeds, document, day).score

        fall = falls_below(facts.profile, facts.counts, rulebook, TODAY, line)
        if fall is None:
            assert score_on(TODAY) < line
        elif fall.on is None:
            assert all(score_on(TODAY + age * DAY) >= line for age in range(0, 401, 20))
        else:
            fallen += 1
            assert score_on(fall.on) < line <= score_on(fall.on - DAY)
            assert all(score_on(TODAY + age * DAY) >= line for age in range((fall.on - TODAY).days))
    assert fallen > 10


def test_a_search_is_bounded():
    publish_standard()
    lead = make_lead()
    assert len(outlook(lead, TODAY).suggestions) <= 6
