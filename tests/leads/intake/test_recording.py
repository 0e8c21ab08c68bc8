from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import clock
from leads.checks import CHECKS
from leads.enums import Outcome, Stage, Status
from leads.intake.events import IncomingEvent
from leads.intake.recording import record_events
from leads.lifecycle import move_to_stage
from leads.models import Company, EngagementDay, Event, Identity, IntakeBatch, Lead, Organisation, StageChange
from leads.signals import activity_recorded
from leads.suppression import ANONYMOUS, EMAIL, USER, suppress
from tests.factories import AT, make_lead, make_source

TODAY = AT.date()


def verify():
    return [finding for _, _, check in CHECKS for finding in check(AT)]


def track(name, message_id="", **fields):
    return {"type": "track", "event": name, "messageId": message_id or f"m-{name}"} | fields


def identify(email, user_id="u-1", message_id="i-1", **traits):
    return {
        "type": "identify",
        "userId": user_id,
        "messageId": message_id,
        "traits": {"email": email} | traits,
    }


def page(path, message_id, **fields):
    return {"type": "page", "messageId": message_id, "properties": {"path": path}} | fields


def days():
    return sorted(EngagementDay.objects.values_list("lead__email", "signal__slug", "object_key", "count"))


def record(*events, source=None, received_at=AT, **more):
    return record_events(list(events), source=source or make_source(), received_at=received_at, **more)


# --- Once each -------------------------------------------------------------------------------------


def test_replayed_batch_changes_nothing(sender):
    batch = [identify("peter@initech.test", title="CTO"), page("/pricing", "p-1", userId="u-1")]
    sender.batch(*batch)
    before = (list(Lead.objects.values()), days(), StageChange.objects.count(), Event.objects.count())

    results = sender.batch(*batch)

    assert [result["outcome"] for result in results] == ["duplicate", "duplicate"]
    assert (list(Lead.objects.values()), days(), StageChange.objects.count(), Event.objects.count()) == before
    assert list(IntakeBatch.objects.order_by("id").values_list("counted", "duplicate")) == [(2, 0), (0, 2)]


def test_events_of_one_day_add_up_over_batches(sender):
    lead = make_lead()
    for batch in (("a", "b"), ("c",), ("d", "a")):
        record(
            *[IncomingEvent("track", AT, "Chat", message_id=name, lead_id=lead.pk) for name in batch],
            source=sender.source,
        )

    assert EngagementDay.objects.get().count == 4
    assert verify() == []


def test_first_payload_wins_and_the_other_is_told(sender):
    sender.batch(track("Guide Downloaded", "m-1", userId="u-1", properties={"asset": "One"}))

    (result,) = sender.batch(track("Guide Downloaded", "m-1", userId="u-1", properties={"asset": "Two"}))

    assert (result["outcome"], result["reason"]) == ("duplicate", "duplicate_conflict")
    assert Event.objects.get().object_key == "One"


def test_same_message_id_of_two_sources_is_two_events(sender):
    event = IncomingEvent(type="track", name="Chat", occurred_at=AT, message_id="m-1", user_id="u-1")
    other = IncomingEvent(type="track", name="Chat", occurred_at=AT, message_id="m-1", user_id="u-1")

    results = [*record(event), *record(other)]

    assert [result.outcome for result in results] == [Outcome.COUNTED, Outcome.COUNTED]


def test_old_identify_sent_again_does_not_undo_a_newer_one(sender):
    old = identify("peter@initech.test", title="Clerk")
    sender.batch(old)
    sender.batch(identify("peter@initech.test", message_id="i-2", title="CTO"))

    sender.batch(old)

    assert Lead.objects.get().job_title == "CTO"


def test_identify_that_arrives_late_does_not_undo_a_later_one(sender):
    now = clock.now()
    later = identify("peter@initech.test", message_id="i-2", title="CTO")
    sender.batch(later | {"timestamp": now.isoformat()})

    late = identify("peter@initech.test", title="Clerk", industry="Software")
    sender.batch(late | {"timestamp": (now - timedelta(days=2)).isoformat()})

    assert Lead.objects.values_list("job_title", "industry").get() == ("CTO", "Software")


