"""Imports that are killed, repeated, run twice at once, or hold rows nobody can store."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from leads.enums import Role, Stage
from leads.imports import chunks, jobs, runner, undo
from leads.imports.errors import refused_rows
from leads.imports.preview import preview
from leads.imports.reading import NotReadable
from leads.models import Event, ImportJob, ImportPart, ImportRow, Lead, Note, ProfileChange, StageChange
from leads.suppression import EMAIL, suppress
from tests.factories import AT, make_lead, make_user
from tests.leads.imports.conftest import Import, counts

pytestmark = pytest.mark.django_db
STATE = ImportJob.State


def people(count: int) -> str:
    return "Email,First Name\n" + "".join(f"p{n}@acme.test,P{n}\n" for n in range(count))


def verify_whole(job: ImportJob, rows: int) -> None:
    """Check that every row has exactly one result and every lead exactly one first ledger line."""
    assert sum(counts(job)) == job.rows_done == ImportRow.objects.filter(job=job).count() == rows
    assert StageChange.objects.count() == Lead.objects.count() == job.created


class Killed(BaseException):
    """Stands for a kill: nothing catches it, the transaction at hand is lost."""


@pytest.mark.parametrize("dies_in_chunk", [1, 2, 3])
def test_a_killed_import_goes_on_and_loses_and_doubles_nothing(
    dies_in_chunk: int, upload: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 4)
    job = jobs.start(upload(people(10)), at=at)
    written = chunks.ChunkWriter.write
    calls = 0

    def write_and_die(self: Any, drafts: Any) -> Any:
        nonlocal calls
        calls += 1
        result = written(self, drafts)
        if calls == dies_in_chunk:
            raise Killed
        return result

    monkeypatch.setattr(chunks.ChunkWriter, "write", write_and_die)
    with pytest.raises(Killed):
        runner.drain(at)

    job.refresh_from_db()
    assert (job.state, job.rows_done) == (STATE.RUNNING, 4 * (dies_in_chunk - 1))
    assert runner.drain(at) == 0  # the lease of the dead worker still holds
    runner.drain(at + timedelta(minutes=5))
    job.refresh_from_db()
    assert job.state == STATE.DONE
    verify_whole(job, 10)


def test_a_worker_that_lost_its_lease_writes_nothing(
    upload: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 4)
    job = jobs.start(upload(people(10)), at=at)
    slow = runner.claim_job(job.pk, at)
    assert slow is not None

    later = at + timedelta(minutes=5)
    quick = runner.claim_job(job.pk, later)
    assert quick is not None
    runner.run(slow, at=at)
    runner.run(quick, at=later)

    job.refresh_from_db()
    assert job.state == STATE.DONE
    verify_whole(job, 10)


def test_a_job_is_claimed_once(upload: Import, at: datetime) -> None:
    job = jobs.start(upload(people(1)), at=at)

    assert runner.claim_job(job.pk, at) is not None
    assert runner.claim_job(job.pk, at) is None
    assert runner.claim_next(at) is None


def test_a_run_stops_within_its_budget_and_is_taken_up(
    upload: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 4)
    job = jobs.start(upload(people(10)), at=at)
    claim = runner.claim_job(job.pk, at)
    assert claim is not None

    assert runner.run(claim, at=at, until=0.0) == 4
    runner.drain(at)

    job.refresh_from_db()
    verify_whole(job, 10)


def test_the_same_file_twice_at_once_is_one_import(upload: Import, at: datetime) -> None:
    first, second = upload(people(3)), upload(people(3))

    running = jobs.start(first, at=at)
    joined = jobs.start(second, at=at)

    assert joined.pk == running.pk
    assert ImportJob.objects.count() == 1


def test_the_same_file_again_only_updates(run_import: Import, upload: Import, at: datetime) -> None:
    first = run_import(people(3))
    again = upload(people(3))

    assert jobs.earlier(again) == first
    assert [row.result for row in preview(again).rows] == ["updated"] * 3
    jobs.start(again, at=at)
    runner.drain(at)
    again.refresh_from_db()
    assert counts(again) == (0, 3, 0, 0)


def test_a_row_the_database_refuses_is_the_only_one_lost(
    upload: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = chunks.capture_leads

    def refuse(rows: Any, **options: Any) -> Any:
        if any(row.email == "p3@acme.test" for row in rows):
            raise DataError("value out of range")
        return captured(rows, **options)

    monkeypatch.setattr(chunks, "capture_leads", refuse)
    job = jobs.start(upload(people(6)), at=at)
    runner.drain(at)

    job.refresh_from_db()
    assert (job.state, counts(job)) == (STATE.DONE, (5, 0, 0, 1))
    assert job.rows.get(result="refused").code == "not_storable"


def test_an_import_that_cannot_go_on_says_so_and_lets_others_pass(
    upload: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = jobs.start(upload(people(2)), at=at), jobs.start(upload(people(3)), at=at)
    ImportPart.objects.filter(job=broken).update(content=b"no zlib")

    runner.drain(at)

    broken.refresh_from_db()
    good.refresh_from_db()
    assert (broken.state, good.state) == (STATE.FAILED, STATE.DONE)
    assert "Something went wrong" in broken.error
    runner.retry(broken)
    assert broken.state == STATE.RUNNING


@pytest.mark.parametrize(
    ("keep", "name", "expected"), [("last", "Eve", (2, 2, 0, 0)), ("first", "Ada", (2, 0, 2, 0))]
)
@pytest.mark.parametrize("chunk", [1, 500])
def test_of_repeated_rows_the_first_or_the_last_wins(
    keep: str,
    name: str,
    expected: tuple[int, ...],
    chunk: int,
    run_import: Import,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "CHUNK", chunk)
    text = "Email,First Name\nada@acme.test,Ada\nbo@acme.test,Bo\nADA@acme.test,Nn\n Ada@Acme.test ,Eve\n"

    job = run_import(text, keep=keep)

    assert counts(job) == expected
    assert Lead.objects.get(email="ada@acme.test").first_name == name


@pytest.mark.parametrize("chunk", [1, 500])
def test_the_last_row_wins_without_changing_what_was_known(
    chunk: int, run_import: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", chunk)
    lead = make_lead(email="ada@acme.test", first_name="Ada")

    run_import("Email,First Name,Last Name\nada@acme.test,Eve,Old\nada@acme.test,Eve,New\n")

    lead.refresh_from_db()
    assert (lead.first_name, lead.last_name) == ("Ada", "New")


def test_known_people_are_overwritten_when_asked(run_import: Import) -> None:
    lead = make_lead(email="ada@acme.test", first_name="Ada", last_name="L")

    run_import("Email,First Name,Last Name\nada@acme.test,Eve,\n", existing="overwrite")

    lead.refresh_from_db()
    assert (lead.first_name, lead.last_name) == ("Eve", "L")


def test_phone_alone_never_matches_two_rows_of_a_file(
    run_import: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 2)
    text = "Phone,Last Name\n" + "555-321-8967,Sampson\n" * 5

    assert counts(run_import(text)) == (5, 0, 0, 0)
    assert counts(run_import(text + "\n")) == (0, 5, 0, 0)


def test_rows_that_cannot_come_in_are_told_apart(run_import: Import, at: datetime) -> None:
    suppress([(EMAIL, "out@acme.test")], at=at)
    text = (
        "Email,Phone,Name,Number of Employees,Country,Lifecycle Stage,Owner\n"
        "ada@acme.test,,Ada,12,DE,customer,Rep One\n"
        "a@b,,Bad,,,,\n"
        "OUT@acme.test,,Gone,,,,\n"
        ",,Nobody,,,,\n"
        "one@acme.test,,Too,many,,,,cells,here\n"
        "two@acme.test,,Short\n"
        "three@acme.test,4.93015E+11,Mangled,many,Atlantis,,\n"
        ",,,,,,\n"
    )

    job = run_import(text)

    found = {row.number: (row.result, row.code, row.warnings) for row in job.rows.all()}
    assert found == {
        2: ("created", "", ["stage_not_taken_over", "owner_unknown"]),
        3: ("refused", "email_invalid", []),
        4: ("skipped", "suppressed", []),
        5: ("refused", "no_contact", []),
        6: ("refused", "ragged_row", []),
        7: ("created", "", ["short_row"]),
        8: ("created", "", ["phone_mangled", "employees_unreadable", "country_unreadable"]),
    }
    ada = Lead.objects.get(email="ada@acme.test")
    assert (ada.stage, ada.imported_stage, ada.owner) == (Stage.LEAD, "customer", None)


def test_a_rep_named_as_owner_is_taken_over_where_there_is_none(run_import: Import, upload: Import) -> None:
    rita, otto = make_user(Role.REP, name="Rita Rep"), make_user(Role.REP, name="Otto Rep")
    make_user(Role.REP, name="Twin"), make_user(Role.REP, name="Twin"), make_user(Role.MARKETER, name="Mara")
    theirs = make_lead(email="known@acme.test", owner=otto)
    free = make_lead(email="free@acme.test")
    text = (
        f"Email,Owner\na@acme.test,RITA rep\nb@acme.test,{otto.email.upper()}\nc@acme.test,Twin\nd@acme.test,Mara\n"
        "known@acme.test,Rita Rep\nfree@acme.test,Rita Rep\ne@acme.test,\n"
    )

    job = run_import(text)

    owners = dict(Lead.objects.values_list("email", "owner__name"))
    assert owners == {
        "a@acme.test": "Rita Rep", "b@acme.test": "Otto Rep", "c@acme.test": None, "d@acme.test": None,
        "known@acme.test": "Otto Rep", "free@acme.test": "Rita Rep", "e@acme.test": None,
    }  # fmt: skip
    assert list(job.rows.exclude(warnings=[]).values_list("number", "warnings")) == [
        (4, ["owner_unknown"]), (5, ["owner_unknown"]),
    ]  # fmt: skip
    undo.begin(job)
    runner.drain(AT)
    free.refresh_from_db()
    theirs.refresh_from_db()
    assert (free.owner, theirs.owner, rita.leads.count()) == (None, otto, 0)


def test_refused_rows_come_back_as_a_file_a_spreadsheet_can_open(run_import: Import, at: datetime) -> None:
    suppress([(EMAIL, "out@acme.test")], at=at)
    job = run_import(
        "Email,Name,Points\nnope,=1+1,-5\nout@acme.test,Gone,1\nada@acme.test,Ada,2\n,@SUM(1),+1\n"
    )

    lines = "".join(refused_rows(job)).removeprefix("\ufeff").splitlines()

    assert lines == [
        "Line,Reason,Email,Name,Points",
        "2,Not an e-mail address,nope,'=1+1,-5",
        "5,Neither e-mail nor phone,,'@SUM(1),+1",
    ]


def test_formulas_are_stored_as_they_are(run_import: Import) -> None:
    run_import("Email,First Name,Last Name,Title\na@acme.test,=1+1,-1+cmd|'x',@SUM\n")

    lead = Lead.objects.get()
    assert (lead.first_name, lead.last_name, lead.job_title) == ("=1+1", "-1+cmd|'x'", "@SUM")


def test_preview_writes_nothing_and_says_what_the_import_does(upload: Import, at: datetime) -> None:
    make_lead(email="known@acme.test")
    text = "Email,Name\nknown@acme.test,A B\nnew@acme.test,C\nNEW@acme.test,D\nnope,E\n"
    before = (Lead.objects.count(), ProfileChange.objects.count(), ImportRow.objects.count())
    job = upload(text)

    found = preview(job)

    assert [(row.number, row.result, row.code) for row in found.rows] == [
        (2, "updated", ""), (3, "created", ""), (4, "updated", ""), (5, "refused", "email_invalid"),
    ]  # fmt: skip
    assert (Lead.objects.count(), ProfileChange.objects.count(), ImportRow.objects.count()) == before
    jobs.start(job, at=at)
    runner.drain(at)
    assert list(job.rows.order_by("number").values_list("result", flat=True)) == [
        row.result for row in found.rows
    ]


def test_a_list_without_a_way_to_reach_people_is_not_started(upload: Import, at: datetime) -> None:
    job = upload("Name,Ort\nAda,Wien\n")

    with pytest.raises(NotReadable, match="Name, Ort"):
        jobs.start(job, at=at)


@pytest.mark.parametrize("text", ["Email\n", "", "\n\n"])
def test_an_empty_list_is_refused_and_kept_nowhere(text: str, upload: Import) -> None:
    with pytest.raises(NotReadable, match="No rows"):
        upload(text)

    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/pass\u202ewd.csv", "passwd.csv"),
        ("C:\\x\\a.csv", "a.csv"),
        ("", "list.csv"),
        ("x" * 300, "x" * 200),
    ],
)
def test_file_names_are_made_harmless(name: str, shown: str) -> None:
    assert jobs.safe_filename(name) == shown


def test_meta_lead_ads_are_forms_filled_in(run_import: Import) -> None:
    text = (
        "id,created_time,form_name,is_organic,platform,your_budget?,full_name,phone_number,email\n"
        "l:1,2026-03-10T08:00:00+01:00,Pricing form,false,fb,10k,Ada Lovelace,p:+4930123456,ada@acme.test\n"
    )

    run_import(text, kind="lead")

    lead = Lead.objects.get()
    assert (lead.name, lead.phone, lead.source, lead.medium) == (
        "Ada Lovelace",
        "+4930123456",
        "facebook",
        "paid-social",
    )
    event = Event.objects.get()
    assert (event.name, event.object_key, event.signal.slug) == ("Form Submitted", "Pricing form", "form")
    assert event.properties["answers"] == {"your_budget?": "10k"}
    assert event.occurred_at == datetime.fromisoformat("2026-03-10T07:00:00+00:00")


def test_a_webinar_exported_again_brings_nobody_twice(run_import: Import) -> None:
    text = (
        "Attended,Email,Registration Date,Join Time,In Session Duration* (minutes),Questions\n"
        "Yes,ada@acme.test,2026-03-01 09:00,2026-03-10 16:00,30,How?\n"
        "No,bo@acme.test,2026-03-02 09:00,,,\n"
    )
    options = {"kind": "webinar", "event": "Scoring live", "held_on": "2026-03-10"}

    run_import(text, **options)
    run_import(text + "No,cy@acme.test,2026-03-03 09:00,,,\n", **options)

    names = sorted(Event.objects.values_list("lead__email", "name"))
    assert names == [
        ("ada@acme.test", "Webinar Attended"), ("ada@acme.test", "Webinar Question Asked"),
        ("ada@acme.test", "Webinar Registered"), ("bo@acme.test", "Webinar Registered"),
        ("cy@acme.test", "Webinar Registered"),
    ]  # fmt: skip


def test_a_history_is_taken_as_known_when_it_happened(run_import: Import) -> None:
    text = "Email,Title,Date,Note\nada@acme.test,CTO,2025-10-02,please call back\n"

    run_import(text, kind="tradeshow", event="Expo", held_on="2025-10-01", history=True)

    found = Event.objects.order_by("name").values_list("name", "occurred_on", "known_on")
    assert [(name, str(on), str(known)) for name, on, known in found] == [
        ("Contact Requested", "2025-10-02", "2025-10-02"), ("Trade Show Visited", "2025-10-02", "2025-10-02"),
    ]  # fmt: skip
    assert {str(day) for day in ProfileChange.objects.values_list("day", flat=True)} == {"2025-10-01"}


@pytest.mark.parametrize(
    ("note", "asks"),
    [
        ("möchte Rückruf", True), ("please call back next week", True), ("bitte anrufen", True),
        ("kein Rückruf gewünscht", False), ("no callback please", False), ("called already", False), ("", False),
    ],
)  # fmt: skip
def test_a_call_back_is_heard_in_the_note(note: str, asks: bool, run_import: Import) -> None:
    run_import(f"Email,Notiz\nada@acme.test,{note}\n", kind="tradeshow", event="Expo")

    assert Event.objects.filter(name="Contact Requested").exists() is asks
    assert Note.objects.exists() is bool(note)


def test_an_opt_out_in_a_list_is_kept(run_import: Import) -> None:
    run_import("Email,Unsubscribed\nada@acme.test,Yes\nbo@acme.test,No\n")

    assert Lead.objects.get(email="ada@acme.test").unsubscribed_at is not None
    assert Lead.objects.get(email="bo@acme.test").unsubscribed_at is None


@pytest.mark.parametrize("count", [5, 40])
def test_a_chunk_costs_the_same_number_of_statements(count: int, upload: Import, at: datetime) -> None:
    job = jobs.start(upload(people(count), kind="tradeshow", event="Expo"), at=at)

    with CaptureQueriesContext(connection) as queries:
        runner.drain(at)

    # SQLite takes a thousand parameters a statement, so wide inserts come in several.
    kinds = {(q["sql"].split("(")[0].split("WHERE")[0][:90]) for q in queries}
    assert len(kinds) <= 45
    if connection.vendor == "postgresql":
        assert len(queries) <= 80
    job.refresh_from_db()
    assert job.created == count


def test_files_are_forgotten_after_a_week(run_import: Import, upload: Import, at: datetime) -> None:
    done, waiting = run_import("Email\nnope\n"), upload(people(1))

    runner.drain(at + timedelta(days=8))

    assert not ImportPart.objects.exists()
    assert not ImportJob.objects.filter(pk=waiting.pk).exists()
    assert "".join(refused_rows(done)).splitlines()[1] == "2,Not an e-mail address"


def test_what_an_import_did_is_in_the_audit_log(upload: Import, at: datetime) -> None:
    from leads.models import AuditEntry  # noqa: PLC0415

    job = upload(people(2))
    job.by = make_user()
    job.save()
    jobs.start(job, at=at)

    runner.drain(at)

    entry = AuditEntry.objects.get(action="import.done")
    assert (entry.by, entry.object_id, entry.changes["created"]) == (job.by, str(job.pk), [0, 2])
