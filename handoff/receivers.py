"""What handoff does, in the same transaction, about things the leads app announces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q
from django.dispatch import receiver

from handoff import notices, opening, outbox
from handoff.discovery import qualify_by_rule
from handoff.locks import lock_lead, lock_leads
from handoff.models import Handoff, HandoffStatus, Notice
from handoff.notices import Kind
from leads.enums import Stage
from leads.lifecycle import QUALIFIED
from leads.models import Conversation, Cycle, Definition, Lead, Note, StageChange
from leads.signals import contact_made, definition_published, note_written, nurture_woken, stage_changed


@receiver(stage_changed)
def follow_stage(changes: list[StageChange], **kwargs: Any) -> None:
    """Open a handoff for each new MQL; close what a stage further on or the end of the cycle makes void."""
    entries = [change for change in changes if change.to_stage == Stage.MQL]
    qualified = [change for change in changes if change.to_stage == Stage.SQL]
    ended = [change for change in changes if change.from_stage in QUALIFIED and change.to_stage == Stage.LEAD]
    outbox.announce_stages(changes)
    if entries:
        opening.open_handoffs(entries)
    if qualified:
        opening.close_for_sql(qualified)
    if ended:
        opening.close_with_cycle(ended)


@receiver(contact_made)
def note_first_contact(conversation: Conversation, **kwargs: Any) -> None:
    """Stop the contact clock when the rep logs the first conversation of the cycle; it frees the seat."""
    has_met = conversation.kind == Conversation.Kind.MEETING and conversation.reached
    _note_contact(conversation.lead_id, conversation.by_id, conversation.at, has_met=has_met)


@receiver(note_written)
def note_first_note(note: Note, **kwargs: Any) -> None:
    """A note by the rep stops the contact clock like any other contact."""
    _note_contact(note.lead_id, note.by_id, note.at)


def _note_contact(lead_id: int, by_id: int | None, at: datetime, *, has_met: bool = False) -> None:
    lead = lock_lead(lead_id)
    accepted = Handoff.objects.filter(
        lead=lead, status=HandoffStatus.ACCEPTED, rep__user=by_id, cycle__number=lead.cycle_number
    )
    handoff = accepted.filter(Q(closed_at=None) | Q(cycle__ended_at=None)).order_by("-attempt").first()
    if handoff is None:
        return
    first = Handoff.objects.filter(pk=handoff.pk, first_contact_at=None)
    if first.update(first_contact_at=at):
        opening.wake_routing()
    Cycle.objects.filter(pk=handoff.cycle_id, contacted_at=None).update(contacted_at=at)
    if has_met:
        Cycle.objects.filter(pk=handoff.cycle_id, meeting_at=None).update(meeting_at=at)
    # A call of last week is no SQL of last week: the ledger only goes forward.
    qualify_by_rule(handoff, at=max(at, lead.stage_since))


@receiver(definition_published)
def tell_of_definition(definition: Definition, at: datetime, **kwargs: Any) -> None:
    """Tell other systems that another definition is in force."""
    outbox.announce_definition(definition, at)


@receiver(nurture_woken)
def tell_owners(lead_ids: Sequence[int], at: datetime, **kwargs: Any) -> None:
    """Tell each owner once that a lead they nurture woke up."""
    lock_leads(lead_ids)
    owned = Lead.objects.filter(pk__in=lead_ids, owner__isnull=False)
    told = Notice.objects.filter(kind=Kind.WOKEN, lead__in=lead_ids, created_at__gte=F("lead__stage_since"))
    notices.notify(
        Notice(
            user_id=lead.owner_id, kind=Kind.WOKEN, lead=lead, created_at=at,
            text=f"{lead.name[:150]} woke up from nurture ({lead.nurture_reason}). Look again."[:300],
        )
        for lead in owned.exclude(pk__in=told.values("lead")) if lead.owner_id
    )  # fmt: skip
