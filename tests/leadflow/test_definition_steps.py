import copy

import pytest
from django.test import Client
from django.urls import reverse

from leads import clock
from leads.enums import Role
from leads.models import AuditEntry, Definition, Lead, Organisation
from scoring import life, qualifying
from scoring.models import QualifyingCount
from scoring.passes import continue_pass
from tests.factories import AT, make_rep, make_user
from tests.scoring.test_life import with_points
from tests.scoring.world import give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user, BACKEND)
    return client


@pytest.fixture
def lea():
    return make_user(Role.MARKETER, name="Lea Novak")


@pytest.fixture
def karin():
    return make_user(Role.MANAGER, name="Karin Holm")


def looser(document):
    """Rules under which a guide and a pricing visit of the right person are enough."""
    changed = copy.deepcopy(document)
    changed["mql"]["rule_sets"][1]["all"][0]["value"] = 50
    return changed


@pytest.fixture
def draft(lea):
    publish_standard()
    for number in range(3):
        lead = good_lead(first_name=f"Maren {number}")
        give(lead, "guide", obj="g", at=clock.now())
        give(lead, "pricing_page", obj="/pricing", at=clock.now())
    settle(clock.now())
    draft = life.draft_from(Definition.objects.get(), at=AT, by=lea)
    return life.change(draft, looser(draft.document), revision=1, at=AT, by=lea)


def page(user, name, version=2, **data):
    client, address = signed_in(user), reverse(f"leadflow:definition_{name}", args=[version])
    return client.post(address, data) if data else client.get(address)


def propose(draft, lea):
    return page(lea, "propose", revision=str(draft.revision), words="Fewer points are enough")


def test_the_way_from_draft_to_live_on_the_pages(draft, lea, karin):
    make_rep("Rita", capacity=2)
    propose(draft, lea)
    page(lea, "approve_marketing", revision="3")

    last = page(karin, "approve_sales").content.decode()

    assert "and go live" in last
    assert "<b>3</b> of 3 open leads would become MQLs at once; sales has 2 free seats." in last
    assert "The others would wait in the queue" in last
    assert "the score is at least 65" in last
    assert "<ins>the score is at least 50</ins>" in last
    page(karin, "approve_sales", revision="3")
    assert Definition.objects.get(version=2).status == "live"
    settle(clock.now())
    assert set(Lead.objects.values_list("stage", flat=True)) == {"mql"}


def test_the_note_is_asked_for_when_proposing_and_shown(draft, lea, karin):
    assert page(lea, "propose").status_code == 200
    propose(draft, lea)

    shown = signed_in(karin).get(reverse("scoring:definition", args=[2])).content.decode()

    assert "Fewer points are enough" in shown
    assert "Approve for sales" in shown
    assert "Approve for marketing" not in shown
    assert "Take back" in shown


def test_a_broken_example_stands_on_the_page_and_keeps_the_button_away(draft, lea):
    broken = copy.deepcopy(draft.document)
    broken["scenarios"][0]["mql"] = False
    life.change(draft, broken, revision=draft.revision, at=AT, by=lea)

    shown = page(lea, "propose").content.decode()

    assert "1 example breaks, so this cannot go live." in shown
    assert ">Propose</button>" not in shown
    assert page(lea, "propose", revision="3", words="x").status_code == 302
    assert Definition.objects.get(version=2).status == "draft"


def test_what_changed_meanwhile_is_told_and_not_approved(draft, lea, karin):
    propose(draft, lea)
    now = Definition.objects.get(version=2)
    life.change(now, with_points(now.document), revision=now.revision, at=AT, by=lea)

    answer = signed_in(karin).post(
        reverse("leadflow:definition_approve_sales", args=[2]), {"revision": str(now.revision)}, follow=True
    )

    assert "Changed by Lea Novak" in answer.content.decode()
    assert Definition.objects.get(version=2).status == "draft"


def test_nobody_is_offered_the_other_side(draft, lea):
    admin = make_user(Role.ADMIN)
    propose(draft, lea)
    page(admin, "approve_marketing", revision="3")

    shown = page(admin, "approve_sales").content.decode()

    assert "You approved for the other side." in shown
    assert ">Approve for sales and go live</button>" not in shown


def test_sending_back_keeps_the_reason(draft, lea, karin):
    propose(draft, lea)

    page(karin, "withdraw", revision="3", words="Too many for six reps")

    assert (
        AuditEntry.objects.get(action="definition.withdraw").changes["reason"][1] == "Too many for six reps"
    )
    assert Definition.objects.get(version=2).status == "draft"


def test_a_discarded_draft_is_gone_from_the_list(draft, lea):
    page(lea, "discard", revision="2")

    assert "Definition 2" not in signed_in(lea).get(reverse("scoring:definitions")).content.decode()


def test_approvals_can_be_turned_off_by_an_admin_and_that_is_audited(draft, lea):
    propose(draft, lea)
    assert "Go live" not in signed_in(lea).get(reverse("scoring:definition", args=[2])).content.decode()

    signed_in(make_user(Role.ADMIN)).post(reverse("leadflow:approvals"), {})

    assert Organisation.current().needs_approvals is False
    assert AuditEntry.objects.get(action="organisation.edit").changes == {"needs_approvals": [True, False]}
    assert "Go live" in signed_in(lea).get(reverse("scoring:definition", args=[2])).content.decode()
    page(lea, "publish", revision="3")
    assert Definition.objects.get(version=2).went_live == "unapproved"


def test_many_leads_are_counted_in_the_background_with_progress(draft, lea, monkeypatch):
    monkeypatch.setattr(qualifying, "AT_ONCE", 2)
    monkeypatch.setattr(qualifying, "CHUNK", 2)

    assert "Being counted, 0 of 3 open leads" in page(lea, "propose").content.decode()
    assert qualifying.drain() == 3
    assert qualifying.drain() == 0

    assert "<b>3</b> of 3 open leads" in page(lea, "propose").content.decode()
    assert QualifyingCount.objects.count() == 1


def test_the_count_is_what_the_publish_promotes(draft, lea, karin):
    count = qualifying.count_newly_qualifying(draft, clock.now())
    life.propose(draft, revision=draft.revision, at=AT, by=lea)
    page(lea, "approve_marketing", revision="2")
    page(karin, "approve_sales", revision="2")
    while continue_pass():
        pass

    assert Lead.objects.filter(stage="mql").count() == count.found == 3


def test_progress_is_shown_until_every_lead_is_scored(draft, lea, karin):
    propose(draft, lea)
    page(lea, "approve_marketing", revision="3")
    page(karin, "approve_sales", revision="3")
    banner = reverse("scoring:progress")

    assert "0 of 3 leads are done" in signed_in(lea).get(banner).content.decode()
    settle(clock.now())
    assert "Every lead is scored by the live rules now" in signed_in(lea).get(banner).content.decode()


def test_versions_are_compared_in_words(draft, lea):
    shown = signed_in(lea).get(reverse("scoring:definition", args=[1]), {"against": "2"}).content.decode()

    assert "<del>the score is at least 50</del> → <ins>the score is at least 65</ins>" in shown
    assert (
        signed_in(lea).get(reverse("scoring:definition", args=[1]), {"against": "99999999999"}).status_code
        == 200
    )
