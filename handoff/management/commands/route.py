import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from handoff import sentences
from handoff.errors import Invalid
from handoff.simulation import simulate
from handoff.tryout import preview, under_rules
from handoff.versions import Document, document_of_rows
from leads import clock
from leads.models import Lead


class Command(BaseCommand):
    help = "Try out routing: where one lead would go, or where the MQLs of the last days would have gone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--preview", metavar="EMAIL", help="say where this lead would go now, and why")
        what.add_argument(
            "--replay-days", type=int, metavar="N", help="route the MQLs of the last N days anew"
        )
        parser.add_argument(
            "--rules", type=Path, metavar="FILE", help="replay under the rules of this JSON file"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["preview"]:
            return self._preview(options["preview"], as_json=options["json"])
        days = options["replay_days"]
        if not 1 <= days <= 3650:
            raise CommandError("--replay-days takes 1 to 3650 days.")
        document = _rules_in(options["rules"]) if options["rules"] else document_of_rows()
        result = simulate(document, days, clock.now())
        self.stdout.write(json.dumps(result, indent=1) if options["json"] else _as_text(result))
        return None

    def _preview(self, email: str, *, as_json: bool) -> None:
        lead = Lead.objects.live().filter(email=email.strip().lower()).first()
        if lead is None:
            raise CommandError(f"There is no lead with the address {email}.")
        found = preview(lead, clock.now())
        if as_json:
            plan = found.plan
            result = {
                "email": lead.email,
                "outcome": plan.outcome,
                "rule": plan.rule.name if plan.rule else None,
                "rep": plan.rep.name if plan.rep else None,
                "way": plan.way,
                "sentence": found.sentence,
                "candidates": plan.candidates,
            }
            self.stdout.write(json.dumps(result, indent=1, default=str))
            return
        self.stdout.write(found.sentence)
        for candidate in found.plan.candidates:
            self.stdout.write(f"  {candidate['name']}: {sentences.verdict(candidate)}")


def _rules_in(path: Path) -> Document:
    try:
        return under_rules(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    except Invalid as error:
        raise CommandError(str(error)) from None


def _as_text(result: dict[str, Any]) -> str:
    lines = [
        f"{result['leads']} MQLs of the last {result['days']} days, {result['changed']} with another rep."
    ]
    lines += [
        f"  {row['name']}: {row['leads']} (was {row['actual']}), at most {row['most_seats']} of {row['capacity']} seats"
        for row in result["per_rep"]
    ]
    lines += [f"  not routed, {reason}: {count}" for reason, count in result["unrouted"].items()]
    lines += ["What is assumed:", *(f"  {sentence}" for sentence in result["assumptions"])]
    return "\n".join(lines)
