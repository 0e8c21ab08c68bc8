from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leads import clock
from leads.sources import NameTaken, create_source


class Command(BaseCommand):
    help = "Create a source and print its write key, as the last word. The key is not kept and cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            help="a browser origin that may send, such as https://example.com",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"].strip()
        if not name or len(name) > 100:
            raise CommandError("A source needs a name of 1 to 100 characters.")
        try:
            source, key = create_source(name, clock.now(), allowed_origins=options["origin"])
        except NameTaken as taken:
            raise CommandError(str(taken)) from taken
        self.stdout.write(f"Source {source.pk} {source.name}, write key: {key}")
