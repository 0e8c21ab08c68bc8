import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from leadflow.verification import verify
from leads import clock


class Command(BaseCommand):
    help = "Check every invariant of the data. Prints what it finds; exit code 0 means 0 findings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="print findings only, not what is in order")

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for verdict in verify(clock.now()):
            count += len(verdict.findings)
            if verdict.findings or not options["quiet"]:
                state = f"{len(verdict.findings)} findings" if verdict.findings else "ok"
                self.stdout.write(f"{verdict.invariant:4} {verdict.title}: {state}")
            for finding in verdict.findings:
                self.stdout.write(f"       {finding}")
        self.stdout.write(f"{count} findings")
        sys.exit(1 if count else 0)
