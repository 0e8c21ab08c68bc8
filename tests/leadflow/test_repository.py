"""Rules about the repository itself."""

import re
import subprocess
import tomllib
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def read(path: str) -> str:
    return (ROOT / path).read_text()


def normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def locked(path: str) -> set[str]:
    return {
        normal(line) for line in read(path).splitlines() if "==" in line and not line.startswith((" ", "#"))
    }


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", LOCKS)
def test_lock_names_no_index_and_no_folder(path: str) -> None:
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links", read(path))


@pytest.mark.parametrize("path", LOCKS)
def test_lock_has_a_hash_for_everything(path: str) -> None:
    entries = re.findall(r"^\S+==.*?(?=^\S|\Z)", read(path), flags=re.MULTILINE | re.DOTALL)

    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_holds_every_requirement() -> None:
    runtime = {normal(line) for line in PROJECT["dependencies"]}
    dev = {normal(line) for line in PROJECT["optional-dependencies"]["dev"]}

    assert runtime - locked("requirements.txt") == set()
    assert (runtime | dev) - locked("requirements-dev.txt") == set()


def test_both_locks_agree_on_versions() -> None:
    def versions(path: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", read(path), flags=re.MULTILINE))

    assert versions("requirements.txt") - versions("requirements-dev.txt") == set()


def test_compose_and_ci_use_the_same_databases() -> None:
    services = yaml.safe_load(read("docker-compose.yml"))["services"]
    ci = dict(re.findall(r"^(\w+_MAJOR)=(\d+)$", read(".ci/run"), flags=re.MULTILINE))

    assert services["postgres"]["image"] == f"postgres:{ci['POSTGRES_MAJOR']}"
    assert services["redis"]["image"] == f"redis:{ci['REDIS_MAJOR']}"


def test_compose_runs_commands_that_exist() -> None:
    services = yaml.safe_load(read("docker-compose.yml"))["services"]
    commands = " ; ".join(service["command"] for service in services.values() if "command" in service)

    assert re.findall(r"manage\.py (\w+)", commands) == ["migrate", "definition", "up", "up"]


def test_env_example_lists_every_variable() -> None:
    sources = ["leadflow/settings.py", "leadflow/gunicorn_conf.py", "leadflow/heartbeat.py"]
    sources.append("leadflow/management/commands/up.py")
    asked = re.compile(r"""env(?:iron)?(?:\.\w+)?\(\s*"([A-Z_]+)\"""")
    read_by_code = {name for path in sources for name in asked.findall(read(path))}
    listed = set(re.findall(r"^#?([A-Z_]+)=", read(".env.example"), flags=re.MULTILINE))

    assert read_by_code - listed == set()
    assert listed - read_by_code == {"POSTGRES_PASSWORD"}


def test_readme_names_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    named = set()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        named |= set(
            re.findall(r"\bmake ([a-z][a-z-]+)\b(?=`|\s+#|\s*$| PORT)", page.read_text(), flags=re.MULTILINE)
        )

    assert {"run", "test", "check", "setup"} <= named
    assert named - targets == set()


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {link}"
        for page in tracked("*.md")
        for link in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]

    assert broken == []


@pytest.mark.django_db
def test_every_model_change_has_its_migration() -> None:
    out = StringIO()

    call_command("makemigrations", check=True, dry_run=True, stdout=out)

    assert out.getvalue().strip() == "No changes detected"


def test_every_template_is_used() -> None:
    templates = ROOT / "templates"
    # Django and its packages look these up by convention; charts/ is a set for any page to choose from.
    found_by_name = re.compile(r"^\d{3}\w*\.html$|^registration/|^django/|^rest_framework/|^charts/")
    names = [
        path.relative_to(templates).as_posix() for path in tracked("templates/*.html", "templates/**/*.html")
    ]
    code = "\n".join(path.read_text() for path in tracked("*.py", "*.html"))

    assert [name for name in names if not found_by_name.search(name) and name not in code] == []


def test_no_sweep_waits_for_its_message_longer_than_useful() -> None:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] == 2 * entry["schedule"]
