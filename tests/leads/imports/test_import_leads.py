from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.enums import Stage
from leads.models import Event, ImportJob, Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def command(file: Path, *args: str, **options: Any) -> str:
    out = StringIO()
    call_command("import_leads", str(file), *args, stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text("Mail address;Vorname\nada@acme.test;Ada\nnope;Bo\n")
    return path


def test_command_imports_and_counts(file: Path, tmp_path: Path) -> None:
    by, refused = make_user(), tmp_path / "refused.csv"

    said = command(
        file, "--as", "lead", "--map", "Mail address=email", "--by", by.email, "--refused", str(refused)
    )

    assert said.splitlines()[-1].endswith("1 created, 0 updated, 0 skipped, 1 refused")
    assert Lead.objects.get().stage == Stage.LEAD
    assert ImportJob.objects.get().by == by
    assert refused.read_text("utf-8-sig").splitlines()[1] == "3,Not an e-mail address,nope,Bo"


def test_command_imports_an_event(file: Path) -> None:
    command(
        file,
        "--kind",
        "tradeshow",
        "--event",
        "Expo",
        "--date",
        "2026-03-01",
        "--history",
        "--map",
        "Mail address=email",
    )

    event = Event.objects.get()
    assert (event.name, event.object_key, str(event.known_on)) == ("Trade Show Visited", "Expo", "2026-03-01")


def test_dry_run_leaves_nothing(file: Path) -> None:
    said = command(file, "--as", "suspect", "--dry-run", "--map", "Mail address=email")

    assert "created  ada@acme.test" in said
    assert "1 created, 0 updated, 0 skipped, 1 refused of the first 2 of 2 rows" in said
    assert not Lead.objects.exists()
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--as", "lead", "--kind", "webinar"], "either"),
        ([], "either"),
        (["--as", "lead"], "No column is mapped"),
        (["--as", "lead", "--map", "Shoe=email"], "no column"),
        (["--as", "lead", "--map", "Vorname=shoe"], "no field"),
        (["--as", "lead", "--map", "Vorname"], "HEADER=FIELD"),
        (["--as", "lead", "--by", "nobody@x.test"], "no user"),
        (["--as", "lead", "--date", "soon"], "not a day"),
        (["--as", "lead", "--delimiter", "x"], "delimiter"),
    ],
)
def test_command_refuses_what_cannot_be(args: list[str], said: str, file: Path) -> None:
    with pytest.raises(CommandError, match=said):
        command(file, *args)

    assert not ImportJob.objects.exists()


def test_command_refuses_what_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"PK\x03\x04rest")

    with pytest.raises(CommandError, match="Excel workbook"):
        command(path, "--as", "lead")
    with pytest.raises(CommandError, match="no file"):
        command(tmp_path / "missing.csv", "--as", "lead")
