from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.capture import Captured, Incoming, Touch, capture_leads
from leads.enums import Stage, Status
from leads.lifecycle import move_to_stage
from leads.models import Company, Identity, Lead, ProfileChange, StageChange
from leads.profile import EmailTaken, StaleProfile, update_profile
from leads.signals import activity_recorded
from tests.factories import make_lead, make_user

pytestmark = pytest.mark.django_db
SAMPSON = {"first_name": "Liza", "last_name": "Sampson"}


def capture(*rows: Incoming, at: datetime, **options: Any) -> list[Captured]:
    options = {"stage": Stage.SUSPECT, "by": None, "origin": "import 1", "overwrite": False} | options
    return capture_leads(rows, at=at, **options)


@pytest.fixture
def announced() -> Any:
    """The ids of the leads each announcement names."""
    seen: list[list[int]] = []

    def listen(lead_ids: list[int], **kwargs: Any) -> None:
        seen.append(lead_ids)

    activity_recorded.connect(listen)
    yield seen
    activity_recorded.disconnect(listen)


def test_capture_creates_a_suspect_with_all_that_follows(at: datetime, announced: list[list[int]]) -> None:
    row = Incoming(
        " Ada@Acme.example ", "+44 20 7946 0958",
        {"first_name": "Ada", "job_title": "Head of Data", "country": "United Kingdom", "employees": "1,200"},
        company_name="Acme Ltd", touch=Touch("google", "cpc", "Spring"),
    )  # fmt: skip

    (captured,) = capture(row, at=at)

    lead = Lead.objects.get()
    assert (captured.lead, captured.created, captured.error) == (lead, True, None)
    assert (lead.email, lead.phone, lead.stage) == ("ada@acme.example", "+442079460958", Stage.SUSPECT)
    assert (lead.role, lead.seniority, lead.country, lead.region) == ("data", "head", "GB", "uk_ireland")
    assert (lead.employees, lead.is_free_mail, lead.is_student) == (1200, False, None)
    assert (lead.source, lead.last_campaign) == ("google", "Spring")
    assert (lead.company.name, lead.company.domain) == ("Acme Ltd", "acme.example")
    assert [(change.seq, change.to_stage, change.actor) for change in StageChange.objects.all()] == [
        (1, Stage.SUSPECT, "import 1")
    ]
    assert announced == [[lead.pk]]


def test_capture_dates_each_fit_field(at: datetime) -> None:
    capture(Incoming("ada@gmail.com", profile={"job_title": "Student", "last_name": "L"}), at=at)

    rows = ProfileChange.objects.values_list("field", "value", "day", "origin")
    assert sorted(rows) == [
        ("is_free_mail", True, at.date(), "import 1"),
        ("is_student", True, at.date(), "import 1"),
        ("job_title", "Student", at.date(), "import 1"),
        ("seniority", "student", at.date(), "import 1"),
    ]


def test_capture_of_a_history_dates_the_first_profile_back(at: datetime) -> None:
    capture(Incoming("ada@acme.example"), at=at, profile_day=date(2025, 5, 1))

    assert ProfileChange.objects.get().day == date(2025, 5, 1)


def test_capture_fills_what_is_unknown_and_proposes_the_rest(at: datetime) -> None:
    lead = make_lead(email="ada@acme.example", first_name="Ada", industry="retail", is_free_mail=False)

    (captured,) = capture(
        Incoming("ADA@acme.example", profile={"first_name": "Eve", "industry": "", "country": "DE"}), at=at
    )

    lead.refresh_from_db()
    assert (lead.first_name, lead.industry, lead.country, lead.region) == ("Ada", "retail", "DE", "dach")
    assert captured.proposed == {"first_name": ("Ada", "Eve")}
    assert captured.changed["country"] == ("", "DE")
    assert not captured.created


def test_capture_overwrites_when_told_and_never_with_nothing(at: datetime) -> None:
    by = make_user()
    lead = make_lead(
        email="ada@acme.example", job_title="CEO", role="management", seniority="c_level", last_name="L"
    )

    capture(
        Incoming("ada@acme.example", profile={"job_title": "IT Manager", "last_name": ""}),
        at=at, overwrite=True, by=by,
    )  # fmt: skip

    lead.refresh_from_db()
    assert (lead.job_title, lead.role, lead.seniority, lead.last_name) == ("IT Manager", "it", "manager", "L")
    assert lead.version == 2


