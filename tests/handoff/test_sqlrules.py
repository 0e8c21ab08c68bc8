import json
from datetime import date
from pathlib import Path

import pytest

import scoring
from handoff.sqlrules import SqlFacts, answer_rule_sets

STANDARD = json.loads((Path(scoring.__file__).parent / "standard.json").read_text())
DAY = date(2026, 3, 12)


def answers(**values):
    return {field: {"value": value} for field, value in values.items()}


def results(**facts):
    return {
        result.id: result
        for result in answer_rule_sets(STANDARD, SqlFacts(day=DAY, **{"answers": {}, **facts}))
    }


def test_nothing_known_meets_nothing():
    assert [result.met for result in results().values()] == [False] * 4


def test_discovery_counts_field_by_field():
    found = results(answers=answers(need_problem="Late feeds", next_step="Demo"))["discovery"]

    assert found.sentence == "2 of 3 met: timing is open"
    assert not found.met


def test_discovery_is_met_by_its_three_answers():
    timing = {"text": "June", "from": None, "to": None}

    found = results(answers=answers(need_problem="x", timing=timing, next_step="Demo"))["discovery"]

    assert (found.met, found.sentence) == (True, "3 of 3 met")


@pytest.mark.parametrize(
    ("talked_on", "meeting", "met"),
    [
        (date(2026, 1, 12), True, True),
        (date(2026, 1, 11), True, False),
        (DAY, False, False),
        (None, True, False),
    ],
)
def test_call_with_next_step_needs_a_recent_talk_and_a_meeting(talked_on, meeting, met):
    facts = {"answers": answers(next_step="Demo"), "talked_on": talked_on, "has_meeting": meeting}

    assert results(**facts)["call_next_step"].met is met


@pytest.mark.parametrize(
    ("end", "score", "missing"),
    [
        ("2026-09-12", 65, []),
        ("2026-09-13", 65, ["a date within 6 months"]),
        ("2026-03-11", 65, ["a date within 6 months"]),
        ("2026-06-01", 60, ["5 points"]),
    ],
)
def test_intent_and_timing_looks_half_a_year_ahead(end, score, missing):
    timing = {"text": "", "from": None, "to": end}

    assert results(answers=answers(timing=timing), score=score)["intent_timing"].missing == missing


def test_stakeholders_are_counted_once_each():
    known = answers(need_problem="x", decision_maker="Ann Lee, CTO", stakeholders=["ann lee"])
    found = results(answers=known)["stakeholders"]
    assert found.missing == ["1 more of those who decide"]

    assert results(answers=known | answers(champion="Bo"))["stakeholders"].met
