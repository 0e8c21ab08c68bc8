import pytest

from handoff.models import RoutingRule
from handoff.rules import LeadFacts, first_match, ready

LEAD = LeadFacts(
    country="DK", region="nordics", industry="Logistics", product_interest="Pipelines", source="google",
    campaign="Spring trial", segment="logistics", domains=("nordhavn.example", "nordhavn.example"), score=70,
)  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({}, True),
        ({"country": ["dk", "SE"]}, True),
        ({"country": ["SE"]}, False),
        ({"region": ["Nordics"]}, True),
        ({"industry": ["logistics"], "product_interest": ["pipelines"]}, True),
        ({"industry": ["logistics"], "product_interest": ["other"]}, False),
        ({"source": ["Google"], "campaign": ["spring trial"]}, True),
        ({"segment": ["logistics"]}, True),
        ({"company": ["NORDHAVN.example"]}, True),
        ({"company": ["example"]}, False),
        ({"min_score": 70}, True),
        ({"min_score": 71}, False),
    ],
)
def test_a_rule_matches_when_all_its_conditions_hold(conditions, matches):
    assert ready(RoutingRule(name="Rule", conditions=conditions)).matches(LEAD) is matches


def test_what_is_unknown_matches_no_condition():
    rule = ready(RoutingRule(name="Rule", conditions={"country": ["", "DK"]}))

    assert not rule.matches(LeadFacts())


def test_the_first_match_wins():
    rules = [
        ready(RoutingRule(name=name, conditions=conditions))
        for name, conditions in (("DE", {"country": ["DE"]}), ("DK", {"country": ["DK"]}), ("All", {}))
    ]

    found = first_match(rules, LEAD)

    assert found is not None
    assert found.name == "DK"
    assert first_match(rules[:1], LEAD) is None
