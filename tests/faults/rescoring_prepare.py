"""Fill a fault test's database with leads nobody has events of: `python -m tests.faults.rescoring_prepare COUNT`."""

from __future__ import annotations

import os
import random
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")


def main(count: int) -> None:
    import django

    django.setup()
    from django.db import transaction

    from leads import clock
    from leads.lifecycle import enter_leads
    from leads.models import Lead

    at, rng = clock.now(), random.Random(17)
    leads = [
        Lead(
            email=f"bulk{number}@fault.test", stage="lead", stage_since=at, created_at=at,
            role=rng.choice(["data", "it", ""]), seniority=rng.choice(["head", "manager", ""]),
            industry=rng.choice(["logistics", "retail", ""]), employees=rng.choice([20, 300, 9000]),
        )
        for number in range(count)
    ]  # fmt: skip
    with transaction.atomic():
        Lead.objects.bulk_create(leads, batch_size=1000)
        enter_leads(leads, at=at, actor="test")


if __name__ == "__main__":
    main(int(sys.argv[1]))
