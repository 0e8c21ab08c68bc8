from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads import clock
from leads.models import Definition, Lead
from scoring.documents import InvalidDocument
from scoring.engine import ScoreBreakdown
from scoring.explain import breakdown
from scoring.live import Rules, rules_from
from scoring.models import ScoreOverride
from scoring.overrides import override_on


class Command(BaseCommand):
    help = "Print one lead's score with its lines, as of any day and under any definition."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--as-of", type=date.fromisoformat, metavar="YYYY-MM-DD", help="today if left out"
        )
        parser.add_argument("--definition", metavar="N|FILE", help="the live one if left out")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *, email: str, **options: Any) -> None:
        lead = Lead.objects.live().filter(email=email.strip().lower()).first()
        if lead is None:
            raise CommandError(f"No lead has the address {email}.")
        day = options["as_of"] or clock.today()
        found = breakdown(lead, day, _rules(options["definition"]))
        if found is None:
            raise CommandError("No definition was published yet: manage.py definition publish --standard")
        override = override_on(lead, day)
        label: int | str = found.version or options["definition"]
        if options["as_json"]:
            self.stdout.write(json.dumps(_as_json(email, found, label, override), ensure_ascii=False))
            return
        for line in found.lines:
            if line.points or line.detail == "unknown":
                self.stdout.write(
                    f"{line.points:+5d}  {line.label}" + (f"  ({line.detail})" * bool(line.detail))
                )
        self.stdout.write(
            f"{found.score:5d}  {found.grade}{found.band} on {found.day}, definition {label}, "
            f"momentum {found.momentum:+d}"
            + f", disqualified: {found.disqualified_by}"
            * bool(found.disqualified_by)
        )
        if override:
            self.stdout.write(f"{override.score:5d}  shown. {override.in_words()}: {override.reason}")


def _as_json(
    email: str, found: ScoreBreakdown, definition: int | str, override: ScoreOverride | None
) -> dict[str, Any]:
    lines = [{"label": line.label, "kind": line.kind, "points": line.points} for line in found.lines]
    return {
        "email": email, "day": found.day.isoformat(), "definition": definition, "fit": found.fit,
        "engagement": found.engagement, "score": found.score, "grade": found.grade, "band": found.band,
        "lines": lines, **({"override": _override_json(override)} if override else {}),
    }  # fmt: skip


def _override_json(override: ScoreOverride) -> dict[str, Any]:
    return {
        "score": override.score, "reason": override.reason, "by": override.by.email,
        "set_on": override.set_on.isoformat(), "expires_on": override.expires_on.isoformat(),
    }  # fmt: skip


def _rules(given: str | None) -> Definition | Rules | None:
    if given is None:
        return None
    if given.isdigit():
        if definition := Definition.objects.filter(version=int(given)).first():
            return definition
        raise CommandError(f"There is no definition {given}.")
    try:
        return rules_from(json.loads(Path(given).read_text()))
    except (OSError, ValueError) as error:
        kind = "was refused" if isinstance(error, InvalidDocument) else "cannot be read as JSON"
        raise CommandError(f"{given} {kind}:\n{error}") from error
