from datetime import timedelta

import pytest

from scoring.explain import breakdown
from scoring.forecast import Standing, grid, mql_line, standing
from scoring.live import live_rules
from tests.scoring.build import rule, rulebook
from tests.scoring.world import TODAY, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _published():
    publish_standard()


def test_line_is_the_lowest_score_any_rule_asks_for():
    assert mql_line(rulebook(rule())) == 65


def test_standing_names_the_last_day_at_the_line_and_the_score_after():
    lead = good_lead()
    give(lead, "pricing_page", n=1)
    give(lead, "pricing_page", days_ago=1)
    give(lead, "guide", obj="g", days_ago=3)
    settle()

    found = standing(lead, TODAY)

    assert found is not None
    assert found.is_above
    assert found.until is not None
    on_the_day, after = breakdown(lead, found.until), breakdown(lead, found.until + DAY)
    assert on_the_day is not None
    assert after is not None
    assert (on_the_day.score >= 65, after.score < 65, found.then) == (True, True, after.score)


def test_below_the_line_says_so():
    assert standing(good_lead(), TODAY) == Standing(65, is_above=False)


def test_grid_marks_the_cell_and_those_that_can_reach_the_line():
    rules = live_rules()
    assert rules is not None

    rows = grid(rules.rulebook, "B", 3)

    assert [letter for letter, _ in rows] == ["A", "B", "C", "D"]
    assert [(letter, cell.band) for letter, cells in rows for cell in cells if cell.is_here] == [("B", 3)]
    reach = [(letter, cell.band) for letter, cells in rows for cell in cells if cell.may_be_mql]
    assert ("A", 4) in reach
    assert ("A", 1) not in reach
