import pytest

from handoff import workflow
from handoff.errors import CapacityReached, HandoffConflict, Invalid, NotAllowed
from handoff.models import Handoff, Notice
from handoff.reassigning import give_back_all
from leads.models import Cycle
from tests.factories import make_mql, make_offer, make_rep, make_team, make_user
from tests.handoff.support import LATER, findings, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def rep():
    return make_rep("Jonas Lind")


@pytest.fixture
def offer(rep):
    return make_offer(rep)


@pytest.fixture
def manager():
    return make_user("manager", team=make_team(), name="Eva Holm")


def test_reassign_ends_one_offer_and_makes_another(offer, rep, manager, at):
    other = make_rep("Mia Berg")

    offered = workflow.reassign(offer, manager, other, "Speaks Danish", LATER)

    old, new = Handoff.objects.order_by("attempt")
    assert (old.status, old.closed_at) == ("reassigned", LATER)
    assert (new, new.status, new.rep, new.offered_at, new.attempt) == (offered, "offered", other, LATER, 2)
    assert new.lead.owner == other.user
    decision = new.decisions.get()
    assert (decision.way, decision.by, decision.reason) == ("manual", manager, "Speaks Danish")
    assert dict(Notice.objects.order_by("pk").values_list("user", "kind")) == {
        rep.user.pk: "reassigned", other.user.pk: "offered",
    }  # fmt: skip
    assert findings(LATER) == []


def test_reassign_gives_a_waiting_lead_to_a_rep(rep, manager, at):
    waiting = make_mql()
    admin = make_user("admin")

    offered = workflow.reassign(waiting, admin, rep, "Knows them", at)

    assert (offered.pk, offered.status, offered.rep, offered.queue_reason) == (waiting.pk, "offered", rep, "")
    assert findings(at) == []


def test_reassign_an_accepted_lead_asks_the_next_rep_to_accept(offer, rep, manager, at):
    accepted = workflow.accept(offer, rep.user, at)

    offered = workflow.reassign(accepted, manager, make_rep("Mia Berg"), "Holiday", LATER)
    workflow.accept(offered, offered.rep.user, LATER)

    cycle = Cycle.objects.get()
    assert (cycle.owner.name, cycle.decided_at) == ("Mia Berg", LATER)
    assert findings(LATER) == []


def test_reassign_beyond_capacity_needs_an_override(offer, manager, at):
    full = make_rep("Full", capacity=0)

    with pytest.raises(CapacityReached, match="Full has 0 of 0 seats taken"):
        workflow.reassign(offer, manager, full, "Best fit", at)
    offered = workflow.reassign(offer, manager, full, "Best fit", at, override_capacity=True)

    assert offered.decisions.get().way == "override"
    assert findings(at) == []


def test_reassign_stays_within_the_team_of_a_manager(offer, manager, at):
    south = make_team("South")

    with pytest.raises(NotAllowed):
        workflow.reassign(offer, manager, make_rep(team=south), "Try", at)
    with pytest.raises(NotAllowed):
        workflow.reassign(offer, make_user("manager", team=south), make_rep(team=south), "Try", at)
    with pytest.raises(NotAllowed):
        workflow.reassign(offer, make_rep().user, make_rep(), "Try", at)
    assert workflow.reassign(offer, make_user("admin"), make_rep(team=south), "Try", at)


def test_reassign_needs_a_reason_and_another_active_rep(offer, rep, manager, at):
    with pytest.raises(Invalid, match="Say why"):
        workflow.reassign(offer, manager, make_rep(), " ", at)
    with pytest.raises(Invalid, match="has it already"):
        workflow.reassign(offer, manager, rep, "Again", at)
    with pytest.raises(Invalid, match="no longer active"):
        workflow.reassign(offer, manager, make_rep(is_active=False), "Gone", at)


def test_who_is_slower_is_told(offer, rep, manager, at):
    workflow.accept(offer, rep.user, at)

    with pytest.raises(HandoffConflict, match="It is accepted by now"):
        workflow.reassign(offer, manager, make_rep(), "Faster", at)
    assert Handoff.objects.count() == 1


def test_reassigned_offer_cannot_be_accepted_any_more(offer, rep, manager, at):
    workflow.reassign(offer, manager, make_rep("Mia Berg"), "Holiday", at)

    with pytest.raises(HandoffConflict, match="It was reassigned"):
        workflow.accept(offer, rep.user, at)


def test_a_leaving_rep_gives_everything_back(offer, rep, manager, at):
    rep.memberships.get().pool.members.create(rep=make_rep("Mia Berg"))
    workflow.accept(offer, rep.user, at)
    make_mql()
    work(at)

    rep.is_available = False
    rep.save()
    assert give_back_all(rep, manager, LATER) >= 1
    work(LATER)

    assert set(Handoff.objects.open().values_list("rep__user__name", flat=True)) == {"Mia Berg"}
    assert findings(LATER) == []
    with pytest.raises(NotAllowed):
        give_back_all(rep, rep.user, LATER)
