"""Make the demo, or bring the one that is there up to now. Safe to run again and again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import F
from tqdm import tqdm

from handoff.models import Handoff, Notice
from leadflow.demo import company, play, rebase
from leads import clock
from leads import seen as last_seen
from leads.models import Lead, Source, User

UNREAD = timedelta(days=3)
WAITING = 8  # open handoffs each demo rep finds at least


class Command(BaseCommand):
    help = "Twelve months of an invented company's funnel, played through the real engine; idempotent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people", type=int, default=play.PEOPLE, help="how many people to invent")
        parser.add_argument("--days", type=int, default=play.DAYS, help="how many days to play")

    def handle(self, *args: Any, **options: Any) -> None:
        if not company.is_allowed():
            raise CommandError("The demo's passwords are published, so it is refused in production.")
        if User.objects.filter(email=company.email("admin")).exists():
            self._refresh()
        elif Lead.objects.exists():
            raise CommandError("There are leads here already. The demo only fills an empty database.")
        else:
            self._make(options["people"], options["days"])
        self._say()

    def _make(self, people: int, days: int) -> None:
        bar = tqdm(total=days + 1, unit="day", desc="Playing a year of leads", disable=None)
        at = clock.now()
        # All or nothing: a demo that was stopped half-way leaves the database empty.
        with bar, transaction.atomic():
            play.play(at, people=people, days=days, progress=bar.update)
            rebase.mark_present(at)
            _tidy_notices(at)
        self._top_up()

    def _refresh(self) -> None:
        moved = rebase.rebase(clock.now())
        if moved:
            self.stdout.write(
                f"The demo lay idle for {moved.days} days; its dates were carried over to today."
            )
        self._top_up()

    def _top_up(self) -> None:
        """Let new prospects arrive until each demo rep has enough to decide on."""
        source = Source.objects.get(name="Website")
        for _ in range(4):
            lacking = sum(max(0, WAITING - self._open(name)) for name in ("rep", "rep2"))
            if not lacking:
                return
            at = clock.now()
            seed = int(at.timestamp()) % 10_000_000
            for _, messages in play.fresh_prospects(at, lacking + 2, seed=seed):
                play.step(at, messages, source)
            last_seen.drain(at)

    def _open(self, name: str) -> int:
        return Handoff.objects.filter(rep__user__email=company.email(name)).open().count()

    def _say(self) -> None:
        handoffs = Handoff.objects.open().count()
        self.stdout.write(
            f"{Lead.objects.live().count():,} people, {handoffs:,} open handoffs. "
            f"Sign in as marketer@, rep@, rep2@, manager@ or admin@{company.DOMAIN}, password {company.PASSWORD}."
        )


def _tidy_notices(at: datetime) -> None:
    """Let the year's notices have been mailed when they were news, and all but the last days' read."""
    Notice.objects.filter(mailed_at=None).update(mailed_at=F("created_at"))
    Notice.objects.filter(created_at__lt=at - UNREAD, read_at=None).update(read_at=F("created_at"))
