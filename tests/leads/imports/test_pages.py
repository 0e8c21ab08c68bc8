"""The import pages: from the file to the rows, for those who may, with nothing typed lost."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leads import views_imports
from leads.enums import Role
from leads.imports import jobs, runner
from leads.models import ImportJob, Lead, Team, User
from tests.factories import AT, make_team, make_user
from tests.leads.imports.conftest import Import

pytestmark = pytest.mark.django_db
LIST = b"E-Mail;Vorname;Firma;Punkte\nada@acme.test;Ada;Acme;12\nnope;Bo;;\n"


@pytest.fixture
def marketer(client: Client) -> Client:
    client.force_login(make_user(Role.MARKETER))
    return client


def send(client: Client, content: bytes = LIST, **data: Any) -> Any:
    file = SimpleUploadedFile(data.pop("name", "list.csv"), content)
    return client.post("/imports/upload/", {"kind": "suspect", "file": file, **data})


def chosen(job: ImportJob, **changes: Any) -> dict[str, Any]:
    """What the preview's form sends when nothing is touched but `changes`."""
    options = job.settings
    fields = {f"column_{index}": name for index, name in enumerate(options["fields"])}
    return {
        "encoding": options["encoding"], "delimiter": options["delimiter"], "event": options["event"],
        "existing": "fill", "keep": "last", **fields, **changes,
    }  # fmt: skip


def test_a_list_goes_from_file_to_leads(marketer: Client) -> None:
    uploaded = send(marketer)
    job = ImportJob.objects.get()
    assert uploaded.url == f"/imports/{job.pk}/"

    shown = marketer.get(uploaded.url).content.decode()
    assert "All 2 rows: 1 create, 0 update, 0 skip, 1 refused" in shown
    assert "Scores are worked out here" in shown
    assert not Lead.objects.exists()

    started = marketer.post(uploaded.url, chosen(job, start="1"), follow=True).content.decode()
    assert "Running, 0 of 2 rows" in started
    runner.drain()
    done = marketer.get(uploaded.url).content.decode()
    assert "<b>Done.</b> 2 rows read" in done
    rows = marketer.get(f"{uploaded.url}rows/?result=refused").content.decode()
    assert "Not an e-mail address" in rows
    refused = b"".join(marketer.get(f"{uploaded.url}refused.csv"))
    assert b"3,Not an e-mail address,nope,Bo" in refused


def test_progress_is_polled_until_it_is_over(marketer: Client) -> None:
    url = send(marketer).url
    job = ImportJob.objects.get()
    jobs.start(job, at=AT)

    running = marketer.get(url, headers={"HX-Request": "true"})
    runner.drain()
    over = marketer.get(url, headers={"HX-Request": "true"})

    assert (running.status_code, b"Running, 0 of 2" in running.content, b"<html" in running.content) == (
        200,
        True,
        False,
    )
    assert (over.status_code, over["HX-Refresh"]) == (286, "true")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "No rows: the file is empty."),
        (b"E-Mail\n", "nothing below the header"),
        (b"PK\x03\x04" + bytes(40), "an Excel workbook"),
        (b"\x89PNG\r\n", "a picture"),
        (b"Email,Email\na@b.test,c\n", "Several columns are called the same"),
        (b'Email,Name\na@b.test,"x\n', "line 2"),
    ],
)
def test_what_is_no_list_is_refused_beside_the_field(content: bytes, said: str, marketer: Client) -> None:
    response = send(marketer, content, kind="tradeshow")

    page = response.content.decode()
    assert response.status_code == 422
    assert said in page
    assert re.search(r'value="tradeshow"[^>]*checked', page)
    assert not ImportJob.objects.exists()


def test_a_large_body_is_refused_before_it_is_read(marketer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views_imports, "MAX_BYTES", 10)
    monkeypatch.setattr(views_imports, "ENVELOPE", 10)

    response = send(marketer)

    assert response.status_code == 413
    assert "is larger than" in response.content.decode()


def test_an_upload_needs_the_token_against_forgery() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user(Role.MARKETER))

    assert send(client).status_code == 403


def test_a_mapping_that_cannot_work_is_said_and_kept(marketer: Client) -> None:
    url = send(marketer).url
    job = ImportJob.objects.get()

    response = marketer.post(url, chosen(job, column_0="", keep="first", start="1"))

    page = response.content.decode()
    job.refresh_from_db()
    assert (response.status_code, job.state) == (422, ImportJob.State.PREVIEW)
    assert "No column is mapped to E-mail or Phone" in page
    assert '<option value="" selected>' in page


