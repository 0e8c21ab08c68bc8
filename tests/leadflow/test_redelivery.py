"""F8: a task delivered twice or three times, at once where the database lets it, does what it does once.

Each task has a case that gives it work. The same work is done in two installations that are equal but for how often
the task runs; then every table must hold the same.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from celery import current_app
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.db.models import ForeignKey, Model

from handoff import replays, routing, versions, workflow
from handoff.destinations import TARGETS, Answer, Message
from handoff.discovery import save_answers
from handoff.models import Handoff
from handoff.outgoing import Delivery, Fact
from leadflow import heartbeat
from leadflow.models import IdempotencyRecord
from leadflow.verification import all_checks
from leads import clock, reclassify
from leads.imports import jobs
from leads.intake.events import IncomingEvent
from leads.intake.recording import record_events
from leads.lifecycle import move_to_stage
from leads.models import Definition, Lead, User
from scoring import backtest_runs, overrides, qualifying, rescoring
from tests import factories
from tests.factories import (
    AT,
    make_catalogue,
    make_lead,
    make_mql,
    make_offer,
    make_pool,
    make_rep,
    make_source,
    make_team,
    make_user,
)
from tests.handoff.support import current, reason
from tests.handoff.test_discovery import publish as publish_sql_meaning
from tests.handoff.test_outbox import make_destination
from tests.leads.test_quarantine import page, send
from tests.leads.test_reclassify import name_paths
from tests.scoring.world import good_lead, publish_standard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# Whichever process runs a case, it knows every task.
current_app.autodiscover_tasks(force=True)
OURS = ("leadflow", "leads", "scoring", "handoff")


# --- Work for each task: made in an empty database, at AT; returns the moment the task runs ----------


def waiting_marks():
    publish_standard()
    done = [
        IncomingEvent(
            "track", AT, "Demo Requested" if number % 3 == 0 else "Guide Downloaded", {"asset": "g"},
            message_id=f"m-{number}", lead_id=good_lead().pk,
        )
        for number in range(30)
    ]  # fmt: skip
    record_events(done, source=make_source(), received_at=AT)
    make_pool(make_rep())
    return AT


def yesterdays_scores():
    waiting_marks()
    rescoring.drain(AT)
    return AT + timedelta(days=1)


def waiting_backtest():
    waiting_marks()
    rescoring.drain(AT)
    backtest_runs._engine.cache_clear()  # of the installation before, which had the same numbers
    backtest_runs.start_backtest(Definition.objects.get(), days=30, at=AT + timedelta(days=10))
    return AT + timedelta(days=10)


def expired_overrides():
    marketer = make_user("marketer")
    for days in (1, 2, 9):
        due = (AT + timedelta(days=days)).date()
        overrides.set_override(good_lead(), 80, reason="Met at the fair", expires_on=due, by=marketer, at=AT)
    return AT + timedelta(days=2)


def waiting_mqls():
    make_user("manager", team=make_team())
    make_pool(*[make_rep(capacity=3) for _ in range(3)])
    for number in range(20):
        make_mql(at=AT - timedelta(minutes=60 - number), hand_raiser=number % 5 == 0)
    return AT


def overdue_offers():
    waiting_mqls()
    routing.drain(AT)
    deferred = Handoff.objects.filter(status="offered").order_by("pk")[:3]
    for handoff in [current(one.lead) for one in deferred]:
        taken = workflow.accept(handoff, handoff.rep.user, AT)
        workflow.defer(taken, handoff.rep.user, (AT + timedelta(days=2)).date(), "Call", AT)
    return AT + timedelta(days=3)


def settled_decisions():
    waiting_mqls()
    routing.drain(AT)
    acts = [
        lambda handoff, rep: workflow.accept(handoff, rep, AT),
        lambda handoff, rep: workflow.reject(handoff, rep, reason(), at=AT),
        lambda handoff, rep: workflow.reject(handoff, rep, reason("again", next_path="reroute"), at=AT),
        lambda handoff, rep: workflow.return_to_marketing(handoff, rep, note="Who is it?", at=AT),
    ]
    for handoff, act in zip(Handoff.objects.filter(status="offered").order_by("pk"), itertools.cycle(acts)):
        now = current(handoff.lead)
        act(now, now.rep.user)
    return AT + timedelta(minutes=1)


def unmailed_notices():
    waiting_mqls()
    routing.drain(AT)
    return AT


def nurture_whose_day_has_come():
    owner = make_user("rep")
    for _ in range(5):
        lead = make_lead(owner=owner)
        wake_on = (AT + timedelta(days=2)).date()
        move_to_stage(lead, "lead", at=AT, status="nurture", wake_on=wake_on, nurture_reason="No timeline")
    return AT + timedelta(days=2)


def waiting_import():
    rows = "".join(f"p{n}@acme{n % 7}.example,P{n},Head of Data,DE\n" for n in range(600))
    data = ("Email,First Name,Title,Country\n" + rows).encode()
    jobs.start(jobs.upload([data], filename="list.csv", kind="lead", by=None, at=AT), at=AT)
    return AT


def unseen_batches():
    source, lead = make_source(), make_lead()
    for number in range(20):
        event = IncomingEvent(
            "track", AT - timedelta(minutes=number * 7 % 20), "Chat", message_id=f"m-{number}", lead_id=lead.pk
        )  # fmt: skip
        record_events([event], source=source, received_at=AT)
    return AT


def workers_gone():
    heartbeat.beat("gone", at=AT - timedelta(days=2))
    heartbeat.beat("here", at=AT)
    return AT


def old_answers():
    for number, age in enumerate((1, 30, 60)):
        IdempotencyRecord.objects.create(
            credential="key 1", key=f"k{number}", request_hash="x", claim="x", status=201,
            claimed_at=AT - timedelta(hours=age),
        )  # fmt: skip
    return AT


def unsent_facts():
    for name in ("CRM", "Data warehouse"):
        make_destination(name)
    for _ in range(12):
        make_mql()
    return AT


def old_facts():
    unsent_facts()
    Delivery.objects.filter(fact__in=Fact.objects.order_by("pk")[:8]).update(status="delivered", due_at=None)
    return AT + timedelta(days=40)


def accepted_mqls_that_meet_a_rule_by_now():
    publish_sql_meaning("rule")
    rep = make_rep()
    for _ in range(5):
        taken = workflow.accept(make_offer(rep), rep.user, AT)
        workflow.settle_due(AT + timedelta(seconds=9))
        save_answers(current(taken.lead), {"timing": "2026-05"}, by=rep.user, at=AT + timedelta(seconds=9))
    Lead.objects.update(score=100)
    return AT + timedelta(minutes=1)


def waiting_replays():
    manager = make_user("manager", team=make_team())
    overdue_offers()
    for days in (9, 30):
        replays.request(versions.open_draft(manager, AT), days, manager, AT)
    return AT + timedelta(days=1)


def morning_with_news():
    overdue_offers()
    return AT + timedelta(hours=1)


def bursts_of_pages():
    make_catalogue()
    for _ in range(3):
        send(make_lead(), *[page(f"/product/{number}") for number in range(7)], page("/pricing", 60))
    return AT + timedelta(minutes=1)


def changed_catalogue():
    make_catalogue()
    for _ in range(3):
        send(make_lead(), page("/calculator/a"), page("/calculator/b"), page("/pricing"))
    name_paths("/calculator/*")
    reclassify.start(reclassify.RUN, at=AT, by=make_user())
    return AT + timedelta(days=1)


def begun_count():
    waiting_marks()
    rescoring.drain(AT)
    qualifying._row(Definition.objects.get(), AT.date(), AT)
    return AT


CASES: dict[str, Callable[[], Any]] = {
    "scoring.tasks.score_pending": waiting_marks,
    "scoring.tasks.nightly_rollover": yesterdays_scores,
    "scoring.tasks.run_backtests": waiting_backtest,
    "scoring.tasks.expire_overrides": expired_overrides,
    "handoff.tasks.route_waiting": waiting_mqls,
    "handoff.tasks.sweep_clocks": overdue_offers,
    "handoff.tasks.settle_decisions": settled_decisions,
    "handoff.tasks.deliver_notices": unmailed_notices,
    "leads.tasks.wake_nurture": nurture_whose_day_has_come,
    "leads.tasks.resume_imports": waiting_import,
    "leads.tasks.update_seen": unseen_batches,
    "scoring.tasks.count_qualifying": begun_count,
    "handoff.tasks.deliver_webhooks": unsent_facts,
    "handoff.tasks.forget_facts": old_facts,
    "handoff.tasks.qualify_by_rule": accepted_mqls_that_meet_a_rule_by_now,
    "handoff.tasks.run_replays": waiting_replays,
    "handoff.tasks.write_digests": morning_with_news,
    "leads.tasks.look_for_automation": bursts_of_pages,
    "leads.tasks.reclassify": changed_catalogue,
    "leadflow.tasks.heartbeat": workers_gone,
    "leadflow.tasks.forget_answers": old_answers,
}


def registered():
    return {name for name in current_app.tasks if name.partition(".")[0] in OURS}


def test_every_task_has_a_case():
    assert registered() == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_f8_a_task_delivered_again_changes_nothing(name, monkeypatch, settings, tmp_path):
    settings.LEADFLOW_UNDO_SECONDS = 8
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setitem(TARGETS, "webhook", Outside())
    rng = random.Random(name)

    before, once = lived_through(name, 1, monkeypatch)
    _, often = lived_through(name, rng.choice([2, 3]), monkeypatch)

    assert before != once, "the case gives the task nothing to do"
    assert {table: rows for table, rows in often.items() if rows != once[table]} == {}


def lived_through(name: str, times: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Make the case in an empty database, run the task so often, and return all tables before and after."""
    call_command("flush", interactive=False, reset_sequences=True, verbosity=0)
    monkeypatch.setattr(factories, "_numbers", itertools.count(1))
    mail.outbox.clear()
    Outside.got.clear()
    monkeypatch.setattr(clock, "now", lambda: AT)
    at = CASES[name]()
    monkeypatch.setattr(clock, "now", lambda: at)
    User.objects.update(created_at=AT)
    before, found = everything(), findings(at)
    deliver(name, times)
    assert findings(at) - found == set()
    return before, everything()


