"""Routing tried out on one lead, and the routing in force under other rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoff import facts, sentences
from handoff.errors import Invalid
from handoff.models import Absence, Pool, Rep
from handoff.planning import Plan, Planner
from handoff.roster import Roster, load_roster, seats_taken
from handoff.rules import Rule, active_rules, check_conditions
from handoff.simulation import trial
from handoff.versions import Document, document_of_rows
from leads import clock
from leads.models import Lead, User
from leads.normalise import BadEmail, normalise_email


@dataclass(frozen=True)
class Preview:
    """What routing would do with a lead now. `sentence` says it, `plan.candidates` why."""

    plan: Plan
    sentence: str


def preview(lead: Lead, at: datetime, document: Document | None = None) -> Preview:
    """Return where the lead would go if it became an MQL now; nothing is written and no turn taken.

    Under another routing (`document`) with the seats taken now, but with rotations that begin anew.
    """
    past = facts.read_past({lead.pk: 0})
    row = Lead.objects.filter(pk=lead.pk).values(*facts.COLUMNS).get()
    roster, rules = _now(at) if document is None else _under(document, at)
    plan = Planner(roster, rules).decide(facts.facts_of({"lead_id": lead.pk, **row}, "", lead.industry, past))
    rule = plan.rule.name if plan.rule else ""
    return Preview(plan, sentences.outcome(plan.outcome, plan.way, rule, plan.candidates))


def lead_to_try(user: User, *, pk: int | None = None, email: str = "") -> Lead | None:
    """Return the lead with this number or address if the user may try routing on it: one they see, or nobody's yet."""
    nobodys = Lead.objects.live().filter(owner=None, pool_team=None)
    found = Lead.objects.visible_to(user) | nobodys
    if pk is not None:
        return found.filter(pk=pk).first()
    try:
        return found.filter(email=normalise_email(email)).first()
    except BadEmail:
        return None


def _now(at: datetime) -> tuple[Roster, list[Rule]]:
    return load_roster(clock.day_of(at), lock=False), active_rules()


def _under(document: Document, at: datetime) -> tuple[Roster, list[Rule]]:
    day = clock.day_of(at)
    roster, rules = trial(document, day)
    taken = seats_taken()
    for row in Absence.objects.on(day):
        roster.reps[row.rep_id].absence, roster.reps[row.rep_id].cover = "away", row.cover_id
    for rep in roster.reps.values():
        rep.seats = taken.get(rep.id, 0)
    return roster, rules


def under_rules(entries: Any) -> Document:
    """Return the routing in force with a file's list of rules: name, conditions, a pool's name or a rep's e-mail.

    Raises Invalid.
    """
    if not isinstance(entries, list):
        raise Invalid({"rules": "The file holds a list of rules."})
    pools = {name.lower(): name for name in Pool.objects.values_list("name", flat=True)}
    reps = {rep.user.email.lower(): rep.pk for rep in Rep.objects.select_related("user")}
    rules = [_read_rule(number, entry, pools, reps) for number, entry in enumerate(entries, 1)]
    return {**document_of_rows(), "rules": rules}


def _read_rule(number: int, entry: Any, pools: Mapping[str, str], reps: Mapping[str, int]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise Invalid(
            {f"rule {number}": f"Rule {number} is not an object with name, conditions and pool or rep."}
        )
    pool = pools.get(str(entry.get("pool", "")).lower())
    rep = reps.get(str(entry.get("rep", "")).lower())
    if (pool is None) == (rep is None):
        raise Invalid(
            {f"rule {number}": f"Rule {number} needs the name of one pool or the e-mail of one rep."}
        )
    name, conditions = (
        str(entry.get("name", f"Rule {number}"))[:100],
        check_conditions(entry.get("conditions", {})),
    )
    return {"id": None, "name": name, "conditions": conditions, "pool": pool, "rep": rep, "is_active": True}
