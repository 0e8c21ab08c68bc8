"""Write on leads when they were seen last, and by which signal.

The batch's row says it, in the transaction that recorded the events; writing it on each lead there, with all the
indexes of that table, took as long as recording them. So it follows within seconds, for many batches at once.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from leads.intake import storage
from leads.models import IntakeBatch

BATCHES = 100
Seen = dict[int, tuple[datetime, int]]


def drain(at: datetime | None = None) -> int:
    """Bring leads up to date with all batches so far and return how many batches there were.

    Safe to run twice or at once: each batch is claimed by one, and an earlier moment never replaces a later one.
    """
    done = 0
    while taken := _take():
        done += taken
    return done


def _take() -> int:
    with transaction.atomic():
        batches = IntakeBatch.objects.filter(seen__isnull=False).order_by("id")
        rows = list(batches.select_for_update(skip_locked=True)[:BATCHES].values_list("id", "seen"))
        if rows:
            _write([seen or [] for _, seen in rows])
            IntakeBatch.objects.filter(id__in=[pk for pk, _ in rows]).update(seen=None)
    return len(rows)


def _write(batches: list[list[tuple[int, str, int]]]) -> None:
    latest: Seen = {}
    for seen in batches:
        for pk, moment, signal_id in seen:
            when = datetime.fromisoformat(moment)
            if pk not in latest or when > latest[pk][0]:
                latest[pk] = (when, signal_id)
    storage.lock_leads(latest)
    storage.update_seen([(pk, when, signal_id) for pk, (when, signal_id) in sorted(latest.items())])
