"""The list behind a number: the very cycles, handoffs or ledger lines that were counted, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet

from handoff.models import Handoff
from leadflow.dashboard import breakdown, learning, measures, reasons, speed
from leadflow.dashboard.measures import BUCKETS, MEASURES, WITHIN, Measure
from leadflow.dashboard.parameters import DIMENSIONS, BadParameter, Parameters
from leadflow.formatting import duration
from leads.models import Cycle, Lead, StageChange, User
from scoring.learning.entries import among

# Parameters besides those of a report.
MORE = ("of", "value", "within", "reason", "bucket", "known", "side", "came", "speed", "then", "cursor")
_LEARNED = {"known", "side", "came"}
MERGES = 10  # how many merges are followed to the record that is left


@dataclass(frozen=True)
class Behind:
    """Rows in page order, and what was asked for in words."""

    measure: Measure
    rows: QuerySet[Any]
    conditions: list[tuple[str, str]]

    @property
    def order(self) -> tuple[str, str]:
        return (f"-{self.measure.date}", "-id")


def behind(user: User, asked: Parameters, at: datetime, rules: dict[str, str]) -> Behind:
    """Return the rows counted under these parameters. Raises BadParameter or PermissionDenied."""
    name = asked.rest.get("of", "mqls")
    if name not in MEASURES:
        raise BadParameter("of", f"There is no such figure. Known are {', '.join(MEASURES)}.")
    measure = MEASURES[name]
    rows = _rows(measure, user, asked, at).filter(measure.condition, asked.period.around(measure.date))
    conditions = []
    if asked.team:
        conditions.append(("Team", asked.team.name))
    for parameter, (only, narrow) in _NARROWINGS.items():
        if parameter in asked.rest:
            if (only and name not in only) or measure.model is not Cycle:
                raise BadParameter(parameter, f"It does not go with “{name}”.")
            rows, said = narrow(rows, asked, rules)
            conditions.append(said)
    if not asked.rest.keys().isdisjoint(_LEARNED):
        if name != "mqls":
            raise BadParameter("known", f"It does not go with “{name}”.")
        ids, learned = learning.ids_behind(user, asked, at)
        rows, conditions = rows.filter(pk__in=among(ids)), conditions + learned
    if not asked.rest.keys().isdisjoint({"speed", "then"}):
        if name != speed.MEASURE:
            raise BadParameter("speed", f"It does not go with “{name}”.")
        rows, sped = speed.narrow(rows, asked, at)
        conditions += sped
    return Behind(measure, rows, conditions)


def _rows(measure: Measure, user: User, asked: Parameters, at: datetime) -> QuerySet[Any]:
    if measure.model is Cycle:
        return measures.cycles_of(user, asked.team)
    if measure.model is StageChange:
        if not measures.sees_entries(user, asked.team):
            raise PermissionDenied("A lead belongs to no team before it is handed off.")
        return measures.entries()
    due = measures.answer_due(at) if measure.date == "accept_by" else measures.contact_due(at)
    return measures.handoffs_of(user, asked.team).filter(due)


Narrowed = tuple[QuerySet[Any], tuple[str, str]]


def _by_value(rows: QuerySet[Any], asked: Parameters, rules: dict[str, str]) -> Narrowed:
    value = asked.rest["value"]
    try:
        rows = rows.filter(**breakdown.of_value(asked.by, value))
    except ValueError:
        raise BadParameter("value", f"There is no such {DIMENSIONS[asked.by].lower()}.") from None
    return rows, (DIMENSIONS[asked.by], _label(rows, asked.by, value, rules))


def _label(rows: QuerySet[Any], by: str, value: str, rules: dict[str, str]) -> str:
    *_, column = breakdown.COLUMNS[by]
    if column and value != breakdown.NOBODY:
        # From the rows in scope, so that nobody learns the names of other teams and their reps.
        return rows.values_list(column, flat=True).first() or value
    return (rules if by == "rule" else breakdown.LABELS[by]).get(value) or value


def _within(rows: QuerySet[Any], asked: Parameters, rules: dict[str, str]) -> Narrowed:
    days = asked.rest["within"]
    if days not in map(str, WITHIN):
        raise BadParameter("within", f"Within can be {', '.join(map(str, WITHIN))} days.")
    return rows.filter(measures.converted_within(int(days))), ("SQL within", f"{days} days")


def _reason(rows: QuerySet[Any], asked: Parameters, rules: dict[str, str]) -> Narrowed:
    key = asked.rest["reason"]
    label = reasons.reason_labels().get(key) or key
    return rows.filter(reasons.for_reason(key)), ("Reason", label)


def _bucket(rows: QuerySet[Any], asked: Parameters, rules: dict[str, str]) -> Narrowed:
    index = asked.rest["bucket"]
    if index not in map(str, range(len(BUCKETS))):
        raise BadParameter("bucket", f"Buckets are numbered 0 to {len(BUCKETS) - 1}.")
    return rows.filter(measures.contacted_in_bucket(int(index))), ("First contact", BUCKETS[int(index)][1])


_NARROWINGS: dict[str, Any] = {
    "value": ((), _by_value),
    "within": (("converted",), _within),
    "reason": (("refusals",), _reason),
    "bucket": (("contacted",), _bucket),
}


# --- Rows as people read them ----------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One row. `lead` is None where the user may not see who it is."""

    lead: Lead | None
    at: datetime
    cycle: Cycle | None
    rule: str
    rep: str
    outcome: str


