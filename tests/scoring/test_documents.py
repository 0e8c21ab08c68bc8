import copy

import pytest

from scoring.documents import InvalidDocument, parse, standard_document, validate


def changed(path: str, value: object) -> dict:
    """The standard document with one value replaced, or removed if `value` is ..."""
    document = copy.deepcopy(standard_document())
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place = document
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_standard_document_is_valid():
    assert validate(standard_document()) == []
    assert parse(standard_document()).name == "Standard"


@pytest.mark.parametrize(
    ("path", "value", "rule", "field"),
    [
        ("engagement/rules/0/points", 10**12, "email_open", "points"),
        ("engagement/rules/0/points", 0, "email_open", "points"),
        ("engagement/rules/0/points", 1.5, "email_open", "points"),
        ("engagement/rules/0/points", True, "email_open", "points"),
        ("engagement/rules/0/max_points", -3, "email_open", "max_points"),
        ("engagement/rules/0/window_days", 401, "email_open", "window_days"),
        ("engagement/rules/0/half_life_days", 0, "email_open", "half_life_days"),
        ("engagement/rules/0/distinct", "week", "email_open", "distinct"),
        ("engagement/rules/0/group", "nowhere", "email_open", "group"),
        ("engagement/rules/0/signal", "(a+)+", "email_open", "signal"),
        ("engagement/rules/0/regex", "(a+)+", "email_open", "regex"),
        ("engagement/rules/0/label", ..., "email_open", "label"),
        ("engagement/rules/1/id", "email_open", "email_open", "id"),
        ("engagement/groups/0/max_points", -1, "email", "max_points"),
        ("engagement/groups/0/group", "email", "email", "group"),
        ("engagement/rules", [], "", "rules"),
        ("engagement/bands", [10, 10, 40], "", "bands"),
        ("engagement/max", 61, "", "max"),
        ("fit/grades/A", 5, "", "grades"),
        ("fit/rules/0/op", "regex", "size", "op"),
        ("fit/rules/0/field", "email", "size", "field"),
        ("fit/rules/0/value", [9, 3], "size", "value"),
        ("fit/rules/3/value", [], "industry", "value"),
        ("fit/rules/3/value", ["a\x00b"], "industry", "value"),
        ("fit/disqualifiers/0/value", "true", "competitor", "value"),
        ("mql/rule_sets", [], "", "rule_sets"),
        ("mql/rule_sets/1/all/0/value", -1, "score_fit", "value"),
        ("mql/rule_sets/1/all/0/kind", "segment", "score_fit", "kind"),
        ("mql/rule_sets/1/all", [], "score_fit", "all"),
        ("mql/rule_sets/0/all/0/signals", [], "hand_raiser", "signals"),
        ("mql/cool_down_days", -1, "", "cool_down_days"),
        ("mql/requalify_intent", "none", "", "requalify_intent"),
        ("mql/handoff", {"mode": "sales_ready"}, "", "all"),
        ("sql/meaning", "gut feeling", "", "meaning"),
        ("momentum_days", ..., "", "momentum_days"),
        ("segments", {"a": "a"}, "", "segments"),
        ("scenarios", [{"name": "x", "profile": {"role": 3}, "events": [], "mql": True}], "x", "role"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_naming_rule_and_field(path, value, rule, field):
    problems = validate(changed(path, value))

    assert [(problem.rule, problem.field) for problem in problems] == [(rule, field)]


@pytest.mark.parametrize("document", [None, {}, [], "x", 3, {"engagement": {}}, {"fit": None, "mql": []}])
def test_anything_but_a_whole_document_is_refused(document):
    assert validate(document)


def test_more_than_500_rules_are_refused_at_once():
    rules = [dict(standard_document()["engagement"]["rules"][0], id=f"r{n}") for n in range(501)]

    problems = validate(changed("engagement/rules", rules))

    assert [problem.field for problem in problems] == ["rules"]
    assert "at most 500" in problems[0].message


def test_parse_raises_with_every_problem_in_words():
    with pytest.raises(
        InvalidDocument, match="rule “email_open”, points: Must be a whole number from -1000 to 1000"
    ):
        parse(changed("engagement/rules/0/points", 10**12))
