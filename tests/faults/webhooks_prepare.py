"""Make facts for a webhook test: `python -m tests.faults.webhooks_prepare destinations|leads …`."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")


def destinations(base: str, names: list[str]) -> dict[str, str]:
    """Add a signed webhook for each name, at that path of `base`; return their secrets."""
    from handoff import standing
    from leads import clock
    from leads.models import User

    admin = User.objects.get(role="admin")
    return {
        name: standing.create(
            name, "webhook", f"{base}/{name}", ["lead.mql"], by=admin, at=clock.now()
        ).secret
        for name in names
    }


def leads(count: int) -> None:
    """Have so many leads become MQLs, in batches, every fifth of which is rolled back at the end."""
    from django.db import transaction

    from leads import clock
    from leads.lifecycle import Move, enter_leads, move_many
    from leads.models import Lead

    at, made, batch = clock.now(), 0, 0
    while made < count:
        batch += 1
        size = min(26, count - made)
        name = "undone" if batch % 5 == 0 else "real"
        rows = [
            Lead(email=f"{name}{batch}-{n}@fault.test", stage="lead", stage_since=at, created_at=at)
            for n in range(size)
        ]
        try:
            with transaction.atomic():
                Lead.objects.bulk_create(rows)
                enter_leads(rows, at=at, actor="test")
                move_many([Move(row, "mql", actor="test", evidence={"rule": "test"}) for row in rows], at=at)
                if name == "undone":
                    raise RuntimeError
        except RuntimeError:
            continue
        made += size


def marks() -> None:
    """Have every lead scored anew."""
    from leads import clock
    from leads.models import Lead
    from leads.signals import activity_recorded

    ids = list(Lead.objects.values_list("pk", flat=True))
    activity_recorded.send(sender=Lead, lead_ids=ids, day=clock.today(), at=clock.now())


def main(what: str, *arguments: str) -> None:
    import django

    django.setup()
    if what == "destinations":
        sys.stdout.write(json.dumps(destinations(arguments[0], list(arguments[1:]))) + "\n")
    elif what == "leads":
        leads(int(arguments[0]))
    else:
        marks()


if __name__ == "__main__":
    main(*sys.argv[1:])