def test_identifies_of_one_batch_hold_as_they_happened_not_as_they_arrived(sender):
    now = clock.now()
    later, earlier = now.isoformat(), (now - timedelta(days=2)).isoformat()

    sender.batch(
        identify("peter@initech.test", message_id="i-2", title="CTO") | {"timestamp": later},
        identify("peter@initech.test", title="Clerk", industry="Software") | {"timestamp": earlier},
    )

    assert Lead.objects.values_list("job_title", "industry").get() == ("CTO", "Software")


# --- Whose they are --------------------------------------------------------------------------------


def test_identify_makes_a_suspect_and_engagement_a_lead(sender):
    sender.batch(
        identify("Peter@Initech.test", firstName="Peter", company={"name": "Initech", "employees": 120})
    )
    lead = Lead.objects.get()
    assert (lead.email, lead.stage, lead.name, lead.company.name, lead.employees) == (
        "peter@initech.test", Stage.SUSPECT, "Peter", "Initech", 120,
    )  # fmt: skip

    sender.batch(track("Guide Downloaded", userId="u-1", properties={"asset": "Getting started"}))

    lead.refresh_from_db()
    assert lead.stage == Stage.LEAD
    change = lead.stage_changes.get(seq=2)
    assert (change.actor, change.reason) == ("signal:guide", "First engagement: Guide or e-book")
    assert verify() == []


@pytest.mark.parametrize("name", ["Email Opened", "Email Bounced", "Unsubscribed", "Automated Visit"])
def test_suspect_stays_one_without_engagement(sender, name):
    sender.batch(identify("peter@initech.test"), track(name, userId="u-1"))

    assert Lead.objects.get().stage == Stage.SUSPECT


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("lead", "lead"), ("subscriber", "suspect"), ("customer", "lead"), ("", "suspect")],
)
def test_identify_may_say_the_stage(sender, stage, expected):
    sender.batch(identify("peter@initech.test", stage=stage))

    assert Lead.objects.get().stage == expected


def test_disqualified_suspect_becomes_a_lead_and_stays_disqualified(sender):
    lead = make_lead(stage=Stage.SUSPECT, email="peter@initech.test")
    move_to_stage(lead, Stage.SUSPECT, at=AT, status=Status.DISQUALIFIED, reason="Competitor")

    sender.batch(page("/", "p-1", userId="u-1"), identify("peter@initech.test"))

    lead.refresh_from_db()
    assert (lead.stage, lead.status) == (Stage.LEAD, Status.DISQUALIFIED)


@pytest.mark.parametrize("name", ["Form Submitted", "Chat Started", "Demo Requested", "PPC Call"])
def test_forms_chats_and_calls_make_leads(sender, name):
    answers = {"email": "Ann@acme.test", "first_name": "Ann", "company": "Acme", "jobTitle": "Head of Data"}

    sender.batch(track(name, anonymousId="a-1", properties=answers))

    lead = Lead.objects.get()
    assert (lead.email, lead.stage, lead.first_name, lead.job_title) == (
        "ann@acme.test",
        "lead",
        "Ann",
        "Head of Data",
    )
    assert list(lead.stage_changes.values_list("to_stage", flat=True)) == ["lead"]
    assert Identity.objects.get(value="a-1").lead == lead


def test_form_does_not_overwrite_what_is_known(sender):
    make_lead(email="ann@acme.test", first_name="Ann", job_title="Head of Data")
    answers = {"email": "ann@acme.test", "first_name": "Mallory", "country": "SE"}

    sender.batch(track("Form Submitted", anonymousId="a-1", properties=answers))

    assert Lead.objects.values_list("first_name", "job_title", "country").get() == (
        "Ann",
        "Head of Data",
        "SE",
    )


