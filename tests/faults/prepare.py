"""Fill an empty database for a fault test: `python -m tests.faults.prepare REPS` prints the write key as JSON."""

from __future__ import annotations

import json
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadflow.settings")


def main(reps: int) -> None:
    import django

    django.setup()
    from handoff.models import Pool, PoolMember, Rep, RoutingRule
    from leads import clock
    from leads.models import Team, User
    from leads.sources import create_source
    from scoring.documents import standard_document
    from scoring.publishing import publish

    at = clock.now()
    publish(standard_document(), at=at, by=None, note="fault test")
    User.objects.create_user("admin@fault.test", "a long password", name="Admin", role="admin")
    team = Team.objects.create(name="Team")
    pool = Pool.objects.create(name="Pool", team=team)
    for number in range(reps):
        user = User.objects.create_user(
            f"rep{number}@fault.test", "a long password", name=f"Rep {number}", role="rep", team=team
        )
        PoolMember.objects.create(pool=pool, rep=Rep.objects.create(user=user, capacity=1000))
    RoutingRule.objects.create(position=1, name="Everybody", pool=pool)
    _, key = create_source("Load", at)
    sys.stdout.write(json.dumps({"key": key}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
