"""The operations page (R37): is anything late, what ran last, what failed and can be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from handoff import mailing
from handoff.models import Handoff, HandoffStatus, Notice, QueueReason
from handoff.outgoing import Delivery, Destination
from handoff.personal import Mail
from leadflow import backlog, heartbeat
from leads import clock
from leads.audit import audit
from leads.enums import Outcome
from leads.intake.dead_letters import retry, waiting_letters
from leads.models import DeadLetter, ImportJob, IntakeBatch, User
from leads.permissions import can, requires
from scoring.models import PendingScore, Rescore
from scoring.rescoring import retry_given_up

OUTCOMES = [outcome.value for outcome in Outcome]
DAYS = 14
SHOWN = 20
LETTERS = 100
_CAP = 10_000  # nobody needs to know how many more wait


@dataclass(frozen=True)
class Waiting:
    """One kind of work: how much waits and for how long the oldest has."""

    label: str
    count: int
    seconds: float | None
    late: bool

    @property
    def shown_count(self) -> str:
        return f"{self.count:,}" if self.count < _CAP else f"{_CAP:,}+"


_LABELS = {
    "scores": "Leads to score",
    "routing": "MQLs to route",
    "deadlines": "Lapsed offers to pass on",
    "decisions": "Decisions to take effect",
    "notices": "Notices to mail",
    "webhooks": "Webhooks to send",
}


@requires("operations.read")
@require_safe
def operations_page(request: HttpRequest) -> HttpResponse:
    user, at = request.user, clock.now()
    assert isinstance(user, User)
    context = {
        "at": at,
        "waiting": waiting(at),
        "workers": workers(at),
        "passes": Rescore.objects.all()[:5],
        "imports": ImportJob.objects.select_related("by")[:5],
        "set_aside": PendingScore.objects.given_up().select_related("lead").order_by("pk")[:SHOWN],
        "unsent": unsent(at),
        "webhooks": failing_webhooks(),
        "stuck": stuck_handoffs(),
        "intake": intake_by_day(clock.day_of(at)),
        "outcomes": OUTCOMES,
        "reasons": intake_reasons(at),
        "dead_letters": dead_letters(),
        "may_retry": can(user, "operations.retry"),
        "may_letters": can(user, "deadletters"),
    }
    return render(request, "leadflow/operations.html", context)


def waiting(at: datetime) -> list[Waiting]:
    """Return each kind of work with how much of it waits."""
    oldest = backlog.oldest(at=at)
    due = Q(not_before=None) | Q(not_before__lte=at)
    rows: dict[str, QuerySet[Any]] = {
        "scores": PendingScore.objects.due(at),
        "routing": Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason=QueueReason.NEW),
        "deadlines": Handoff.objects.filter(status=HandoffStatus.OFFERED, accept_by__lt=at),
        "decisions": Handoff.objects.filter(settle_at__lt=at),
        "notices": Notice.objects.filter(due, mail=Mail.NOW, mailed_at=None, sending_at=None),
        "webhooks": Delivery.objects.overdue(at),
    }
    return [
        Waiting(
            label, rows[name].order_by().values("pk")[:_CAP].count(), oldest.get(name),
            late=oldest.get(name, 0) > settings.LEADFLOW_BACKLOG_SECONDS,
        )
        for name, label in _LABELS.items()
    ]  # fmt: skip


def unsent(at: datetime) -> list[Notice]:
    """Return notices whose mail failed or is in doubt, the latest first."""
    trying = Notice.objects.filter(mail=Mail.NOW, mailed_at=None, attempts__gt=0, sending_at=None)
    either = trying | Notice.objects.in_doubt(at)
    return list(either.select_related("user").order_by("-pk")[:SHOWN])


def failing_webhooks() -> list[Destination]:
    """Return destinations that are off, fail, or did not get everything."""
    rows = Destination.objects.annotate(given_up=Count("pk", filter=Q(deliveries__status="failed")))
    return list(rows.filter(Q(is_active=False) | Q(failures__gt=0) | Q(given_up__gt=0))[:SHOWN])


def workers(at: datetime) -> list[dict[str, Any]]:
    """Return the workers seen in the last day, with whether each is still there."""
    patience = timedelta(seconds=settings.LEADFLOW_WORKER_SILENT_SECONDS)
    return [
        {"name": beat.name, "at": beat.at, "silent": at - beat.at > patience}
        for beat in heartbeat.of_workers().order_by("-at")[:SHOWN]
    ]


def stuck_handoffs() -> list[dict[str, Any]]:
    """Return why handoffs wait without a rep, with how many and since when."""
    queued = Handoff.objects.filter(status=HandoffStatus.QUEUED).exclude(queue_reason=QueueReason.NEW)
    rows = (
        queued.order_by()
        .values("queue_reason")
        .annotate(n=Count("pk"), since=Min("waiting_since"))
        .order_by("-n")
    )
    return [{**row, "label": QueueReason(row["queue_reason"]).label} for row in rows]


def intake_by_day(today: date) -> list[dict[str, Any]]:
    """Return what was received on each of the last days, by what became of it; each line adds up."""
    sums = {name: Sum(name) for name in ("received", *OUTCOMES)}
    start = today - timedelta(days=DAYS)
    batches = IntakeBatch.objects.filter(received_at__date__gt=start)
    days = (
        batches.annotate(day=TruncDate("received_at"))
        .order_by()
        .values("day")
        .annotate(**sums)
        .order_by("-day")
    )
    return [{**row, "parts": [row[name] for name in OUTCOMES]} for row in days]


def intake_reasons(at: datetime) -> list[dict[str, Any]]:
    """Return why items of the last day did not count, the most frequent first."""
    totals: dict[str, int] = {}
    recent = IntakeBatch.objects.filter(received_at__gt=at - timedelta(days=1)).exclude(reasons={})
    for reasons in recent.values_list("reasons", flat=True).iterator():
        for reason, count in reasons.items():
            totals[reason] = totals.get(reason, 0) + count
    ranked = sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))[:SHOWN]
    return [
        {"outcome": key.partition(":")[0], "reason": key.partition(":")[2].replace("_", " "), "count": count}
        for key, count in ranked
    ]


def dead_letters() -> list[dict[str, Any]]:
    """Return what was rejected and not sent again yet, by why."""
    open_ones = DeadLetter.objects.filter(retried_at=None)
    rows = open_ones.order_by().values("code").annotate(n=Count("pk"), last=Max("batch__received_at"))
    return list(rows.order_by("-n", "code")[:SHOWN])


@requires("deadletters")
@require_POST
def retry_letters(request: HttpRequest) -> HttpResponse:
    """Send refused items of one kind again, as many as a request may take; what is still wrong stays."""
    user, at = request.user, clock.now()
    assert isinstance(user, User)
    code = request.POST.get("code", "").replace("\x00", "")
    letters = waiting_letters().filter(code=code).order_by("pk")[:LETTERS]
    results = [retry(letter, at=at) for letter in letters]
    done = sum(result.outcome != Outcome.REJECTED for result in results)
    audit("deadletters.retry", by=user, at=at, label=code[:50], changes={"accepted": (None, done)})
    messages.success(request, f"{done} of {len(results)} are accepted now.")
    return redirect("leadflow:operations")


@requires("operations.retry")
@require_POST
def retry_scores(request: HttpRequest) -> HttpResponse:
    """Have everything that scoring set aside tried again, from the beginning."""
    user, at = request.user, clock.now()
    assert isinstance(user, User)
    count = retry_given_up()
    audit("scores.retry", by=user, at=at, changes={"leads": (None, count)})
    messages.success(request, f"{count} leads are scored again.")
    return redirect("leadflow:operations")


@requires("operations.retry")
@require_POST
def retry_notices(request: HttpRequest) -> HttpResponse:
    """Have notices whose mail failed tried again now."""
    user, at = request.user, clock.now()
    assert isinstance(user, User)
    count = mailing.send_again(at)
    audit("notices.retry", by=user, at=at, changes={"notices": (None, count)})
    messages.success(request, f"{count} notices are mailed again.")
    return redirect("leadflow:operations")
