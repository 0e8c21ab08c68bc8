from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads import clock
from leads.definitions import live_definition
from leads.enums import WentLive
from leads.models import Definition, Organisation
from scoring import life, publishing
from scoring.documents import InvalidDocument, standard_document
from scoring.live import Catalogue, rules_of
from scoring.scenarios import broken, run_scenarios


class Command(BaseCommand):
    help = "Export the live definition as a file, import a file as a draft, or publish a draft or file."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="write a version as JSON, the live one unless named")
        export.add_argument("number", type=int, nargs="?", metavar="N", help="version number")
        export.add_argument("--file", type=Path, help="where to; standard output if left out")
        draft = actions.add_parser("import", help="store a file as a draft")
        draft.add_argument("--file", type=Path, required=True)
        draft.add_argument("--note", default="")
        publish = actions.add_parser("publish", help="make a draft or a file the live definition")
        publish.add_argument("number", type=int, nargs="?", metavar="N", help="version number")
        publish.add_argument("--file", type=Path)
        publish.add_argument("--standard", action="store_true", help="the definition Leadflow comes with")
        publish.add_argument("--if-none", action="store_true", help="only where none was ever published")
        publish.add_argument("--note", default="")
        publish.add_argument(
            "--without-approvals", action="store_true",
            help="although marketing and sales have to approve; the history says so",
        )  # fmt: skip

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            {"export": self.export, "import": self.import_, "publish": self.publish}[action](options)
        except InvalidDocument as error:
            raise CommandError(f"The definition was refused:\n{error}") from error
        except publishing.NotPublishable as error:
            raise CommandError(str(error)) from error

    def export(self, options: dict[str, Any]) -> None:
        definition = _version(options["number"]) if options["number"] else live_definition()
        if definition is None:
            raise CommandError("No definition was published yet.")
        text = json.dumps(definition.document, indent=2, ensure_ascii=False) + "\n"
        if options["file"]:
            options["file"].write_text(text)
            self.stdout.write(f"Wrote definition {definition.version} to {options['file']}")
        else:
            self.stdout.write(text, ending="")

    def import_(self, options: dict[str, Any]) -> None:
        draft = publishing.save_draft(_read(options["file"]), at=clock.now(), note=options["note"])
        self.stdout.write(f"Stored as draft, definition {draft.version}")
        self.warn_of_broken_examples(draft)

    def publish(self, options: dict[str, Any]) -> None:
        at = clock.now()
        if options["if_none"] and Definition.objects.filter(live_from__isnull=False).exists():
            self.stdout.write("A definition was published before; nothing to do")
            return
        if options["number"]:
            draft = _version(options["number"])
            approved = life.is_approved(draft)
            if draft.is_open:
                _refuse_unapproved(options, approved)
            way = WentLive.APPROVED if approved else WentLive.COMMAND
            live = publishing.publish_draft(draft, at=at, way=way)
        elif options["standard"] or options["file"]:
            document = standard_document() if options["standard"] else _read(options["file"])
            _refuse_unapproved(options)
            live = publishing.publish(document, at=at, note=options["note"])
        else:
            raise CommandError("Say what to publish: a version number, --file FILE or --standard.")
        self.stdout.write(f"Definition {live.version} is live; every lead is being scored anew")
        self.warn_of_broken_examples(live)

    def warn_of_broken_examples(self, definition: Definition) -> None:
        outcomes = run_scenarios(rules_of(definition).rulebook, Catalogue.load().facts)
        for sentence in broken(outcomes):
            self.stderr.write(self.style.WARNING(f"Example broken: {sentence}"))


def _refuse_unapproved(options: dict[str, Any], approved: bool = False) -> None:
    """Refuse what the pages would refuse, unless told; the first definition of all replaces nobody's agreement."""
    if approved or options["without_approvals"] or not Organisation.current().needs_approvals:
        return
    if Definition.objects.filter(live_from__isnull=False).exists():
        raise CommandError(
            "Marketing and sales have to approve a definition before it goes live: store it with `definition import` "
            "and propose it on its page. To publish it all the same, add --without-approvals; the history will say so."
        )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as JSON: {error}") from error


def _version(number: int) -> Definition:
    try:
        return Definition.objects.get(version=number)
    except Definition.DoesNotExist:
        raise CommandError(f"There is no definition {number}.") from None
