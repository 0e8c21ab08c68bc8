"""Logging a contact from the handoff in one act; the rep's first one stops the contact clock (R24)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from handoff.discovery import must_work
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.models import Handoff
from leads.conversations import log_conversation
from leads.models import Conversation, User

Kind = Conversation.Kind


@dataclass(frozen=True)
class Contact:
    """One thing a rep does to reach somebody; `done` completes the toast."""

    slug: str
    label: str
    kind: str
    reached: bool
    done: str
    icon: str


CONTACTS = {
    contact.slug: contact
    for contact in (
        Contact("call", "Spoke on the phone", Kind.CALL, True, "Call with {} logged.", "phone"),
        Contact("no_answer", "Called, no answer", Kind.CALL, False, "Call to {} logged, no answer.", "phone"),
        Contact("mail", "Sent a mail", Kind.MAIL, False, "Mail to {} logged.", "mail"),
        Contact("meeting", "Met", Kind.MEETING, True, "Meeting with {} logged.", "users"),
        Contact("note", "Left a note", Kind.NOTE, False, "Note on {} logged.", "note"),
    )
}


def log_contact(handoff: Handoff, what: str, *, by: User, at: datetime, summary: str = "") -> Conversation:
    """Log one of CONTACTS with the handoff's lead; only where the lead was spoken with it is a signal, too."""
    must_work(handoff, by)
    contact = CONTACTS.get(what)
    if contact is None:
        raise Invalid({"what": f"Choose one of {', '.join(CONTACTS)}."})
    if contact.slug == "note" and not summary.strip():
        raise Invalid({"summary": "Write the note first: an empty one says nothing."})
    return log_conversation(handoff.lead, contact.kind, contact.reached, summary.strip()[:5000], at, by)


def log_many(
    handoffs: Iterable[Handoff], what: str, *, by: User, at: datetime
) -> tuple[list[Handoff], list[tuple[Handoff, str]]]:
    """Log the same contact with several leads; return those logged and the others with why not."""
    logged, refused = [], []
    for handoff in sorted(handoffs, key=lambda one: one.lead_id):
        try:
            log_contact(handoff, what, by=by, at=at)
        except (HandoffConflict, NotAllowed) as problem:
            refused.append((handoff, str(problem)))
        else:
            logged.append(handoff)
    return logged, refused