def test_form_with_a_product_names_it_in_its_object_and_the_profile(sender):
    sender.batch(identify("ann@acme.test", product_interest="Catalogue"))

    sender.batch(track("Form Submitted", userId="u-1", properties={"form": "Contact", "product": "Lineage"}))

    assert Lead.objects.get().product_interest == "Lineage"
    assert days() == [("ann@acme.test", "form", "Contact#Lineage", 1)]


def test_events_of_an_unknown_user_wait_and_join_when_identified(sender):
    sender.batch(
        page("/pricing", "p-1", userId="u-1"), page("/pricing", "p-2", userId="u-1", anonymousId="a-1")
    )
    sender.batch(page("/blog", "p-3", anonymousId="a-1"), page("/blog", "p-4", anonymousId="a-2"))
    assert not Lead.objects.exists()

    sender.batch(identify("peter@initech.test"))

    assert days() == [
        ("peter@initech.test", "pricing_page", "/pricing", 2),
        ("peter@initech.test", "visit", "/blog", 1),
    ]
    assert Event.objects.filter(lead=None).get().anonymous_id == "a-2"
    assert Lead.objects.get().stage == Stage.LEAD
    assert verify() == []


def test_anonymous_visits_join_once_and_are_known_from_the_day_they_joined(sender):
    source, early = make_source(), AT - timedelta(days=30)
    record(
        IncomingEvent("page", early, message_id="p", anonymous_id="a-1", properties={"path": "/"}),
        source=source,
        received_at=early,
    )
    alias = {
        "type": "identify",
        "userId": "u-1",
        "anonymousId": "a-1",
        "messageId": "i-1",
        "traits": {"email": "a@b.test"},
    }

    sender.batch(alias)
    sender.batch(alias | {"messageId": "i-2"})

    day = EngagementDay.objects.get()
    assert (day.occurred_on, day.known_on, day.count) == (early.date(), clock.today(), 1)


def test_alias_joins_the_anonymous_past(sender):
    sender.batch(identify("peter@initech.test"), page("/pricing", "p-1", anonymousId="a-1"))

    sender.batch({"type": "alias", "previousId": "a-1", "userId": "u-1", "messageId": "x"})

    assert days() == [("peter@initech.test", "pricing_page", "/pricing", 1)]


def test_ids_told_within_one_batch_hold_for_all_of_it_whatever_the_order(sender):
    sender.batch(
        page("/pricing", "p-1", anonymousId="a-1"),
        {"type": "alias", "previousId": "a-1", "userId": "u-1", "messageId": "x"},
        page("/pricing", "p-2", userId="u-1"),
        identify("peter@initech.test"),
    )

    assert days() == [("peter@initech.test", "pricing_page", "/pricing", 2)]
    assert set(Identity.objects.values_list("kind", "value")) == {
        ("user", "u-1"),
        ("anonymous", "a-1"),
        ("user", "a-1"),
    }


def test_device_of_two_people_keeps_its_first_owner_and_the_user_id_decides(sender):
    sender.batch(identify("ann@acme.test") | {"anonymousId": "a-1"})
    sender.batch(identify("bob@acme.test", user_id="u-2", message_id="i-2") | {"anonymousId": "a-1"})

    sender.batch(
        page("/pricing", "p-1", userId="u-2", anonymousId="a-1"), page("/blog", "p-2", anonymousId="a-1")
    )

    assert days() == [
        ("ann@acme.test", "visit", "/blog", 1),
        ("bob@acme.test", "pricing_page", "/pricing", 1),
    ]


def test_user_id_and_address_of_two_people_is_warned_of(sender):
    sender.batch(identify("ann@acme.test"), identify("bob@acme.test", user_id="u-2", message_id="i-2"))

    (result,) = sender.batch(identify("bob@acme.test", message_id="i-3"))

    assert result["warnings"] == ["identity_conflict: userId and e-mail address belong to different people"]


def test_another_address_of_a_known_user_is_warned_of_and_the_first_kept(sender):
    sender.batch(identify("ann@acme.test"))

    (result,) = sender.batch(identify("ann@home.test", message_id="i-2"))

    assert result["warnings"] == ["email_kept: this userId is known with another e-mail address"]
    assert Lead.objects.get().email == "ann@acme.test"


