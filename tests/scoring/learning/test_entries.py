from datetime import timedelta

import pytest

from leads.models import Cycle, EngagementDay, Lead
from scoring.learning.entries import among, read_entries
from scoring.live import live_rules
from scoring.rulebook import TEXT_FIELDS
from tests.factories import AT, make_catalogue, make_cycle, make_lead
from tests.scoring.world import end_cycle, give, good_lead, publish_standard, settle

pytestmark = pytest.mark.django_db


def read(at=AT):
    return read_entries(Cycle.objects.all(), at, "UTC", live_rules())


def test_entry_knows_what_was_known_on_its_day():
    publish_standard()
    lead = good_lead()
    give(lead, "demo_request", obj="demo", n=2)
    give(lead, "webinar", days_ago=91)
    settle()
    assert lead.cycles.count() == 1
    give(lead, "pricing_guide", at=AT + timedelta(days=1))  # after the entry

    (entry,) = read()

    assert entry.signals == {"demo_request": 2}
    assert (entry.rule, entry.version, entry.grade) == (lead.cycles.get().rule, 1, "A")
    assert entry.score == lead.stage_changes.get(to_stage="mql").score > 0
    assert entry.fit_rules == {
        line["rule"]
        for line in lead.stage_changes.get(to_stage="mql").evidence["lines"]
        if line["kind"] == "fit" and line["points"]
    }


def test_corrections_known_by_then_are_taken_off_and_later_ones_are_not():
    make_catalogue()
    lead = make_lead(at=AT - timedelta(days=20))
    give(lead, "pricing_page", days_ago=9, obj="/pricing", known=(AT - timedelta(days=9)).date())
    give(lead, "webinar", days_ago=9, known=(AT - timedelta(days=9)).date())
    make_cycle(AT - timedelta(days=2), lead=lead)
    for signal, corrected in (("pricing_page", 3), ("webinar", 1)):
        row = EngagementDay.objects.get(signal__slug=signal)
        row.pk, row.count, row.known_on = None, -1, (AT - timedelta(days=corrected)).date()
        row.save(force_insert=True)

    (entry,) = read()

    assert entry.signals == {"webinar": 1}


def test_fit_is_judged_by_the_profile_as_it_was():
    publish_standard()
    lead = good_lead()
    make_cycle(AT, lead=lead)
    (before,) = read()
    rules = live_rules().rulebook.fit_rules
    role = next(rule for rule in rules if rule.id in before.fit_rules and rule.field in TEXT_FIELDS)
    lead.profile_changes.create(field=role.field, value=getattr(lead, role.field), day=AT.date(), at=AT)
    lead.profile_changes.create(field=role.field, value="", day=AT.date() + timedelta(days=1), at=AT)
    Lead.objects.filter(pk=lead.pk).update(**{role.field: ""})

    assert read() == [before]


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        ({}, (False, False, False, False, False, False)),
        ({"decision": "accepted"}, (True, True, False, False, False, False)),
        ({"decision": "rejected", "ended_at": 1}, (True, False, True, False, True, False)),
        ({"decision": "accepted", "sql_at": 2}, (True, True, True, True, False, False)),
        ({"decision": "accepted", "sql_at": 2, "won_at": 5}, (True, True, True, True, True, True)),
        ({"decision": "accepted", "sql_at": 2, "lost_at": 5}, (True, True, True, True, True, False)),
    ],
)
def test_entry_says_what_came_of_it_and_what_is_still_open(fields, flags):
    make_cycle(AT - timedelta(days=30), **fields)

    (entry,) = read()

    assert (
        entry.is_decided, entry.is_accepted, entry.is_settled, entry.is_sql, entry.is_closed, entry.is_won,
    ) == flags  # fmt: skip


def test_entry_of_ninety_days_is_settled_whatever_is_open():
    make_cycle(AT - timedelta(days=90))

    assert read()[0].is_settled
    assert not read(AT - timedelta(minutes=1))[0].is_settled


def test_each_cycle_has_the_score_of_its_own_entry():
    publish_standard()
    lead = good_lead()
    give(lead, "demo_request", obj="demo")
    settle()
    end_cycle(lead, at=AT + timedelta(days=1))
    later = AT + timedelta(days=60)
    give(lead, "demo_request", at=later)
    settle(later)

    scores = [entry.score for entry in read(later)]
    entered = lead.stage_changes.filter(to_stage="mql").order_by("-seq")
    assert scores == [change.score for change in entered]
    assert len(scores) == 2


def test_reading_takes_the_same_statements_for_one_and_for_three(django_assert_max_num_queries):
    publish_standard()
    rules = live_rules()
    for _ in range(3):
        make_cycle(AT, lead=good_lead())
    cycles = Cycle.objects.all()

    with django_assert_max_num_queries(7) as one:
        read_entries(cycles.filter(pk=cycles[0].pk), AT, "UTC", rules)
    with django_assert_max_num_queries(7) as three:
        assert len(read_entries(cycles, AT, "UTC", rules)) == 3
    assert len(one.captured_queries) >= len(three.captured_queries)


def test_among_takes_any_number_of_ids():
    lead = make_lead()

    assert list(Lead.objects.filter(pk__in=among([lead.pk, *range(10**6, 10**6 + 50_000)]))) == [lead]
    assert not Lead.objects.filter(pk__in=among([])).exists()
