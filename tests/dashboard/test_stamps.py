"""What reports count by is stamped once: nothing that changes later restates a figure."""

from datetime import date

import pytest

from handoff import reassigning
from handoff.models import RejectionReason
from handoff.workflow import accept, reject
from leadflow.dashboard import breakdown, cohorts
from leadflow.dashboard.parameters import Parameters
from leadflow.dashboard.period import Period
from leadflow.dashboard.report import report
from leads.enums import DefinitionStatus, Stage
from leads.lifecycle import move_to_stage
from leads.models import Cycle, Definition
from tests.dashboard.conftest import RULES
from tests.factories import (
    AT,
    make_definition,
    make_mql,
    make_offer,
    make_pool,
    make_rep,
    make_team,
    make_user,
)

pytestmark = pytest.mark.django_db
MARCH = Period(date(2026, 3, 1), date(2026, 3, 12), "UTC")


@pytest.fixture(autouse=True)
def definition():
    return make_definition(RULES, version=1)


def figures(user=None):
    return report(user or make_user("admin"), Parameters(MARCH, MARCH.last), AT)


def test_offer_stamps_who_was_asked():
    rep = make_rep("Jonas Falk")
    handoff = make_offer(rep)

    cycle = Cycle.objects.get(pk=handoff.cycle_id)

    assert (cycle.rep, cycle.team) == (rep.user, make_team())


def test_reassigning_stamps_who_is_asked_now():
    first, second = make_rep(), make_rep()
    make_pool(first)
    handoff = make_offer(first)

    reassigning.reassign(handoff, make_user("admin"), second, "Knows the account", AT)

    assert Cycle.objects.get(pk=handoff.cycle_id).rep == second.user


def test_mql_without_a_rep_belongs_to_the_team_of_its_pool():
    pool = make_pool(make_rep(capacity=0))
    handoff = make_offer(pool.members.get().rep)

    cycle = Cycle.objects.get(pk=handoff.cycle_id)

    assert (cycle.rep, cycle.team) == (None, make_team())


def test_rejected_lead_stays_with_who_was_asked():
    rep = make_rep()
    handoff = make_offer(rep)
    reject(handoff, rep.user, RejectionReason.objects.get(slug="no_fit"), at=AT)

    cycle = Cycle.objects.get(pk=handoff.cycle_id)

    assert (cycle.lead.owner, cycle.rep, cycle.decision) == (None, rep.user, "rejected")
    assert figures(rep.user).cohort[0].decided == 1


def test_rep_who_changes_teams_takes_no_figures_along():
    rep = make_rep()
    make_offer(rep)
    rep.user.team = make_team("South")
    rep.user.save()

    (group,) = breakdown.groups(Cycle.objects.all(), "team", MARCH, MARCH.last, {})

    assert group.name == "Nordics"
    assert figures(make_user("manager", team=make_team())).cohort[0].mqls == 1
    assert figures(make_user("manager", team=make_team("South"))).cohort[0].mqls == 0


def test_later_definition_restates_nothing(definition):
    rep = make_rep()
    handoff = make_offer(rep)
    accept(handoff, rep.user, AT)
    before = figures()
    Definition.objects.filter(pk=definition.pk).update(status=DefinitionStatus.RETIRED)
    accepted_is_sql = {"mql": {"rule_sets": []}, "sql": {"meaning": "accepted"}}
    make_definition(accepted_is_sql, version=2)

    after = figures()

    assert after.cohort == before.cohort
    assert after.qualifications == before.qualifications
    assert [group.name for group in after.rules] == ["Content, with fit"]  # the name it had
    assert after.definitions.meaning == "accepted by sales"


def test_was_an_sql_never_un_happens():
    rep = make_rep()
    handoff = make_offer(rep)
    accept(handoff, rep.user, AT)
    lead = handoff.lead
    lead.refresh_from_db()
    move_to_stage(lead, Stage.SQL, at=AT, by=rep.user)
    before = figures()
    lead.source, lead.campaign = "changed", "changed"
    lead.save()
    move_to_stage(lead, Stage.LEAD, at=AT, status="disqualified", reason="Went silent")

    after = figures()

    assert (before.cohort[0].converted, after.cohort[0].converted) == (1, 1)
    assert after.qualifications.entered == 1
    assert {
        group.value for group in breakdown.groups(Cycle.objects.all(), "source", MARCH, MARCH.last, {})
    } == {""}


def test_second_qualification_is_a_second_mql():
    first = make_mql()
    move_to_stage(first.lead, Stage.LEAD, at=AT, reason="No need now")
    make_mql(lead=first.lead)

    days = cohorts.count_days(Cycle.objects.all(), MARCH)

    assert cohorts.cohort(days, MARCH, MARCH.last).mqls == 2
