"""The lists everybody has, with the counts their description promises."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from leads.enums import Stage
from leads.models import Company, Event, ImportRow, Lead
from tests.leads.imports.conftest import Import, counts

pytestmark = pytest.mark.django_db
Shared = Callable[[str], bytes]
AFTER_WEBINAR = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def events(name: str) -> int:
    return Event.objects.filter(name=name, outcome="counted").count()


def test_salesforce_leads(shared_file: Shared, run_import: Import) -> None:
    job = run_import(shared_file("salesforce/Lead.csv"))

    assert counts(job) == (9, 3, 0, 2)
    assert Lead.objects.filter(email=None).count() == 6
    joe = Lead.objects.get(email="j.szyslak@itsjustademo.com")
    assert (joe.name, joe.job_title, joe.company.name, joe.source, joe.stage) == (
        "Joe Szyslak", "Owner", "Moe's Bar", "trade show", Stage.SUSPECT,
    )  # fmt: skip


def test_salesforce_contacts(shared_file: Shared, run_import: Import) -> None:
    job = run_import(shared_file("salesforce/Contact.csv"))

    assert counts(job) == (60, 4, 0, 0)


def test_hubspot_contacts(shared_file: Shared, run_import: Import) -> None:
    job = run_import(shared_file("made/hubspot_contacts_5000.csv"))

    assert counts(job) == (4920, 40, 0, 40)
    assert job.rows_total == job.rows_done == ImportRow.objects.count() == 5000
    assert Lead.objects.filter(email=None).count() == 10
    elsewhere = Lead.objects.values_list("imported_stage", "stage").distinct()
    assert set(elsewhere) == {
        ("", Stage.SUSPECT), ("subscriber", Stage.SUSPECT), ("lead", Stage.SUSPECT),
        ("marketingqualifiedlead", Stage.LEAD),
    }  # fmt: skip
    # Ten people of one domain, so one company; its name is what a spreadsheet would run, kept as it is.
    company = Company.objects.get(domain="cells.example")
    assert company.leads.count() == 10
    assert company.name in (
        '=HYPERLINK("http://evil.example","x")',
        "+1+1",
        "-2+cmd|' /C calc'!A0",
        "@SUM(1)",
    )


def test_zoom_webinar(shared_file: Shared, run_import: Import) -> None:
    job = run_import(shared_file("made/zoom_webinar.csv"), kind="webinar", when=AFTER_WEBINAR)

    assert counts(job) == (58, 18, 2, 0)
    assert Lead.objects.filter(stage=Stage.LEAD).count() == 58
    assert (events("Webinar Registered"), events("Webinar Attended"), events("Webinar Question Asked")) == (
        58,
        41,
        6,
    )
    assert not Lead.objects.filter(email="host@leadflow.example").exists()
    assert set(job.rows.filter(result="skipped").values_list("code", "detail")) == {
        ("not_approved", "cancelled by registrant")
    }
    attended = Event.objects.get(name="Webinar Attended", lead__email="user0@lumenbank0.example")
    assert attended.properties == {"webinar": "Choosing a scoring model, live", "minutes": 45, "joins": 3}
    assert attended.occurred_at == datetime(2026, 11, 19, 16, 0, 5, tzinfo=UTC)


def test_trade_show(shared_file: Shared, run_import: Import) -> None:
    job = run_import(
        shared_file("made/tradeshow_cp1252.csv"), kind="tradeshow", event="Messe Wien", held_on="2026-03-10"
    )

    assert counts(job) == (120, 0, 0, 0)
    assert (events("Trade Show Visited"), events("Contact Requested")) == (120, 30)
    lead = Lead.objects.get(email="user7003@quantalogistics3.example")
    assert (lead.name, lead.country, lead.stage) == ("Chloé Vargas", "AT", Stage.LEAD)
    assert (lead.source, lead.campaign) == ("trade show", "Messe Wien")
    assert Lead.objects.filter(last_name="Müller").exists()
    assert Lead.objects.filter(notes__text="möchte Rückruf").count() == 30
