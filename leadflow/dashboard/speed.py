"""Does speed matter here? Accepted leads by the time from the offer to the first contact, against what came of them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    BooleanField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan

from handoff.models import Handoff
from leadflow.dashboard import measures
from leadflow.dashboard.keeping import kept
from leadflow.dashboard.measures import ACCEPTED, BUCKETS, CONTACTED, CONVERTED, LOST, RIPE, WON
from leadflow.dashboard.parameters import BadParameter, Parameters
from leadflow.dashboard.tables import Row, share
from leads.models import User

MEASURE = "acceptances"  # the rows: accepted in the period
_BOUNDS = [timedelta(minutes=below) for below, _ in BUCKETS[:-1]]
LABELS = [*(label for _, label in BUCKETS), "Not contacted"]
NEVER = len(LABELS) - 1
# Outcome → of which leads it is a share.
WHOLE = {"converted": "settled", "won": "closed"}
THEN_SAID = {
    "settled": "SQL, ended or 90 days old", "converted": "became an SQL", "closed": "won, lost or ended", "won": "won",
}  # fmt: skip


@dataclass
class SpeedClass:
    """Accepted leads whose first contact came in this class of time; counts by `all` and the names of THEN_SAID."""

    index: int
    counts: dict[str, int] = field(default_factory=lambda: {"all": 0, **dict.fromkeys(THEN_SAID, 0)})

    @property
    def label(self) -> str:
        return LABELS[self.index]


def classes(user: User, asked: Parameters, at: datetime) -> list[SpeedClass]:
    """Return every class, the quickest first and those not contacted last; kept a while if counting is costly."""
    return kept("speed", user, asked, lambda: _count(user, asked, at))


def _count(user: User, asked: Parameters, at: datetime) -> list[SpeedClass]:
    rows = measures.cycles_of(user, asked.team).filter(ACCEPTED, asked.period.around("decided_at"))
    asks = {
        f"is_{name}": ExpressionWrapper(condition, BooleanField()) for name, condition in _then(at).items()
    }
    waited = ExpressionWrapper(F("contacted_at") - F("handed_at"), output_field=DurationField())
    found = [SpeedClass(index) for index in range(len(LABELS))]
    told = _with_handed(rows).annotate(waited=waited, **asks).order_by().values_list("waited", *asks)
    for length, *came in told.iterator():
        counts = found[NEVER if length is None else bisect_right(_BOUNDS, length)].counts
        counts["all"] += 1
        for name, has_come in zip(THEN_SAID, came, strict=True):
            counts[name] += bool(has_come)
    return found


def _with_handed(cycles: QuerySet[Any]) -> QuerySet[Any]:
    """Add when the rep who made the first contact was offered the lead; without one, the acceptance counts."""
    offers = Handoff.objects.filter(cycle=OuterRef("pk"), first_contact_at__isnull=False)
    first = offers.order_by("first_contact_at", "pk").values("offered_at")[:1]
    return cycles.annotate(handed_at=Coalesce(Subquery(first), F("decided_at")))


def _then(at: datetime) -> dict[str, Q]:
    ended = Q(ended_at__isnull=False)
    return {
        "settled": CONVERTED | ended | Q(mql_at__lte=at - timedelta(days=RIPE)),
        "converted": CONVERTED,
        "closed": WON | LOST | ended,
        "won": WON,
    }


def _in_class(index: int) -> Q:
    if index == NEVER:
        return Q(contacted_at=None)
    sooner = [Q(LessThan(F("contacted_at") - F("handed_at"), _length(bound))) for bound in _BOUNDS]
    below = sooner[index] if index < len(sooner) else Q()
    return CONTACTED & below & (~sooner[index - 1] if index else Q())


def _length(bound: timedelta) -> Value:
    return Value(bound, output_field=DurationField())


def narrow(
    rows: QuerySet[Any], asked: Parameters, at: datetime
) -> tuple[QuerySet[Any], list[tuple[str, str]]]:
    """Return the accepted cycles that `speed` and `then` ask for, and that in words. Raises BadParameter."""
    index, then = asked.rest.get("speed", ""), asked.rest.get("then", "")
    if index not in map(str, range(len(LABELS))):
        raise BadParameter("speed", f"Classes of time are numbered 0 to {NEVER}.")
    said = [("First contact", LABELS[int(index)])]
    rows = _with_handed(rows).filter(_in_class(int(index)))
    if then:
        if then not in THEN_SAID:
            raise BadParameter("then", f"It can be {', '.join(THEN_SAID)}.")
        rows = rows.filter(_then(at)[then])
        said.append(("What came of it", THEN_SAID[then]))
    return rows, said


def table_rows(user: User, asked: Parameters, at: datetime) -> list[Row]:
    """Return the report as a table: a row for each class, with both shares and their intervals."""
    return [
        {"first_contact": one.label, "accepted": one.counts["all"]}
        | share("sql", one.counts["converted"], one.counts["settled"])
        | share("won", one.counts["won"], one.counts["closed"])
        for one in classes(user, asked, at)
    ]
