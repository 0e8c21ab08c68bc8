"""A small company's day and night, played step by step by the people and workers who have a part in it.

Its clock moves only between steps, so two plays of the day come to the same. A journal says how far it has come: whoever
plays on after a crash begins with the step that was not answered, as a client sends again and a sweep comes again.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client

from handoff import mailing, standing
from handoff.destinations import TARGETS, Answer, Message
from handoff.models import Handoff, Opportunity, Pool, PoolMember, Rep, RoutingRule
from handoff.outgoing import CHOICES
from leadflow import work
from leadflow.keys import create_key
from leads import clock
from leads.enums import Role
from leads.imports import jobs, runner
from leads.intake import setting
from leads.models import Definition, Event, ImportJob, Lead, Organisation, Team, User
from leads.permissions import SCOPES
from leads.sources import create_source
from scoring import passes, publishing, rescoring
from scoring.documents import standard_document
from tests.faults.failpoints import Disturbed
from tests.oracle.scorer import Deed

START = datetime(2026, 3, 12, 9, tzinfo=UTC)
TODAY = START.date()
MINUTE = timedelta(minutes=1)
NEXT_DAY = 24 * 60
PATIENCE = 10
# Have nothing to do in this day, and one of them looks through every ten minutes of it each time.
IDLE = {
    "leads.automation.drain", "leads.reclassify.drain", "handoff.replays.drain", "scoring.backtest_runs.drain",
    "scoring.qualifying.drain",
}  # fmt: skip
LEASE = timedelta(seconds=140)  # longer than what a dead worker had claimed stays claimed
PEOPLE = "ann bob cat dan eve fay guy hal".split()
LIST = "Email,First Name,Title,Country\n" + "".join(
    f"list{n}@firm{n % 3}.example,L{n},Head of Data,DE\n" for n in range(6)
)


def address(name: str) -> str:
    return f"{name}@company.example"


class Sink:
    """Stands for another system: notes the id of every message it was sent."""

    signs = True

    def send(self, url: str, message: Message, secrets: Iterable[str], at: datetime) -> Answer:
        _append("sink", f"{message.uid} {message.kind}")
        return Answer(200)


class Post(BaseEmailBackend):
    """Stands for the mail server: notes whom every mail was for, and about what."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            _append("mail", f"{message.to[0]} {message.subject}")
        return len(messages)


def _folder() -> Path:
    return Path(os.environ["LEADFLOW_DAY"])


def _append(name: str, line: str) -> None:
    with (_folder() / name).open("a") as file:
        file.write(line + "\n")


def noted(name: str) -> list[str]:
    """Return what the sink or the mail server was sent."""
    file = _folder() / name
    return file.read_text().splitlines() if file.exists() else []


# --- what is sent


def _batch(messages: Iterable[dict[str, Any]], **times: str) -> dict[str, Any]:
    return {"batch": [{"timestamp": START.isoformat()} | message for message in messages], **times}


def _identify(name: str, **more: Any) -> dict[str, Any]:
    traits = {
        "email": address(name), "firstName": name.capitalize(), "title": "Head of Data Platform",
        "company": {"name": f"{name} Ltd", "industry": "logistics", "employees": 900},
        "address": {"country": "DK"}, "stage": "lead",
    }  # fmt: skip
    return {"type": "identify", "messageId": f"id-{name}", "userId": f"u-{name}", "traits": traits, **more}


KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "comparison_sheet": (
        {"type": "track", "event": "Comparison Sheet Downloaded", "properties": {"asset": "c"}}, "c",
    ),
    "guide": ({"type": "track", "event": "Guide Downloaded", "properties": {"asset": "g"}}, "g"),
    "pricing_page": ({"type": "page", "properties": {"path": "/pricing"}}, "/pricing"),
    "visit": ({"type": "page", "properties": {"path": "/blog"}}, "/blog"),
    "webinar": ({"type": "track", "event": "Webinar Attended", "properties": {"webinar": "w"}}, "w"),
}  # fmt: skip
# Who gave what, how many days ago, and under which id it came.
GIVEN = [
    *((name, signal, 0, {"userId": f"u-{name}"}) for name in PEOPLE for signal in ("comparison_sheet", "guide")),
    *((name, "pricing_page", days, {"userId": f"u-{name}"}) for days, name in enumerate(PEOPLE)),
    ("joe", "visit", 3, {"userId": "u-joe"}),
    ("joe", "webinar", 2, {"userId": "u-joe"}),
    ("joe", "guide", 1, {"userId": "u-joe"}),
]  # fmt: skip
WAITING = [
    ("ivy", "visit", 5, {"anonymousId": "device-1"}),
    ("ivy", "comparison_sheet", 0, {"anonymousId": "device-1"}),
    ("hal", "webinar", 4, {"anonymousId": "device-2"}),
]
QUARANTINED, RELEASED = ("joe", "visit"), ("joe", "webinar")


def _events(given: Iterable[tuple[str, str, int, dict[str, str]]]) -> list[dict[str, Any]]:
    return [
        {
            **KINDS[signal][0],
            "messageId": f"{name}-{signal}",
            "timestamp": (START - timedelta(days=days)).isoformat(),
            "context": {"campaign": {"source": "ads", "name": "spring"}},
            **ids,
        }
        for name, signal, days, ids in given
    ]


def deeds() -> dict[str, list[Deed]]:
    """Return what each person did, for the oracle: from what is sent, not from the database."""
    done: dict[str, list[Deed]] = {}
    for name, signal, days, _ in [*GIVEN, *WAITING]:
        if (name, signal) != QUARANTINED:
            deed = Deed(signal, KINDS[signal][1], TODAY - timedelta(days=days), TODAY)
            done.setdefault(address(name), []).append(deed)
    done[address("ann")].append(Deed("direct_conversation", "call", TODAY, TODAY))
    return done


# --- the world before


def prepare() -> None:
    """Fill an empty database: definitions, people of the house, routing, a webhook; write down the keys."""
    at = START - timedelta(days=30)
    clock.now = lambda: at
    Organisation.current()
    admin = User.objects.create_user("admin@house.example", "a long password", name="Admin", role=Role.ADMIN)
    publishing.publish(standard_document(), at=at, by=admin)
    edited = standard_document()
    edited["engagement"]["rules"][0]["points"] += 1
    edited["engagement"]["max"] = 55
    publishing.save_draft(edited | {"scenarios": []}, at=at, by=admin)
    team = Team.objects.create(name="Team")
    people = {"admin": admin}
    for name, role in (
        ("boss", Role.MANAGER),
        ("mia", Role.MARKETER),
        *((f"rep{n}", Role.REP) for n in range(3)),
    ):
        people[name] = User.objects.create_user(
            f"{name}@house.example", "a long password", name=name, role=role, team=team
        )
    pool = Pool.objects.create(name="Pool", team=team)
    for name, user in people.items():
        if name.startswith("rep"):
            PoolMember.objects.create(pool=pool, rep=Rep.objects.create(user=user, capacity=2))
    RoutingRule.objects.create(position=1, name="Everybody", pool=pool)
    standing.create(
        "CRM", "webhook", "https://crm.example/in", [value for value, _ in CHOICES], by=admin, at=at
    )
    keys = {
        user.email: create_key("Key", user=user, scopes=SCOPES, by=admin, at=at)[1]
        for user in people.values()
    }
    work.until_idle()
    (_folder().parent / "keys.json").write_text(json.dumps({"source": create_source("Site", at)[1], **keys}))


# --- the play


