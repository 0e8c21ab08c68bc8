"""The verdicts, each provoked by made figures and withheld where they carry nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadflow.dashboard.breakdown import Group
from leadflow.dashboard.cohorts import Cohort
from leadflow.dashboard.diagnosis import diagnose, is_below
from leadflow.dashboard.promises import Promise
from leadflow.dashboard.report import report
from leadflow.dashboard.steps import Contacts
from tests.dashboard.conftest import QUARTER, RULES
from tests.factories import AT, make_definition, make_user

pytestmark = pytest.mark.django_db


def rule(name: str, accepted: int, decided: int) -> Group:
    return Group(name, name, decided, 0, decided, accepted, 0, within=0, base=0, is_ripe=False, sqls=0)


def cohort(mqls: int, accepted: int, decided: int) -> Cohort:
    return Cohort(QUARTER, QUARTER.last, mqls, 0, decided, accepted, 0, 0, {}, {}, {})


@pytest.fixture
def given():
    """Return a maker of reports that differ from an empty one in what is given."""
    from leadflow.dashboard.parameters import Parameters  # noqa: PLC0415

    make_definition(RULES, version=1, at=AT - timedelta(days=400))
    empty = report(make_user("admin"), Parameters(QUARTER, QUARTER.last), AT)

    def make(**fields):
        return replace(empty, **fields)

    return make


def test_two_shares_differ_when_their_intervals_do_not_touch():
    assert is_below((24, 88), (94, 140))
    assert not is_below((94, 140), (24, 88))
    assert not is_below((5, 12), (8, 12))  # 16–69 and 39–86 %
    assert not is_below((0, 9), (100, 100))  # under ten: never
    assert not is_below((0, 0), (5, 10))


def test_many_mqls_few_accepted_names_the_loose_rule(given):
    rules = [rule("score_fit", 94, 140), rule("content", 24, 88)]

    found = diagnose(given(rules=rules, cohort=(cohort(228, 118, 228), cohort(180, 120, 180))))

    assert found.headline == "Many MQLs, few accepted: the rules are too loose"
    assert found.rule == rules[1]
    assert found.said == "passes 39% of MQLs, and sales accepts 27% of those against 67% of the rest."
    assert [state.word for state in found.states] == ["Likely cause", "Too few to tell", "Too few to tell"]


def test_loose_rule_is_no_alarm_where_mqls_became_fewer(given):
    rules = [rule("score_fit", 94, 140), rule("content", 24, 88)]

    found = diagnose(given(rules=rules, cohort=(cohort(228, 118, 228), cohort(300, 200, 300))))

    assert found.headline == "One rule is accepted less often than the rest"


def test_few_mqls_most_accepted_names_the_best_rule(given):
    rules = [rule("score_fit", 28, 30), rule("reengaged", 2, 2)]

    found = diagnose(given(rules=rules, cohort=(cohort(32, 30, 32), cohort(90, 60, 80))))

    assert found.headline == "Few MQLs, most accepted: the rules are too strict"
    assert found.rule == rules[0]
    assert found.said.startswith("does best: sales took 28 of 30. There were 32 MQLs after 90")


def test_fewer_mqls_by_chance_are_no_alarm(given):
    rules = [rule("score_fit", 28, 30)]

    found = diagnose(given(rules=rules, cohort=(cohort(30, 28, 30), cohort(36, 30, 36))))

    assert (found.rule, found.headline) == (None, "Nothing in this period calls for another rule")


def test_speed_is_blamed_only_when_late_leads_fare_clearly_worse(given):
    fair = {
        "cohort": (cohort(90, 60, 90), cohort(90, 60, 90)),
        "contact_promises": (Promise(50, 100), Promise(50, 100)),
    }

    def contacts(fast, slow):
        return {"contacts": Contacts(90, 90, [], None, None, fast, slow)}

    worse = diagnose(given(**fair, **contacts((40, 50), (10, 40))))
    same = diagnose(given(**fair, **contacts((20, 50), (15, 40))))

    assert (worse.headline, worse.states[1].word) == ("Speed is what holds conversion back", "Likely cause")
    assert (same.states[1].word, same.states[1].hint[-25:]) == ("Watch", " Not shown to matter yet.")


def test_depth_is_blamed_when_fewer_sqls_become_opportunities(given):
    fair = {"cohort": (cohort(90, 60, 90), cohort(90, 60, 90))}

    assert diagnose(given(**fair, pursuits=((10, 60), (35, 60)))).states[2].word == "Likely cause"
    assert diagnose(given(**fair, pursuits=((30, 60), (35, 60)))).states[2].word == "Fine"


def test_nothing_is_said_of_nothing(given):
    found = diagnose(given())

    assert found.headline == "Too little has happened to judge the rules"
    assert {state.word for state in found.states} == {"Too few to tell"}