def test_events_of_a_merged_lead_go_to_the_survivor(sender):
    survivor = make_lead(email="ann@acme.test", stage=Stage.SUSPECT)
    middle, merged = make_lead(email=None, merged_into=survivor), make_lead(email=None)
    Lead.objects.filter(pk=merged.pk).update(merged_into=middle)
    Identity.objects.create(lead=merged, kind="user", value="u-1", since=AT)

    sender.batch(page("/pricing", "p-1", userId="u-1"))
    record(IncomingEvent("track", AT, "Chat", message_id="c", lead_id=middle.pk))

    assert days() == [("ann@acme.test", "chat", "", 1), ("ann@acme.test", "pricing_page", "/pricing", 1)]
    survivor.refresh_from_db()
    assert survivor.stage == Stage.LEAD


def test_user_id_that_is_an_address_identifies(sender):
    sender.batch(page("/pricing", "p-1", userId="Ann@acme.test"))

    assert Lead.objects.values_list("email", "stage").get() == ("ann@acme.test", "lead")


def test_group_describes_the_company(sender):
    traits = {
        "name": "Initech",
        "industry": "Software",
        "employees": 329,
        "website": "https://www.initech.com",
    }

    sender.batch(
        identify("peter@initech.com"),
        {"type": "group", "userId": "u-1", "groupId": "g", "messageId": "g", "traits": traits},
    )

    lead = Lead.objects.get()
    assert (lead.industry, lead.employees, lead.company.name) == ("Software", 329, "Initech")
    assert Company.objects.get().domain == "initech.com"


@pytest.mark.parametrize("pair", [(EMAIL, "ann@acme.test"), (USER, "u-1"), (ANONYMOUS, "a-1")])
def test_suppressed_people_leave_no_trace(sender, pair):
    suppress([pair], at=AT)

    results = sender.batch(
        identify("Ann@acme.test", firstName="Ann") | {"anonymousId": "a-1"},
        page("/", "p-9", userId="someone-else"),
    )

    outcomes = [(result["outcome"], result.get("reason")) for result in results]
    assert outcomes == [("ignored", "suppressed"), ("counted", None)]
    assert not Lead.objects.exists()
    assert list(Event.objects.values_list("user_id", flat=True)) == ["someone-else"]
    assert IntakeBatch.objects.get().reasons == {"ignored:suppressed": 1}


# --- What they count for ---------------------------------------------------------------------------


