"""F20: leads that scoring cannot get past, each found alone and set aside, while all others are scored."""

from datetime import timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from leads.models import Lead
from scoring import deaths, passes, rescoring
from scoring.models import MAX_ATTEMPTS, PendingScore, Rescore
from scoring.passes import start_full_pass
from scoring.rescoring import drain, retry_given_up
from tests.factories import AT
from tests.scoring.world import give, good_lead, publish_standard

pytestmark = pytest.mark.django_db
HEALTHY, POISONED = 60, 10
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """Stands for SIGKILL and for the hard time limit: nothing of ours may catch it."""


KINDS = {
    "raises": ValueError("this lead is poison"),
    "runs out of time": SoftTimeLimitExceeded(),
    "kills its worker": Killed(),
}


@pytest.fixture(autouse=True)
def _a_worker_of_our_own(monkeypatch):
    monkeypatch.setattr(rescoring, "BATCH", 100)
    yield
    deaths.went_well()


@pytest.fixture
def poison(monkeypatch):
    """Give a set of lead ids: whoever scores one of them meets its error."""
    harm: dict[int, BaseException] = {}
    original = rescoring.store_scores

    def store(chosen, *args):
        for pk in Lead.objects.filter(chosen.condition, pk__in=harm).values_list("pk", flat=True):
            raise harm[pk]
        return original(chosen, *args)

    for module in (rescoring, passes):
        monkeypatch.setattr(module, "store_scores", store)
    return harm


def work_until_all_is_done(at, *, most_deaths=500):
    """Be a worker that is started again whenever it dies; return how often, and when all was done."""
    died = 0
    while True:
        deaths.suspect()
        try:
            while drain(at):
                pass
        except (Killed, SoftTimeLimitExceeded):
            died += 1
            assert died < most_deaths
        else:
            waiting = PendingScore.objects.filter(set_aside="").order_by("not_before").first()
            if waiting is None and not Rescore.objects.filter(finished_at=None).exists():
                return died, at
            at = max(at, waiting.not_before or at) if waiting else at
        at += timedelta(seconds=5)


def leads_with_marks():
    publish_standard()
    leads = [good_lead() for _ in range(HEALTHY + POISONED)]
    for lead in leads:
        give(lead, "guide", obj="g")
    return leads


def assert_only_these_are_left(poisoned):
    marks = PendingScore.objects.all()
    assert {mark.lead_id for mark in marks} == set(poisoned)
    assert all(mark.set_aside and mark.attempts == MAX_ATTEMPTS for mark in marks)
    scored = Lead.objects.exclude(pk__in=poisoned)
    assert set(scored.values_list("engagement_score", flat=True)) == {6}
    assert set(Lead.objects.filter(pk__in=poisoned).values_list("engagement_score", flat=True)) == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_poison_lead_comes_to_be_alone_and_is_set_aside(poison, kind):
    leads = leads_with_marks()
    poison.update((lead.pk, KINDS[kind]) for lead in leads[:: len(leads) // POISONED][:POISONED])

    died, _ = work_until_all_is_done(AT)

    assert_only_these_are_left(poison)
    assert (died > 0) == (kind != "raises")

    poison.clear()
    assert retry_given_up() == POISONED
    work_until_all_is_done(AT + timedelta(hours=1))
    assert set(Lead.objects.values_list("engagement_score", flat=True)) == {6}
    assert not PendingScore.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_poison_lead_keeps_no_full_pass_from_its_end(poison, kind, monkeypatch):
    monkeypatch.setattr(passes, "CHUNK", {"postgresql": 20, "sqlite": 20})
    leads = leads_with_marks()
    PendingScore.objects.all().delete()
    poison[leads[30].pk] = KINDS[kind]
    start_full_pass("by hand", AT)

    work_until_all_is_done(AT)

    assert_only_these_are_left(poison)
    assert Rescore.objects.get().leads_done == len(leads)


def test_a_worker_killed_by_chance_costs_a_rest_and_no_more(poison):
    leads = leads_with_marks()
    poison[leads[3].pk] = Killed()
    deaths.suspect()
    with pytest.raises(Killed):
        drain(AT)
    assert set(PendingScore.objects.values_list("attempts", flat=True)) == {1}

    poison.clear()
    assert drain(AT) == 0
    assert drain(AT + MINUTE) == len(leads)


def test_what_fails_before_any_lead_is_claimed_is_not_passed_over_in_silence(monkeypatch):
    publish_standard()
    give(good_lead(), "guide")

    def fail(*args):
        raise ValueError("no lead is at fault")

    with monkeypatch.context() as broken:
        broken.setattr(rescoring, "_claim", fail)
        with pytest.raises(ValueError, match="no lead is at fault"):
            drain(AT)

    assert drain(AT) == 1
