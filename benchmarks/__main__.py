"""`python -m benchmarks`: measure what was asked for and print how it compares."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

import django
from django.core.management import call_command

from benchmarks.environment import DEFAULT_URL, Bench, Refused, checked, database, set_environment
from benchmarks.results import Result, keep, table

SECTIONS = ("ingest", "rescore", "incremental", "backtest", "list", "lead", "inbox", "routing")
FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"


def main() -> int:
    """Run the sections asked for; 0 even where a goal is missed, as figures depend on the machine."""
    chosen = _arguments()
    try:
        url = checked(os.environ.get("DATABASE_URL") or DEFAULT_URL)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    set_environment(url, FOLDER)
    # Asked to stop, still stop the servers and drop the database.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: list[Result] = []
    with database(url):
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        bench = Bench(url, chosen.scale, chosen.runs, FOLDER)
        for section in chosen.only:
            # Sections import models, so only now.
            results += importlib.import_module(f"benchmarks.{section}_section").measure(bench)
        django.db.connections.close_all()
    conditions = {"scale": chosen.scale, "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    file = keep(results, FOLDER, conditions)
    print(f"\n{table(results)}\n\nscale {chosen.scale:g}, median of {chosen.runs}; kept in {file}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 250,000 leads and 5M events")
    parser.add_argument("--runs", type=int, default=3, help="how often each figure is taken")
    parser.add_argument("--only", type=_sections, default=list(SECTIONS), help=", ".join(SECTIONS))
    return parser.parse_args()


def _sections(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := set(wanted) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
