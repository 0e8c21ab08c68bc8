"""The last days routed anew: seats fill and free, absences hold on their days, promises are judged."""

from datetime import timedelta

import pytest

from handoff import routing, versions, workflow
from handoff.models import Absence, Handoff, Rep
from handoff.simulation import simulate
from leads.conversations import log_conversation
from leads.models import Organisation
from tests.factories import make_mql, make_pool, make_rep
from tests.handoff.support import current

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def work_off(lead, at, answer=HOUR, seat=2 * HOUR):
    """Have whoever got the lead accept it and call, so much later."""
    offer = current(lead)
    workflow.accept(offer, offer.rep.user, at + answer)
    log_conversation(lead, "call", reached=False, summary="", at=at + seat, by=offer.rep.user)


def play(at, n, **how):
    for number in range(n):
        moment = at + timedelta(minutes=number)
        lead = make_mql(at=moment).lead
        routing.drain(moment)
        work_off(lead, moment, **how)


def by_name(result, *keys):
    return {row["name"]: tuple(row[key] for key in keys) for row in result["per_rep"]}


def test_the_same_routing_gives_the_same_leads(at):
    make_pool(make_rep("Ann"), make_rep("Bo"))
    play(at, 6)

    result = simulate(versions.document_of_rows(), 1, at + 5 * HOUR)

    assert (result["leads"], result["changed"], result["unrouted"]) == (6, 0, {})
    keys = (
        "leads",
        "actual",
        "kept",
        "due",
        "actual_kept",
        "actual_due",
        "wait_minutes",
        "actual_wait_minutes",
    )
    assert by_name(result, *keys) == {"Ann": (3, 3, 3, 3, 3, 3, 0, 0), "Bo": (3, 3, 3, 3, 3, 3, 0, 0)}
    members = result["fairness"][0]["members"]
    assert [(one["turns"], one["actual"], one["behind"]) for one in members] == [(3, 3, 0.0), (3, 3, 0.0)]


def test_a_lower_capacity_makes_leads_wait_for_seats(at):
    ann = make_rep("Ann")
    make_pool(ann)
    play(at, 3)  # each keeps its seat for two hours
    document = versions.document_of_rows()
    document["capacity"][str(ann.pk)] = 1

    (row,) = simulate(document, 1, at + 5 * HOUR)["per_rep"]

    assert (row["leads"], row["most_seats"], row["wait_minutes"]) == (3, 1, 119)


def test_an_absence_holds_on_its_days(at):
    ann, bo = make_rep("Ann"), make_rep("Bo")
    make_pool(ann, bo)
    for day in range(4):
        play(at + timedelta(days=day), 1)
    Absence.objects.create(rep=ann, starts_on=at.date(), back_on=at.date() + timedelta(days=2), created_at=at)

    result = simulate(versions.document_of_rows(), 9, at + timedelta(days=5))

    assert by_name(result, "leads", "actual") == {"Ann": (1, 2), "Bo": (3, 2)}


def test_answers_count_by_what_was_promised(at):
    ann = make_rep("Ann")
    make_pool(ann)
    play(at, 1, answer=2 * HOUR, seat=3 * HOUR)
    document = versions.document_of_rows()
    Organisation.objects.update_or_create(id=1, defaults={"accept_hours": 1})

    assert by_name(simulate(document, 1, at + 5 * HOUR), "kept", "actual_kept") == {"Ann": (0, 1)}


def test_nothing_is_written_and_an_empty_past_is_no_error(at):
    make_pool(make_rep("Ann"))
    before = Rep.objects.values(), Handoff.objects.count()

    result = simulate(versions.document_of_rows(), 90, at)

    assert (result["leads"], result["per_rep"], result["fairness"]) == (0, [], [])
    assert (list(Rep.objects.values()), Handoff.objects.count()) == (list(before[0]), before[1])


def test_reading_the_past_takes_as_many_statements_for_many_as_for_few(at, django_assert_max_num_queries):
    make_pool(make_rep("Ann"), make_rep("Bo"))
    counts = []
    for n in (1, 5):
        play(at, n)
        document = versions.document_of_rows()
        with django_assert_max_num_queries(20) as found:
            simulate(document, 1, at + 5 * HOUR)
        counts.append(len(found))
    assert counts[0] == counts[1]
