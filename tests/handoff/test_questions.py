from datetime import date

import pytest

from handoff.questions import QUESTIONS, Reading, prefill, read_answers, shown, still_to_ask

READING = Reading(date(2026, 3, 12), "Europe/Copenhagen")


def read(field, value):
    kept, problems = read_answers({field: value}, READING)
    return problems.get(field) or kept[field]


@pytest.mark.parametrize(
    ("given", "start", "end"),
    [
        ("2026-06-01", "2026-06-01", "2026-06-01"),
        ("2026-06", "2026-06-01", "2026-06-30"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("Q3 2026", "2026-07-01", "2026-09-30"),
        ("in 3 months", None, "2026-06-10"),
        ("2-3 months", None, "2026-06-10"),
        ("within 2 weeks", None, "2026-03-26"),
        ("when the contract ends", None, None),
        ({"from": "2026-05-01", "to": "2026-06-30"}, "2026-05-01", "2026-06-30"),
    ],
)
def test_timing_is_read_gently(given, start, end):
    timing = read("timing", given)

    assert (timing["from"], timing["to"]) == (start, end)
    assert timing["text"] == ("" if isinstance(given, dict) else given)


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ("25-75 k", 25_000, 75_000),
        ("25–75k", 25_000, 75_000),
        ("under 25 k", None, 25_000),
        ("above 75k", 75_000, None),
        ("40,000", 40_000, 40_000),
        ("40.000 EUR", 40_000, 40_000),
        ("1.5m", 1_500_000, 1_500_000),
        ("not fixed yet", None, None),
        ({"low": 1000, "high": ""}, 1000, None),
    ],
)
def test_budget_is_read_gently(given, low, high):
    budget = read("budget", given)

    assert (budget["low"], budget["high"]) == (low, high)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("timing", {"from": "2026-06-30", "to": "2026-05-01"}, "starts after it ends"),
        ("timing", "2026-02-31", "no such date"),
        ("budget", {"low": 5, "high": 2}, "above the upper"),
        ("budget", {"low": "lots"}, "cannot be read"),
        ("next_step_at", "next Tuesday", "no such date"),
        ("meeting", "1026-01-01", "between 2000 and 2100"),
        ("need_problem", "x" * 2001, "2,000 fit here"),
        ("stakeholders", [f"Person {n}" for n in range(31)], "more than 30"),
        ("shoe_size", "42", "no question"),
    ],
)
def test_what_cannot_be_read_says_the_way_out(field, value, problem):
    assert problem in read(field, value)


def test_people_are_read_from_lists_and_texts():
    assert read("stakeholders", "Ann Lee, Bo; Cy\nAnn Lee") == ["Ann Lee", "Bo", "Cy"]
    assert read("stakeholders", ["Ann", " ", "Ann"]) == ["Ann"]


def test_a_moment_without_zone_is_the_organisations():
    assert read("meeting", "2026-03-20T14:00") == "2026-03-20T14:00:00+01:00"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.field)
def test_an_empty_answer_takes_it_back(question):
    assert read_answers({question.field: ""}, READING) == ({question.field: None}, {})


def test_prefill_takes_the_newest_form_then_earlier_cycles_then_the_profile():
    forms = [
        {"name": "Demo", "at": "2026-03-01", "answers": {"message": "Late feeds", "timeline": "2026-06"}},
        {"name": "Guide", "at": "2026-02-01", "answers": {"message": "Old", "budget": "10k"}},
    ]
    earlier = [{"buyer": {"value": "Kim", "from": "Jonas", "at": ""}, "next_step": {"value": "Call"}}]
    profile = {"name": "Maren Solberg", "job_title": "CTO", "seniority": "c_level"}

    known = prefill(profile, forms, earlier, READING)

    assert {field: answer["from"] for field, answer in known.items()} == {
        "need_problem": "Demo", "timing": "Demo", "budget": "Guide", "buyer": "an earlier cycle",
        "decision_maker": "profile",
    }  # fmt: skip
    assert known["need_problem"]["value"] == "Late feeds"
    assert known["decision_maker"]["value"] == "Maren Solberg, CTO"


def test_still_to_ask_names_one_question_of_each_open_group():
    asked = still_to_ask({"need_problem": 1, "need_trigger": 1, "need_success": 1, "timing": 1})

    assert [entry["field"] for entry in asked] == ["decision_maker", "budget", "next_step"]


def test_shown_writes_ranges_for_people():
    assert shown("budget", {"text": "", "low": 25000, "high": 75000}) == "25,000–75,000"
    assert shown("budget", {"text": "", "low": None, "high": 75000}) == "up to 75,000"
    assert (
        shown("timing", {"text": "", "from": "2026-05-01", "to": "2026-06-30"}) == "2026-05-01 to 2026-06-30"
    )
    assert shown("stakeholders", ["Ann", "Bo"]) == "Ann, Bo"