def test_robots_are_quarantined_and_make_no_leads(sender):
    form = track("Form Submitted", anonymousId="a-1", properties={"email": "spam@acme.test"})

    (result,) = sender.batch(form | {"context": {"userAgent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}})

    assert (result["outcome"], result["reason"]) == ("quarantined", "crawler")
    assert not Lead.objects.exists()
    assert not EngagementDay.objects.exists()


def test_old_events_are_kept_but_not_counted_unless_they_are_history(sender):
    lead, old = make_lead(), AT - timedelta(days=500)

    record(IncomingEvent("track", old, "Chat", message_id="a", lead_id=lead.pk))
    record(IncomingEvent("track", old, "Chat", message_id="b", lead_id=lead.pk, known_on=old.date()))

    assert list(Event.objects.order_by("message_id").values_list("outcome", "outcome_reason")) == [
        ("ignored", "too_old"), ("counted", ""),
    ]  # fmt: skip
    assert EngagementDay.objects.get().known_on == old.date()


def test_days_are_those_of_the_organisation(sender):
    Organisation.objects.update_or_create(id=1, defaults={"time_zone": "Pacific/Auckland"})
    lead = make_lead()

    record(
        IncomingEvent(
            "track", datetime(2026, 3, 11, 10, 59, tzinfo=UTC), "Chat", message_id="a", lead_id=lead.pk
        ),
        IncomingEvent(
            "track", datetime(2026, 3, 11, 11, 1, tzinfo=UTC), "Chat", message_id="b", lead_id=lead.pk
        ),
    )

    rows = EngagementDay.objects.order_by("occurred_on").values_list("occurred_on", "known_on")
    assert list(rows) == [(date(2026, 3, 11), date(2026, 3, 12)), (date(2026, 3, 12), date(2026, 3, 12))]


def test_one_announcement_per_batch_names_the_leads_that_changed(sender):
    first, second, third = make_lead(), make_lead(), make_lead()
    heard = []

    def hear(lead_ids, day, at, **kwargs):
        heard.append((list(lead_ids), day, at))

    activity_recorded.connect(hear)
    try:
        record(
            IncomingEvent("track", AT, "Chat", message_id="a", lead_id=second.pk),
            IncomingEvent("track", AT, "Chat", message_id="b", lead_id=first.pk),
            IncomingEvent("track", AT, "Unheard of", message_id="c", lead_id=third.pk),
        )
    finally:
        activity_recorded.disconnect(hear)

    assert heard == [([first.pk, second.pk], TODAY, AT)]


def test_unsubscribe_is_dated(sender):
    lead = make_lead()

    record(IncomingEvent("track", AT, "Unsubscribed", message_id="a", lead_id=lead.pk))

    lead.refresh_from_db()
    assert lead.unsubscribed_at == AT


def test_first_touch_is_that_of_the_anonymous_past_and_last_touch_the_latest(sender):
    ad = {"campaign": {"source": "google", "medium": "cpc", "name": "Spring"}}
    mail = {"campaign": {"source": "newsletter", "medium": "email", "name": "May"}}
    sender.batch(page("/blog", "p-1", anonymousId="a-1", context=ad))

    sender.batch(identify("ann@acme.test") | {"anonymousId": "a-1", "context": mail})
    sender.batch(page("/blog", "p-2", userId="u-1", context=mail))

    lead = Lead.objects.get()
    assert (lead.source, lead.medium, lead.campaign) == ("google", "cpc", "Spring")
    assert (lead.last_source, lead.last_medium, lead.last_campaign) == ("newsletter", "email", "May")


# --- What it costs ---------------------------------------------------------------------------------


def statements(sender, count, start, **fields):
    items = [
        track("Guide Downloaded", f"m-{start + n}", properties={"asset": f"Guide {n}"}, **fields)
        for n in range(count)
    ]
    with CaptureQueriesContext(
        connection,
    ) as captured:
        sender.batch(*items)
    return len(captured)


def test_batch_of_200_takes_as_many_statements_as_one_of_10(sender):
    sender.batch(identify("ann@acme.test"))
    statements(sender, 1, 0, userId="u-1")

    fresh = [statements(sender, count, count * 1000, userId="u-1") for count in (10, 200)]
    replayed = [statements(sender, count, count * 1000, userId="u-1") for count in (10, 200)]

    assert fresh == [fresh[0]] * 2
    assert replayed == [replayed[0]] * 2
    assert max(fresh + replayed) <= 9


def test_anonymous_batch_of_200_takes_as_many_statements_as_one_of_10(sender):
    statements(sender, 1, 0, anonymousId="a-0")

    assert (
        statements(sender, 10, 10, anonymousId="a-1")
        == statements(sender, 200, 1000, anonymousId="a-2")
        <= 12
    )


def test_200_new_people_take_as_many_statements_as_60(sender):
    def new(count, start):
        items = []
        for n in range(start, start + count):
            items += [
                identify(f"p{n}@company{n}.test", f"u-{n}", f"i-{n}", title="CTO"),
                page("/pricing", f"p-{n}", userId=f"u-{n}"),
            ]
        with CaptureQueriesContext(connection) as captured:
            sender.batch(*items)
        return Counter(query["sql"].split()[0] for query in captured)

    new(1, 0)
    few, many = new(60, 100), new(200, 1000)  # both enough to be copied in

    if connection.vendor == "sqlite":
        # Django cuts its own bulk inserts at 999 parameters there.
        del few["INSERT"], many["INSERT"]
    assert few == many
    assert verify() == []
