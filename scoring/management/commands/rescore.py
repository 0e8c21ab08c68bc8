from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leads import clock
from scoring.models import Rescore
from scoring.passes import continue_pass, start_full_pass


class Command(BaseCommand):
    help = "Score every lead anew under the live definition, in this process, beside any workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", required=True, help="every lead")

    def handle(self, **options: Any) -> None:
        run = start_full_pass("rescore", clock.now())
        if run is None:
            raise CommandError("No definition was published yet: manage.py definition publish --standard")
        with tqdm(total=run.leads_total, unit="lead", initial=run.leads_done) as bar:
            while run.finished_at is None:
                if not continue_pass():
                    time.sleep(0.2)  # a worker holds this pass, and goes on with it
                run = Rescore.objects.get(pk=run.pk)
                bar.n = min(run.leads_done, run.leads_total)
                bar.refresh()
        self.stdout.write(f"{run.leads_done} leads scored, {run.changed} changed, definition {run.version}")