def test_capture_keeps_what_followed_from_a_title_it_keeps(at: datetime) -> None:
    lead = make_lead(
        email="ada@acme.example", job_title="CEO", role="", seniority="c_level", is_free_mail=False
    )

    (captured,) = capture(Incoming("ada@acme.example", profile={"job_title": "IT Manager"}), at=at)

    lead.refresh_from_db()
    assert (lead.role, lead.seniority) == ("", "c_level")
    assert not {"role", "seniority", "job_title"} & captured.changed.keys()


def test_capture_without_news_announces_nothing(at: datetime, announced: list[list[int]]) -> None:
    capture(Incoming("ada@acme.example"), at=at)

    capture(Incoming("ada@acme.example"), at=at)

    assert len(announced) == 1


def test_capture_makes_one_lead_of_one_address_in_one_call(at: datetime) -> None:
    first, second = capture(
        Incoming("ada@acme.example", profile={"first_name": "Ada"}),
        Incoming(" ADA@acme.example", profile={"first_name": "Eve", "last_name": "L"}),
        at=at, overwrite=True,
    )  # fmt: skip

    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name) == ("Eve", "L")
    assert (first.created, second.created, second.lead) == (True, False, lead)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (Incoming("not an address"), "email_invalid"),
        (Incoming(None), "no_contact"),
        (Incoming("", "n/a"), "no_contact"),
        (Incoming(None, user_id="u1"), "no_contact"),
    ],
)
def test_capture_refuses_whom_nobody_could_reach(row: Incoming, error: str, at: datetime) -> None:
    (captured,) = capture(row, at=at)

    assert (captured.lead, captured.error) == (None, error)
    assert not Lead.objects.exists()


def test_capture_with_a_phone_survives_a_bad_address(at: datetime) -> None:
    (captured,) = capture(Incoming("n/a", "+49 30 1511687"), at=at)

    assert captured.created
    assert captured.warnings == ["email_invalid"]


def test_phone_alone_never_matches_two_rows_of_one_call(at: datetime) -> None:
    row = Incoming(None, "555-321-8967", SAMPSON)

    assert [captured.created for captured in capture(row, row, at=at)] == [True, True]
    assert [captured.created for captured in capture(row, row, row, at=at)] == [False, False, True]


def test_phone_matches_by_name_and_leaves_claimed_leads_alone(at: datetime) -> None:
    abe, liza = make_lead(phone="555-321-8967", first_name="Abe"), make_lead(phone="555-321-8967", **SAMPSON)

    by_name, nobody = capture(
        Incoming(None, "555-321-8967", SAMPSON), Incoming(None, "555-321-8967", {"first_name": "Bart"}), at=at
    )
    (claimed,) = capture(Incoming(None, "555-321-8967", {"first_name": "Abe"}), at=at, claimed=[abe.pk])

    assert (by_name.lead, nobody.created, claimed.created) == (liza, True, True)


def test_capture_finds_a_person_by_user_id(at: datetime) -> None:
    lead = make_lead(email=None, phone="+4930123456")
    Identity.objects.create(lead=lead, kind="user", value="u1", since=at)

    (captured,) = capture(Incoming("ada@acme.example", user_id="u1", anonymous_ids=["a1"]), at=at)

    assert captured.lead == lead
    lead.refresh_from_db()
    assert (lead.email, lead.is_free_mail) == ("ada@acme.example", False)
    assert set(lead.identities.values_list("kind", "value")) == {("user", "u1"), ("anonymous", "a1")}


def test_capture_follows_a_merge_to_the_survivor(at: datetime) -> None:
    survivor = make_lead(email="ada@acme.example")
    make_lead(email="ada@old.example", merged_into=survivor)

    (captured,) = capture(Incoming("ada@old.example", profile={"last_name": "L"}), at=at)

    assert captured.lead == survivor
    assert Lead.objects.count() == 2


def test_capture_as_lead_promotes_a_suspect_and_keeps_its_status(at: datetime) -> None:
    plain = make_lead(email="a@acme.example", stage=Stage.SUSPECT)
    out = make_lead(email="b@acme.example", stage=Stage.SUSPECT)
    move_to_stage(out, Stage.SUSPECT, status=Status.DISQUALIFIED, at=at, reason="student")

    capture(Incoming("a@acme.example"), Incoming("b@acme.example"), at=at, stage=Stage.LEAD)

    found = Lead.objects.filter(pk__in=[plain.pk, out.pk]).order_by("pk").values_list("stage", "status")
    assert list(found) == [(Stage.LEAD, Status.ACTIVE), (Stage.LEAD, Status.DISQUALIFIED)]