class Outside:
    """Takes every webhook, and remembers which."""

    signs = True
    got: ClassVar[list[tuple[str, str]]] = []

    def send(self, url: str, message: Message, secrets: Sequence[str], at: datetime) -> Answer:
        self.got.append((url, message.subject))
        return Answer(200)


def findings(at: datetime) -> set[str]:
    """Return what `verify` says; rows made by hand are not sound in every way before the task either."""
    return {found for _, _, check in all_checks() for found in check(at)}


def deliver(name: str, times: int) -> None:
    """Run the task so often: at once on PostgreSQL, one after the other on SQLite."""
    task = current_app.tasks[name]
    if connection.vendor != "postgresql":
        for _ in range(times):
            task()
        return
    barrier, failures = threading.Barrier(times), []

    def run() -> None:
        try:
            barrier.wait(30)
            task()
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []


def everything() -> dict[str, list[Any]]:
    """Return all rows of all our tables, sorted, with references in place of numbers, and the mails."""
    found = {
        model._meta.db_table: sorted(map(repr, rows_of(model)))
        for app in OURS
        for model in apps.get_app_config(app.rpartition(".")[2]).get_models()
    }
    mails = sorted((message.to[0], message.subject) for message in mail.outbox)
    return found | {"mails": mails, "webhooks": sorted(Outside.got)}


# Numbered in the order of their making, which is nobody's promise, made up, or measured; what they say is compared.
ANONYMOUS = {"id", "password", "claim", "uid", "secret", "milliseconds"}


def rows_of(model: type[Model]) -> list[dict[str, Any]]:
    attempts = {
        pk: f"lead {lead}, attempt {attempt}"
        for pk, lead, attempt in Handoff.objects.values_list("pk", "lead", "attempt")
    }
    links = [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and field.related_model is Handoff
    ]
    return [
        {
            name: attempts.get(value) if name in links else _plain(value)
            for name, value in row.items()
            if name not in ANONYMOUS
        }
        for row in model._base_manager.values()
    ]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
