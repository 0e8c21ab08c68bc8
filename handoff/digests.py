"""The daily digest: what a rep has to do, and what a manager should know; once a day, if there is something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q

from handoff import inbox, sentences
from handoff.bulk import insert
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.notices import Kind
from handoff.personal import Mail, NoticePreference
from leads import clock
from leads.enums import Role
from leads.models import Organisation, User
from leads.wakeup import wake

BATCH = 200
MOST = 10  # items of a section; the rest is counted
LATEST = 5  # hours after the first; a digest of the morning is no use in the evening
AT_RISK = timedelta(hours=4)
_HELD = (QueueReason.NEW, QueueReason.RETURNED, QueueReason.NOT_SALES_READY)


@dataclass
class Section:
    """One heading of a digest; `words` says it in the subject: "3 new"."""

    title: str
    words: str
    items: list[dict[str, str]] = field(default_factory=list)
    more: int = 0


def write_due(at: datetime | None = None) -> int:
    """Write today's digests for those who have none; return how many people were looked at.

    Who has nothing to read gets an empty one that is never mailed, so that each day is decided once.
    """
    at = at or clock.now()
    zone = ZoneInfo(Organisation.current().time_zone)
    local = at.astimezone(zone)
    if not settings.LEADFLOW_DIGEST_HOUR <= local.hour < settings.LEADFLOW_DIGEST_HOUR + LATEST:
        return 0
    had = Notice.objects.filter(kind=Kind.DIGEST, day=local.date())
    off = NoticePreference.objects.filter(kind=Kind.DIGEST, mail=Mail.OFF)
    users = User.objects.filter(is_active=True, role__in=[Role.REP, Role.MANAGER])
    users = users.exclude(pk__in=had.values("user")).exclude(pk__in=off.values("user")).order_by("pk")
    todo = list(users[:BATCH])
    for user in todo:
        _write(user, at, zone)
    return len(todo)


@transaction.atomic
def _write(user: User, at: datetime, zone: ZoneInfo) -> None:
    sections = rep_sections(user, at, zone) if user.is_rep else manager_sections(user, at, zone)
    sections += _gathered(user, at)
    words = [section.words for section in sections if section.words]
    text = f"{'Your leads' if user.is_rep else 'Your team'} today: {', '.join(words) or 'a summary'}"
    insert(
        Notice,
        ("user_id", "kind", "day", "text", "details", "created_at", "in_app", "mail"),
        [
            (
                user.pk, Kind.DIGEST, at.astimezone(zone).date(), text[:300],
                {"sections": [vars(section) for section in sections]}, at, False,
                Mail.NOW if sections else Mail.OFF,
            )
        ],
        skip_conflicts=True,
    )  # fmt: skip
    wake("handoff.tasks.deliver_notices")


def rep_sections(user: User, at: datetime, zone: ZoneInfo) -> list[Section]:
    """Say what is new, due and to follow up today."""
    groups = {group.slug: group.rows for group in inbox.grouped(Handoff.objects.visible_to(user), at)}
    return _filled(
        _handoffs("Due within the hour, or late", "due", groups.get("soon", []), zone),
        _handoffs("New: accept or turn down", "new", groups.get("new", []), zone),
        _handoffs("Follow up today", "to follow up", groups.get("today", []), zone),
    )


def manager_sections(user: User, at: datetime, zone: ZoneInfo) -> list[Section]:
    """Say who waits without a rep, which promises are at risk, and what happened yesterday."""
    mine = Handoff.objects.visible_to(user).select_related("lead__company", "rep__user")
    stuck = mine.filter(status=HandoffStatus.QUEUED).exclude(queue_reason__in=_HELD)
    soon = at + AT_RISK
    accept = Q(status=HandoffStatus.OFFERED, accept_by__lte=soon)
    contact = Q(
        status=HandoffStatus.ACCEPTED, closed_at=None, first_contact_at=None, deferred_until=None,
        contact_by__lte=soon,
    )  # fmt: skip
    risk = mine.filter(accept | contact).order_by("accept_by", "pk")
    return _filled(
        _handoffs(
            "Waiting for a rep", "without a rep", list(stuck.order_by("waiting_since")), zone, is_team=True
        ),
        _handoffs("Promises due within four hours, or late", "at risk", list(risk), zone, is_team=True),
        _yesterday(user, at, zone),
    )


def _handoffs(
    title: str, words: str, rows: Sequence[Handoff], zone: ZoneInfo, *, is_team: bool = False
) -> Section:
    items = [
        {
            "text": _line(row, zone, is_team=is_team),
            "url": f"{settings.LEADFLOW_PUBLIC_URL.rstrip('/')}/handoffs/{row.pk}/",
        }
        for row in rows[:MOST]
    ]
    return Section(title, f"{len(rows)} {words}", items, max(len(rows) - MOST, 0))


def _line(row: Handoff, zone: ZoneInfo, *, is_team: bool) -> str:
    lead = row.lead
    who = sentences.who(lead.name, lead.job_title, lead.company.name if lead.company else "")
    if row.status == HandoffStatus.QUEUED:
        return f"{who}: {row.get_queue_reason_display()}"
    due = inbox.due_at(row)
    promise = "accept" if row.status == HandoffStatus.OFFERED else row.next_step or "first contact"
    by = f" by {sentences.moment(due, str(zone))}" if due else ""
    rep = f" ({row.rep.user.name})" if row.rep and is_team else ""
    return f"{who}: {promise}{by}{rep}"


def _yesterday(user: User, at: datetime, zone: ZoneInfo) -> Section:
    today = datetime.combine(at.astimezone(zone).date(), time.min, tzinfo=zone)
    span = (today - timedelta(days=1), today - timedelta(microseconds=1))
    counts: dict[str, Any] = Handoff.objects.visible_to(user).aggregate(
        offered=Count("pk", filter=Q(offered_at__range=span)),
        accepted=Count("pk", filter=Q(status=HandoffStatus.ACCEPTED, decided_at__range=span)),
        turned=Count(
            "pk",
            filter=Q(status__in=[HandoffStatus.REJECTED, HandoffStatus.RETURNED], decided_at__range=span),
        ),
        lapsed=Count("pk", filter=Q(status=HandoffStatus.EXPIRED, closed_at__range=span)),
        sql=Count("cycle", distinct=True, filter=Q(cycle__sql_at__range=span)),
    )
    words = {
        "offered": "offered", "accepted": "accepted", "turned": "turned down", "lapsed": "lapsed", "sql": "became SQLs",
    }  # fmt: skip
    items = (
        [{"text": f"{counts[name]:,} {said}"} for name, said in words.items()] if any(counts.values()) else []
    )
    return Section("Yesterday", "", items)


def _gathered(user: User, at: datetime) -> list[Section]:
    """Take along the notices that the user wants in the digest only."""
    waiting = Notice.objects.filter(
        user=user, mail=Mail.DIGEST, mailed_at=None, created_at__gt=at - timedelta(days=3)
    )
    rows = list(waiting.order_by("created_at", "pk").values_list("pk", "text"))
    Notice.objects.filter(pk__in=[pk for pk, _ in rows]).update(sending_at=at, mailed_at=at)
    items = [{"text": text} for _, text in rows[:MOST]]
    return _filled(Section("What happened", f"{len(rows)} notices", items, max(len(rows) - MOST, 0)))


def _filled(*sections: Section) -> list[Section]:
    return [section for section in sections if section.items]
