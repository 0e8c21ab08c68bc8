"""Routing as a draft: changed, checked, compared, published at once, brought back."""

from copy import deepcopy
from datetime import timedelta

import pytest
from django.urls import reverse

from handoff import replays, routing, versions
from handoff.errors import HandoffConflict, Invalid
from handoff.models import Handoff, Pool, PoolMember, Rep, RoutingReplay, RoutingRule, RoutingVersion
from leads import clock
from leads.enums import Role
from leads.models import AuditEntry
from tests.factories import make_lead, make_mql, make_pool, make_rep, make_team, make_user
from tests.handoff.support import current

pytestmark = pytest.mark.django_db


@pytest.fixture
def reps():
    return make_rep("Ann"), make_rep("Bo")


@pytest.fixture
def pool(reps):
    return make_pool(*reps)


@pytest.fixture
def manager(client):
    user = make_user(Role.MANAGER, team=make_team())
    client.force_login(user)
    return user


def rule(name="Germany", **fields):
    return {
        "id": None, "name": name, "conditions": {"country": ["DE"]}, "pool": "Nordics", "rep": None, "is_active": True,
        **fields,
    }  # fmt: skip


def publish(draft, by, at, **changes):
    versions.change(draft, {**deepcopy(draft.document), **changes})
    versions.publish(draft, by, "Because", at)


def test_a_draft_begins_as_the_rows_are_and_changes_nothing(pool, reps, manager, at):
    draft = versions.open_draft(manager, at)

    assert versions.open_draft(manager, at) == draft
    assert draft.document["pools"][0]["members"] == {str(rep.pk): 1 for rep in reps}
    assert versions.differences(versions.document_of_rows(), draft.document) == []
    assert [(one.number, one.status) for one in RoutingVersion.objects.all()] == [(2, "draft"), (1, "live")]


def test_publishing_changes_everything_at_once_and_routes_what_waits(pool, reps, manager, at):
    ann, bo = reps
    Rep.objects.update(capacity=0)
    lead = make_mql(at=at, country="DE").lead
    routing.drain(at)
    assert current(lead).queue_reason == "at_capacity"
    draft = versions.open_draft(manager, at)
    document = deepcopy(draft.document)
    document["rules"].insert(0, rule(pool=None, rep=bo.pk))
    document["pools"][0] |= {"name": "North", "members": {str(ann.pk): 3}}
    document["rules"][1]["pool"] = "North"
    document["capacity"][str(bo.pk)] = 5

    publish(draft, manager, at, **document)
    routing.drain(at)

    assert current(lead).rep == bo
    assert list(PoolMember.objects.values_list("pool__name", "rep", "weight")) == [("North", ann.pk, 3)]
    assert list(RoutingRule.objects.values_list("name", "position")) == [("Germany", 10), ("Nordics", 20)]
    assert Handoff.objects.get(lead=lead).rule.name == "Germany"
    live = RoutingVersion.objects.get(status="live")
    assert (live.number, live.published_by, live.note) == (2, manager, "Because")
    told = AuditEntry.objects.get(action="routing.publish").changes["routing"][1]
    assert "New rule “Germany”: country DE to Bo." in told
    assert "The pool Nordics is now named North." in told
    assert "Bo takes 5 at once, not 0." in told


def test_turns_outlive_a_publish(pool, reps, manager, at):
    for n in range(3):
        make_mql(at=at + timedelta(seconds=n))
    routing.drain(at)
    before = list(PoolMember.objects.values_list("rep", "turns", "arrears"))

    publish(versions.open_draft(manager, at), manager, at)

    assert list(PoolMember.objects.values_list("rep", "turns", "arrears")) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": []}, "give it no conditions"),
        ({"rules": [rule()]}, "give it no conditions"),
        ({"rules": [rule("All", conditions={}), rule("Rest", conditions={})]}, "never asked"),
        ({"rules": [rule(conditions={}, pool="Gone")]}, "not in use"),
        (
            {"pools": [{"id": None, "name": "Nordics", "team": 1, "is_active": True, "members": {}}]},
            "no members",
        ),
        ({"rules": [rule(conditions={}, pool=None, rep=10**6)]}, "no longer active"),
    ],
)
def test_what_cannot_work_is_not_published(pool, manager, at, change, said):
    draft = versions.open_draft(manager, at)

    with pytest.raises(Invalid, match=said):
        publish(draft, manager, at, **change)

    assert RoutingRule.objects.get().name == "Nordics"