class Day:
    """One process's part in the day; another one plays on from the journal."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
        self.keys = json.loads((_folder().parent / "keys.json").read_text())
        self.folder = _folder()
        self.journal = self.folder / "journal.json"
        self.state: dict[str, Any] = {"done": 0, "moment": START.isoformat(), "request": None}
        if self.journal.exists():
            self.state = json.loads(self.journal.read_text())
        self.at = datetime.fromisoformat(self.state["moment"])
        clock.now = lambda: self.at
        # Intake asks the database for the time together with other things; without an answer it asks the clock.
        setting._SQL = setting._SQL.replace("{clock}", "NULL")
        TARGETS["webhook"] = Sink()

    def play(self, upto: int) -> None:
        """Play what is left of the day, up to this step."""
        for number in range(self.state["done"], upto + 1):
            minutes, step = STEPS[number]
            self.at = max(START + minutes * MINUTE, self.at + timedelta(seconds=3))
            self._until_answered(step)
            self._note(done=number + 1, request=None)

    def _until_answered(self, step: Step) -> None:
        for _ in range(PATIENCE):
            self._note()
            try:
                step(self)
            except Disturbed:
                connection.close()
            else:
                return
        raise AssertionError("a step was not done, however often it was tried")

    def _note(self, **changes: Any) -> None:
        self.state |= {"moment": self.at.isoformat(), **changes}
        new = self.journal.with_suffix(".new")
        new.write_text(json.dumps(self.state))
        new.replace(self.journal)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str], signed_in: str = "") -> None:
        """Send a request until it is answered for good; a second time it is the very same one."""
        if self.state["request"] is None:
            self._note(request=[method, path, body, headers, signed_in])
        method, path, body, headers, signed_in = self.state["request"]
        self.client.logout()
        if signed_in:
            user = User.objects.get(email=signed_in)
            self.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        for _ in range(PATIENCE):
            answer = self.client.generic(method, path, json.dumps(body), "application/json", headers=headers)
            if answer.status_code < 300:
                return
            running = answer.status_code == 409 and answer.json().get("code") == "request_in_progress"
            assert running or answer.status_code >= 500, f"{path}: {answer.status_code} {answer.content!r}"
            self.at += timedelta(seconds=130 if running else 5)
        raise AssertionError(f"{path} was not answered")

    def work(self) -> None:
        """Do all that waits; when what a dead worker had claimed is free an operator looks, and the rest is done."""
        self._until_idle()
        self.at += LEASE
        mailing.send_again(self.at)
        rescoring.retry_given_up()
        for job in ImportJob.objects.filter(state=ImportJob.State.FAILED):
            runner.retry(job)
        self._until_idle()

    def _until_idle(self) -> None:
        while sum(step() for name, step in work.steps().items() if name not in IDLE):
            pass


Step = Callable[[Day], None]


def _sends(messages: list[dict[str, Any]]) -> Step:
    def step(day: Day) -> None:
        login = base64.b64encode(f"{day.keys['source']}:".encode()).decode()
        day.ask("POST", "/v1/batch", _batch(messages), {"Authorization": f"Basic {login}"})

    return step


def _asks(who: str, method: str, path: str, body: Callable[[], Any] | Any, name: str = "") -> Step:
    """A request to the API by a person of the house, or by whoever has the handoff (`rep`)."""

    def step(day: Day) -> None:
        if day.state["request"] is not None:
            return day.ask("", "", None, {})
        lead = Lead.objects.get(email=address(name)) if name else None
        handoff = Handoff.objects.filter(lead=lead).select_related("rep__user").order_by("attempt").last()
        by = handoff.rep.user.email if who == "rep" and handoff and handoff.rep else f"{who}@house.example"
        headers = {"Idempotency-Key": f"step {day.state['done']}"}
        if who == "rep":
            headers["Authorization"] = f"Bearer {day.keys[by]}"
        opportunity = Opportunity.objects.order_by("pk").last()
        rows = {"handoff": handoff, "lead": lead, "opportunity": opportunity}
        path_ = "/api/v1/" + path.format(**{name: row and row.pk for name, row in rows.items()})
        content = body(handoff) if callable(body) else body
        # What only people may do, and no key, they do signed in.
        return day.ask(method, path_, content, headers, "" if who == "rep" else by)

    return step


def _decides(name: str, kind: str, /, **body: Any) -> Step:
    return _asks("rep", "POST", f"handoffs/{{handoff}}/{kind}/", body, name)


def _reassigns(handoff: Any) -> dict[str, Any]:
    other = Rep.objects.exclude(pk=handoff.rep_id).select_related("user").order_by("pk").last()
    assert other is not None
    return {"rep": other.user.email, "reason": "Knows them", "override_capacity": True}


def _opens(handoff: Any) -> dict[str, Any]:
    return {
        "handoff": handoff.pk,
        "name": "Deal",
        "amount": "100.00",
        "currency": "EUR",
        "close_on": "2026-06-01",
    }


def _event_of(person: str, signal: str) -> Callable[[Any], dict[str, Any]]:
    return lambda _: {"ids": [Event.objects.get(message_id=f"{person}-{signal}").pk]}


def _imports(day: Day) -> None:
    by = User.objects.get(email="mia@house.example")
    job = jobs.upload([LIST.encode()], filename="list.csv", kind=ImportJob.Kind.LEADS, by=by, at=day.at)
    jobs.start(job, at=day.at)


def _publishes(day: Day) -> None:
    draft = Definition.objects.get(version=2)
    if draft.is_open:
        publishing.publish_draft(draft, at=day.at, by=User.objects.get(role=Role.ADMIN))


def _midnight(day: Day) -> None:
    passes.roll_over(day.at)


def _has_time(day: Day) -> None:
    """Everybody waiting gets a rep, so that nobody competes for the seat of who comes back from a deferral."""
    Rep.objects.update(capacity=20)


ANSWERS = {"need_problem": "Late reports", "timing": "this summer", "next_step": "A workshop"}
TOMORROW = (TODAY + timedelta(days=1)).isoformat()
# Far enough from each other that one which is sent again still comes before the next.
STEPS: list[tuple[int, Step]] = [
    (0, _sends([_identify(name) for name in PEOPLE])),
    (1, _sends([_identify("joe", traits={"email": address("joe"), "title": "IT Manager"}), *_events(GIVEN)])),
    (2, _sends([*_events(WAITING), *_events(GIVEN[:2]), *_events(WAITING[:1])])),
    (3, _sends([_identify("ivy", anonymousId="device-1"),
                {"type": "alias", "messageId": "al-hal", "userId": "u-hal", "previousId": "device-2"}])),
    (10, Day.work),
    (20, _decides("ann", "accept", next_step="Call")),
    (23, _decides("bob", "accept")),
    (23, _decides("bob", "undo")),
    (26, _decides("cat", "reject", reason="no_need_now", note="Next year")),
    (29, _decides("dan", "reject", reason="in_talks")),
    (32, _decides("eve", "return", missing=["contact"])),
    (35, _decides("fay", "accept")),
    (38, _decides("fay", "defer", until=TOMORROW, next_step="Call again")),
    (45, Day.work),
    (50, _asks("boss", "POST", "handoffs/{handoff}/reassign/", _reassigns, "guy")),
    (53, _decides("ann", "contact", what="call", summary="Spoke")),
    (56, _asks("rep", "PATCH", "handoffs/{handoff}/discovery/", {"answers": ANSWERS}, "ann")),
    (59, _decides("ann", "qualify")),
    (62, _asks("rep", "POST", "opportunities/", _opens, "ann")),
    (65, _asks("rep", "POST", "opportunities/{opportunity}/close/", {"outcome": "won", "reason": "Price"}, "ann")),
    (68, _decides("guy", "reject", reason="false_data")),
    (75, _imports),
    (80, Day.work),
    (90, _asks("mia", "POST", "events/quarantine/", _event_of(*QUARANTINED))),
    (93, _asks("mia", "POST", "events/quarantine/", _event_of(*RELEASED))),
    (96, _asks("mia", "POST", "events/release/", _event_of(*RELEASED))),
    (99, _asks("mia", "POST", "leads/{lead}/overrides/",
               {"score": 5, "reason": "Told us so", "expires_on": "2026-03-20"}, "joe")),
    (105, _publishes),
    (110, Day.work),
    (200, Day.work),
    (330, Day.work),
    (NEXT_DAY - 20, _has_time),
    (NEXT_DAY - 15, Day.work),
    (NEXT_DAY, _midnight),
    (NEXT_DAY, Day.work),
]  # fmt: skip
WORK = [number for number, (_, step) in enumerate(STEPS) if step is Day.work]
