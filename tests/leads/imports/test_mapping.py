from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from leads.imports.dates import is_day_first, parse_when
from leads.imports.mapping import guess_mapping, notices, problems, with_overrides

HUBSPOT = (
    "First Name,Last Name,Email,Phone Number,Company Name,Job Title,Lifecycle Stage,Lead Status,Contact owner,"
    "Create Date,Original Source"
)
SALESFORCE = (
    "Company,Title,Lead Source,Rating,Industry,No. of Employees,Annual Revenue,Country,Status,Email,"
    "Last Name,Name"
)
META = "id,created_time,ad_id,form_id,form_name,is_organic,platform,your_budget?,full_name,phone_number,email"


@pytest.mark.parametrize(
    ("headers", "layout", "fields"),
    [
        (HUBSPOT, "hubspot", "first_name last_name email phone company job_title stage - owner occurred_at source"),
        (SALESFORCE, "salesforce",
         "company job_title source - industry employees - country - email last_name full_name"),
        ("LeadSource,NumberOfEmployees,OwnerId,CreatedDate", "salesforce", "source employees owner occurred_at"),
        ("Vorname;Nachname;E-Mail;Firma;Position;Land;Notiz", "plain",
         "first_name last_name email company job_title country note"),
        (META, "meta", "- occurred_at - - form - platform answer full_name phone email"),
        ("Phone,Mobile Phone,Telefon", "plain", "phone mobile -"),
        ("e-mail ,E_MAIL ADDRESS,Why are you here?,Question 2", "plain", "email - question question"),
    ],
)  # fmt: skip
def test_known_headers_are_mapped(headers: str, layout: str, fields: str) -> None:
    split = headers.split(";" if ";" in headers else ",")

    assert guess_mapping(split, layout=layout) == [field.strip("-") for field in fields.split()]


def test_mapping_problems_name_what_is_missing_and_found() -> None:
    assert problems(["first_name", ""], ["Vorname", "Ort"]) == [
        "No column is mapped to E-mail or Phone. The columns found are: Vorname, Ort."
    ]
    assert problems(["email", "email"], ["A", "B"]) == ["Two columns are mapped to E-mail; choose one."]
    assert problems(["phone", "question", "question"], ["A", "B", "C"]) == []


def test_notices_say_what_is_left_out() -> None:
    said = notices(["Email", "HubSpot Score", "Lifecycle Stage", "Shoe size"], ["email", "", "stage", ""])

    assert [sentence.split(",")[0].split(":")[0] for sentence in said] == [
        "Scores are worked out here", "Stages made elsewhere are noted", "Not imported",
    ]  # fmt: skip
    assert "Shoe size" in said[-1]


def test_overrides_move_a_field_and_refuse_what_is_unknown() -> None:
    headers, fields = ["A", "B"], ["email", ""]

    assert with_overrides(headers, fields, {"b": "email"}) == ["", "email"]
    assert with_overrides(headers, fields, {"A": ""}) == ["", ""]
    with pytest.raises(KeyError):
        with_overrides(headers, fields, {"C": "email"})
    with pytest.raises(ValueError, match="shoe"):
        with_overrides(headers, fields, {"A": "shoe"})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Nov 19, 2026 16:00:05", datetime(2026, 11, 19, 15, 0, 5, tzinfo=UTC)),
        ("May 15, 2012 08:19 AM EDT", datetime(2012, 5, 15, 12, 19, tzinfo=UTC)),
        ("2024-07-11T21:22:07.000+0000", datetime(2024, 7, 11, 21, 22, 7, tzinfo=UTC)),
        ("2025-05-03 17:15", datetime(2025, 5, 3, 15, 15, tzinfo=UTC)),
        ("13.02.2026", datetime(2026, 2, 13, 11, 0, tzinfo=UTC)),
        ("3/4/2026 5:10 PM", datetime(2026, 3, 4, 16, 10, tzinfo=UTC)),
        ("44927", None), ("--", None), ("tomorrow", None), ("2026-13-01", None), ("0001-01-01", None),
    ],
)  # fmt: skip
def test_dates_of_lists_are_read(text: str, moment: datetime | None) -> None:
    assert parse_when(text, ZoneInfo("Europe/Oslo")) == moment


def test_day_first_is_told_by_the_other_values() -> None:
    assert is_day_first(["3/4/2026", "25/12/2025"])
    assert not is_day_first(["3/4/2026", "12/25/2025"])
    assert parse_when("3/4/2026", ZoneInfo("UTC"), day_first=True) == datetime(2026, 4, 3, 12, tzinfo=UTC)
