import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from leads import clock
from leads.models import AuditEntry, Definition, Organisation
from scoring.documents import standard_document
from scoring.models import Approval
from scoring.overrides import set_override
from tests.factories import AT, make_catalogue, make_user
from tests.scoring.test_passes import softer
from tests.scoring.world import TODAY, give, good_lead, publish_standard

pytestmark = pytest.mark.django_db


def run(*args: object) -> str:
    out = StringIO()
    call_command(*map(str, args), stdout=out)
    return out.getvalue()


@pytest.fixture
def softer_file(tmp_path):
    path = tmp_path / "softer.json"
    path.write_text(json.dumps(softer()))
    return path


def test_score_prints_the_agreed_json_whose_lines_add_up():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")

    found = json.loads(run("score", lead.email, "--as-of", TODAY, "--json"))

    assert list(found) == [
        "email", "day", "definition", "fit", "engagement", "score", "grade", "band", "lines",
    ]  # fmt: skip
    assert (found["day"], found["definition"], found["score"]) == ("2026-03-12", 1, 44)
    assert sum(line["points"] for line in found["lines"]) == 44
    assert {"label": "Guides and e-books", "kind": "engagement", "points": 6} in found["lines"]


def test_score_says_what_is_shown_instead_and_why():
    publish_standard()
    lead, marketer = good_lead(), make_user(name="Mia")
    set_override(lead, 80, reason="Met", expires_on=AT.date() + timedelta(days=3), by=marketer, at=AT)

    told = run("score", lead.email, "--as-of", TODAY)
    found = json.loads(run("score", lead.email, "--as-of", TODAY, "--json"))

    assert "   80  shown. Score set to 80 by hand until 15 Mar 2026 by Mia: Met" in told
    assert found["score"] == 38
    assert found["override"] == {
        "score": 80, "reason": "Met", "by": marketer.email, "set_on": "2026-03-12", "expires_on": "2026-03-15",
    }  # fmt: skip


def test_score_takes_any_day_and_any_definition(softer_file):
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")

    def score_under(*args: object) -> int:
        return json.loads(run("score", lead.email, "--json", *args))["score"]

    assert score_under("--as-of", "2026-03-11") == 38
    assert score_under("--as-of", TODAY, "--definition", softer_file) == 39
    assert score_under("--as-of", TODAY, "--definition", 1) == 44


def test_score_without_json_reads_like_a_sum():
    publish_standard()
    lead = good_lead()
    give(lead, "guide", obj="g")

    printed = run("score", lead.email, "--as-of", TODAY)

    assert "   +6  Guides and e-books  (1 × 6 points, last today)" in printed
    assert "   44  A1 on 2026-03-12, definition 1, momentum +6" in printed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["score", "nobody@company.test"], "No lead has the address"),
        (["definition", "publish"], "Say what to publish"),
        (["definition", "publish", "7"], "There is no definition 7"),
        (["definition", "publish", "1"], "Definition 1 is live already"),
        (["definition", "export", "7"], "There is no definition 7"),
        (["definition", "import", "--file", "/nowhere.json"], "cannot be read as JSON"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(args, said):
    publish_standard()

    with pytest.raises(CommandError, match=said):
        run(*args)


def test_a_definition_travels_out_and_in_as_a_file(tmp_path, softer_file):
    publish_standard()
    exported = tmp_path / "live.json"

    run("definition", "export", "--file", exported)
    run("definition", "import", "--file", softer_file, "--note", "Guides count less")
    assert json.loads(exported.read_text()) == standard_document()
    assert json.loads(run("definition", "export")) == standard_document()
    draft = Definition.objects.get(version=2)
    assert (draft.status, draft.note, draft.document) == ("draft", "Guides count less", softer())

    loose = "--without-approvals"
    assert "Definition 2 is live" in run("definition", "publish", 2, loose)
    assert "Definition 3 is live" in run("definition", "publish", "--file", exported, loose)
    assert [d.status for d in Definition.objects.all()] == ["live", "retired", "retired"]


def test_publishing_past_the_approvals_has_to_be_asked_for_and_is_recorded(softer_file):
    publish_standard()
    run("definition", "import", "--file", softer_file)

    for what in (["2"], ["--file", softer_file], ["--standard"]):
        with pytest.raises(CommandError, match="Marketing and sales have to approve"):
            run("definition", "publish", *what)
    assert [d.status for d in Definition.objects.all()] == ["draft", "live"]

    run("definition", "publish", 2, "--without-approvals")
    assert Definition.objects.get(status="live").went_live == "command"
    told = AuditEntry.objects.get(action="definition.publish").changes
    assert told == {"status": ["draft", "live"], "went live": ["", "By a command on the server"]}


def test_what_needs_no_approval_is_published_by_a_command(softer_file):
    publish_standard()
    run("definition", "import", "--file", softer_file)
    draft = Definition.objects.get(version=2)
    for side in ("marketing", "sales"):
        Approval.objects.create(definition=draft, side=side, by=make_user(), at=clock.now())

    run("definition", "publish", 2)
    assert Definition.objects.get(status="live").went_live == "approved"

    Organisation.objects.filter(pk=Organisation.current().pk).update(needs_approvals=False)
    assert "Definition 3 is live" in run("definition", "publish", "--standard")


def test_a_bad_file_is_refused_naming_rule_and_field(tmp_path):
    document = standard_document()
    document["engagement"]["rules"][0]["points"] = 10**12
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))

    with pytest.raises(CommandError, match="rule “email_open”, points: Must be a whole number"):
        run("definition", "publish", "--file", path)
    assert not Definition.objects.exists()


def test_the_standard_definition_is_published_only_once():
    make_catalogue()

    assert "Definition 1 is live" in run("definition", "publish", "--standard", "--if-none")
    assert "nothing to do" in run("definition", "publish", "--standard", "--if-none")
    assert Definition.objects.get().live_from > AT
