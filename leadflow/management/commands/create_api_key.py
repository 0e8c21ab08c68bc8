from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leadflow.keys import UnknownScope, create_key
from leads import clock
from leads.models import User
from leads.permissions import SCOPES


class Command(BaseCommand):
    help = "Make an API key that acts as a user, and print it as the last word. It is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--as", dest="user", required=True, help="e-mail address of the user it acts as")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            help=f"may be repeated, or have commas between; of {', '.join(SCOPES)}",
        )
        parser.add_argument("--days", type=int, help="how long it works; for ever if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['user']}.")
        at = clock.now()
        expires_at = at + timedelta(days=options["days"]) if options["days"] else None
        scopes = [scope.strip() for scope in ",".join(options["scope"]).split(",") if scope.strip()]
        try:
            key, secret = create_key(
                options["name"],
                user=user,
                scopes=scopes,
                by=user,
                at=at,
                expires_at=expires_at,
                via="command",
            )
        except UnknownScope as unknown:
            raise CommandError(str(unknown)) from unknown
        self.stdout.write(f"{key.name} acts as {user.email} with {', '.join(key.scopes)}: {secret}")
