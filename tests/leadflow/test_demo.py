"""The demo is played by the real engine: what comes out must satisfy every invariant."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from handoff.models import Handoff
from leadflow.demo import company, rebase
from leadflow.models import Heartbeat
from leads import clock
from leads.models import Cycle, EngagementDay, Event, Lead, StageChange, User
from tests.factories import make_lead
from tests.scoring.test_backtest_truth import assert_true_to_the_past

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def test_demo_makes_a_funnel_that_verifies(settings):
    settings.LEADFLOW_DEMO = True

    run("--people=120", "--days=50")

    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify", stdout=out)
    assert (ended.value.code, out.getvalue().splitlines()[-1]) == (0, "0 findings")
    assert Lead.objects.count() >= 120
    assert Cycle.objects.count() >= 5
    assert set(User.objects.values_list("role", flat=True)) == {"marketer", "rep", "manager", "admin"}
    assert Handoff.objects.filter(rep__user__email=company.email("rep")).open().count() >= 5


class Everybody:
    """Whoever is asked about is in it."""

    def __contains__(self, thing: object) -> bool:
        return True


def test_demo_is_found_again_by_its_back_test(settings):
    settings.LEADFLOW_DEMO = True
    run("--people=160", "--days=70")

    assert assert_true_to_the_past(clock.today(), Everybody()) > 8


def test_demo_run_again_adds_no_history(settings):
    settings.LEADFLOW_DEMO = True
    run("--people=40", "--days=15")
    users, source_events = (
        User.objects.count(),
        Event.objects.filter(message_id__startswith="demo-1-").count(),
    )

    run("--people=40", "--days=15")

    assert User.objects.count() == users
    assert Event.objects.filter(message_id__startswith="demo-1-").count() == source_events


def test_idle_demo_is_carried_over_to_today(settings):
    settings.LEADFLOW_DEMO = True
    run("--people=40", "--days=15")
    before = StageChange.objects.order_by("-at", "-id").first()
    day = EngagementDay.objects.order_by("id").first()
    Heartbeat.objects.update(at=clock.now() - timedelta(days=10, hours=3))

    moved = rebase.rebase(clock.now())

    assert moved.days == 10
    assert StageChange.objects.get(pk=before.pk).at == before.at + timedelta(days=10)
    assert EngagementDay.objects.get(pk=day.pk).occurred_on == day.occurred_on + timedelta(days=10)


def test_demo_leaves_a_database_in_use_alone(settings):
    settings.LEADFLOW_DEMO = True
    make_lead()

    with pytest.raises(CommandError, match="leads here already"):
        run()


def test_demo_is_refused_in_production(settings):
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match="refused in production"):
        run()
