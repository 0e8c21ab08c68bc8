"""An import as somebody sees it: choose a file, look, go, watch it end, undo."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from leads.enums import Role
from leads.imports import runner
from leads.models import Lead
from tests.browser.conftest import PHONE, AssertAccessible, SignIn

LIST = "Vorname;E-Mail;Firma\nAda;ada@acme.test;Söhne & Co\nBo;nope;Beta\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "messe.csv"
    path.write_bytes(LIST.encode("cp1252"))
    return path


def test_an_import_from_file_to_undo(
    sign_in: SignIn, file: Path, assert_accessible: AssertAccessible, complaints: list[str]
) -> None:
    page = sign_in(Role.MARKETER)
    page.goto("/imports/")
    assert_accessible(page)

    page.get_by_label("Trade-show list").check()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_text("1 create, 0 update, 0 skip, 1 refused")).to_be_visible()
    expect(page.get_by_text("Söhne & Co").first).to_be_visible()
    assert_accessible(page)

    page.get_by_label("Vorname").select_option("Last name")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_label("Vorname")).to_have_value("last_name")
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("Running, 0 of 2 rows")).to_be_visible()
    assert_accessible(page)

    runner.drain()
    # The page asks by itself and sees that it is over.
    expect(page.get_by_text("2 rows read")).to_be_visible()
    assert Lead.objects.get().last_name == "Ada"
    assert_accessible(page)

    page.get_by_role("link", name="1", exact=True).last.click()
    expect(page.get_by_text("Not an e-mail address")).to_be_visible()
    assert_accessible(page)
    page.go_back()
    page.get_by_role("button", name="Undo import").click()
    runner.drain()
    expect(page.get_by_text("1 removed")).to_be_visible()


def test_a_refused_file_is_said_beside_the_field_on_a_phone(
    sign_in: SignIn, tmp_path: Path, assert_accessible: AssertAccessible, complaints: Any
) -> None:
    page = sign_in(Role.MARKETER)
    page.set_viewport_size(PHONE)
    picture = tmp_path / "list.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    page.goto("/imports/")

    page.get_by_label("Leads", exact=False).first.check()
    page.get_by_label("File").set_input_files(picture)
    page.get_by_role("button", name="Upload and look").click()

    expect(page.get_by_text("This is not a CSV file but a picture.")).to_be_visible()
    expect(page.get_by_label("File")).to_be_focused()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
