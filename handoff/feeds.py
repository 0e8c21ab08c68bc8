"""A user's deadlines and follow-ups as a calendar to subscribe to (iCalendar, RFC 5545), at a secret address."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from handoff.models import Handoff, HandoffStatus
from handoff.personal import CalendarFeed
from leads.models import Conversation, User

MOST = 500
LINE = 75  # bytes, after which a line goes on in the next
PAST = timedelta(days=30)


@dataclass(frozen=True)
class Entry:
    """One event; a date is a whole day. `uid` stays the same whatever changes, `sequence` goes up."""

    uid: str
    title: str
    start: datetime | date
    url: str
    note: str = ""
    minutes: int = 15
    sequence: int = 0
    alarm: bool = False


def new_address(user: User, at: datetime) -> str:
    """Make a new secret for a user's calendar and return it; the old one opens nothing any more."""
    secret = secrets.token_urlsafe(32)
    CalendarFeed.objects.update_or_create(user=user, defaults={"token_hash": _hash(secret), "created_at": at})
    return secret


def revoke(user: User) -> bool:
    """Close the address; tell whether there was one."""
    return bool(CalendarFeed.objects.filter(user=user).delete()[0])


def owner_of(secret: str) -> User | None:
    """Return whose calendar a secret opens, if they may still sign in."""
    feed = CalendarFeed.objects.select_related("user").filter(token_hash=_hash(secret), user__is_active=True)
    found = feed.first()
    return found.user if found else None


def render(user: User, at: datetime) -> bytes:
    """Return the calendar as it stands."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Leadflow//Calendar//EN", "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH", f"X-WR-CALNAME:{escape(f'Leadflow: {user.name}')}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT30M", "X-PUBLISHED-TTL:PT30M",
    ]  # fmt: skip
    for entry in entries(user, at):
        lines += _event(entry, at)
    lines.append("END:VCALENDAR")
    return b"".join(fold(line) for line in lines)


def entries(user: User, at: datetime) -> Iterator[Entry]:
    """Give what a user has to keep in mind: their own handoffs, a manager the team's."""
    working = Q(status=HandoffStatus.OFFERED) | Q(status=HandoffStatus.ACCEPTED, cycle__ended_at=None)
    rows = Handoff.objects.visible_to(user).filter(working).select_related("lead__company", "rep__user")
    for handoff in rows.order_by("pk")[:MOST]:
        yield from _of_handoff(handoff, user)
    meetings = Conversation.objects.filter(lead__in=rows.values("lead"), kind=Conversation.Kind.MEETING)
    if user.is_rep:
        meetings = meetings.filter(by=user)
    for meeting in meetings.filter(at__gt=at - PAST).select_related("lead").order_by("pk")[:MOST]:
        yield Entry(
            _uid("meeting", meeting.pk), f"Meeting: {meeting.lead.name}", meeting.at,
            f"{_base()}/leads/{meeting.lead_id}/", meeting.summary[:500], minutes=30,
        )  # fmt: skip


def _of_handoff(handoff: Handoff, user: User) -> Iterator[Entry]:
    lead, version = handoff.lead, handoff.version
    company = f" ({lead.company.name})" if lead.company else ""
    who = f"{lead.name}{company}"
    if handoff.rep and handoff.rep.user_id != user.pk:
        who += f", {handoff.rep.user.name}"
    url = f"{_base()}/handoffs/{handoff.pk}/"
    why = handoff.context.get("why", {}).get("now", "")
    if handoff.status == HandoffStatus.OFFERED and handoff.accept_by:
        yield Entry(
            _uid("accept", handoff.pk), f"Accept by now: {who}", handoff.accept_by, url, why,
            sequence=version, alarm=True,
        )  # fmt: skip
        return
    if handoff.deferred_until:
        step = handoff.next_step or "Back from deferral"
        yield Entry(
            _uid("deferred", handoff.pk), f"{step}: {who}", handoff.deferred_until, url, sequence=version
        )
        return
    waits = handoff.first_contact_at is None and handoff.closed_at is None and handoff.paused_at is None
    if handoff.contact_by and waits:
        yield Entry(
            _uid("contact", handoff.pk), f"First contact by now: {who}", handoff.contact_by, url, why,
            sequence=version, alarm=True,
        )  # fmt: skip
    if handoff.next_step_at:
        step = handoff.next_step or "Next step"
        yield Entry(
            _uid("step", handoff.pk),
            f"{step}: {who}",
            handoff.next_step_at,
            url,
            sequence=version,
            alarm=True,
        )
    elif lead.next_step_on:
        step = lead.next_step or "Next step"
        yield Entry(_uid("step", handoff.pk), f"{step}: {who}", lead.next_step_on, url, sequence=version)


def _event(entry: Entry, at: datetime) -> list[str]:
    title = " ".join(entry.title.split())
    lines = ["BEGIN:VEVENT", f"UID:{entry.uid}", f"DTSTAMP:{_stamp(at)}", f"SEQUENCE:{entry.sequence}"]
    if isinstance(entry.start, datetime):
        end = entry.start + timedelta(minutes=entry.minutes)
        lines += [f"DTSTART:{_stamp(entry.start)}", f"DTEND:{_stamp(end)}"]
    else:
        lines += [
            f"DTSTART;VALUE=DATE:{entry.start:%Y%m%d}",
            f"DTEND;VALUE=DATE:{entry.start + timedelta(days=1):%Y%m%d}", "TRANSP:TRANSPARENT",
        ]  # fmt: skip
    lines += [f"SUMMARY:{escape(title)}", f"URL:{entry.url}"]
    note = f"{entry.note}\n{entry.url}".strip()
    lines.append(f"DESCRIPTION:{escape(note)}")
    if entry.alarm:
        lines += [
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{escape(title)}",
            "TRIGGER:-PT15M",
            "END:VALARM",
        ]
    return [*lines, "END:VEVENT"]


def escape(text: str) -> str:
    """Write a text as a value; control characters go, line ends are written out."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c == "\n" or (ord(c) >= 32 and ord(c) != 127))
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def fold(line: str) -> bytes:
    """Break a line after 75 bytes, never within a character."""
    parts: list[bytes] = []
    current = b""
    for character in line:
        encoded = character.encode()
        # A continued line begins with a space, which counts.
        if len(current) + len(encoded) > LINE - (1 if parts else 0):
            parts.append(current)
            current = b""
        current += encoded
    return b"\r\n ".join([*parts, current]) + b"\r\n"


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _uid(kind: str, pk: int) -> str:
    return (
        f"{kind}-{pk}@{settings.LEADFLOW_PUBLIC_URL.rpartition('//')[2].partition('/')[0].partition(':')[0]}"
    )


def _base() -> str:
    return settings.LEADFLOW_PUBLIC_URL.rstrip("/")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
