import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leadflow import work
from scoring import deaths


class Command(BaseCommand):
    help = (
        "Do pending work in this process: all there is with --until-idle, else on and on, without a broker."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-idle", action="store_true", help="stop when nothing is left to do")

    def handle(self, *, until_idle: bool, **options: Any) -> None:
        if not until_idle:
            self.sweep()
            return
        for name, count in work.until_idle().items():
            self.stdout.write(f"{name}: {count}")

    def sweep(self) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        # It may have been started in place of one that died of its work.
        deaths.suspect()
        sweeps = work.Sweeps()
        while not stop.wait(0.5):
            sweeps.run_due()