def test_whoever_saves_an_old_draft_is_told(pool, manager, at):
    mine, theirs = versions.open_draft(manager, at), versions.open_draft(manager, at)
    versions.change(theirs, theirs.document)

    with pytest.raises(HandoffConflict):
        versions.change(mine, mine.document)
    with pytest.raises(HandoffConflict):
        versions.publish(mine, manager, "Late", at)


def test_an_earlier_version_comes_back_without_what_is_gone(pool, reps, manager, at):
    publish(versions.open_draft(manager, at), manager, at)
    draft = versions.open_draft(manager, at)
    new = {
        "id": None,
        "name": "New",
        "team": pool.team_id,
        "is_active": True,
        "members": {str(reps[0].pk): 1},
    }
    publish(draft, manager, at, pools=[new], rules=[rule("All", conditions={}, pool="New")])
    assert not Pool.objects.filter(pk=pool.pk).exists()

    back = versions.roll_back(RoutingVersion.objects.get(number=2), manager, at)
    with pytest.raises(Invalid, match="draft already"):
        versions.roll_back(RoutingVersion.objects.get(number=1), manager, at)
    versions.publish(back, manager, "Back", at)

    assert list(Pool.objects.values_list("name", flat=True)) == ["Nordics"]
    assert RoutingRule.objects.get().pool.members.count() == 2


def test_a_pool_that_handoffs_tell_of_stays_out_of_use(pool, reps, manager, at):
    make_mql(at=at)
    routing.drain(at)
    new = {
        "id": None,
        "name": "New",
        "team": pool.team_id,
        "is_active": True,
        "members": {str(reps[0].pk): 1},
    }

    publish(
        versions.open_draft(manager, at),
        manager,
        at,
        pools=[new],
        rules=[rule("All", conditions={}, pool="New")],
    )

    pool.refresh_from_db()
    assert (pool.is_active, pool.members.count()) == (False, 0)


def test_the_pages_from_draft_to_live(client, pool, reps, manager):
    def post(name, data=None, *args):
        return client.post(reverse(f"handoff:{name}", args=args), data or {}, follow=True).content.decode()

    assert "is like the routing in force" in post("draft_open")
    assert "either a pool or one person" in post("draft_rule_new", {"name": "Both"})
    page = post(
        "draft_rule_new", {"name": "Germany", "country": "DE, AT", "pool": "Nordics", "is_active": "on"}
    )
    assert "country DE or AT to Nordics" in page
    assert "give it no conditions" in post("draft_rule_move", {"down": 1}, 0)
    post("draft_rule_move", {}, 1)
    assert "is used by the rule “Germany”, the rule “Nordics”" in post("draft_pool_remove", {}, 0)
    form = {"name": "North", "team": pool.team_id, "is_active": "on", f"weight_{reps[0].pk}": 2}
    form |= {f"capacity_{rep.pk}": 7 for rep in reps}
    assert "Ann (2)" in post("draft_pool", form, 0)

    assert post("draft_publish", {"revision": 99, "note": "Try"}).count("was changed since") == 1
    draft = versions.draft()
    assert "This field is required" in post("draft_publish", {"revision": draft.revision})
    assert "is live" in post("draft_publish", {"revision": draft.revision, "note": "Try"})

    assert list(RoutingRule.objects.values_list("name", "pool__name")) == [
        ("Germany", "North"),
        ("Nordics", "North"),
    ]
    assert set(Rep.objects.values_list("capacity", flat=True)) == {7}
    assert "Try" in client.get(reverse("handoff:routing")).content.decode()
    assert "Bo (1)" in client.get(reverse("handoff:routing_version", args=[1])).content.decode()
    assert "is the draft now" in post("routing_back", {}, 1)
    assert "Nothing changed" in post("draft_discard")
    assert "no draft any more" in client.get(reverse("handoff:draft"), follow=True).content.decode()