def test_a_changed_mapping_shows_in_the_preview(marketer: Client) -> None:
    url = send(marketer).url
    job = ImportJob.objects.get()

    page = marketer.post(url, chosen(job, column_3="note", existing="overwrite", check="1")).content.decode()

    job.refresh_from_db()
    assert (job.settings["fields"][3], job.settings["existing"]) == ("note", "overwrite")
    assert "Not imported" not in page


def test_another_encoding_reads_the_file_anew(marketer: Client) -> None:
    url = send(marketer, "E-Mail,Firma\nada@acme.test,Söhne\n".encode("cp1252")).url
    job = ImportJob.objects.get()
    assert job.settings["encoding"] == "cp1252"

    worse = marketer.post(url, chosen(job, encoding="utf-16", check="1"))
    better = marketer.post(url, chosen(job, encoding="cp1252", delimiter=",", check="1"))

    assert worse.status_code == 422
    assert "Söhne" in better.content.decode()
    assert Lead.objects.count() == 0


def test_the_same_file_again_is_warned_of_and_joined_while_it_runs(marketer: Client) -> None:
    first = send(marketer).url
    running = ImportJob.objects.get()
    marketer.post(first, chosen(running, start="1"))

    second = send(marketer).url
    warned = marketer.get(second).content.decode()
    joined = marketer.post(second, chosen(ImportJob.objects.first(), start="1"))

    assert "This very file was imported before" in warned
    assert joined.url == first
    assert ImportJob.objects.count() == 1


def test_an_import_is_undone_and_a_failed_one_goes_on(marketer: Client, run_import: Import) -> None:
    job = run_import(LIST)
    marketer.post(f"/imports/{job.pk}/undo/")
    runner.drain()

    page = marketer.get(f"/imports/{job.pk}/").content.decode()
    again = marketer.post(f"/imports/{job.pk}/undo/", follow=True).content.decode()
    ImportJob.objects.filter(pk=job.pk).update(state="failed", error="The disk was full.")
    failed = marketer.get(f"/imports/{job.pk}/").content.decode()
    marketer.post(f"/imports/{job.pk}/retry/")

    assert "1 removed" in page
    assert "only once" in again
    assert "The disk was full." in failed
    assert ImportJob.objects.get().state == "running"


def test_an_upload_is_discarded_only_before_its_start(marketer: Client, run_import: Import) -> None:
    url = send(marketer).url
    done = run_import(b"Email\na@acme.test\n")

    assert marketer.post(f"{url}discard/").url == "/imports/"
    assert marketer.post(f"/imports/{done.pk}/discard/").url == f"/imports/{done.pk}/"
    assert list(ImportJob.objects.all()) == [done]


def test_a_manager_sees_the_imports_and_people_of_the_team(client: Client, run_import: Import) -> None:
    north, south = make_team("North"), make_team("South")
    theirs, other = (
        _by(run_import, north, b"Email\na@acme.test\n"),
        _by(run_import, south, b"Email\nb@acme.test\n"),
    )
    manager = make_user(Role.MANAGER, team=north)
    client.force_login(manager)

    page = client.get("/imports/").content.decode()

    assert (f"/imports/{theirs.pk}/" in page, f"/imports/{other.pk}/" in page) == (True, False)
    assert client.get(f"/imports/{other.pk}/").status_code == 404
    assert client.get(f"/imports/{other.pk}/rows/").status_code == 404
    assert list(Lead.objects.visible_to(manager).values_list("email", flat=True)) == ["a@acme.test"]
    client.force_login(make_user(Role.REP, team=north))
    assert client.get("/imports/").status_code == 403


def _by(run_import: Import, team: Team, content: bytes) -> ImportJob:
    by: User = make_user(Role.MANAGER, team=team)
    job = jobs.upload([content], filename="list.csv", kind="lead", by=by, at=AT)
    jobs.start(job, at=AT)
    runner.drain(AT)
    return job


@pytest.mark.parametrize("path", ["/imports/", "/imports/{pk}/", "/imports/{pk}/rows/"])
def test_pages_cost_the_same_however_much_there_is(path: str, marketer: Client, run_import: Import) -> None:
    def cost(rows: int) -> int:
        text = b"Email\n" + b"".join(b"p%d-%d@acme.test\n" % (rows, n) for n in range(rows))
        job = run_import(text)
        with CaptureQueriesContext(connection) as queries:
            assert marketer.get(path.format(pk=job.pk)).status_code == 200
        return len(queries)

    assert cost(1) == cost(3) <= 11


@pytest.mark.parametrize("path", ["/imports/?after=zzz", "/imports/{pk}/rows/?after=zzz"])
def test_a_mangled_page_address_is_no_fault_of_ours(path: str, marketer: Client, run_import: Import) -> None:
    job = run_import(LIST)

    assert marketer.get(path.format(pk=job.pk)).status_code == 400
