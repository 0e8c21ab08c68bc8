"""What lead endpoints answer, for the schema; `representations` makes it. A test holds the two together."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from leads.enums import Decision, Outcome, SqlMeaning, Stage, Status
from leads.models import Conversation
from scoring.models import ScoreOverride

Text = s.CharField


def _text(**options: Any) -> s.CharField:
    return s.CharField(allow_blank=True, **options)


def _when() -> s.DateTimeField:
    return s.DateTimeField(allow_null=True)


class CompanyRefOut(s.Serializer[Any]):
    id = s.IntegerField()
    name = Text()
    domain = Text(allow_null=True)


class LeadOut(s.Serializer[Any]):
    """One person and where they stand. `email` and `phone` are null without leads:read_pii."""

    id = s.IntegerField()
    url = s.URLField()
    email = Text(allow_null=True)
    phone = _text(allow_null=True)
    first_name = _text()
    last_name = _text()
    company = CompanyRefOut(allow_null=True)
    job_title = _text()
    role = _text()
    seniority = _text()
    industry = _text()
    employees = s.IntegerField(allow_null=True)
    country = _text()
    region = _text()
    tech_stack = _text()
    data_maturity = _text()
    product_interest = _text()
    is_free_mail = s.BooleanField(allow_null=True)
    is_competitor = s.BooleanField(allow_null=True)
    is_student = s.BooleanField(allow_null=True)
    stage = s.ChoiceField(Stage.choices)
    status = s.ChoiceField(Status.choices)
    stage_since = s.DateTimeField()
    cycle = s.IntegerField(help_text="How often this person became an MQL.")
    owner = Text(allow_null=True, help_text="E-mail address of the sales owner.")
    owner_id = s.IntegerField(allow_null=True)
    owner_name = Text(allow_null=True)
    fit_score = s.IntegerField()
    engagement_score = s.IntegerField()
    score = s.IntegerField(help_text="The computed one: what rules, routing and back-tests go by.")
    override_score = s.IntegerField(allow_null=True, help_text="Set by hand and in force; else null.")
    shown_score = s.IntegerField(help_text="What people see and lists sort by: override_score, else score.")
    grade = s.ChoiceField(["A", "B", "C", "D"])
    band = s.IntegerField(min_value=1, max_value=4)
    momentum = s.IntegerField()
    disqualified_by = _text()
    score_version = s.IntegerField(allow_null=True)
    scored_on = s.DateField(allow_null=True)
    wake_on = s.DateField(allow_null=True)
    wake_signal = _text()
    nurture_reason = _text()
    next_step = _text()
    next_step_on = s.DateField(allow_null=True)
    needs_fit_check = s.BooleanField()
    imported_stage = _text()
    source = _text()  # type: ignore[assignment]
    medium = _text()
    campaign = _text()
    last_source = _text()
    last_medium = _text()
    last_campaign = _text()
    last_signal = Text(allow_null=True)
    last_seen_at = _when()
    unsubscribed_at = _when()
    created_at = s.DateTimeField()
    version = s.IntegerField()


class LedgerLineOut(s.Serializer[Any]):
    """One change of stage or status, as it was written then."""

    seq = s.IntegerField()
    from_stage = _text()
    to_stage = s.ChoiceField(Stage.choices)
    from_status = _text()
    to_status = s.ChoiceField(Status.choices)
    at = s.DateTimeField()
    by = Text(allow_null=True)
    actor = Text()
    reason = _text()
    version = s.IntegerField(allow_null=True)
    cycle = s.IntegerField()
    fit_score = s.IntegerField()
    engagement_score = s.IntegerField()
    score = s.IntegerField()
    evidence = s.DictField()


class CycleOut(s.Serializer[Any]):
    """The n-th time this person became an MQL, and what came of it."""

    number = s.IntegerField()
    mql_at = s.DateTimeField()
    rule = _text()
    version = s.IntegerField()
    source = _text()  # type: ignore[assignment]
    campaign = _text()
    segment = _text()
    owner = Text(allow_null=True)
    decision = s.ChoiceField(["", *Decision.values])
    reason = _text()
    decided_at = _when()
    contacted_at = _when()
    meeting_at = _when()
    sql_at = _when()
    sql_meaning = s.ChoiceField(["", *SqlMeaning.values])
    opportunity_at = _when()
    won_at = _when()
    lost_at = _when()
    ended_at = _when()
    end_reason = _text()


class EventOut(s.Serializer[Any]):
    """One engagement event. `properties` is empty without leads:read_pii."""

    id = s.IntegerField()
    lead = s.IntegerField(allow_null=True)
    source = Text()  # type: ignore[assignment]
    message_id = Text()
    type = Text()
    name = _text()
    signal = Text(allow_null=True)
    object = _text()
    occurred_at = s.DateTimeField()
    received_at = s.DateTimeField()
    outcome = s.ChoiceField(Outcome.choices)
    outcome_reason = _text()
    flags = s.ListField(child=Text())
    properties = s.DictField()


class NoteOut(s.Serializer[Any]):
    id = s.IntegerField()
    by = Text(allow_null=True)
    text = _text()
    for_sales = s.BooleanField()
    at = s.DateTimeField()


class ConversationOut(s.Serializer[Any]):
    id = s.IntegerField()
    by = Text(allow_null=True)
    kind = s.ChoiceField(Conversation.Kind.values)
    reached = s.BooleanField()
    summary = _text()
    at = s.DateTimeField()


class ScoreLineOut(s.Serializer[Any]):
    label = Text()  # type: ignore[assignment]
    kind = Text()
    points = s.IntegerField()
    detail = _text()


class OverrideOut(s.Serializer[Any]):
    """A score set by hand. `ending` is empty while it is in force."""

    id = s.IntegerField()
    score = s.IntegerField()
    reason = _text()
    by = Text()
    set_at = s.DateTimeField()
    expires_on = s.DateField(help_text="The first day without it.")
    ending = s.ChoiceField(["", *ScoreOverride.Ending.values])
    ended_at = _when()
    ended_by = Text(allow_null=True)


class ScoreOut(s.Serializer[Any]):
    """A score opened up; its lines add up to it exactly."""

    lead = s.IntegerField()
    day = s.DateField()
    definition = s.IntegerField(allow_null=True)
    fit = s.IntegerField()
    engagement = s.IntegerField()
    score = s.IntegerField()
    grade = s.ChoiceField(["A", "B", "C", "D"])
    band = s.IntegerField()
    lines = ScoreLineOut(many=True)
    override = OverrideOut(allow_null=True, help_text="Set by hand and in force at the end of that day.")


class TimelineEntryOut(s.Serializer[Any]):
    at = s.DateTimeField()
    kind = Text()
    text = _text()
    detail = _text()
    stage = _text()


class RowResultOut(s.Serializer[Any]):
    """What became of one row: `code` is empty where it was done."""

    id = s.IntegerField()
    done = s.BooleanField()
    code = _text()
    detail = _text()


class BulkOut(s.Serializer[Any]):
    done = s.IntegerField()
    refused = s.IntegerField()
    results = RowResultOut(many=True)
