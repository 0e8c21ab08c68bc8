"""Telling people: a notice is written with the fact it tells and mailed after the commit (outbox)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import models

from handoff.bulk import insert
from handoff.models import Notice
from handoff.personal import NoticePreference
from leads.enums import Role
from leads.models import User
from leads.wakeup import wake


class Kind(models.TextChoices):
    OFFERED = "offered", "New handoff"
    EXPIRED = "expired", "Handoff lapsed"
    ACCEPT_WARNING = "accept_warning", "Answer due soon"
    ACCEPT_LATE = "accept_late", "Offer about to lapse"
    CONTACT_WARNING = "contact_warning", "First contact due soon"
    CONTACT_LATE = "contact_late", "First contact late"
    CONTACT_LAPSED = "contact_lapsed", "Taken for want of a first contact"
    REASSIGNED = "reassigned", "Handoff reassigned"
    WITHDRAWN = "withdrawn", "Handoff withdrawn"
    QUEUED = "queued", "Waiting for a rep"
    WAITS_LONG = "waits_long", "Without a rep for too long"
    RETURNED = "returned", "Back from sales"
    DEFERRAL_OVER = "deferral_over", "Deferred lead is back"
    WOKEN = "woken", "Nurtured lead woke up"
    WEBHOOK_OFF = "webhook_off", "Webhook switched off"
    DIGEST = "digest", "Daily digest"


def notify(notices: Iterable[Notice]) -> None:
    """Write notices in the transaction of what they tell; the same about a handoff reaches a user once.

    How each is told follows its user's preferences at that moment.
    """
    told = list(notices)
    if not told:
        return
    kinds = {notice.kind for notice in told}
    wishes = {
        (wish.user_id, wish.kind): wish
        for wish in NoticePreference.objects.filter(
            user__in={notice.user_id for notice in told}, kind__in=kinds
        )
    }
    for notice in told:
        if wish := wishes.get((notice.user_id, notice.kind)):
            notice.in_app, notice.mail = wish.in_app, wish.mail
    columns = (
        "user_id",
        "kind",
        "handoff_id",
        "lead_id",
        "text",
        "created_at",
        "in_app",
        "mail",
        "day",
        "details",
    )
    rows = [tuple(getattr(notice, column) for column in columns) for notice in told]
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
