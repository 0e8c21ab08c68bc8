"""Plays the day with every failpoint it is asked for: `python -m tests.faults.play_failing_days FOLDER CORES part|whole`.

Reads cases as JSON from the standard input, one a line: [number, point, how, seed]; seed 0 is the first time the point is come
by, any other a time by chance. Writes `FOLDER/answer` for the undisturbed day and `FOLDER/answer<number>` for each case. A
disturbed day begins before the step that is disturbed and ends with the next round of work, or is played whole.
Every play has a database of its own, and each of its processes is a fork of this one, which never talks to a database itself.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connection
from django.urls import get_resolver

from leadflow import work
from scoring import deaths
from tests.faults import company_day, day_outcome
from tests.faults.failpoints import WATCH, watch

PREPARED = settings.DATABASES["default"]["NAME"]
LAST = len(company_day.STEPS) - 1


def admin(sql: str) -> None:
    """Say something to the server, outside of the databases played in."""
    given = connection.settings_dict
    link = psycopg2.connect(
        dbname="postgres",
        user=given["USER"],
        password=given["PASSWORD"],
        host=given["HOST"],
        port=given["PORT"],
    )
    link.autocommit = True
    try:
        link.cursor().execute(sql)
    finally:
        link.close()


def in_process(what: Callable[[], None], log: Path) -> int:
    """Do something in a process of its own; return how it ended, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        what()
        status = 0
    except BaseException:  # noqa: BLE001 - told to whoever reads the log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Plays:
    """All plays of the day; the undisturbed one leaves a copy of the database before every step."""

    def __init__(self, folder: Path, *, whole: bool) -> None:
        self.folder, self.whole = folder, whole
        self.steps: dict[str, list[int]] = {}  # point → the step of each time it was come by
        self.outcomes: dict[str, Any] = {}  # step of work → what there was at its end

    # --- the undisturbed day

    def undisturbed(self) -> dict[str, Any]:
        """Play it and keep what there is before every step; return how it went."""
        play = self._folder("undisturbed")
        if in_process(company_day.prepare, play / "log"):
            return {"log": (play / "log").read_text()}
        ending = in_process(self._play_and_keep, play / "log")
        if ending == 0:
            kept = json.loads((play / "kept").read_text())
            self.steps, self.outcomes = kept["steps"], kept["outcomes"]
        return {"log": (play / "log").read_text(), "ending": ending, **self.outcomes.get(str(LAST), {})}

    def _play_and_keep(self) -> None:
        watch()
        day, steps, outcomes = company_day.Day(), {}, {}
        for number in range(LAST + 1):
            connection.close()
            admin(f'CREATE DATABASE "{PREPARED}_{number}" TEMPLATE "{PREPARED}"')
            shutil.copytree(day.folder, self.folder / f"step{number}")
            WATCH.hits.clear()
            day.play(number)
            for point, hits in WATCH.hits.items():
                steps.setdefault(point, []).extend([number] * hits)
            if number in company_day.WORK:
                outcomes[number] = day_outcome.outcome(day.at)
        outcomes[LAST]["findings"] += day_outcome.wrong_scores(day.at)
        (day.folder / "kept").write_text(json.dumps({"steps": steps, "outcomes": outcomes}))

    # --- a disturbed one

    def disturbed(self, number: int, point: str, how: str, seed: int) -> dict[str, Any]:
        """Play from before the step in which the point goes off, and compare what is left; return what is wrong."""
        steps = self.steps.get(point, [])
        if not steps:
            return {"reached": False}
        hit = random.Random(f"{seed} {point}").randrange(len(steps)) if seed else 0
        first = steps[hit]
        later = [work for work in company_day.WORK if work > first]
        last = later[0] if later and not self.whole else LAST
        play = self._folder(f"play{number}", like=f"step{first}")
        database, mark, log = f"{PREPARED}_play{number}", play / "reached", play / "log"
        connection.settings_dict["NAME"] = database
        admin(f'CREATE DATABASE "{database}" TEMPLATE "{PREPARED}_{first}"')

        def disturb() -> None:
            watch()
            WATCH.arm(point, how, hit + 1 - steps.index(first), mark)
            company_day.Day().play(last)

        def go_on() -> None:
            deaths.suspect()
            company_day.Day().play(last)

        def look() -> None:
            (play / "outcome").write_text(json.dumps(day_outcome.outcome(company_day.Day().at)))

        try:
            endings = [in_process(disturb, log)]
            if endings == [-signal.SIGKILL]:
                endings.append(in_process(go_on, log))
            looked = in_process(look, log)
        finally:
            admin(f'DROP DATABASE "{database}" WITH (FORCE)')
        answer: dict[str, Any] = {
            "reached": mark.exists(),
            "endings": endings,
            "log": log.read_text()[-8000:],
        }
        if looked == 0:
            found = json.loads((play / "outcome").read_text())
            answer |= {
                "findings": found["findings"],
                "differences": differences(self.outcomes[str(last)], found),
            }
        return answer

    def _folder(self, name: str, like: str = "") -> Path:
        made = self.folder / name
        shutil.copytree(self.folder / like, made) if like else made.mkdir(parents=True)
        os.environ["LEADFLOW_DAY"] = str(made)
        return made


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the rows that are missing and those too many, by table."""
    wrong = {}
    for name, rows in wanted["tables"].items():
        want, have = Counter(rows), Counter(found["tables"][name])
        if want != have:
            wrong[name] = {"missing": list((want - have).elements()), "more": list((have - want).elements())}
    return wrong


def main(folder: Path, cores: int, *, whole: bool) -> None:
    """Play the undisturbed day, then the cases, so many at once; leave an answer to each."""
    settings.EMAIL_BACKEND = "tests.faults.company_day.Post"
    # What every process would import by itself.
    get_resolver().reverse_dict  # noqa: B018
    work.steps()
    plays = Plays(folder, whole=whole)
    undisturbed = plays.undisturbed()
    (folder / "answer").write_text(json.dumps(undisturbed))
    running: set[int] = set()
    for line in sys.stdin if plays.outcomes else ():
        if len(running) == cores:
            running.discard(os.wait()[0])
        number, *case = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                (folder / f"answer{number}").write_text(json.dumps(plays.disturbed(number, *case)))
            finally:
                os._exit(0)
        running.add(child)
    for child in running:
        os.waitpid(child, 0)
