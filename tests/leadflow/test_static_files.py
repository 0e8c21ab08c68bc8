"""Static files as production serves them, and the promises the content security policy rests on."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
STATIC = settings.BASE_DIR / "static"


def test_fingerprints_reach_the_modules_a_script_imports(tmp_path: Path, settings) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "leadflow.static_files.FingerprintedFiles"},
    }

    call_command("collectstatic", "--noinput", verbosity=0)

    names = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    app = (tmp_path / names["js/app.js"]).read_text()
    imported = re.findall(r'from "\./([^"]+)"', app)
    assert imported
    assert {f"js/{name}" for name in imported} <= set(names.values())


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_template_has_no_inline_code_and_no_missing_file(template: Path) -> None:
    text = template.read_text()

    assert re.findall(r"<[a-z][^>]*\s(?:style|on[a-z]+|hx-on[^=\s]*)\s*=", text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|hx-vals=['\"]js:|javascript:", text) == []
    named = re.findall(r"{% static ['\"]([^'\"]+)['\"] %}", text)
    assert [name for name in named if finders.find(name) is None] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_template_names_icons_there_are(template: Path) -> None:
    sprite = set(re.findall(r'id="i-([\w-]+)"', (STATIC / "icons.svg").read_text()))

    assert set(re.findall(r'{% icon ["\']([\w-]+)["\'] %}', template.read_text())) <= sprite


def test_colours_are_named_in_the_tokens_alone() -> None:
    raw = re.compile(r"#[0-9a-f]{3,8}\b(?!\")|\brgba?\(|\bhsl", re.IGNORECASE)

    found = {
        path.name: raw.findall(path.read_text())
        for path in STATIC.glob("css/*.css")
        if path.name != "tokens.css"
    }

    # A mask needs some opaque colour; it is never seen.
    assert {name: set(colours) - {"#000"} for name, colours in found.items()} == {
        name: set() for name in found
    }
