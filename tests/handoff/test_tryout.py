import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from handoff import routing
from handoff.errors import Invalid
from handoff.models import Handoff, PoolMember, Rep, RotationState, RoutingDecision, RoutingRule
from handoff.rules import check_conditions
from leads import clock
from tests.factories import make_lead, make_mql, make_pool, make_rep

pytestmark = pytest.mark.django_db


def run(*args):
    out = StringIO()
    call_command("route", *args, stdout=out)
    return out.getvalue()


def test_preview_says_where_a_lead_would_go_and_writes_nothing(at):
    make_pool(make_rep("Jonas Lind", capacity=8), make_rep("Mia Berg", capacity=0))
    lead = make_lead(email="maren@nordhavn.example")

    found = routing.preview(lead, at)

    assert found.sentence == "Jonas Lind: Nordics, 1 of 8 seats, only one free"
    assert [one["verdict"] for one in found.plan.candidates] == ["chosen", "full"]
    assert [model.objects.count() for model in (Handoff, RoutingDecision, RotationState)] == [0, 0, 0]
    assert PoolMember.objects.filter(turns=0).count() == 2


def test_route_preview_prints_the_sentence_or_json():
    make_pool(make_rep("Jonas Lind", capacity=8))
    make_lead(email="maren@nordhavn.example")

    assert run("--preview", "Maren@nordhavn.example") == (
        "Jonas Lind: Nordics, 1 of 8 seats, only one free\n  Jonas Lind: Chosen\n"
    )
    printed = json.loads(run("--preview", "maren@nordhavn.example", "--json"))
    assert (printed["outcome"], printed["rep"], printed["rule"]) == ("assigned", "Jonas Lind", "Nordics")
    with pytest.raises(CommandError, match="no lead with the address"):
        run("--preview", "nobody@nordhavn.example")


@pytest.fixture
def history():
    now = clock.now()
    make_pool(make_rep("Jonas Lind", email="jonas@example.test"), make_rep("Mia Berg"))
    for n in range(6):
        make_mql(at=now - timedelta(days=5, minutes=n), country="DE" if n < 2 else "DK")
    routing.drain(now)
    make_mql(at=now - timedelta(days=50))
    return now


def test_replay_of_the_rules_in_force_divides_as_they_do(history):
    result = json.loads(run("--replay-days", "30", "--json"))

    assert (result["days"], result["leads"], result["by_rule"]) == (30, 6, [{"rule": "Nordics", "leads": 6}])
    assert [(row["name"], row["leads"], row["actual"]) for row in result["per_rep"]] == [
        ("Jonas Lind", 3, 3), ("Mia Berg", 3, 3),
    ]  # fmt: skip
    assert Handoff.objects.filter(status="offered").count() == 6


def test_replay_counts_seats(history):
    Rep.objects.filter(user__name="Mia Berg").update(capacity=1)

    result = json.loads(run("--replay-days", "30", "--json"))

    rows = {row["name"]: (row["leads"], row["most_seats"], row["capacity"]) for row in result["per_rep"]}
    assert rows == {"Jonas Lind": (5, 5, 10), "Mia Berg": (1, 1, 1)}
    assert "  Mia Berg: 1 (was 3), at most 1 of 1 seats\n" in run("--replay-days", "30")


def test_replay_under_the_rules_of_a_file(history, tmp_path):
    file = tmp_path / "rules.json"
    file.write_text(
        json.dumps([{"name": "Germany", "conditions": {"country": ["de"]}, "rep": "jonas@example.test"}])
    )

    result = json.loads(run("--replay-days", "30", "--rules", str(file), "--json"))

    assert result["by_rule"] == [{"rule": None, "leads": 4}, {"rule": "Germany", "leads": 2}]
    assert result["unrouted"] == {"no_rule": 4}
    assert "6 MQLs of the last 30 days" in run("--replay-days", "30", "--rules", str(file))
    assert RoutingRule.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("{}", "holds a list of rules"),
        ("[7]", "is not an object"),
        ('[{"name": "x"}]', "needs the name of one pool"),
        ('[{"pool": "Nordics", "conditions": {"shoe_size": ["42"]}}]', "no “shoe_size” to route by"),
    ],
)
def test_a_rules_file_that_cannot_be_used_says_why(tmp_path, text, said):
    make_pool(make_rep())
    file = tmp_path / "rules.json"
    file.write_text(text)

    with pytest.raises(CommandError, match=said):
        run("--replay-days", "30", "--rules", str(file))
    with pytest.raises(CommandError, match="takes 1 to 3650"):
        run("--replay-days", "0")


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        ([], "conditions"),
        ({"country": "DK"}, "country"),
        ({"country": []}, "country"),
        ({"country": [7]}, "country"),
        ({"country": ["x" * 254]}, "country"),
        ({"min_score": True}, "min_score"),
        ({"min_score": 101}, "min_score"),
        ({"owner__password": ["x"]}, "owner__password"),
    ],
)
def test_conditions_that_cannot_be_used_are_named(conditions, field):
    with pytest.raises(Invalid) as wrong:
        check_conditions(conditions)

    assert list(wrong.value.problems) == [field]
    assert check_conditions({"country": ["DK", "SE"], "min_score": 50}) == {
        "country": ["DK", "SE"],
        "min_score": 50,
    }
