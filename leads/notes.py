"""Write a note about a lead; one by its rep is a first contact, so whoever counts those is told."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from leads.models import Lead, Note, User
from leads.signals import note_written


def write_note(lead: Lead, text: str, *, by: User, at: datetime, for_sales: bool = False) -> Note:
    """Write the note and send `note_written` in the same transaction."""
    with transaction.atomic():
        note = Note.objects.create(lead=lead, text=text, by=by, at=at, for_sales=for_sales)
        note_written.send(sender=Note, note=note)
    return note
