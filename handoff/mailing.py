"""Mailing notices after the commit: each once at most, and once unless it was interrupted while it left."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F

from handoff import letters, smtp
from handoff.models import MAIL_BACKOFF, MAIL_WITHIN, Notice
from handoff.personal import Mail
from leads import clock

logger = logging.getLogger(__name__)

BATCH = 500
# Failures in a row after which the rest is left for the next run: each may have cost a time-out.
PATIENCE = 3


def deliver_due(at: datetime | None = None) -> int:
    """Mail the notices that are due; return how many were tried. Safe to run several times at once.

    A notice is claimed at the last moment before its mail can leave. Whoever dies before leaves it to the next
    run; one that dies after leaves it in doubt, and no run sends it again: a person may, from the
    operations page. The notice itself is in the app either way.
    """
    at = at or clock.now()
    due = _due(at)
    if not due:
        return 0
    connection = get_connection()
    tried = failed = 0
    try:
        for notice in due:
            sent = _deliver(notice, connection, at)
            tried += sent is not None
            failed = failed + 1 if sent is False else 0
            if failed == PATIENCE:
                break
    finally:
        connection.close()
    return tried


def send_again(at: datetime) -> int:
    """Have all mails tried again that failed, were given up or are in doubt, if still news; return how many."""
    wanted = Notice.objects.filter(mailed_at=None, mail=Mail.NOW, created_at__gt=at - MAIL_WITHIN)
    again = wanted.filter(attempts__gt=0, sending_at=None) | wanted.in_doubt(at)
    return again.update(attempts=0, not_before=None, sending_at=None, error="")


def _due(at: datetime) -> list[Notice]:
    waiting = Notice.objects.to_mail(at)
    related = ("user", "handoff__lead__company", "lead")
    return list(waiting.select_related(*related).order_by("created_at", "pk")[:BATCH])


def _deliver(notice: Notice, connection: BaseEmailBackend, at: datetime) -> bool | None:
    """Mail one notice; tell whether it went, None if another worker has it."""
    mine = Notice.objects.filter(pk=notice.pk)
    try:
        if not smtp.send(letters.compose(notice, connection), connection, partial(_claim, notice, at)):
            return None
    except smtp.NotSent as failed:
        logger.warning("notice %s was not mailed: %s", notice.pk, failed)
        wait = MAIL_BACKOFF[min(notice.attempts, len(MAIL_BACKOFF) - 1)]
        mine.update(
            sending_at=None, attempts=notice.attempts + 1, not_before=at + timedelta(minutes=wait),
            error=str(failed)[:300],
        )  # fmt: skip
        return False
    except smtp.InDoubt as lost:
        logger.warning("notice %s may or may not have been mailed: %s", notice.pk, lost)
        mine.update(error=str(lost)[:300])
        return False
    mine.update(mailed_at=at, error="")
    return True


def _claim(notice: Notice, at: datetime) -> bool:
    free = Notice.objects.filter(pk=notice.pk, mailed_at=None, sending_at=None, attempts=notice.attempts)
    return bool(free.update(sending_at=at, attempts=F("attempts") + 1))
