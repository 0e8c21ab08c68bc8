import copy
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from leads import clock
from leads.enums import Role
from leads.models import Definition
from scoring import life
from scoring.documents import parse, standard_document
from scoring.editing import act, overlay
from scoring.sections import SECTIONS, Builder
from tests.factories import AT, make_user
from tests.scoring.build import SIGNALS
from tests.scoring.world import end_cycle, give, good_lead, publish_standard, settle

BACKEND = "django.contrib.auth.backends.ModelBackend"
OPEN = "d/engagement/rules/0/points:int"


@pytest.fixture
def lea(db):
    return make_user(Role.MARKETER, name="Lea Novak")


@pytest.fixture
def client(lea) -> Client:
    client = Client()
    client.force_login(lea, BACKEND)
    return client


@pytest.fixture
def draft(db, lea) -> Definition:
    publish_standard()
    return life.draft_from(Definition.objects.get(), at=AT, by=lea)


def url(draft, section="points", name="definition_edit"):
    return reverse(f"scoring:{name}", args=[draft.version, section])


def form_of(page) -> dict[str, list[str]]:
    """Return what the editor's form would send, as the browser reads it from the page."""
    html = page.content.decode()
    html = html[html.index('<form class="stack editor"') :]
    html = html[: html.index("</form>")]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = (re.search(rf' {one}="([^"]*)"', tag) for one in ("name", "value"))
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found.setdefault(name[1], []).append(value[1] if value else "")
    for name, inside in re.findall(r'<select[^>]* name="(d/[^"]*)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inside)
        found.setdefault(name, []).append(chosen[1] if chosen else "")
    for name, text in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>\n(.*?)</textarea>', html, re.S):
        found.setdefault(name, []).append(text)
    return {name: [value.replace("&amp;", "&") for value in values] for name, values in found.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_saving_a_page_as_it_is_changes_nothing(client, draft, section):
    page = client.get(url(draft, section))
    assert page.status_code == 200

    answer = client.post(url(draft, section), {**form_of(page), "do": "save"})

    assert answer.status_code == 302
    after = Definition.objects.get(pk=draft.pk)
    assert (after.document, after.revision) == (draft.document, 1)


def test_a_changed_number_is_saved_and_said_in_words(client, draft):
    form = form_of(client.get(url(draft)))

    client.post(url(draft), {**form, OPEN: ["3"], "do": "save"})

    page = client.get(url(draft)).content.decode()
    assert Definition.objects.get(pk=draft.pk).document["engagement"]["rules"][0]["points"] == 3
    assert "+3 once a day, halves every 14 days, within 60 days, 3 at most, together with E-mail." in page
    assert "live: <del>+1 once a day" in page


def test_a_lead_that_only_has_to_wait_is_told_until_when(client, draft, monkeypatch):
    monkeypatch.setattr("leads.clock.now", lambda: AT)
    lead = good_lead(first_name="Mila")
    for signal in ("comparison_sheet", "guide"):
        give(lead, signal, at=AT - timedelta(days=2))
    settle(AT - timedelta(days=2))
    end_cycle(lead, at=AT - timedelta(days=1))
    give(lead, "pricing_page", at=AT)
    settle(AT)

    page = client.get(url(draft) + f"?lead={lead.pk}").content.decode()

    assert "No MQL: left alone until 10 Apr 2026 after the last decision." in page


def test_a_page_of_many_rules_is_saved_whole(client, draft):
    document = copy.deepcopy(draft.document)
    first = document["engagement"]["rules"][0]
    document["engagement"]["rules"] += [{**first, "id": f"more_{n}"} for n in range(120)]
    draft = life.change(draft, document, revision=1, at=AT, by=draft.author)
    form = form_of(client.get(url(draft)))
    assert sum(map(len, form.values())) > 1000

    answer = client.post(url(draft), {**form, OPEN: ["3"], "do": "save"})

    assert answer.status_code == 302
    assert Definition.objects.get(pk=draft.pk).document["engagement"]["rules"][0]["points"] == 3


def test_bad_input_is_kept_with_the_error_beside_it_and_nothing_saved(client, draft):
    form = form_of(client.get(url(draft)))

    answer = client.post(url(draft), {**form, OPEN: ["many"], "do": "save"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="many"' in page
    assert "Points: Must be a whole number from -1000 to 1000." in page
    assert Definition.objects.get(pk=draft.pk).revision == 1


def test_lines_are_added_moved_and_removed_by_buttons(client, draft):
    def ids():
        return [rule["id"] for rule in Definition.objects.get(pk=draft.pk).document["engagement"]["rules"]]

    form = form_of(client.get(url(draft)))
    before = ids()
    added = client.post(
        url(draft), {**form, "do": "add engagement/rules", "pick engagement/rules": "comparison_sheet"}
    )
    assert ids() == [*before, "comparison_sheet_2"]
    assert added["Location"].endswith(f"#p-engagement-rules-{len(before)}")

    form = form_of(client.get(url(draft)))
    client.post(url(draft), {**form, "do": f"up engagement/rules/{len(before)}"})
    assert ids()[-2:] == ["comparison_sheet_2", before[-1]]

    form = form_of(client.get(url(draft)))
    client.post(url(draft), {**form, "do": "remove engagement/rules/0"})
    assert ids()[0] == before[1]


def test_two_tabs_are_told_of_each_other_and_see_both(client, draft):
    form = form_of(client.get(url(draft)))
    other = make_user(Role.ADMIN, name="Ada")
    theirs = copy.deepcopy(draft.document)
    theirs["engagement"]["rules"][0]["points"] = 2
    life.change(draft, theirs, revision=1, at=AT, by=other)

    answer = client.post(url(draft), {**form, OPEN: ["4"], "do": "save"})

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Changed by Ada" in page
    assert "E-mail opens, points: +2 → +4" in page
    again = {**form, OPEN: ["4"], "now": ["2"], "do": "overwrite"}
    assert client.post(url(draft), again).status_code == 302
    assert Definition.objects.get(pk=draft.pk).document["engagement"]["rules"][0]["points"] == 4


def test_while_typing_the_effect_on_a_lead_is_shown_and_nothing_saved(client, draft):
    lead = good_lead(first_name="Maren")
    give(lead, "guide", obj="g", at=clock.now())
    give(lead, "pricing_page", obj="/pricing", at=clock.now())
    settle(clock.now())
    form = form_of(client.get(url(draft)))
    index = next(i for i, rule in enumerate(draft.document["engagement"]["rules"]) if rule["id"] == "guide")

    answer = client.post(
        url(draft, name="definition_try"),
        {**form, f"d/engagement/rules/{index}/points:int": ["12"], "lead": [str(lead.pk)]},
    )

    page = answer.content.decode()
    assert "Maren" in page
    assert "Guides and e-books" in page
    assert "+6 → +12" in page
    assert "No MQL: “Score and role fit” lacks" in page
    assert 'hx-swap-oob="true">+12' in page
    assert Definition.objects.get(pk=draft.pk).revision == 1


def test_while_typing_something_unusable_says_what(client, draft):
    form = form_of(client.get(url(draft)))

    answer = client.post(url(draft, name="definition_try"), {**form, OPEN: [""]})

    assert "rule “email_open”, points: Must be a whole number" in answer.content.decode()


def test_a_broken_example_is_named_with_the_lines_that_broke_it(client, draft):
    document = copy.deepcopy(draft.document)
    next(rule for rule in document["engagement"]["rules"] if rule["id"] == "guide")["points"] = 1
    document["mql"]["rule_sets"][1]["all"][0]["value"] = 66
    life.change(draft, document, revision=1, at=AT, by=make_user())

    page = client.get(url(draft, "rules")).content.decode()

    assert "1 of 11 examples breaks." in page
    assert "Guides and e-books: +1 → 0" in page
    assert "“Score and role fit” lacks" in page


def test_a_version_that_is_live_is_not_edited(client, draft):
    live = Definition.objects.get(version=1)

    assert client.get(url(live)).status_code == 302
    assert client.post(url(live), {"do": "save", "revision": "1"}).status_code == 302


def test_a_page_costs_the_same_for_more_rules(client, draft, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        client.get(url(draft))


def test_drafts_start_from_live_from_an_old_version_or_from_templates(client, draft):
    new = reverse("scoring:definition_new")

    client.post(new, {"start": "live", "note": "Softer"})
    client.post(new, {"start": "version", "version": "1"})
    client.post(new, {"start": "templates", "mql": ["content", "hand_raiser"], "sql": ["discovery"]})

    live, old, made = Definition.objects.filter(version__gt=2).order_by("version")
    assert (live.document, live.note, live.based_on) == (standard_document(), "Softer", 1)
    assert (old.document, old.based_on) == (standard_document(), 1)
    assert [one["id"] for one in made.document["mql"]["rule_sets"]] == ["hand_raiser", "content"]
    assert [one["id"] for one in made.document["sql"]["rule_sets"]] == ["discovery"]
    assert all(outcome.holds for outcome in life.outcomes_of(made))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"start": "version"}, "Choose the version"),
        ({"start": "templates"}, "Choose at least one"),
        ({}, "required"),
    ],
)
def test_a_start_that_is_not_clear_is_asked_again(client, draft, form, words):
    answer = client.post(reverse("scoring:definition_new"), form)

    assert answer.status_code == 422
    assert words in answer.content.decode()


# --- pure


def test_a_field_that_changes_takes_a_test_that_fits_it():
    document = overlay(standard_document(), [("d/fit/rules/3/field:text", ["employees"])])

    assert (document["fit"]["rules"][3]["op"], document["fit"]["rules"][3]["value"]) == ("between", [1, None])
    parse(document)


@pytest.mark.parametrize(
    "name", ["d/:int", "d/a/b/c:int", "d/mql/rule_sets/99/label:text", "d/format/x:int", "x", "d/mql:evil", "d/engagement/rules/x/points:int"]
)  # fmt: skip
def test_names_that_lead_nowhere_change_nothing_that_counts(name):
    document = overlay(standard_document(), [(name, ["1"])])

    assert {key: document[key] for key in standard_document()} == standard_document()


@pytest.mark.parametrize(
    "deed", ["", "add", "add nowhere", "remove fit/rules/99", "up x/y", "remove fit/max", "drop fit"]
)
def test_deeds_that_make_no_sense_change_nothing(deed):
    assert act(standard_document(), deed) == standard_document()


@pytest.mark.parametrize(
    "path",
    [
        "engagement/rules",
        "engagement/groups",
        "fit/rules",
        "fit/disqualifiers",
        "mql/rule_sets",
        "sql/rule_sets",
        "scenarios",
    ],
)
def test_what_is_added_is_valid_as_it_comes(path):
    parse(act(act(standard_document(), f"add {path}"), f"add {path}"))


@pytest.mark.parametrize(
    "kind", ["score_at_least", "grade_at_least", "signal", "re_engagement", "form_with_product"]
)
def test_an_added_condition_is_valid_as_it_comes(kind):
    parse(act(standard_document(), "add mql/rule_sets/1/all", kind))


def test_every_page_of_an_invalid_document_can_still_be_shown():
    document = standard_document()
    document["engagement"]["rules"][0]["points"] = "many"
    document["mql"]["rule_sets"][0]["all"][0]["kind"] = "nonsense"

    for section in SECTIONS:
        assert Builder(document, SIGNALS, parse(standard_document())).page(section).groups
