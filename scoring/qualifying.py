"""How many open leads a draft would make MQLs at once: counted here and now, or in the background with progress.

The row is the work: a chunk and the step of `last_lead_id` are one transaction, as with a full pass.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.db import IntegrityError, transaction

from leads import clock
from leads.models import Definition, Organisation
from leads.wakeup import wake
from scoring.candidates import open_leads
from scoring.facts import load_facts
from scoring.live import Catalogue, rules_of
from scoring.models import QualifyingCount
from scoring.qualification import judge

AT_ONCE = 1000  # leads that can be counted while somebody waits
CHUNK = 500
TASK = "scoring.tasks.count_qualifying"


def count_newly_qualifying(definition: Definition, at: datetime) -> QualifyingCount:
    """Return the count for the version as it is today; a long one has only begun and goes on in the background."""
    day = clock.day_of(at, Organisation.current().time_zone)
    count = _row(definition, day, at)
    if count.finished_at is None:
        if count.leads_total <= AT_ONCE:
            while _next_chunk(count.pk, at):
                pass
        else:
            wake(TASK)
    count.refresh_from_db()
    return count


def drain(at: datetime | None = None, *, seconds: float | None = None) -> int:
    """Go on with unfinished counts, the newest first; return how many leads were looked at."""
    until, total = time.monotonic() + seconds if seconds else None, 0
    while (pk := _unfinished()) and (done := _next_chunk(pk, at or clock.now())) is not None:
        total += done
        if until and time.monotonic() > until:
            wake(TASK)
            break
    return total


def _row(definition: Definition, day: object, at: datetime) -> QualifyingCount:
    which = {"definition": definition, "revision": definition.revision, "day": day}
    if found := QualifyingCount.objects.filter(**which).first():
        return found
    try:
        with transaction.atomic():
            return QualifyingCount.objects.create(started_at=at, leads_total=open_leads().count(), **which)
    except IntegrityError:  # somebody else opened the page at the same moment
        return QualifyingCount.objects.get(**which)


def _unfinished() -> int | None:
    return (
        QualifyingCount.objects.filter(finished_at=None).order_by("-pk").values_list("pk", flat=True).first()
    )


@transaction.atomic
def _next_chunk(pk: int, at: datetime) -> int | None:
    """Count the next leads and step forward; 0 when the count ended, None where somebody else is at it."""
    rows = QualifyingCount.objects.select_for_update(skip_locked=True)
    count = rows.select_related(None).filter(pk=pk, finished_at=None).first()
    if count is None:
        return None
    leads = list(open_leads().filter(pk__gt=count.last_lead_id).order_by("pk")[:CHUNK])
    if not leads:
        QualifyingCount.objects.filter(pk=pk).update(finished_at=at)
        return 0
    rulebook, catalogue = rules_of(count.definition).rulebook, Catalogue.load()
    for facts in load_facts(leads, count.day, catalogue):
        count.found += judge(facts.for_mql(rulebook, catalogue), rulebook).promoted_by is not None
    count.last_lead_id = leads[-1].pk
    count.leads_done += len(leads)
    count.save(update_fields=["found", "last_lead_id", "leads_done"])
    return len(leads)
