"""What reports count, each said once: the figures on the page and the lists behind them use the same conditions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DurationField, F, Q, QuerySet, Value
from django.db.models.lookups import LessThan, LessThanOrEqual

from handoff.models import Handoff, HandoffStatus
from leads.enums import Decision, Role, Stage
from leads.models import Cycle, StageChange, Team, User
from leads.models.ledger import CycleQuerySet

WITHIN = (7, 14, 30, 60, 90)  # days a cohort is followed
RIPE = 90  # days after which a cohort counts as ripe whatever is still open

ALL = Q()
DECIDED = ~Q(decision="")
ACCEPTED = Q(decision=Decision.ACCEPTED)
REFUSED = Q(decision__in=[Decision.REJECTED, Decision.RETURNED])
CONVERTED = Q(sql_at__isnull=False)
MET = Q(meeting_at__isnull=False)
CONTACTED = Q(contacted_at__isnull=False)
# Nothing more can come of it once it became an SQL or ended.
OPEN = Q(sql_at=None, ended_at=None)
PURSUED = Q(opportunity_at__isnull=False)
WON = Q(won_at__isnull=False)
LOST = Q(lost_at__isnull=False, won_at=None)
UNDECIDED_DEAL = Q(won_at=None, lost_at=None, ended_at=None)


def converted_within(days: int) -> Q:
    """Return the condition that a cycle became an SQL at most so many days (of 24 hours) after its MQL entry."""
    return CONVERTED & at_most("mql_at", "sql_at", timedelta(days=days))


def at_most(earlier: str, later: str, length: timedelta) -> Q:
    """Return the condition that no more than this time lies between two columns."""
    # The difference is compared: adding days to a column costs PostgreSQL several times as much a row.
    return Q(LessThanOrEqual(F(later) - F(earlier), Value(length, output_field=DurationField())))


# --- Time to first contact -------------------------------------------------------------------------

# Minutes below which an accepted lead's first contact falls into a bucket, with its label.
BUCKETS: list[tuple[int, str]] = [
    (15, "Under 15 min"),
    (60, "15–60 min"),
    (4 * 60, "1–4 h"),
    (8 * 60, "4–8 h"),
    (24 * 60, "8–24 h"),
    (3 * 24 * 60, "1–3 days"),
    (0, "Later"),
]


def contacted_in_bucket(index: int) -> Q:
    """Return the condition that first contact came in this bucket of time after acceptance."""
    below = BUCKETS[index][0]
    condition = contacted_sooner(below) if below else CONTACTED
    return condition & ~contacted_sooner(BUCKETS[index - 1][0]) if index else condition


def contacted_sooner(minutes: int) -> Q:
    """Return the condition that first contact came less than so many minutes after acceptance."""
    waited = F("contacted_at") - F("decided_at")
    return CONTACTED & Q(LessThan(waited, Value(timedelta(minutes=minutes), output_field=DurationField())))


# --- Promises: deadlines that have passed ----------------------------------------------------------


def answer_due(at: datetime) -> Q:
    """Return the condition that an offer had to be answered by now; one taken back unanswered never had."""
    asked = Q(decided_at__isnull=False) | Q(status__in=[HandoffStatus.OFFERED, HandoffStatus.EXPIRED])
    return Q(accept_by__lte=at) & asked


def contact_due(at: datetime) -> Q:
    """Return the condition that an accepted lead had to be contacted by now; one given back before never had."""
    stood = Q(first_contact_at__isnull=False) | Q(closed_at=None) | Q(closed_at__gte=F("contact_by"))
    return Q(contact_by__lte=at) & stood


ANSWERED_IN_TIME = Q(decided_at__lte=F("accept_by"))
CONTACTED_IN_TIME = Q(first_contact_at__lte=F("contact_by"))
ANSWERED_LATE = Q(decided_at=None) | Q(decided_at__gt=F("accept_by"))
CONTACTED_LATE = Q(first_contact_at=None) | Q(first_contact_at__gt=F("contact_by"))


# --- Whose -----------------------------------------------------------------------------------------


def cycles_of(user: User, team: Team | None) -> CycleQuerySet:
    """Return the cycles that count for this user, of one team if one is given."""
    cycles: CycleQuerySet = Cycle.objects.visible_to(user)
    return cycles.filter(team=team) if team else cycles


def handoffs_of(user: User, team: Team | None) -> QuerySet[Handoff]:
    """Return the handoffs that count for this user's promises; a team's are those of its pools and of its reps."""
    handoffs: QuerySet[Handoff] = Handoff.objects.all()
    if user.role == Role.REP:
        handoffs = handoffs.filter(rep__user=user)
    team_id = team.pk if team else None
    if user.role == Role.MANAGER:
        if not user.team_id:
            return handoffs.none()
        team_id = user.team_id
    if team_id:
        handoffs = handoffs.filter(Q(pool__team=team_id) | Q(pool=None, rep__user__team=team_id))
    return handoffs


def sees_entries(user: User, team: Team | None) -> bool:
    """Tell whether new leads count for this user: a lead has no team and no rep before it is handed off."""
    return team is None and (user.is_admin or user.is_marketer)


def entries() -> QuerySet[StageChange]:
    """Return the ledger lines by which somebody became a lead, once per person."""
    return StageChange.objects.filter(to_stage=Stage.LEAD, from_stage__in=["", Stage.SUSPECT])


BECAME_MQL = Q(lead__cycles__number=1)


# --- By name: what a list behind a number can be asked for -----------------------------------------


@dataclass(frozen=True)
class Measure:
    """Something counted: of which rows, by which date they fall into the period, under which condition."""

    title: str
    date: str = "mql_at"
    condition: Q = ALL
    model: type[Cycle] | type[Handoff] | type[StageChange] = Cycle


MEASURES: dict[str, Measure] = {
    "mqls": Measure("MQLs"),
    "open": Measure("MQLs still open", condition=OPEN),
    "decided": Measure("MQLs sales decided on", condition=DECIDED),
    "accepted": Measure("MQLs sales accepted", condition=ACCEPTED),
    "converted": Measure("MQLs that became SQLs", condition=CONVERTED),
    "met": Measure("MQLs with a meeting", condition=MET),
    "acceptances": Measure("Leads accepted", "decided_at", ACCEPTED),
    "acceptances_converted": Measure("Accepted leads that became SQLs", "decided_at", ACCEPTED & CONVERTED),
    "contacted": Measure("Accepted leads contacted", "decided_at", ACCEPTED & CONTACTED),
    "uncontacted": Measure("Accepted leads not contacted yet", "decided_at", ACCEPTED & ~CONTACTED),
    "refusals": Measure("MQLs sales turned down", "decided_at", REFUSED),
    "sqls": Measure("SQLs", "sql_at"),
    "sqls_pursued": Measure("SQLs that became opportunities", "sql_at", PURSUED),
    "opportunities": Measure("Opportunities", "opportunity_at"),
    "opportunities_won": Measure("Opportunities won", "opportunity_at", WON),
    "opportunities_lost": Measure("Opportunities lost", "opportunity_at", LOST),
    "opportunities_open": Measure("Opportunities still open", "opportunity_at", UNDECIDED_DEAL),
    "wins": Measure("Won", "won_at"),
    "leads": Measure("New leads", "at", model=StageChange),
    "leads_mql": Measure("New leads that became MQLs", "at", BECAME_MQL, StageChange),
    "answers_in_time": Measure("Offers answered in time", "accept_by", ANSWERED_IN_TIME, Handoff),
    "answers_late": Measure("Offers not answered in time", "accept_by", ANSWERED_LATE, Handoff),
    "answers_due": Measure("Offers that had to be answered", "accept_by", ALL, Handoff),
    "contacts_in_time": Measure("First contacts in time", "contact_by", CONTACTED_IN_TIME, Handoff),
    "contacts_late": Measure("First contacts late", "contact_by", CONTACTED_LATE, Handoff),
    "contacts_due": Measure("First contacts that were due", "contact_by", ALL, Handoff),
}
