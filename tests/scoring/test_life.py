import copy
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from leads.enums import DefinitionStatus, Role, WentLive
from leads.models import AuditEntry, Definition, Lead, Organisation
from scoring import checks, life
from scoring.documents import InvalidDocument
from scoring.models import Approval, Rescore
from scoring.publishing import NotPublishable, publish_draft
from tests.factories import AT, make_user
from tests.scoring.world import give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
LATER = AT + timedelta(hours=1)


@pytest.fixture
def marketer():
    return make_user(Role.MARKETER, name="Lea Novak")


@pytest.fixture
def manager():
    return make_user(Role.MANAGER, name="Karin Holm")


@pytest.fixture
def live() -> Definition:
    publish_standard()
    return Definition.objects.get()


def with_points(document, rule_id="guide", points=7):
    changed = copy.deepcopy(document)
    rule = next(rule for rule in changed["engagement"]["rules"] if rule["id"] == rule_id)
    rule["points"] = points
    return changed


@pytest.fixture
def draft(live, marketer) -> Definition:
    draft = life.draft_from(live, at=AT, by=marketer)
    return life.change(draft, with_points(draft.document), revision=1, at=AT, by=marketer, note="Guides")


@pytest.fixture
def proposed(draft, marketer) -> Definition:
    return life.propose(draft, revision=draft.revision, at=AT, by=marketer)


def agree(definition, marketer, manager):
    life.approve(definition, "marketing", revision=definition.revision, at=AT, by=marketer)
    return life.approve(definition, "sales", revision=definition.revision, at=LATER, by=manager)


def test_the_second_approval_makes_a_proposal_live_and_starts_the_pass(live, proposed, marketer, manager):
    lead = good_lead()
    give(lead, "guide", obj="g")

    now = agree(proposed, marketer, manager)

    live.refresh_from_db()
    assert (now.status, now.went_live, now.live_from) == ("live", WentLive.APPROVED, LATER)
    assert (live.status, live.live_until) == ("retired", LATER)
    assert Rescore.objects.filter(reason="publish", version=2, finished_at=None).count() == 1
    settle(LATER)
    assert Lead.objects.values_list("score", "score_version").get() == (38 + 7, 2)
    assert checks.approvals_are_sound(LATER) == []


def test_either_side_may_come_first(proposed, marketer, manager):
    half = life.approve(proposed, "sales", revision=proposed.revision, at=AT, by=manager)
    assert half.status == "proposed"

    done = life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=marketer)

    assert done.status == "live"


@pytest.mark.parametrize(
    ("role", "side"), [(Role.MANAGER, "marketing"), (Role.MARKETER, "sales"), (Role.REP, "sales"), (Role.ADMIN, "us")]
)  # fmt: skip
def test_a_role_approves_for_its_own_side_only(proposed, role, side):
    with pytest.raises(life.NotYours):
        life.approve(proposed, side, revision=proposed.revision, at=AT, by=make_user(role))

    assert not Approval.objects.exists()


def test_an_admin_approves_for_one_side_never_for_both(proposed):
    admin = make_user(Role.ADMIN)
    life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=admin)

    with pytest.raises(life.NotYours, match="Somebody else"):
        life.approve(proposed, "sales", revision=proposed.revision, at=AT, by=admin)


def test_the_database_itself_refuses_one_person_for_both_sides(proposed, marketer):
    Approval.objects.create(definition=proposed, side="marketing", by=marketer, at=AT)

    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(definition=proposed, side="sales", by=marketer, at=AT)


def test_a_side_approves_once(proposed, marketer):
    life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=marketer)

    with pytest.raises(life.NotYours, match="Lea Novak approved for marketing already"):
        life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=make_user(Role.MARKETER))


def test_a_change_takes_a_proposal_back_to_draft_without_approvals(proposed, marketer, manager):
    life.approve(proposed, "sales", revision=proposed.revision, at=AT, by=manager)

    changed = life.change(
        proposed, with_points(proposed.document, points=8), revision=proposed.revision, at=LATER, by=marketer
    )

    assert (changed.status, changed.revision) == ("draft", proposed.revision + 1)
    assert not Approval.objects.exists()
    with pytest.raises(life.Stale):
        life.approve(proposed, "sales", revision=proposed.revision, at=LATER, by=manager)


def test_another_note_leaves_the_approvals(proposed, marketer, manager):
    life.approve(proposed, "sales", revision=proposed.revision, at=AT, by=manager)

    changed = life.change(
        proposed, proposed.document, revision=proposed.revision, at=AT, by=marketer, note="Why"
    )

    assert (changed.status, changed.note, changed.approvals.count()) == ("proposed", "Why", 1)


def test_a_save_on_an_older_state_changes_nothing_and_says_whose_came_first(draft, manager, marketer):
    other = make_user(Role.ADMIN, name="Ada")
    life.change(draft, with_points(draft.document, points=9), revision=draft.revision, at=LATER, by=other)

    with pytest.raises(life.Stale, match="Changed by Ada") as caught:
        life.change(draft, with_points(draft.document, points=3), revision=draft.revision, at=LATER, by=marketer)  # fmt: skip

    assert caught.value.definition.revision == draft.revision + 1
    assert Definition.objects.get(pk=draft.pk).document == with_points(draft.document, points=9)


