"""The queues marketers and managers work: which leads stand in each, and what to say when one is empty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q

from leads import clock
from leads.enums import Stage, Status
from leads.models import Definition, Lead
from leads.models.people import LeadQuerySet

NEAR = 15  # points below the MQL line that still count as near
NEW_DAYS = 7
COUNT_CAP = 1000


@dataclass(frozen=True)
class Context:
    """What a queue's condition depends on besides the lead: the moment, its day and the live definition's line."""

    at: datetime
    today: date
    line: int

    @classmethod
    def on(cls, at: datetime) -> Context:
        """Read the MQL line of the live definition: the lowest score any of its rule sets asks for, else 65."""
        document = Definition.objects.filter(status="live").values_list("document", flat=True).first() or {}
        values = [
            condition["value"]
            for rule_set in document.get("mql", {}).get("rule_sets", [])
            for condition in rule_set.get("all", [])
            if condition.get("kind") == "score_at_least"
        ]
        return cls(at, clock.day_of(at), min(values, default=65))


@dataclass(frozen=True)
class Queue:
    """One queue. `explain` says in a sentence who stands in it; `empty` what is true and what to do when it is."""

    slug: str
    label: str
    explain: str
    empty: str
    condition: Callable[[Context], Q]
    urgent: bool = False  # its count is a warning


ACTIVE = Q(status=Status.ACTIVE)
QUALIFIED = Q(stage__in=[Stage.MQL, Stage.SQL, Stage.OPPORTUNITY])


def _no_next_step(on: Context) -> Q:
    return Q(next_step_on=None) | Q(next_step_on__lt=on.today)


def _vanishing(on: Context) -> Q:
    # A waiting or running offer is a next step in itself: the clock brings it back.
    waiting = Lead.objects.filter(handoffs__status__in=["queued", "offered"], handoffs__closed_at=None)
    worked = ACTIVE & QUALIFIED & _no_next_step(on) & ~Q(pk__in=waiting.values("pk"))
    came_back = ACTIVE & Q(stage=Stage.LEAD, cycle_number__gt=0) & _no_next_step(on)
    overslept = Q(status=Status.NURTURE, wake_on__lt=on.today)
    return worked | came_back | overslept


QUEUES = [
    Queue(
        "all", "All leads", "Everybody who engaged or spoke with us, at whatever stage they are now.",
        "No lead yet. Import a list, connect a website under Sources, or add a lead by hand.",
        lambda on: ~Q(stage=Stage.SUSPECT),
    ),
    Queue(
        "suspects", "Suspects", "Contacts we believe fit and have had no communication with.",
        "No suspect is waiting. Import a list of companies or people you would like to reach.",
        lambda on: Q(stage=Stage.SUSPECT) & ~Q(status=Status.DISQUALIFIED),
    ),
    Queue(
        "new", "New", f"Leads who came in within the last {NEW_DAYS} days.",
        "Nobody new this week. New leads arrive here by themselves from your website, forms and lists.",
        lambda on: ACTIVE & Q(stage=Stage.LEAD, created_at__gte=on.at - timedelta(days=NEW_DAYS)),
    ),
    Queue(
        "near-mql", "Close to MQL", f"Leads within {NEAR} points of the MQL line.",
        "No lead is close to the line right now. Leads rise with new engagement and better known profiles.",
        lambda on: ACTIVE & Q(stage=Stage.LEAD, score__gte=on.line - NEAR, score__lt=on.line),
    ),
    Queue(
        "hand-raised", "Hand-raised, check fit", "They asked for us, but the fit check failed. A person decides.",
        "Nobody waits for a fit check.",
        lambda on: ACTIVE & Q(needs_fit_check=True, stage__in=[Stage.SUSPECT, Stage.LEAD]), urgent=True,
    ),
    Queue(
        "mql-waiting", "MQL waiting", "MQLs that no rep has yet; each says why.",
        "No MQL is waiting: every one has an owner.",
        lambda on: ACTIVE & Q(stage=Stage.MQL, owner=None), urgent=True,
    ),
    Queue(
        "returned", "Back from sales", "Leads sales gave back with a question or to have their data mended.",
        "Nothing came back from sales.",
        lambda on: Q(pk__in=Lead.objects.filter(
            handoffs__status="queued", handoffs__queue_reason="returned_to_marketing", handoffs__closed_at=None
        ).values("pk")),
        urgent=True,
    ),
    Queue(
        "nurture", "Nurture", "Leads who rest until a date or a new signal.",
        "Nobody is being nurtured. Leads come here when sales finds no need or no timeline yet.",
        lambda on: Q(status=Status.NURTURE),
    ),
    Queue(
        "vanishing", "About to vanish", "Leads with no next step, or one that has passed.",
        "Everybody has a next step. That is the point of this page.",
        _vanishing, urgent=True,
    ),
]  # fmt: skip
BY_SLUG = {queue.slug: queue for queue in QUEUES}


def in_queue(leads: LeadQuerySet, queue: Queue, context: Context) -> LeadQuerySet:
    """Keep the leads that stand in the queue now, each once."""
    return leads.filter(queue.condition(context))


def count(leads: LeadQuerySet, queue: Queue, context: Context) -> int:
    """Count a queue of `leads`, at most `COUNT_CAP` + 1: nobody needs to know how many more there are."""
    return in_queue(leads, queue, context).order_by().values("pk")[: COUNT_CAP + 1].count()
