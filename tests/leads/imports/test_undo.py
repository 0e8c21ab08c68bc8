"""Undo: what an import brought and nobody touched goes, what it replaced comes back, the ledger forgets nothing."""

from datetime import datetime

import pytest

from leads.enums import Stage, Status
from leads.imports import runner, undo
from leads.imports.options import Options
from leads.models import (
    Conversation,
    EngagementDay,
    Event,
    ImportJob,
    Lead,
    Note,
    ProfileChange,
    StageChange,
)
from leads.profile import update_profile
from tests.factories import make_lead, make_user
from tests.leads.imports.conftest import Import, counts

pytestmark = pytest.mark.django_db
LIST = "Email,First Name,Title\nada@acme.test,Ada,CTO\nbo@acme.test,Bo,CEO\n"


def undone(job: ImportJob, at: datetime) -> dict[str, int]:
    assert undo.begin(job)
    runner.drain(at)
    job.refresh_from_db()
    assert job.state == ImportJob.State.UNDONE
    return {name: count for name, count in Options.of(job).undo.items() if count}


def test_people_nobody_touched_go_and_leave_their_ledger(run_import: Import, at: datetime) -> None:
    job = run_import(LIST)

    assert undone(job, at) == {"removed": 2}

    for lead in Lead.objects.all():
        assert (lead.email, lead.first_name, lead.job_title, lead.status) == (
            None,
            "",
            "",
            Status.DISQUALIFIED,
        )
        ledger = lead.stage_changes.order_by("seq").values_list("seq", "to_stage", "to_status", "reason")
        assert list(ledger) == [
            (1, Stage.SUSPECT, Status.ACTIVE, ""),
            (2, Stage.SUSPECT, Status.DISQUALIFIED, f"Import {job.pk} undone"),
        ]
    assert not ProfileChange.objects.exists()


def test_the_same_list_comes_in_anew_after_an_undo(run_import: Import, at: datetime) -> None:
    options = {"kind": "tradeshow", "event": "Expo", "held_on": "2026-03-10"}
    text = "Email,Notiz\nada@acme.test,möchte Rückruf\n"
    undone(run_import(text, **options), at)
    assert (Event.objects.count(), EngagementDay.objects.count(), Note.objects.count()) == (0, 0, 0)

    again = run_import(text, **options)

    assert counts(again) == (1, 0, 0, 0)
    assert Event.objects.filter(lead__email="ada@acme.test", outcome="counted").count() == 2


@pytest.mark.parametrize("chunk", [1, 500])
def test_people_named_in_several_rows_go_too(
    chunk: int, run_import: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "CHUNK", chunk)
    job = run_import("Email,Title\nada@acme.test,CTO\nada@acme.test,Student\nada@acme.test,\n")

    found = undone(job, at)

    assert (found["removed"], found.get("kept", 0)) == (1, 0)
    assert not Lead.objects.exclude(email=None).exists()
    assert set(job.rows.values_list("code", flat=True)) == {"undone"}


def test_people_something_happened_to_stay(run_import: Import, at: datetime) -> None:
    job = run_import("Email\n" + "".join(f"p{n}@acme.test\n" for n in range(5)))
    called, edited, noted, again, _ = Lead.objects.order_by("pk")
    Conversation.objects.create(lead=called, kind="call", at=at)
    update_profile(edited, {"country": "DE"}, at=at, by=make_user(), origin="manual")
    Note.objects.create(lead=noted, by=make_user(), text="Nice talk", at=at)
    run_import("Email,Title\np3@acme.test,CTO\n")

    assert undone(job, at) == {"removed": 1, "kept": 4}

    kept = Lead.objects.exclude(email=None).order_by("pk")
    assert list(kept) == [called, edited, noted, again]
    assert set(kept.values_list("status", flat=True)) == {Status.ACTIVE}
    assert sorted(job.rows.values_list("number", "code")) == [
        (2, "kept"), (3, "kept"), (4, "kept"), (5, "kept"), (6, "undone"),
    ]  # fmt: skip


def test_values_come_back_unless_changed_since(run_import: Import, at: datetime) -> None:
    ada = make_lead(email="ada@acme.test", first_name="Eve", job_title="Clerk", role="", seniority="")
    bo = make_lead(email="bo@acme.test", first_name="Beo", job_title="Clerk", role="", seniority="")
    job = run_import(LIST, existing="overwrite")
    bo.refresh_from_db()
    update_profile(bo, {"job_title": "COO"}, at=at, by=None, origin="manual")

    assert undone(job, at) == {"restored": 2}

    ada.refresh_from_db()
    bo.refresh_from_db()
    assert (ada.first_name, ada.job_title, ada.role, ada.seniority) == ("Eve", "Clerk", "", "")
    assert (bo.first_name, bo.job_title, bo.role) == ("Beo", "COO", "operations")
    titles = (
        ProfileChange.objects.filter(lead=ada, field="job_title")
        .order_by("id")
        .values_list("value", flat=True)
    )
    assert list(titles) == ["CTO", "Clerk"]


def test_values_set_by_several_rows_unwind_in_order(
    run_import: Import, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "CHUNK", 1)
    monkeypatch.setattr(runner, "CHUNK", 1)
    ada = make_lead(email="ada@acme.test", first_name="Eve")
    job = run_import("Email,First Name\nada@acme.test,A\nada@acme.test,B\n", existing="overwrite")

    undone(job, at)

    ada.refresh_from_db()
    assert ada.first_name == "Eve"


def test_events_of_people_who_stay_no_longer_count(run_import: Import, at: datetime) -> None:
    ada = make_lead(email="ada@acme.test")
    job = run_import("Email\nada@acme.test\n", kind="tradeshow", event="Expo")

    undone(job, at)

    net = sum(EngagementDay.objects.filter(lead=ada).values_list("count", flat=True))
    counted = Event.objects.filter(lead=ada, outcome="counted").count()
    assert (net, counted) == (0, 0)


def test_only_what_is_done_can_be_undone_and_only_once(
    run_import: Import, upload: Import, at: datetime
) -> None:
    job = run_import(LIST)
    undone(job, at)

    assert not undo.begin(job)
    assert not undo.begin(upload(LIST))
    assert StageChange.objects.count() == 4