def prepared(rows: QuerySet[Any], model: type[Model]) -> QuerySet[Any]:
    """Return the rows with all that a line shows."""
    if model is Handoff:
        return rows.select_related("lead__company", "cycle", "rep__user", "reason")
    if model is StageChange:
        return rows.select_related("lead__company")
    return rows.select_related("lead__company", "rep")


def lines(rows: Sequence[Any], measure: Measure, user: User, rules: dict[str, str]) -> list[Line]:
    """Return a line for every row, with the record a merged lead lives on in. A few queries, whatever the rows."""
    people = _survivors([row.lead for row in rows])
    seen = set(
        Lead.objects.visible_to(user)
        .filter(pk__in=[lead.pk for lead in people.values()])
        .values_list("pk", flat=True)
    )
    labels = reasons.reason_labels()
    made = []
    for row in rows:
        lead = people[row.lead_id]
        cycle = row if isinstance(row, Cycle) else getattr(row, "cycle", None)
        made.append(
            Line(
                lead=lead if lead.pk in seen else None,
                at=getattr(row, measure.date),
                cycle=cycle,
                rule=(rules.get(cycle.rule) or cycle.rule) if cycle else "",
                rep=_rep(row, user),
                outcome=outcome(row, labels),
            )
        )
    return made


def _survivors(found: Iterable[Lead]) -> dict[int, Lead]:
    people = {lead.pk: lead for lead in found}
    for _ in range(MERGES):
        gone = {lead.merged_into_id for lead in people.values() if lead.merged_into_id}
        if not gone:
            break
        into = Lead.objects.select_related("company").in_bulk(gone)
        people = {pk: into.get(lead.merged_into_id or 0, lead) for pk, lead in people.items()}
    return people


def _rep(row: Any, user: User) -> str:
    # What single reps do is not for marketers to count (permission matrix, "dashboards").
    if user.is_marketer or isinstance(row, StageChange):
        return ""
    rep = row.rep.user if isinstance(row, Handoff) and row.rep else row.rep
    return str(rep) if rep else ""


def outcome(row: Any, labels: dict[str, str]) -> str:
    """Say in a few words how far it has come."""
    if isinstance(row, Handoff):
        return _handoff_outcome(row)
    if isinstance(row, StageChange):
        return "Became a lead"
    for name, said in (
        ("won_at", "Won"),
        ("lost_at", "Lost"),
        ("opportunity_at", "Opportunity"),
        ("sql_at", "SQL"),
    ):
        moment = getattr(row, name)
        if moment:
            return f"{said} after {duration(moment - row.mql_at)}"
    if row.decision:
        reason = labels.get(row.reason) or row.reason
        return row.get_decision_display() + (f": {reason}" if reason else "")
    return "Ended undecided" if row.ended_at else "Not decided yet"


_ENDS = [("won_at", "Won"), ("lost_at", "Lost"), ("opportunity_at", "Opportunity"), ("sql_at", "SQL")]


def _handoff_outcome(row: Handoff) -> str:
    if row.first_contact_at and row.decided_at:
        return f"Contacted after {duration(row.first_contact_at - row.decided_at)}"
    if row.decided_at and row.offered_at:
        return f"{row.get_status_display()} after {duration(row.decided_at - row.offered_at)}"
    return str(row.get_status_display())
