"""What a mail says: readable as plain text, with the same as HTML beside it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from handoff.models import Notice
from handoff.notices import Kind, link

MOST_ACTIONS = 6
MOST_ANSWERS = 12


def compose(notice: Notice, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """Return the mail of a notice; load it with user, handoff, the handoff's lead and company, and lead."""
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "leadflow"
    context = _context(notice)
    mail = EmailMultiAlternatives(
        subject=" ".join(notice.text.split())[:150],
        body=_tidy(render_to_string("handoff/mail.txt", context)),
        to=[notice.user.email],
        # The same for every try, so that a mail program can tell a repeat.
        headers={"Message-ID": f"<notice-{notice.pk}@{host}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    mail.attach_alternative(render_to_string("handoff/mail.html", context), "text/html")
    return mail


def _context(notice: Notice) -> dict[str, Any]:
    base = settings.LEADFLOW_PUBLIC_URL.rstrip("/")
    return {
        "notice": notice,
        "note": _note(notice),
        "lead": notice.lead,
        "sections": (notice.details or {}).get("sections", []),
        "link": link(notice),
        "settings_link": f"{base}/notices/settings/",
        "why": notice.handoff.context.get("why", {}).get("now", "") if notice.handoff else "",
    }


def _note(notice: Notice) -> dict[str, Any]:
    """Return the context note of an offer, for whoever must decide on it; nothing for other news."""
    if notice.kind != Kind.OFFERED or notice.handoff is None:
        return {}
    note = notice.handoff.context
    if not note:
        return {}
    written = [pair for form in note.get("forms", []) for pair in form["answers"].items()]
    return {**note, "actions": note.get("actions", [])[:MOST_ACTIONS], "written": written[:MOST_ANSWERS]}


def _tidy(text: str) -> str:
    """Drop trailing spaces, and all but one of several empty lines."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
