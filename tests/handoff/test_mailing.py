"""Mail over a real SMTP server, with workers that are killed at the worst moments."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings as configured
from django.db import transaction

from handoff import mailing
from handoff.models import Notice
from handoff.personal import NoticePreference
from tests.factories import make_offer, make_rep

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[2]


class Mailbox:
    """Keeps what is sent; `on[command]` is called before it is answered and may give another answer."""

    def __init__(self):
        self.mails, self.on = [], {}

    async def _asked(self, command):
        hook = self.on.get(command)
        return hook() if hook else None

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await self._asked("MAIL") or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return await self._asked("RCPT") or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := await self._asked("REFUSE"):
            return answer
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return await self._asked("DATA") or "250 OK"

    @property
    def ids(self):
        return Counter(mail["Message-ID"] for mail in self.mails)


@pytest.fixture
def mailbox(settings):
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 2
    box.port = port
    yield box
    controller.stop()


def offers(count):
    rep = make_rep("Jonas", email="jonas@example.test", capacity=100)
    for _ in range(count):
        make_offer(rep)


def test_mails_arrive_once_each_after_the_commit_only(mailbox, at):
    with pytest.raises(RuntimeError), transaction.atomic():
        offers(1)
        raise RuntimeError
    assert mailing.deliver_due(at) == 0

    offers(3)
    assert [mailing.deliver_due(at), mailing.deliver_due(at)] == [3, 0]

    assert len(mailbox.mails) == 3
    assert set(mailbox.ids.values()) == {1}
    mail = mailbox.mails[0]
    assert mail["To"] == "jonas@example.test"
    assert mail.get_content_type() == "multipart/alternative"
    assert "Why an MQL" in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "REFUSE"])
def test_a_refusal_is_tried_again(mailbox, at, command):
    offers(1)
    mailbox.on[command] = lambda: "451 Later"
    mailing.deliver_due(at)
    notice = Notice.objects.get()
    assert (notice.attempts, notice.sending_at, notice.error) == (1, None, "451 Later")

    mailbox.on.clear()
    assert mailing.deliver_due(notice.not_before) == 1
    assert len(mailbox.mails) == 1


def test_no_server_is_tried_again(at, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    offers(1)

    mailing.deliver_due(at)

    assert Notice.objects.to_mail(Notice.objects.get().not_before).exists()


def test_an_answer_that_got_lost_is_not_sent_twice_but_shown(mailbox, at):
    offers(1)
    mailbox.on["DATA"] = lambda: time.sleep(3)  # longer than we wait
    mailing.deliver_due(at)
    mailbox.on.clear()
    later = at.replace(hour=at.hour + 1)

    assert mailing.deliver_due(later) == 0
    assert len(mailbox.mails) == 1
    (notice,) = Notice.objects.in_doubt(later)
    assert notice.error

    assert mailing.send_again(later) == 1
    assert mailing.deliver_due(later) == 1


def test_of_two_workers_one_sends(mailbox, at):
    offers(1)
    notice = Notice.objects.get()
    assert mailing._claim(notice, at)

    assert not mailing._claim(notice, at)
    assert mailing.deliver_due(at) == 0
    assert mailbox.mails == []


def test_who_wants_no_mail_gets_none(mailbox, at):
    rep = make_rep()
    NoticePreference.objects.create(user=rep.user, kind="offered", mail="off")
    make_offer(rep)

    assert mailing.deliver_due(at) == 0
    assert Notice.objects.get().in_app


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    configured.DATABASES["default"]["ENGINE"].endswith("sqlite3"), reason="needs a database to share"
)
@pytest.mark.parametrize(("moment", "sure"), [("MAIL", True), ("RCPT", True), ("DATA", False)])
def test_a_worker_killed_between_sends_nothing_twice(mailbox, moment, sure):
    """Killed before the mail left it goes again by itself; killed after, it is not sent twice and stands in doubt."""
    from leads import clock  # noqa: PLC0415 - the real clock, as the worker has

    rep = make_rep("Jonas", email="jonas@example.test", capacity=100)
    for _ in range(3):
        make_offer(rep, at=clock.now())
    worker = _Worker(mailbox.port)
    seen = threading.Event()

    def kill():
        if not seen.is_set() and len(mailbox.mails) >= 1:
            seen.set()
            worker.kill()

    mailbox.on[moment] = kill
    worker.start()
    worker.process.wait(timeout=120)
    assert seen.is_set()
    assert worker.process.returncode == -signal.SIGKILL

    mailbox.on.clear()
    worker.start()
    assert worker.process.wait(timeout=120) == 0

    assert set(mailbox.ids.values()) == {1}
    assert len(mailbox.mails) == 3
    in_doubt = Notice.objects.filter(mailed_at=None, sending_at__isnull=False).count()
    assert in_doubt == (0 if sure else 1)


class _Worker:
    """`manage.py work --until-idle` on the tests' database, mailing to the mailbox."""

    def __init__(self, port):
        database = configured.DATABASES["default"]
        host = f"{database['USER']}@{database['HOST']}:{database['PORT'] or 5432}"
        self.env = {
            **os.environ, "DATABASE_URL": f"postgres://{host}/{database['NAME']}", "LEADFLOW_LOCAL": "1",
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        }  # fmt: skip

    def start(self):
        code = (
            "import django; django.setup(); from handoff.mailing import deliver_due\n"
            "while deliver_due(): pass"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**self.env, "DJANGO_SETTINGS_MODULE": "leadflow.settings"},
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)
