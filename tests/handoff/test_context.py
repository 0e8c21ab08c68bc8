from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from handoff.context import build_context, build_contexts
from handoff.models import Handoff
from leads.models import Asset, Company, Conversation, EngagementDay, Event, Note, StageChange
from tests.factories import AT, make_catalogue, make_lead, make_mql, make_source, make_user

pytestmark = pytest.mark.django_db


def did(lead, signal, key="", days_ago=0, count=1):
    day = (AT - timedelta(days=days_ago)).date()
    EngagementDay.objects.create(
        lead=lead, signal=make_catalogue()[signal], object_key=key, occurred_on=day, known_on=day, count=count
    )


def wrote(lead, at, **properties):
    n = Event.objects.count()
    Event.objects.create(
        source=make_source(), message_id=f"m{n}", payload_hash="x", type="track", name="Form Submitted", lead=lead,
        signal=make_catalogue()["form"], occurred_at=at, received_at=at, occurred_on=at.date(), known_on=at.date(),
        properties=properties,
    )  # fmt: skip


@pytest.fixture
def maren():
    company = Company.objects.create(name="Nordhavn Logistics", employees=1200, created_at=AT)
    return make_lead(
        first_name="Maren", last_name="Solberg", job_title="Head of Data Platform", company=company,
        industry="logistics", source="google", campaign="Spring trial", product_interest="Pipelines",
    )  # fmt: skip


def note_of(lead):
    return make_mql(lead=lead).context


def test_the_note_tells_the_whole_story(maren, at):
    Asset.objects.create(key="late-feeds", title="Late feeds, calm mornings", topic="Pipelines")
    did(maren, "pricing_page", "/pricing", days_ago=2)
    did(maren, "pricing_page", "/pricing")
    did(maren, "webinar", "late-feeds", days_ago=35)
    did(maren, "email_open", "news")
    wrote(maren, at - timedelta(days=20), form="Product form", message="Late feeds", product="Pipelines")
    marketer = make_user(name="Lea Novak")
    Note.objects.create(lead=maren, by=marketer, text="Asked about late feeds.", for_sales=True, at=at)
    Note.objects.create(lead=maren, by=marketer, text="Internal.", at=at)
    Conversation.objects.create(lead=maren, by=marketer, kind="call", summary="Short call", at=at)

    note = note_of(maren)

    assert note["source"]["source"] == "google"
    assert note["source"]["campaign"] == "Spring trial"
    assert note["profile"]["employees"] == 1200
    assert note["product_interest"] == "Pipelines"
    assert [(a["signal"], a["object"], a["days"], a["on"]) for a in note["actions"]] == [
        ("pricing_page", "/pricing", 2, "2026-03-12"),
        ("webinar", "Late feeds, calm mornings", 1, "2026-02-05"),
    ]
    assert [content["object"] for content in note["content"]] == ["Late feeds, calm mornings"]
    assert note["topics"] == ["pricing", "Pipelines"]
    assert note["forms"][0]["answers"] == {"message": "Late feeds"}
    assert note["comments"] == [{"by": "Lea Novak", "text": "Asked about late feeds.", "at": at.isoformat()}]
    assert note["conversations"][0]["summary"] == "Short call"


def test_the_note_says_why_under_which_rule_and_version(maren):
    did(maren, "demo_checklist")

    why = note_of(maren)["why"]

    assert (why["rule"], why["rule_label"], why["version"]) == ("content", "Content, with fit", 1)
    assert why["sentence"] == "Pricing guide within 30 days, and grade B or better."
    assert why["now"].startswith(
        "Maren took the demo checklist on 12 March. They are Head of Data Platform at"
    )


def test_the_score_of_the_moment_opens_into_its_lines(maren):
    score = note_of(maren)["score"]

    assert (score["score"], score["fit"], score["engagement"], score["grade"]) == (70, 30, 40, "A")
    assert score["lines"][0]["label"] == "Pricing page"


def test_known_and_still_to_ask(maren, at):
    wrote(maren, at, form="Product form", message="Late feeds", timeline="2026-06")

    note = note_of(maren)

    assert [(k["field"], k["text"], k["from"]) for k in note["known"]] == [
        ("need_problem", "Late feeds", "Product form"), ("timing", "2026-06", "Product form"),
    ]  # fmt: skip
    assert [asked["group"] for asked in note["ask"]] == ["need", "decision", "budget", "next_step"]


def test_what_was_taken_back_by_a_correction_is_not_told(maren):
    did(maren, "demo_request", "demo")
    did(maren, "demo_request", "demo", days_ago=1, count=-1)

    assert note_of(maren)["actions"] == []


def test_the_note_is_frozen(maren):
    handoff = make_mql(lead=maren)
    did(maren, "demo_request")

    assert Handoff.objects.get(pk=handoff.pk).context == handoff.context


def test_notes_for_many_take_as_many_statements_as_for_one(at):
    for _ in range(5):
        lead = make_lead(company=Company.objects.create(name="X", created_at=at))
        did(lead, "guide", "start")
        make_mql(lead=lead)
    changes = list(StageChange.objects.filter(to_stage="mql").select_related("lead"))

    with CaptureQueriesContext(connection) as one:
        build_context(changes[0], at)
    with CaptureQueriesContext(connection) as five:
        build_contexts(changes, at)

    assert len(one) == len(five)
