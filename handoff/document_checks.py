"""Whether a whole routing document may take the place of a draft: sound by itself, and this user's to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from handoff.errors import Invalid
from handoff.models import Rep
from handoff.rules import check_conditions
from handoff.versions import Document, uses_of_pool
from leads.models import Team, User

MOST_ROWS = 500
Problems = dict[str, str]


def check_change(before: Document, after: Document, by: User) -> None:
    """Raise Invalid, naming each place, unless `by` may make `after` of the draft `before`.

    What only keeps it from being published, such as no last rule for everything, is no matter here. A manager
    changes the pools and the capacities of the own team, and every rule, as on the page.
    """
    reps = dict(Rep.objects.values_list("pk", "user__team"))
    problems = _ids(before, after)
    for place, rule in enumerate(after["rules"]):
        problems |= _rule(f"rules/{place}", rule, after, reps)
    teams = set(Team.objects.values_list("pk", flat=True))
    for place, pool in enumerate(after["pools"]):
        if pool["team"] not in teams:
            problems[f"pools/{place}/team"] = "There is no such team."
        problems |= _numbers(f"pools/{place}/members", pool["members"], reps, 1, 100)
    problems |= _numbers("capacity", after["capacity"], reps, 0, 1000)
    problems |= _gone(before, after)
    if by.is_manager and not problems:
        problems = _not_theirs(before, after, by, reps)
    if problems:
        raise Invalid(problems)


def _ids(before: Document, after: Document) -> Problems:
    """Ids are those of the draft, each once: publishing changes the rows they name."""
    problems = {}
    for kind in ("rules", "pools"):
        known = {row["id"] for row in before[kind]} - {None}
        if len(after[kind]) > MOST_ROWS:
            problems[kind] = f"There is room for {MOST_ROWS} {kind}."
        for place, row in enumerate(after[kind]):
            if row["id"] is not None and row["id"] not in known:
                problems[f"{kind}/{place}/id"] = "The draft holds no such id, or holds it once only."
            known.discard(row["id"])
    return problems


def _rule(place: str, rule: Mapping[str, Any], after: Document, reps: Mapping[int, int | None]) -> Problems:
    problems = {}
    if (rule["pool"] is None) == (rule["rep"] is None):
        problems[f"{place}/pool"] = "Name either a pool or one rep."
    elif rule["pool"] is not None and rule["pool"] not in {pool["name"] for pool in after["pools"]}:
        problems[f"{place}/pool"] = "There is no such pool in this document."
    elif rule["rep"] is not None and rule["rep"] not in reps:
        problems[f"{place}/rep"] = "There is no such rep."
    try:
        check_conditions(rule["conditions"])
    except Invalid as wrong:
        problems |= {f"{place}/conditions/{name}": text for name, text in wrong.problems.items()}
    return problems


def _numbers(
    place: str, given: Mapping[str, int], reps: Mapping[int, int | None], low: int, high: int
) -> Problems:
    """Numbers by rep: those who exist, written as the document writes them, within bounds."""
    known = {str(pk) for pk in reps}
    problems = {f"{place}/{rep}": "There is no such rep." for rep in given if rep not in known}
    wrong = [rep for rep, number in given.items() if rep in known and not low <= number <= high]
    return problems | {f"{place}/{rep}": f"Give {low} to {high:,}." for rep in wrong}


def _gone(before: Document, after: Document) -> Problems:
    kept = {pool["id"] for pool in after["pools"]}
    problems = {}
    for pool in before["pools"]:
        if pool["id"] and pool["id"] not in kept and (uses := uses_of_pool(after, pool["name"])):
            problems["pools"] = f"“{pool['name']}” is used by {', '.join(uses)}. Change that first."
    return problems


def _not_theirs(before: Document, after: Document, by: User, reps: Mapping[int, int | None]) -> Problems:
    """Name what a manager changed of other teams: their pools, and the numbers of their reps."""
    ours = {str(pk) for pk, team in reps.items() if team is not None and team == by.team_id}
    old = {pool["id"]: pool for pool in before["pools"] if pool["id"]}
    kept = {pool["id"] for pool in after["pools"]}
    problems = {}
    for pool in before["pools"]:
        if pool["team"] != by.team_id and pool["id"] not in kept:
            problems["pools"] = f"The pool {pool['name']} belongs to another team."
    for place, pool in enumerate(after["pools"]):
        was = old.get(pool["id"])
        if pool["team"] != by.team_id or (was and was["team"] != by.team_id):
            if was != pool:
                problems[f"pools/{place}"] = "This pool belongs to another team."
        elif strangers := _changed(was["members"] if was else {}, pool["members"]) - ours:
            problems |= _others(f"pools/{place}/members", strangers)
    return problems | _others("capacity", _changed(before["capacity"], after["capacity"]) - ours)


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    return {rep for rep in before.keys() | after.keys() if before.get(rep) != after.get(rep)}


def _others(place: str, reps: Iterable[str]) -> Problems:
    return {f"{place}/{rep}": "This rep is of another team." for rep in sorted(reps)}