def test_a_failing_example_keeps_a_draft_from_being_proposed(draft, marketer):
    broken = copy.deepcopy(draft.document)
    broken["scenarios"][0]["mql"] = False
    draft = life.change(draft, broken, revision=draft.revision, at=AT, by=marketer)

    with pytest.raises(life.ExamplesBreak, match="Head of data, guide"):
        life.propose(draft, revision=draft.revision, at=AT, by=marketer)


def test_an_example_that_breaks_after_the_proposal_keeps_it_from_going_live(proposed, marketer, manager):
    life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=marketer)
    document = copy.deepcopy(proposed.document)
    document["scenarios"][0]["score"] = {"max": 10}
    Definition.objects.filter(pk=proposed.pk).update(document=document)

    with pytest.raises(life.ExamplesBreak, match="with a score of 10 or less"):
        life.approve(proposed, "sales", revision=proposed.revision, at=AT, by=manager)

    assert Definition.objects.get(pk=proposed.pk).status == "proposed"
    assert not Rescore.objects.exists()


def test_a_proposal_can_be_taken_back(proposed, marketer, manager):
    life.approve(proposed, "marketing", revision=proposed.revision, at=AT, by=marketer)

    draft = life.withdraw(proposed, revision=proposed.revision, at=AT, by=manager, reason="Too loose for us")

    assert (draft.status, draft.proposed_at, draft.approvals.count()) == ("draft", None, 0)
    entry = AuditEntry.objects.get(action="definition.withdraw")
    assert (entry.by, entry.changes["reason"]) == (manager, ["", "Too loose for us"])


def test_without_approvals_a_proposal_goes_live_only_where_the_organisation_says_so(proposed, marketer):
    with pytest.raises(life.NotNow, match="have to approve"):
        life.go_live(proposed, revision=proposed.revision, at=AT, by=marketer)

    Organisation.objects.update_or_create(id=1, defaults={"needs_approvals": False})
    now = life.go_live(proposed, revision=proposed.revision, at=AT, by=marketer)

    assert (now.status, now.went_live) == ("live", WentLive.UNAPPROVED)


def test_a_draft_never_goes_live_unproposed(draft, marketer):
    Organisation.objects.update_or_create(id=1, defaults={"needs_approvals": False})

    with pytest.raises(life.NotNow, match="not proposed"):
        life.go_live(draft, revision=draft.revision, at=AT, by=marketer)


def test_live_and_retired_versions_stay_as_they_are(live, proposed, marketer, manager):
    now = agree(proposed, marketer, manager)

    for version in (live, now):
        with pytest.raises(life.NotNow, match="draft a new one"):
            life.change(version, with_points(version.document), revision=version.revision, at=LATER, by=marketer)  # fmt: skip
    with pytest.raises(NotPublishable):
        publish_draft(live, at=LATER)


def test_rolling_back_is_publishing_the_old_document_anew(live, proposed, marketer, manager):
    leads = [good_lead() for _ in range(3)]
    for number, lead in enumerate(leads):
        give(lead, "guide", obj=f"g{number}")
    settle()
    before = list(Lead.objects.order_by("pk").values_list("score", "grade", "band", "momentum"))
    agree(proposed, marketer, manager)
    settle(LATER)
    assert list(Lead.objects.order_by("pk").values_list("score", "grade", "band", "momentum")) != before

    back = life.draft_from(live, at=LATER, by=marketer)
    back = life.propose(back, revision=1, at=LATER, by=marketer)
    agree(back, marketer, manager)
    settle(LATER)

    assert list(Lead.objects.order_by("pk").values_list("score", "grade", "band", "momentum")) == before
    assert (back.version, back.based_on) == (3, 1)


def test_a_discarded_draft_keeps_its_number_and_can_be_used_no_more(draft, marketer):
    gone = life.discard(draft, revision=draft.revision, at=AT, by=marketer)

    assert gone.status == DefinitionStatus.DISCARDED
    with pytest.raises(life.NotNow):
        life.propose(draft, revision=draft.revision, at=AT, by=marketer)


def test_an_invalid_document_is_refused_whole(draft, marketer):
    with pytest.raises(InvalidDocument, match="points"):
        life.change(
            draft, with_points(draft.document, points=5000), revision=draft.revision, at=AT, by=marketer
        )

    assert Definition.objects.get(pk=draft.pk).revision == draft.revision


def test_every_step_is_in_the_audit_log_with_what_changed(proposed, marketer, manager):
    agree(proposed, marketer, manager)

    told = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert told == [
        "definition.draft", "definition.change", "definition.propose", "definition.approve_marketing",
        "definition.approve_sales", "definition.publish",
    ]  # fmt: skip
    changed = AuditEntry.objects.get(action="definition.change")
    assert changed.changes == {"Guides and e-books, points": ["+6", "+7"], "note": ["", "Guides"]}


def test_verify_finds_a_version_that_went_live_half_approved(proposed, marketer, manager):
    agree(proposed, marketer, manager)
    Approval.objects.filter(side="sales").delete()

    assert checks.approvals_are_sound(AT) == ["Definition 2 went live with 1 of 2 approvals."]
