import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.differences import Change, differences
from scoring.documents import parse, standard_document, validate
from tests.scoring.build import SIGNALS


def edited(edit):
    document = standard_document()
    edit(document)
    return parse(document)


def rule(document, rule_id):
    return next(entry for entry in document["engagement"]["rules"] if entry["id"] == rule_id)


def said(edit) -> list[str]:
    return [str(change) for change in differences(parse(standard_document()), edited(edit), SIGNALS)]


def test_equal_documents_differ_in_nothing():
    assert differences(parse(standard_document()), parse(standard_document()), SIGNALS) == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda d: rule(d, "email_open").update(points=2), "E-mail opens, points: +1 → +2"),
        (
            lambda d: rule(d, "email_open").update(half_life_days=None),
            "E-mail opens, fading: halves every 14 days → does not fade",
        ),
        (lambda d: d["fit"]["grades"].update(B=18), "Fit grade B from, value: 20 → 18"),
        (lambda d: d["mql"].update(cool_down_days=10), None),
        (lambda d: d["mql"]["rule_sets"][1]["all"][0].update(value=70),
         "Score and role fit: the score is at least 65 → the score is at least 70"),
        (lambda d: d["mql"]["rule_sets"][1]["all"].append({"kind": "band_at_least", "value": 2}),
         "Score and role fit: added, the engagement band is at least 2"),
        (lambda d: d["mql"]["rule_sets"].pop(1),
         "Score and role fit: removed, when the score is at least 65 and the fit grade is B or better"),
        (lambda d: d["sql"].update(meaning="accepted"), None),
        (lambda d: d["scenarios"][0].update(mql=False),
         "Example “Head of data, guide, then pricing on two days”, answer: is an MQL → is not an MQL"),
    ],
)  # fmt: skip
def test_one_edit_is_said_in_one_sentence(edit, words):
    sentences = said(edit)

    assert len(sentences) == 1
    assert words in (None, sentences[0])


def test_order_of_rules_is_a_difference():
    (sentence,) = said(lambda d: d["mql"]["rule_sets"].reverse())

    assert sentence.startswith("Order in which rules are asked: Hand-raiser, Score and role fit")


def test_rearranged_lines_are_said_to_be():
    found = differences(
        parse(standard_document()), edited(lambda d: d["engagement"]["rules"].reverse()), SIGNALS
    )

    assert found == [Change("Order", "Order of the lines", "as before", "rearranged")]


def leaves(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for key, value in enumerate(node):
            yield from leaves(value, (*path, key))
    elif type(node) is int:
        yield path


NUMBERS = [path for path in leaves(standard_document()) if path != ("format",)]


@settings(max_examples=60)
@given(st.sampled_from(NUMBERS), st.sampled_from([-3, -1, 1, 2]))
def test_no_number_changes_unseen(path, by):
    document = copy.deepcopy(standard_document())
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] += by
    if validate(document):
        return

    changes = differences(parse(standard_document()), parse(document), SIGNALS)

    assert len(changes) == 1
    assert changes[0].kind == "changed"
