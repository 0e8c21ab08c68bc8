"""Undo of an import: people it brought and nobody has touched go, values it replaced come back.

The ledger forgets nothing, so a lead that goes is disqualified with the reason, and everything that tells who it
was is blanked: the next import of the same person makes a new lead. A lead that somebody worked with, or that did
something since, stays; so does a suspect's step to lead, which no door leads back from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from leads import clock
from leads.enums import Outcome, Status
from leads.imports.options import Options
from leads.intake import storage
from leads.lifecycle import Move, move_many
from leads.models import (
    Conversation,
    EngagementDay,
    Event,
    Identity,
    ImportJob,
    ImportRow,
    Lead,
    Note,
    ProfileChange,
    StageChange,
)
from leads.profile import announce, record_changes, save_columns
from leads.sources import IMPORTS
from leads.wakeup import wake

CHUNK = 500
UNDONE, KEPT = "undone", "kept"
BLANKS: dict[str, Any] = {
    "email": None, "phone": "", "first_name": "", "last_name": "", "company": None, "job_title": "", "role": "",
    "seniority": "", "industry": "", "employees": None, "country": "", "region": "", "tech_stack": "",
    "data_maturity": "", "product_interest": "", "is_free_mail": None, "is_competitor": None, "is_student": None,
    "imported_stage": "", "source": "", "medium": "", "campaign": "", "last_source": "", "last_medium": "",
    "last_campaign": "", "owner": None, "pool_team": None, "last_signal": None, "last_seen_at": None,
}  # fmt: skip


def begin(job: ImportJob) -> bool:
    """Have an import that is done undone; False if it is not done, or undone already."""
    from leads.imports.jobs import WORK  # noqa: PLC0415 - jobs know nothing of the undo, and need not

    with transaction.atomic():
        done = ImportJob.objects.filter(pk=job.pk, state=ImportJob.State.DONE)
        began = done.update(state=ImportJob.State.UNDOING, claimed_until=None)
        wake(WORK)
    job.refresh_from_db()
    return bool(began)


def steps(job: ImportJob, at: datetime | None) -> Iterator[Callable[[ImportJob], None]]:
    """Give the chunks still to undo, each as a step; the last rows first, so that values unwind in order."""
    while _waiting(job).exists():
        yield lambda job: _undo_chunk(job, at or clock.now())


def _waiting(job: ImportJob) -> Any:
    done_something = [ImportRow.Result.CREATED, ImportRow.Result.UPDATED]
    return ImportRow.objects.filter(job=job, result__in=done_something, code="").order_by("-number")


def _undo_chunk(job: ImportJob, at: datetime) -> None:
    rows = list(_waiting(job)[:CHUNK])
    created = [row for row in rows if row.result == ImportRow.Result.CREATED]
    updated = [row for row in rows if row.result == ImportRow.Result.UPDATED]
    removed = _remove_untouched(job, {row.lead_id for row in created if row.lead_id}, at)
    restored = _restore(job, updated, at)
    _withdraw_events(job, {row.lead_id for row in rows if row.lead_id} - removed, at)
    for row in rows:
        # A row that replaced nothing leaves nothing to put back.
        is_kept = row in created or bool(row.before)
        row.code = KEPT if is_kept and row.lead_id not in removed | restored else UNDONE
    ImportRow.objects.bulk_update(rows, ["code"])
    options = Options.of(job)
    counts = Counter(options.undo)
    counts += Counter(removed=len(removed), restored=sum(row.lead_id in restored for row in updated))
    counts += Counter(kept=sum(row.code == KEPT for row in rows))
    options.undo = dict(counts)
    job.settings = options.as_json()


def _remove_untouched(job: ImportJob, ids: set[int], at: datetime) -> set[int]:
    """Disqualify and blank those of the leads that nothing happened to since; return them."""
    leads = list(untouched(job, ids).select_for_update(of=("self",)).order_by("pk"))
    moves = [
        Move(
            lead,
            lead.stage,
            Status.DISQUALIFIED,
            by=job.by,
            actor=f"import {job.pk}",
            reason=f"Import {job.pk} undone",
        )
        for lead in leads
    ]
    gone = {change.lead_id for change in move_many(moves, at=at, skip_refused=True)} if moves else set()
    if gone:
        EngagementDay.objects.filter(lead__in=gone).delete()
        Event.objects.filter(lead__in=gone).delete()
        Note.objects.filter(lead__in=gone).delete()
        ProfileChange.objects.filter(lead__in=gone).delete()
        Lead.objects.filter(pk__in=gone).update(**BLANKS)
        announce(sorted(gone), at=at)
    return gone


def untouched(job: ImportJob, ids: set[int]) -> Any:
    """Return those of the leads whom nothing happened to but this import."""

    def of_lead(rows: Any) -> Exists:
        return Exists(rows.filter(lead=OuterRef("pk")))

    own_note = Q(by=job.by, at__lte=job.finished_at)
    return Lead.objects.filter(
        ~of_lead(StageChange.objects.filter(seq__gt=1)),
        ~of_lead(ImportRow.objects.exclude(job=job)),
        ~of_lead(Event.objects.exclude(source__name=IMPORTS)),
        ~of_lead(Note.objects.exclude(own_note)),
        ~of_lead(ProfileChange.objects.exclude(origin__in=[f"import {job.pk}", f"import {job.pk} undone"])),
        ~of_lead(Conversation.objects.all()),
        ~of_lead(Identity.objects.all()),
        ~Exists(Lead.objects.filter(merged_into=OuterRef("pk"))),
        pk__in=ids, cycle_number=0, merged_into=None,
    )  # fmt: skip


def _withdraw_events(job: ImportJob, ids: set[int], at: datetime) -> None:
    """Quarantine what this import said the leads did, and take it from their day counts by counts of today."""
    events = Event.objects.filter(
        source__name=IMPORTS, lead__in=ids, context__import=job.pk, outcome=Outcome.COUNTED
    )
    today = clock.day_of(at)
    days: Counter[tuple[Any, ...]] = Counter()
    for event in events.select_for_update().order_by("pk"):
        if event.signal_id:
            days[(event.lead_id, event.signal_id, event.object_key, event.occurred_on, today)] -= 1
    if days:
        events.update(outcome=Outcome.QUARANTINED, outcome_reason="import_undone")
        storage.add_days(days)
        announce(sorted({key[0] for key in days}), at=at)


def _restore(job: ImportJob, rows: Sequence[ImportRow], at: datetime) -> set[int]:
    """Put back values the import replaced and nobody has changed since; return the leads it did so for."""
    ids = {row.lead_id for row in rows if row.before}
    leads = {
        lead.pk: lead
        for lead in Lead.objects.live().filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk")
    }
    changed: dict[int, dict[str, tuple[Any, Any]]] = {}
    for row in rows:
        lead = leads.get(row.lead_id or 0)
        if lead is None:
            continue
        for name, (old, new) in row.before.items():
            if name != "email" and getattr(lead, name) == new:
                changed.setdefault(lead.pk, {})[name] = (new, old)
                setattr(lead, name, old)
    if changed:
        found = [leads[pk] for pk in sorted(changed)]
        for lead in found:
            lead.version += 1
        save_columns(found, {"version"} | {name for fields in changed.values() for name in fields})
        pairs = [(lead, changed[lead.pk]) for lead in found]
        announce(record_changes(pairs, at=at, by=job.by, origin=f"import {job.pk} undone"), at=at)
    return set(changed)
