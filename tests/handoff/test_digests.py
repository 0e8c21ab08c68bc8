from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from handoff import digests, mailing, notices, workflow
from handoff.models import Handoff, Notice
from handoff.notices import Kind
from handoff.personal import NoticePreference
from leads.models import Organisation
from tests.factories import make_mql, make_offer, make_rep, make_team, make_user
from tests.handoff.support import work

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 3, 12, 7, 5, tzinfo=UTC)


def digest_of(user):
    return Notice.objects.filter(kind=Kind.DIGEST, user=user).first()


def titles(notice):
    return [section["title"] for section in notice.details["sections"]]


def test_a_rep_is_told_what_to_do_today_once(settings):
    settings.LEADFLOW_PUBLIC_URL = "https://leads.example"
    rep = make_rep("Jonas")
    new = make_offer(rep, at=MORNING, first_name="Maren")
    deferred = workflow.accept(make_offer(rep, at=MORNING), by=rep.user, at=MORNING)
    workflow.defer(deferred, rep.user, MORNING.date() + timedelta(days=1), "Call", MORNING)
    Notice.objects.all().delete()

    assert digests.write_due(MORNING) == 1
    assert digests.write_due(MORNING + timedelta(minutes=5)) == 0

    digest = digest_of(rep.user)
    assert digest.text == "Your leads today: 1 new"
    assert titles(digest) == ["New: accept or turn down"]
    mailing.deliver_due(MORNING)
    (message,) = mail.outbox
    assert message.subject == digest.text
    assert f"- Maren: accept by 12 Mar 11:05\n  https://leads.example/handoffs/{new.pk}/" in message.body
    assert not Notice.objects.filter(user=rep.user).shown().exists()


def test_a_follow_up_of_today_is_in_it():
    rep = make_rep()
    offer = make_offer(rep, at=MORNING)
    workflow.accept(
        offer, rep.user, MORNING, next_step="Send the deck", next_step_at=MORNING + timedelta(hours=8)
    )
    Handoff.objects.update(first_contact_at=MORNING)

    digests.write_due(MORNING)

    assert titles(digest_of(rep.user)) == ["Follow up today"]


def test_nothing_to_say_is_decided_once_and_never_mailed():
    rep = make_rep()

    assert [digests.write_due(MORNING), digests.write_due(MORNING)] == [1, 0]
    make_offer(rep, at=MORNING)
    assert digests.write_due(MORNING + timedelta(hours=1)) == 0

    assert digest_of(rep.user).mail == "off"
    Notice.objects.exclude(kind=Kind.DIGEST).delete()
    assert mailing.deliver_due(MORNING) == 0


def test_a_manager_hears_of_the_team_alone():
    team = make_team("Nordics")
    boss, other = make_user("manager", team=team), make_user("manager", team=make_team("South"))
    rep = make_rep("Jonas", team=team, capacity=1)
    make_offer(rep, at=MORNING - timedelta(hours=2))
    make_mql(at=MORNING - timedelta(hours=1), first_name="Wanda")
    work(MORNING - timedelta(minutes=50))
    Handoff.objects.filter(status="offered").update(offered_at=MORNING - timedelta(days=1))

    digests.write_due(MORNING)

    digest = digest_of(boss)
    assert titles(digest) == ["Waiting for a rep", "Promises due within four hours, or late", "Yesterday"]
    assert digest.text == "Your team today: 1 without a rep, 1 at risk"
    assert digest.details["sections"][2]["items"] == [
        {"text": f"{count} {said}"}
        for count, said in (
            (1, "offered"),
            (0, "accepted"),
            (0, "turned down"),
            (0, "lapsed"),
            (0, "became SQLs"),
        )
    ]
    assert digest_of(other).details["sections"] == []


@pytest.mark.parametrize(("hour", "written"), [(6, 0), (7, 1), (11, 1), (12, 0)])
def test_it_is_morning_where_the_organisation_is(hour, written):
    Organisation.objects.update_or_create(id=1, defaults={"time_zone": "America/New_York"})
    make_rep()

    assert digests.write_due(datetime(2026, 3, 12, hour + 4, 1, tzinfo=UTC)) == written


def test_who_left_or_wants_none_gets_none():
    make_rep(is_active=False)
    NoticePreference.objects.create(user=make_rep().user, kind="digest", mail="off")
    make_user("marketer"), make_user("admin")

    assert digests.write_due(MORNING) == 0


def test_notices_for_the_digest_only_go_along_once():
    rep = make_rep()
    NoticePreference.objects.create(user=rep.user, kind=Kind.WOKEN, mail="digest")
    notices.notify([Notice(user=rep.user, kind=Kind.WOKEN, text="Maren woke up.", created_at=MORNING)])

    digests.write_due(MORNING)
    mailing.deliver_due(MORNING)

    (message,) = mail.outbox
    assert "WHAT HAPPENED\n- Maren woke up." in message.body
    digests.write_due(MORNING + timedelta(days=1))
    assert (
        digest_of(rep.user).details["sections"] == [] or Notice.objects.filter(kind=Kind.DIGEST).count() == 2
    )
