"""Routing as one document: drafted, checked, compared, published at once, and brought back.

{"rules": [{"id", "name", "conditions", "pool": name or null, "rep": id or null, "is_active"}],
 "pools": [{"id", "name", "team": id, "is_active", "members": {"<rep id>": weight}}],
 "capacity": {"<rep id>": seats}}

Ids are null for what is new. The rows are the truth that routing works with: a draft begins as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from handoff.errors import HandoffConflict, Invalid
from handoff.locks import lock_pools, lock_reps
from handoff.models import Handoff, Pool, PoolMember, Rep, RoutingRule, RoutingVersion
from handoff.rules import condition_words, rules_changed
from leads.audit import audit
from leads.models import Team, User

Document = dict[str, Any]
Status = RoutingVersion.Status


def document_of_rows() -> Document:
    """Return the routing in force as a document."""
    pools = Pool.objects.prefetch_related("members").order_by("name")
    return {
        "rules": [
            {
                "id": rule.pk, "name": rule.name, "conditions": rule.conditions, "is_active": rule.is_active,
                "pool": rule.pool.name if rule.pool else None, "rep": rule.rep_id,
            }
            for rule in RoutingRule.objects.select_related("pool")
        ],
        "pools": [
            {
                "id": pool.pk, "name": pool.name, "team": pool.team_id, "is_active": pool.is_active,
                "members": {str(one.rep_id): one.weight for one in pool.members.all()},
            }
            for pool in pools
        ],
        "capacity": {str(pk): seats for pk, seats in Rep.objects.values_list("pk", "capacity")},
    }  # fmt: skip


def draft() -> RoutingVersion | None:
    """Return the draft people work on, if there is one."""
    return RoutingVersion.objects.filter(status=Status.DRAFT).first()


@transaction.atomic
def open_draft(by: User, at: datetime, document: Document | None = None, note: str = "") -> RoutingVersion:
    """Return the draft, making one of the routing in force, or of `document`, if there is none."""
    lock_pools()
    found = draft()
    if found:
        return found
    number = _keep_live(at)
    made = RoutingVersion.objects.create(
        number=number + 1, document=document or document_of_rows(), created_at=at, created_by=by, note=note
    )
    audit("routing.draft", made, by=by, at=at)
    return made


def _keep_live(at: datetime) -> int:
    """Keep what is in force as a version, if none is live yet; return the highest number."""
    last: int = RoutingVersion.objects.aggregate(last=Max("number"))["last"] or 0
    if RoutingVersion.objects.filter(status=Status.LIVE).exists():
        return last
    RoutingVersion.objects.create(
        number=last + 1, status=Status.LIVE, document=document_of_rows(), created_at=at, published_at=at,
        note="As it was before the first draft",
    )  # fmt: skip
    return last + 1


def change(version: RoutingVersion, document: Document) -> None:
    """Store a changed draft; raises HandoffConflict if somebody else changed it meanwhile."""
    same = RoutingVersion.objects.filter(pk=version.pk, status=Status.DRAFT, revision=version.revision)
    if not same.update(document=document, revision=version.revision + 1):
        raise HandoffConflict("changed", "Somebody else changed the draft meanwhile. Look at it again.")
    version.document, version.revision = document, version.revision + 1


def discard(version: RoutingVersion, by: User, at: datetime) -> None:
    """Throw the draft away."""
    audit("routing.discard", version, by=by, at=at)
    version.delete()


def problems(document: Document) -> list[str]:
    """Say what stands in the way of publishing; empty if nothing does."""
    rules = [rule for rule in document["rules"] if rule["is_active"]]
    pools = {pool["name"]: pool for pool in document["pools"]}
    names = [pool["name"].lower() for pool in document["pools"]]
    found = [
        f"There are two pools named {name}." for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if not rules or any(rule["conditions"] for rule in rules[-1:]):
        found.append("The last rule in use has to take everything that is left: give it no conditions.")
    for number, rule in enumerate(rules[:-1], 1):
        if not rule["conditions"]:
            found.append(
                f"“{rule['name']}” takes everything, so the rules after place {number} are never asked."
            )
            break
    for rule in rules:
        pool = pools.get(rule["pool"] or "")
        if rule["pool"] and (pool is None or not pool["is_active"]):
            found.append(f"“{rule['name']}” leads to the pool {rule['pool']}, which is not in use.")
        elif pool and not pool["members"]:
            found.append(f"The pool {pool['name']} has no members, and “{rule['name']}” leads to it.")
    active = set(Rep.objects.filter(user__is_active=True).values_list("pk", flat=True))
    gone = [rule["name"] for rule in rules if rule["rep"] and rule["rep"] not in active]
    return found + [f"“{name}” leads to somebody who is no longer active." for name in gone]


def uses_of_pool(document: Document, name: str) -> list[str]:
    """Say what keeps a pool from being removed: rules that lead to it, and leads that are open in it."""
    uses = [f"the rule “{rule['name']}”" for rule in document["rules"] if rule["pool"] == name]
    pool = next((pool for pool in document["pools"] if pool["name"] == name), None)
    count = Handoff.objects.open().filter(pool_id=pool["id"]).count() if pool and pool["id"] else 0
    return uses + ([f"{count} open handoff{'s' if count > 1 else ''}"] if count else [])


@transaction.atomic
def publish(version: RoutingVersion, by: User, note: str, at: datetime) -> None:
    """Make the rows equal to the draft, all at once; whatever waits is judged anew.

    Raises Invalid while the draft has problems, HandoffConflict if it is no longer the draft that was seen.
    """
    lock_pools()
    lock_reps()
    document = version.document
    if wrong := problems(document):
        raise Invalid({"draft": " ".join(wrong)})
    seen = RoutingVersion.objects.filter(pk=version.pk, status=Status.DRAFT, revision=version.revision)
    before = document_of_rows()
    RoutingVersion.objects.filter(status=Status.LIVE).update(status=Status.RETIRED)
    if not seen.update(status=Status.LIVE, published_at=at, published_by=by, note=note.strip()[:300]):
        raise HandoffConflict("changed", "Somebody else changed the draft meanwhile. Look at it again.")
    pools = _write_pools(document)
    _write_rules(document, pools)
    for rep, seats in document["capacity"].items():
        Rep.objects.filter(pk=int(rep)).update(capacity=seats)
    # With the ids that the new rows got, so that a later draft of this version finds them.
    RoutingVersion.objects.filter(pk=version.pk).update(document=document_of_rows())
    changes = {"routing": [None, differences(before, document)]}
    audit("routing.publish", version, by=by, at=at, changes=changes)
    rules_changed()


def roll_back(version: RoutingVersion, by: User, at: datetime) -> RoutingVersion:
    """Make an earlier version the draft, to be looked at and published. Raises Invalid while there is another."""
    if draft():
        raise Invalid({"draft": "There is a draft already. Publish or discard it first."})
    return open_draft(by, at, mended(version.document), note=f"Back to routing {version.number}")


def mended(document: Document) -> Document:
    """Return an old document without what no longer exists: ids become new, absent reps are left out."""
    document = deepcopy(document)
    reps = set(Rep.objects.values_list("pk", flat=True))
    teams = list(Team.objects.order_by("pk").values_list("pk", flat=True))
    known = {
        "rules": set(RoutingRule.objects.values_list("pk", flat=True)),
        "pools": set(Pool.objects.values_list("pk", flat=True)),
    }
    for kind, ids in known.items():
        for row in document[kind]:
            row["id"] = row["id"] if row["id"] in ids else None
    for pool in document["pools"]:
        pool["members"] = {rep: weight for rep, weight in pool["members"].items() if int(rep) in reps}
        pool["team"] = pool["team"] if pool["team"] in teams else teams[0]
    document["capacity"] = {rep: seats for rep, seats in document["capacity"].items() if int(rep) in reps}
    document["rules"] = [rule for rule in document["rules"] if not rule["rep"] or rule["rep"] in reps]
    return document


def _write_pools(document: Document) -> dict[str, Pool]:
    kept: dict[str, Pool] = {}
    # By their old names out of the way first: two pools may swap theirs.
    for pool in Pool.objects.all():
        Pool.objects.filter(pk=pool.pk).update(name=f"~{pool.pk}")
    for row in document["pools"]:
        values = {"name": row["name"], "team_id": row["team"], "is_active": row["is_active"]}
        pool, _ = (
            Pool.objects.update_or_create(pk=row["id"], defaults=values)
            if row["id"]
            else (Pool(**values), True)
        )
        pool.save()
        kept[row["name"]] = pool
        _write_members(pool, {int(rep): weight for rep, weight in row["members"].items()})
    for pool in Pool.objects.exclude(pk__in=[pool.pk for pool in kept.values()]):
        _retire(pool)
    return kept


def _write_members(pool: Pool, weights: Mapping[int, int]) -> None:
    pool.members.exclude(rep__in=weights).delete()
    for rep, weight in weights.items():
        PoolMember.objects.update_or_create(pool=pool, rep_id=rep, defaults={"weight": weight})


def _retire(pool: Pool) -> None:
    """Remove a pool; one that handoffs tell of stays as a name, without members and not in use."""
    pool.rules.all().delete()
    if not Handoff.objects.filter(pool=pool).exists():
        pool.delete()
        return
    pool.members.all().delete()
    Pool.objects.filter(pk=pool.pk).update(is_active=False, name=f"Removed pool {pool.pk}")


def _write_rules(document: Document, pools: Mapping[str, Pool]) -> None:
    kept = []
    for place, row in enumerate(document["rules"], 1):
        values = {
            "position": place * 10, "name": row["name"], "conditions": row["conditions"],
            "is_active": row["is_active"], "rep_id": row["rep"], "pool": pools.get(row["pool"] or ""),
        }  # fmt: skip
        if row["id"] and RoutingRule.objects.filter(pk=row["id"]).update(**values):
            kept.append(row["id"])
        else:
            kept.append(RoutingRule.objects.create(**values).pk)
    RoutingRule.objects.exclude(pk__in=kept).delete()


def differences(before: Document, after: Document) -> list[str]:
    """Say in sentences what changes from one routing to another."""
    names = {str(rep.pk): str(rep) for rep in Rep.objects.select_related("user")}
    return [
        *_rule_differences(before, after, names), *_pool_differences(before, after, names),
        *(
            f"{names.get(rep, rep)} takes {seats} at once, not {before['capacity'].get(rep)}."
            for rep, seats in after["capacity"].items() if before["capacity"].get(rep, seats) != seats
        ),
    ]  # fmt: skip


def _rule_differences(before: Document, after: Document, names: Mapping[str, str]) -> list[str]:
    old = {rule["name"]: rule for rule in before["rules"]}
    new = {rule["name"]: rule for rule in after["rules"]}
    found = [
        f"New rule “{name}”: {rule_words(rule, names)}." for name, rule in new.items() if name not in old
    ]
    found += [f"The rule “{name}” is gone." for name in old if name not in new]
    for name in [name for name in new if name in old]:
        was, now = rule_words(old[name], names), rule_words(new[name], names)
        if was != now:
            found.append(f"The rule “{name}” was: {was}. Now: {now}.")
    common = [[name for name in one if name in old and name in new] for one in (old, new)]
    return found + (["The rules are asked in another order."] if common[0] != common[1] else [])


def rule_words(rule: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Say which leads a rule takes and where they go."""
    target = rule["pool"] or names.get(str(rule["rep"]), "nobody")
    return f"{condition_words(rule['conditions'])} to {target}{'' if rule['is_active'] else ' (not in use)'}"


def _pool_differences(before: Document, after: Document, names: Mapping[str, str]) -> list[str]:
    old = {pool["id"]: pool for pool in before["pools"]}
    found, kept = [], set()
    for pool in after["pools"]:
        was = old.get(pool["id"])
        kept.add(pool["id"])
        members = pool_words(pool, names)
        if was is None or not pool["id"]:
            found.append(f"New pool {pool['name']}: {members}.")
            continue
        if was["name"] != pool["name"]:
            found.append(f"The pool {was['name']} is now named {pool['name']}.")
        if was["is_active"] != pool["is_active"]:
            found.append(
                f"The pool {pool['name']} is {'in use again' if pool['is_active'] else 'no longer in use'}."
            )
        if was["members"] != pool["members"]:
            found.append(f"{pool['name']} was {pool_words(was, names)}; now {members}.")
    return found + [f"The pool {pool['name']} is gone." for pk, pool in old.items() if pk not in kept]


def pool_words(pool: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Name the members of a pool with their weights."""
    members = [f"{names.get(rep, rep)} ({weight})" for rep, weight in pool["members"].items()]
    return ", ".join(sorted(members)) or "nobody"
