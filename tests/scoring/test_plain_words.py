import pytest

from scoring.documents import parse, standard_document
from scoring.plain_words import FitRow, PointsRow, Rule, in_words, listed
from tests.scoring.build import SIGNALS, document, rule


def words(doc=None):
    return in_words(parse(doc or standard_document()), SIGNALS)


def test_mql_rules_complete_the_sentence_a_lead_becomes_an_mql_when():
    assert words().mql == (
        Rule(
            "Hand-raiser",
            (
                "a demo request, a direct conversation or a PPC call came within 14 days",
                "the fit is at least 10, or nothing is known about it yet",
            ),
            True,
        ),
        Rule("Score and role fit", ("the score is at least 65", "the fit grade is B or better")),
        Rule(
            "Content, with fit",
            (
                "a pricing guide or a demo checklist came within 30 days",
                "the fit grade is B or better",
                "the engagement is at least 20",
            ),
        ),
        Rule(
            "Form with product interest",
            ("a form with a product came within 30 days", "the fit grade is B or better"),
        ),
        Rule(
            "Re-engaged",
            (
                "they came back on a later day, within 14 days of their first engagement",
                "the engagement is at least 20",
                "the fit grade is B or better",
            ),
        ),
    )


def test_sql_exits_and_returning_are_said_in_sentences():
    said = words()

    assert said.sql_meaning == "A lead is an SQL when discovery confirms it: one of the rules below is met."
    assert said.sql[0] == Rule(
        "Discovery confirmed", ("the problem, the timing and the next step are known",)
    )
    assert said.exits == ("A lead that unsubscribes goes to nurture for 90 days.",)
    assert said.again[0].startswith("After sales decided, only new engagement of medium intent or higher")
    assert said.left_out == ("competitor", "student")
    assert said.handoff == ("Every MQL is handed to sales at once.",)


def test_points_and_fit_rows_say_how_a_rule_counts():
    said = words(document(rule(distinct="object", max_per_day=2, half_life_days=7, max_points=30)))

    assert said.points == (
        PointsRow(
            "Visits", 10, "each page or form once, 2 a day at most", "halves every 7 days",
            "60 days", 30, "",
        ),
    )  # fmt: skip
    assert said.fit[:2] == (
        FitRow("Company size", "number of employees 200 to 5,000", 10),
        FitRow("Company size, large", "number of employees 5,001 or more", 6),
    )
    assert said.scale[1:3] == (
        "Fit grade: A from 30, B from 20, C from 10, else D.",
        "Engagement band: 2 from 10, 3 from 25, 4 from 40, else 1.",
    )


@pytest.mark.parametrize(
    ("names", "joined"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")]
)
def test_listed_joins_as_one_speaks(names, joined):
    assert listed(names, "or") == joined


def test_every_condition_kind_has_words():
    kinds = [
        {"kind": "fit_at_least", "value": 3}, {"kind": "momentum_at_least", "value": 1},
        {"kind": "band_at_least", "value": 2}, {"kind": "grade_at_least", "value": "A"},
        {"kind": "signal", "signals": ["visit"], "at_least": 3, "within_days": 1, "distinct": "day"},
    ]  # fmt: skip
    doc = standard_document()
    doc["mql"]["rule_sets"] = [{"id": "all", "label": "All", "all": kinds}]

    assert words(doc).mql[0].conditions == (
        "the fit is at least 3", "the momentum is at least 1", "the engagement band is at least 2",
        "the fit grade is A", "a website visit came on 3 different days within a day",
    )  # fmt: skip
