from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leads import clock
from leads.models import Definition, Lead
from scoring.backtest import DAYS, MOST_DAYS, NoHistory, Plan, promoted, replay
from scoring.backtest_names import named, reps_by_name
from scoring.backtest_summary import summarise
from scoring.documents import InvalidDocument
from scoring.live import Rules, rules_from, rules_of


class Command(BaseCommand):
    help = "Replay the last days under a definition, beside the versions that were live then; stores nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("definition", nargs="?", metavar="N|FILE", help="a version or a document as JSON")
        parser.add_argument("--live", action="store_true", help="replay what was live, nothing else")
        parser.add_argument("--days", type=int, default=DAYS, help=f"how far back; {DAYS} if left out")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, **options: Any) -> None:
        if options["live"] == bool(options["definition"]):
            raise CommandError("Say what to replay: --live, or a version or file.")
        if not 1 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days takes 1 to {MOST_DAYS} days.")
        draft = _rules(options["definition"]) if options["definition"] else None
        try:
            plan = Plan.of(options["days"], clock.today(), draft)
        except NoHistory as error:
            raise CommandError(str(error)) from error
        result = _replayed(plan)
        self.stdout.write(json.dumps(result, ensure_ascii=False) if options["as_json"] else _as_text(result))


def _replayed(plan: Plan) -> dict[str, Any]:
    entries = []
    with tqdm(total=Lead.objects.live().count(), unit="lead", desc="Replaying", disable=None) as bar:
        for leads, batch in replay(plan):
            entries += promoted(batch)
            bar.update(leads)
    result = summarise(entries, plan)
    result["per_rep"] = reps_by_name(result.pop("reps"))
    changed = plan.draft is not None
    return result | {
        "gained": named(entries, gained=True) if changed else [],
        "lost": named(entries, gained=False) if changed else [],
    }


def _rules(given: str) -> Rules:
    try:
        if given.isdigit():
            return rules_of(Definition.objects.get(version=int(given)))
        return rules_from(json.loads(Path(given).read_text()))
    except Definition.DoesNotExist:
        raise CommandError(f"There is no definition {given}.") from None
    except (OSError, ValueError) as error:
        kind = "was refused" if isinstance(error, InvalidDocument) else "cannot be read as JSON"
        raise CommandError(f"{given} {kind}:\n{error}") from error


def _as_text(result: dict[str, Any]) -> str:
    likely = result["predicted_acceptance"]
    rate = (
        f"{likely['rate']:.0%} accepted, likely {likely['low']:.0%} to {likely['high']:.0%} "
        f"({likely['accepted']} of {likely['decided']} decided)"
        if likely["rate"] is not None
        else likely["not_enough"]
    )
    lines = [
        f"{result['first_day']} to {result['last_day']}: {result['live_mqls']} MQLs under the live rules, "
        f"{result['draft_mqls']} under these",
        rate,
    ]
    for word, sign in (("gained", "+"), ("lost", "-")):
        for one in result[word]:
            lines.append(
                f"{sign} {one['on']}  {one['name']}  {one['rule']}  {one['decision']} {one['reason']}"
            )
    for one in result["per_rep"]:
        lines.append(f"{one['draft_per_week']:6.1f} a week (live {one['live_per_week']:.1f})  {one['rep']}")
    return "\n".join(line.rstrip() for line in lines)
