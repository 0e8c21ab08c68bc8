import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction

from handoff import mailing, notices
from handoff.models import MAIL_BACKOFF, Notice
from handoff.notices import Kind
from leads import nurture
from leads.lifecycle import move_to_stage
from tests.factories import make_lead, make_offer, make_rep, make_user
from tests.handoff.support import LATER

pytestmark = pytest.mark.django_db


class FailingBackend(EmailBackend):
    def send_messages(self, messages):
        raise smtplib.SMTPDataError(451, b"try later")


@pytest.fixture
def offer(settings):
    settings.LEADFLOW_PUBLIC_URL = "https://leads.example/"
    return make_offer(make_rep("Jonas Lind", email="jonas@example.test"), first_name="Maren", job_title="CTO")


def test_a_mail_says_what_why_and_where(offer, at):
    assert mailing.deliver_due(at) == 1

    (message,) = mail.outbox
    assert message.to == ["jonas@example.test"]
    assert message.subject == "Maren, CTO is yours to take. Accept by 12 Mar 14:00."
    assert message.body.startswith(
        "Maren, CTO is yours to take. Accept by 12 Mar 14:00.\n\nMaren is CTO.\n\nWhy an MQL: Content, with fit."
    )
    assert f"https://leads.example/handoffs/{offer.pk}/\n" in message.body
    assert "\n\n\n" not in message.body
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    assert f'<a href="https://leads.example/handoffs/{offer.pk}/">Open the handoff</a>' in html
    assert message.extra_headers["Message-ID"] == f"<notice-{Notice.objects.get().pk}@localhost>"


def test_each_notice_is_mailed_once(offer, at):
    assert [mailing.deliver_due(at), mailing.deliver_due(LATER)] == [1, 0]
    assert Notice.objects.get().mailed_at == at


def test_nothing_is_mailed_of_what_was_rolled_back(at):
    with pytest.raises(RuntimeError), transaction.atomic():
        make_offer()
        raise RuntimeError

    assert (mailing.deliver_due(at), mail.outbox) == (0, [])


def test_a_failed_mail_is_tried_again_later_and_later_then_given_up(offer, at, settings, monkeypatch):
    settings.EMAIL_BACKEND = f"{__name__}.FailingBackend"
    moment = at
    for minutes in MAIL_BACKOFF:
        assert mailing.deliver_due(moment) == 1
        assert mailing.deliver_due(moment + timedelta(minutes=minutes, seconds=-1)) == 0
        moment += timedelta(minutes=minutes)
    assert mailing.deliver_due(moment) == 1
    notice = Notice.objects.get()

    assert (notice.attempts, notice.mailed_at) == (len(MAIL_BACKOFF) + 1, None)
    assert notice.error == "451 try later"
    assert not Notice.objects.to_mail(moment + timedelta(hours=9)).exists()


def test_old_news_and_people_who_left_get_no_mail(offer, at):
    assert mailing.deliver_due(at + timedelta(days=1)) == 0
    offer.rep.user.is_active = False
    offer.rep.user.save()
    assert mailing.deliver_due(at) == 0


def test_a_name_with_line_breaks_cannot_add_headers(at):
    make_offer(make_rep(), first_name="Maren\r\nBcc: all@example.test")

    mailing.deliver_due(at)

    assert "\n" not in mail.outbox[0].subject


def test_notices_are_marked_read_by_their_user_only(offer, at):
    assert notices.mark_read(make_user(), at) == 0
    assert notices.mark_read(offer.rep.user, at) == 1
    assert Notice.objects.get().read_at == at


def test_marketers_are_sent_to_the_lead(at, settings):
    settings.LEADFLOW_PUBLIC_URL = "https://leads.example"
    offer = make_offer()
    notice = Notice(user=make_user("marketer"), kind=Kind.RETURNED, handoff=offer, lead=offer.lead, text="x")

    assert notices.link(notice) == f"https://leads.example/leads/{offer.lead_id}/"
    notice.handoff = notice.lead = None
    assert notices.link(notice) == "https://leads.example/notices/"


def test_the_owner_is_told_once_when_a_nurtured_lead_wakes(at):
    rep = make_rep()
    lead = make_lead(owner=rep.user)
    move_to_stage(
        lead, "lead", at=at, status="nurture", wake_on=at.date() + timedelta(days=5), nurture_reason="Content"
    )

    assert nurture.announce_woken(at + timedelta(days=4)) == 0
    for _ in range(2):
        assert nurture.announce_woken(at + timedelta(days=5)) == 1

    notice = Notice.objects.get()
    assert (notice.user, notice.kind, notice.lead) == (rep.user, "woken", lead)
    assert list(nurture.woken_up(at.date() + timedelta(days=9))) == [lead]
    lead.refresh_from_db()
    assert lead.status == "nurture"
