from datetime import date

import pytest
from django.core.exceptions import PermissionDenied
from django.http import QueryDict

from leadflow.dashboard.parameters import BadParameter, dimensions, read
from leadflow.dashboard.period import Period
from tests.factories import make_team, make_user

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 12)


def asked(query: str, role: str = "admin", **fields):
    return read(QueryDict(query), make_user(role, **fields), TODAY, "UTC")


def test_without_parameters_it_is_the_last_90_days():
    found = asked("")

    assert (found.period, found.by, found.team) == (Period(date(2025, 12, 13), TODAY, "UTC"), "rule", None)
    assert found.period.before == Period(date(2025, 9, 14), date(2025, 12, 12), "UTC")


def test_days_can_be_named():
    found = asked("from=2026-01-01&to=2026-01-31")

    assert found.period == Period(date(2026, 1, 1), date(2026, 1, 31), "UTC")
    assert found.query(by="source") == "from=2026-01-01&to=2026-01-31&by=source"
    assert found.query(days="30") == "days=30"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("from=2026-13-01", "from"),
        ("from=20260101", "from"),
        ("from=2026-W01-1", "from"),
        ("from=yesterday", "from"),
        ("to=2026-02-30", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("to=2026-03-13", "to"),
        ("from=1926-01-01", "from"),
        ("from=2001-01-01", "from"),
        ("from=9999-12-31", "from"),
        ("days=7", "days"),
        ("days=30&from=2026-01-01", "days"),
        ("days=30&days=90", "days"),
        ("tz=Mars/Olympus", "tz"),
        ("unknown=1", "unknown"),
        ("by=owner__password", "by"),
        ("rows=10", "rows"),
        ("team=abc", "team"),
        ("team=999999", "team"),
        ("team=99999999999999999999", "team"),
        ("team=1&team=2", "team"),
        ("team=%00", "team"),
    ],
)
def test_bad_parameter_is_named(query, name):
    with pytest.raises(BadParameter) as refused:
        asked(query)

    assert refused.value.name == name
    assert str(refused.value)


def test_team_out_of_scope_answers_like_a_missing_one():
    other = make_team("Other")
    messages = set()
    for role, team in [("manager", make_team()), ("rep", make_team()), ("manager", None)]:
        for pk in (other.pk, 999999):
            with pytest.raises(BadParameter) as refused:
                asked(f"team={pk}", role, team=team)
            messages.add(str(refused.value))

    assert messages == {"There is no such team."}


def test_team_in_scope_is_taken():
    team = make_team()

    assert asked(f"team={team.pk}").team == team
    assert asked(f"team={team.pk}", "marketer").team == team
    assert asked(f"team={team.pk}", "manager", team=team).team == team


def test_marketers_get_no_figures_about_single_reps():
    assert "rep" not in dimensions(make_user("marketer"))
    assert "rep" in dimensions(make_user("manager"))
    with pytest.raises(PermissionDenied):
        asked("by=rep", "marketer")
