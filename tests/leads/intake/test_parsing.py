from datetime import timedelta

import pytest

from leads.intake.events import Unacceptable
from leads.intake.parsing import Envelope, parse
from leads.intake.times import BadTime, parse_moment, settle, skew_of
from leads.intake.touches import touch_of
from leads.intake.traits import from_answers, from_traits
from tests.factories import AT


def message(**fields):
    return {"type": "track", "event": "Chat", "userId": "u-1"} | fields


def test_context_of_the_batch_is_that_of_each_message_unless_it_has_its_own():
    envelope = Envelope(AT, context={"campaign": {"source": "google"}, "locale": "sv"})

    event = parse(message(context={"locale": "en"}), envelope)

    assert event.context == {"campaign": {"source": "google"}, "locale": "en"}


def test_type_is_read_in_any_case_and_from_the_endpoint():
    assert parse(message(type="Track"), Envelope(AT)).type == "track"
    assert parse({"name": "Pricing", "userId": "u-1"}, Envelope(AT, type="page")).name == "Pricing"


def test_original_timestamp_stands_in_for_a_missing_one():
    event = parse(message(originalTimestamp="2026-03-12T09:00:00Z"), Envelope(AT))

    assert event.occurred_at == AT - timedelta(hours=1)


def test_skew_that_leads_out_of_the_calendar_is_refused():
    envelope = Envelope(AT, skew_of((AT - timedelta(hours=2)).isoformat(), AT))

    with pytest.raises(Unacceptable, match="timestamp_out_of_range"):
        parse(message(timestamp="9999-12-31T23:59:59Z"), envelope)


@pytest.mark.parametrize(("ahead", "clamped"), [(299, False), (300, False), (301, True), (86400, True)])
def test_clock_ahead_is_clamped_after_five_minutes(ahead, clamped):
    moment = AT + timedelta(seconds=ahead)

    assert settle(moment, AT) == (AT if clamped else moment, clamped)


def test_clock_a_day_ahead_is_refused():
    with pytest.raises(BadTime, match="occurred_at_in_future"):
        settle(AT + timedelta(seconds=86401), AT)


@pytest.mark.parametrize(("hours", "believed"), [(24, True), (-24, True), (24.1, False), (-24.1, False)])
def test_skew_is_believed_up_to_a_day(hours, believed):
    skew = skew_of((AT + timedelta(hours=hours)).isoformat(), AT)

    assert (skew.offset, skew.flags) == (
        (timedelta(hours=-hours), ()) if believed else (timedelta(), ("sent_at_ignored",))
    )


@pytest.mark.parametrize(
    "text", ["2026-03-12T10:00Z", "20260312T100000Z", "2026-03-12T12:00:00+02:00", "2026-03-12 10:00:00,0Z"]
)
def test_iso_8601_is_read_in_its_usual_forms(text):
    assert parse_moment(text) == AT


@pytest.mark.parametrize(
    ("properties", "context", "touch"),
    [
        ({}, {"campaign": {"source": "google", "medium": "cpc", "name": "Spring"}}, ("google", "cpc", "Spring")),
        ({}, {"page": {"search": "?utm_source=bing&utm_campaign=A%20b"}}, ("bing", "", "A b")),
        ({"url": "https://us.test/?gclid=x#top"}, {}, ("google", "cpc", "")),
        ({"referrer": "https://www.google.com/"}, {}, ("google.com", "organic", "")),
        ({}, {"page": {"referrer": "https://lnkd.in/x", "url": "https://us.test/"}}, ("lnkd.in", "social", "")),
        ({"referrer": "https://blog.test/post"}, {"page": {"url": "https://us.test/"}}, ("blog.test", "referral", "")),
        ({"referrer": "https://us.test/a", "url": "https://us.test/b"}, {}, None),
        ({"referrer": "http://[bad"}, {}, None),
        ({}, {"campaign": {}, "page": {"search": "?q=1"}}, None),
        ({}, {"campaign": "Spring", "page": 3}, None),
    ],
)  # fmt: skip
def test_touch_is_campaign_then_click_id_then_referrer(properties, context, touch):
    found = touch_of(properties, context)

    assert (found and (found.source, found.medium, found.campaign)) == touch


def test_traits_are_read_in_segments_and_hubspots_spelling():
    person = from_traits(
        {"name": "Ann Lee Smith", "title": "CTO", "company": {"name": "Acme", "employee_count": 50}, "address": {"country": "SE"},
         "techStack": ["dbt", 3], "website": "acme.test", "phone": "+46 8 123 456", "unknown": 1, "industry": {"no": 1}}
    )  # fmt: skip

    assert person.profile == {
        "first_name": "Ann", "last_name": "Lee Smith", "job_title": "CTO", "employees": 50, "country": "SE", "tech_stack": ["dbt"],
    }  # fmt: skip
    assert (person.company_name, person.company_domain, person.phone) == (
        "Acme",
        "acme.test",
        "+46 8 123 456",
    )


def test_title_and_name_of_a_form_are_not_those_of_the_person():
    person = from_answers(
        {"title": "Contact us", "name": "Contact", "full_name": "Ann Lee", "company": "Acme"}
    )

    assert person.profile == {"first_name": "Ann", "last_name": "Lee"}
    assert person.company_name == "Acme"