def test_a_manager_changes_pools_of_the_own_team_only(client, pool, manager):
    far = Pool.objects.create(name="Away", team=make_team("Far"))
    draft = versions.open_draft(manager, clock.now())
    place = [row["id"] for row in draft.document["pools"]].index(far.pk)

    assert client.get(reverse("handoff:draft_pool", args=[place])).status_code == 404
    assert client.post(reverse("handoff:draft_pool_remove", args=[place])).status_code == 404


def test_the_draft_takes_as_many_queries_for_three_rules_as_for_one(
    client, pool, manager, django_assert_max_num_queries
):
    draft = versions.open_draft(manager, clock.now())
    client.get(reverse("handoff:draft"))  # what is made on first use
    counts = []
    for added in (0, 2):
        versions.change(
            draft,
            {**draft.document, "rules": [rule(f"R{n}") for n in range(added)] + draft.document["rules"]},
        )
        with django_assert_max_num_queries(30) as found:
            client.get(reverse("handoff:draft"))
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_preview_follows_the_draft_not_the_rows(client, pool, reps, manager):
    draft = versions.open_draft(manager, clock.now())
    versions.change(draft, {**draft.document, "rules": [rule(conditions={}, pool=None, rep=reps[1].pk)]})
    make_lead(email="maren@nordhavn.example")

    page = client.get(reverse("handoff:draft"), {"email": "maren@nordhavn.example"}).content.decode()
    assert "would go to: Bo: Germany" in page
    missing = client.get(reverse("handoff:draft"), {"email": "who@nordhavn.example"}).content.decode()
    assert "There is no lead with the address who@nordhavn.example" in missing


def test_a_replay_waits_runs_once_and_is_found_again(client, pool, reps, manager):
    now = clock.now()
    for n in range(4):
        make_mql(at=now - timedelta(days=3, hours=n))
    routing.drain(now)
    draft = versions.open_draft(manager, now)
    versions.change(draft, {**draft.document, "rules": [rule(conditions={}, pool=None, rep=reps[1].pk)]})

    page = client.post(reverse("handoff:replay_start"), {"days": 90}, follow=True).content.decode()
    assert "It begins within half a minute" in page
    assert (replays.drain(), replays.drain()) == (1, 0)

    replay = RoutingReplay.objects.get()
    assert {row["name"]: (row["leads"], row["actual"]) for row in replay.result["per_rep"]} == {
        "Ann": (0, 2), "Bo": (4, 2),
    }  # fmt: skip
    page = client.get(reverse("handoff:replay", args=[replay.pk])).content.decode()
    assert "4 MQLs routed anew; 2 with another rep" in page
    assert "What is assumed" in page
    assert "90 days" in client.get(reverse("handoff:draft")).content.decode()


def test_the_page_of_a_replay_asks_again_until_it_is_done(client, pool, manager):
    asked = replays.request(versions.open_draft(manager, clock.now()), 9, manager, clock.now())
    address, htmx = reverse("handoff:replay", args=[asked.pk]), {"HX-Request": "true"}

    assert 'hx-trigger="every 2s"' in client.get(address).content.decode()
    running = client.get(address, headers=htmx)
    replays.drain()
    done = client.get(address, headers=htmx)

    assert ("<html" in running.content.decode(), "HX-Refresh" in running) == (False, False)
    assert done["HX-Refresh"] == "true"
    assert "hx-get" not in client.get(address).content.decode()


def test_a_replay_that_nobody_finished_is_begun_again_and_given_up_in_the_end(pool, manager, at):
    asked = replays.request(versions.open_draft(manager, at), 9, manager, at)
    RoutingReplay.objects.update(attempts=1, claimed_until=at + timedelta(minutes=1))

    assert replays.drain(at) == 0
    RoutingReplay.objects.update(attempts=3)
    assert replays.drain(at + timedelta(minutes=2)) == 1
    asked.refresh_from_db()
    assert "three times" in asked.error
