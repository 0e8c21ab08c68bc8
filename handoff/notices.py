"""Telling people: a notice is written with the fact it tells and mailed after the commit (outbox)."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import models
from django.db.models import F

from handoff.bulk import insert
from handoff.models import MAIL_BACKOFF, Notice
from leads import clock
from leads.enums import Role
from leads.models import User
from leads.wakeup import wake

logger = logging.getLogger(__name__)


class Kind(models.TextChoices):
    OFFERED = "offered", "New handoff"
    EXPIRED = "expired", "Handoff lapsed"
    REASSIGNED = "reassigned", "Handoff reassigned"
    WITHDRAWN = "withdrawn", "Handoff withdrawn"
    QUEUED = "queued", "Waiting for a rep"
    RETURNED = "returned", "Back from sales"
    DEFERRAL_OVER = "deferral_over", "Deferred lead is back"
    WOKEN = "woken", "Nurtured lead woke up"
    WEBHOOK_OFF = "webhook_off", "Webhook switched off"


BATCH = 500
# Failures in a row after which the rest is left for the next run: each may have cost a time-out.
PATIENCE = 3


def notify(notices: Iterable[Notice]) -> None:
    """Write notices in the transaction of what they tell; the same about a handoff reaches a user once."""
    columns = ("user_id", "kind", "handoff_id", "lead_id", "text", "created_at")
    if rows := [tuple(getattr(notice, column) for column in columns) for notice in notices]:
        insert(Notice, columns, rows, skip_conflicts=True)
        wake("handoff.tasks.deliver_notices")


def managers_of(team_id: int | None) -> list[User]:
    """Return who answers for a team's queue: its managers, else the admins."""
    active = User.objects.filter(is_active=True)
    managers = list(active.filter(role=Role.MANAGER, team_id=team_id)) if team_id else []
    return managers or list(active.filter(role=Role.ADMIN))


def marketers() -> list[User]:
    """Return everybody in marketing."""
    return list(User.objects.filter(is_active=True, role=Role.MARKETER))


def mark_read(user: User, at: datetime, ids: Sequence[int] | None = None) -> int:
    """Mark the user's notices as read, all or some; return how many were unread."""
    unread = Notice.objects.filter(user=user, read_at=None)
    return (unread if ids is None else unread.filter(pk__in=ids)).update(read_at=at)


def deliver_due(at: datetime | None = None) -> int:
    """Mail the notices that are due; return how many were tried.

    Each is claimed by one worker. A crash after the claim only means another try later, under the same
    message id, so a mail program shows it once.
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


def _due(at: datetime) -> list[Notice]:
    waiting = Notice.objects.to_mail(at)
    return list(waiting.select_related("user", "handoff", "lead").order_by("created_at", "pk")[:BATCH])


def _deliver(notice: Notice, connection: BaseEmailBackend, at: datetime) -> bool | None:
    """Claim and mail one notice; tell whether it went, None if another worker has it."""
    wait = MAIL_BACKOFF[min(notice.attempts, len(MAIL_BACKOFF) - 1)]
    untouched = Notice.objects.filter(pk=notice.pk, mailed_at=None, attempts=notice.attempts)
    if not untouched.update(attempts=F("attempts") + 1, not_before=at + timedelta(minutes=wait)):
        return None
    mine = Notice.objects.filter(pk=notice.pk)
    try:
        _message(notice, connection).send()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        logger.warning("notice %s could not be mailed: %r", notice.pk, error)
        mine.update(error=f"{type(error).__name__}: {error}"[:300])
        return False
    mine.update(mailed_at=at, error="")
    return True


def _message(notice: Notice, connection: BaseEmailBackend) -> EmailMessage:
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "leadflow"
    return EmailMessage(
        subject=_one_line(notice.text)[:150],
        body=mail_text(notice),
        to=[notice.user.email],
        headers={"Message-ID": f"<notice-{notice.pk}@{host}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )


def mail_text(notice: Notice) -> str:
    """Return the mail's text: what happened, why the lead is worth it, and where to go."""
    why = notice.handoff.context.get("why", {}).get("now", "") if notice.handoff else ""
    return "\n\n".join(part for part in (notice.text, why, link(notice)) if part) + "\n"


def link(notice: Notice) -> str:
    """Return the full address of the page the notice is about; a marketer sees leads, not handoffs."""
    base = settings.LEADFLOW_PUBLIC_URL.rstrip("/")
    if notice.handoff_id and notice.user.role != Role.MARKETER:
        return f"{base}/handoffs/{notice.handoff_id}/"
    if notice.lead_id:
        return f"{base}/leads/{notice.lead_id}/"
    if notice.kind == Kind.WEBHOOK_OFF:
        return f"{base}/webhooks/"
    return f"{base}/notices/"


def _one_line(text: str) -> str:
    return " ".join(text.split())