def test_capture_gives_no_company_to_free_mail_and_shares_the_others(at: datetime) -> None:
    capture(
        Incoming("a@gmail.com"), Incoming("b@mail.acme.example"), Incoming("c@acme.example", company_name="Acme"),
        Incoming("d@gmail.com", company_name="Beta"), Incoming("e@gmail.com", company_domain="https://beta.example/"),
        at=at,
    )  # fmt: skip

    companies = Company.objects.order_by("pk").values_list("name", "domain")
    assert sorted(companies, key=str) == [
        ("Acme", "acme.example"),
        ("Beta", None),
        ("beta.example", "beta.example"),
    ]
    assert Lead.objects.get(email="a@gmail.com").company is None


def test_capture_reports_what_it_could_not_keep(at: datetime) -> None:
    (captured,) = capture(
        Incoming(
            "a@acme.example", profile={"country": "Atlantis", "employees": "many", "last_name": "x" * 200}
        ),
        at=at,
    )

    assert captured.warnings == ["country_unreadable", "employees_unreadable", "last_name_cut"]
    assert len(Lead.objects.get().last_name) == 100


@pytest.mark.parametrize("count", [2, 12])
def test_capture_costs_the_same_number_of_statements(count: int, at: datetime) -> None:
    capture(*(Incoming(f"known{n}@acme{n}.example") for n in range(count)), at=at)
    rows = [Incoming(f"known{n}@acme{n}.example", profile={"country": "DE"}) for n in range(count)]
    rows += [Incoming(f"new{n}@beta{n}.example", "030 12345", {"job_title": "CTO"}) for n in range(count)]
    rows += [Incoming(None, f"+4930123{n:03}", {"first_name": "P"}) for n in range(count)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        capture(*rows, at=at, stage=Stage.LEAD)

    statements = [q["sql"].split(" ")[0] for q in queries if "leads_" in q["sql"]]
    assert len(statements) <= 30


def test_update_profile_writes_columns_and_dated_changes(at: datetime, announced: list[list[int]]) -> None:
    lead = make_lead(email="ada@acme.example", country="DE", region="dach")
    company = Company.objects.create(name="Beta", created_at=at)

    changed = update_profile(
        lead, {"country": "", "job_title": "CTO", "phone": "+49 30 1511687", "company": company},
        at=at, by=make_user(), origin="manual", version=1,
    )  # fmt: skip

    fresh = Lead.objects.get()
    assert (fresh.country, fresh.region, fresh.role, fresh.phone, fresh.company) == (
        "", "", "engineering", "+49301511687", company,
    )  # fmt: skip
    assert changed["country"] == ("DE", "")
    assert (lead.role, lead.version, fresh.version) == ("engineering", 2, 2)
    assert set(ProfileChange.objects.values_list("field", "value")) == {
        ("country", ""), ("region", ""), ("job_title", "CTO"), ("role", "engineering"), ("seniority", "c_level"),
    }  # fmt: skip
    assert announced == [[lead.pk]]


def test_update_profile_of_names_alone_dates_nothing(at: datetime, announced: list[list[int]]) -> None:
    lead = make_lead()

    update_profile(lead, {"first_name": "Ada"}, at=at, by=None, origin="api")

    assert (lead.first_name, lead.version) == ("Ada", 1)
    assert not ProfileChange.objects.exists()
    assert announced == []


def test_update_profile_refuses_a_stale_version_and_a_taken_address(at: datetime) -> None:
    lead, other = make_lead(), make_lead()

    with pytest.raises(StaleProfile) as stale:
        update_profile(lead, {"first_name": "Ada"}, at=at, by=None, origin="manual", version=7)
    with pytest.raises(EmailTaken):
        update_profile(lead, {"email": other.email}, at=at, by=None, origin="manual")
    with pytest.raises(ValueError, match="employees_unreadable"):
        update_profile(lead, {"employees": "many"}, at=at, by=None, origin="manual")

    assert stale.value.current == 1
