import json

import pytest
from django.core.management import call_command

from leads.models import Definition
from scoring.documents import parse, standard_document
from scoring.scenarios import broken, run_scenarios
from tests.factories import make_catalogue
from tests.scoring.build import SIGNALS


def stricter() -> dict:
    document = standard_document()
    for rule_set in document["mql"]["rule_sets"]:
        rule_set["all"].append({"kind": "score_at_least", "value": 65})
    return document


def test_the_standard_definition_holds_its_examples():
    outcomes = run_scenarios(parse(standard_document()), SIGNALS)

    assert len(outcomes) == 11
    assert broken(outcomes) == []
    assert outcomes[0].said == "an MQL by “Score and role fit” (score 68, A3)."


def test_a_definition_that_breaks_an_example_says_which():
    outcomes = run_scenarios(parse(stricter()), SIGNALS)

    assert broken(outcomes) == [
        "“IT manager at an insurer, webinar, then a form with a product” is an MQL by agreement, "
        "but under these rules: not an MQL (score 63, A3).",
        "“Asks for a demo, nothing known about the fit” is an MQL by agreement, "
        "but under these rules: not an MQL (score 30, D3).",
    ]


@pytest.mark.django_db
def test_importing_a_draft_warns_of_broken_examples(tmp_path, capsys):
    make_catalogue()
    path = tmp_path / "stricter.json"
    path.write_text(json.dumps(stricter()))

    call_command("definition", "import", "--file", str(path))

    assert "Example broken: “IT manager at an insurer" in capsys.readouterr().err
    assert Definition.objects.get().status == "draft"
