"""The invariants of handoffs as questions that must find nothing (docs: I8 to I15, I18); `manage.py verify` asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from handoff.age_alarm import overdue
from handoff.clock_steps import STEPS
from handoff.models import Handoff, HandoffStatus, Notice, PoolMember, QueueReason, RoutingDecision
from handoff.notices import Kind
from handoff.planning import ABLE, ASSIGNED, Verdict, Way
from handoff.promises import Promises
from handoff.rotation import Rotation
from leads.enums import Stage
from leads.models import Cycle, Organisation

# Healthy workers have routed, swept and settled everything by then.
GRACE = timedelta(seconds=60)
SHOWN = 20

Check = Callable[[datetime], list[str]]


def one_routing_outcome(at: datetime) -> list[str]:
    """Every MQL is assigned, or queued with a reason, or its rejection is about to take effect."""
    current = Handoff.objects.filter(
        cycle__lead=OuterRef("lead"), cycle__number=OuterRef("number"), closed_at=None
    )
    mqls = Cycle.objects.filter(lead__stage=Stage.MQL, number=F("lead__cycle_number"), mql_at__lt=at - GRACE)
    lost = mqls.filter(~Exists(current)).values_list("lead_id", flat=True)
    unrouted = Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason=QueueReason.NEW, attempt=1)
    late = unrouted.filter(waiting_since__lt=at - GRACE).values_list("pk", flat=True)
    return _each("lead %s is an MQL without a routing outcome", lost) + _each(
        "handoff %s was not routed in time", late
    )


def one_open_handoff(at: datetime) -> list[str]:
    """At most one handoff of a lead is open, and none of a lead that is no MQL any more."""
    open_ones = Handoff.objects.open()
    several = open_ones.order_by().values("lead").annotate(n=Count("pk")).filter(n__gt=1)
    elsewhere = open_ones.exclude(lead__stage=Stage.MQL).values_list("pk", flat=True)
    return _each("lead %s has several open handoffs", several.values_list("lead", flat=True)) + _each(
        "handoff %s is open although its lead is no MQL", elsewhere
    )


def owner_agrees(at: datetime) -> list[str]:
    """The owner of a lead is the rep of its open handoff, and nobody is told of one that is not theirs."""
    held = Handoff.objects.filter(status__in=[HandoffStatus.OFFERED, HandoffStatus.ACCEPTED], closed_at=None)
    other = held.filter(~Q(lead__owner=F("rep__user")) | Q(lead__owner=None)).values_list(
        "lead_id", flat=True
    )
    waiting = Handoff.objects.filter(status=HandoffStatus.QUEUED, lead__owner__isnull=False)
    owned = waiting.exclude(queue_reason=QueueReason.NEW).values_list("lead_id", flat=True)
    return _each("lead %s has another owner than its handoff's rep", other) + _each(
        "lead %s waits for a rep and has an owner", owned
    )


def capacity_kept(at: datetime) -> list[str]:
    """No assignment found its rep full, unless a manager overrode that; by the seats each decision noted."""
    found = []
    for pk, candidates in _assignments().exclude(way=Way.OVERRIDE).values_list("pk", "candidates"):
        for one in candidates:
            if one["verdict"] == Verdict.CHOSEN and one["seats"] >= one["capacity"]:
                found.append(f"decision {pk} gave {one['name']} a lead beyond {one['capacity']} seats")
    return found + _offers_beyond_capacity()


def _offers_beyond_capacity() -> list[str]:
    """Count again, apart from what decisions noted: offers that stand now, in the order they were made."""
    offers = Handoff.objects.filter(status=HandoffStatus.OFFERED).order_by("offered_at", "pk")
    seats: Counter[int | None] = Counter()
    noted = {
        row[0]: (row[1], row[2])
        for row in _assignments().filter(handoff__in=offers).values_list("handoff_id", "candidates", "way")
    }
    found = []
    for pk, rep in offers.values_list("pk", "rep_id"):
        candidates, way = noted.get(pk, ([], ""))
        chosen = next((one for one in candidates if one["verdict"] == Verdict.CHOSEN), None)
        if chosen is None:
            found.append(f"handoff {pk} is offered without a decision")
        elif seats[rep] >= chosen["capacity"] and way != Way.OVERRIDE:
            found.append(f"handoff {pk} was offered beyond {chosen['capacity']} seats")
        seats[rep] += 1
    return found


def rotation_is_fair(at: datetime) -> list[str]:
    """Played again turn by turn, every rotation stays within the bound of docs/routing.md."""
    rotations: dict[tuple[int | None, str], Rotation] = {}
    found = []
    turns = (
        _assignments()
        .filter(way=Way.ROTATION)
        .values_list("pk", "pool_id", "state_key", "rep_id", "candidates")
    )
    for pk, pool, key, rep, candidates in turns.order_by("pk").iterator():
        rotation = rotations.get((pool, key))
        if rotation is None:
            eligible = [one for one in candidates if one["verdict"] in (Verdict.CHOSEN, Verdict.NOT_NEXT)]
            rotation = rotations[pool, key] = Rotation({one["rep"]: one["weight"] for one in eligible})
        rotation.take(rep or 0)
        if len(rotation.weights) > 1 and rotation.breaches():
            found.append(f"decision {pk} left rep(s) {rotation.breaches()} outside their share")
    return found + _credits_add_up()


def longest_waiting_first(at: datetime) -> list[str]:
    """Nobody who waits for a seat was passed over: a later lead of the same tier got one of a rep who was full."""
    waiting = Handoff.objects.filter(status=HandoffStatus.QUEUED, queue_reason=QueueReason.AT_CAPACITY)
    found = []
    by_pool = defaultdict(list)
    for pk, pool, raised, since in waiting.values_list("pk", "pool_id", "is_hand_raise", "waiting_since"):
        by_pool[pool, raised].append((since, pk))
    for (pool, raised), waits in by_pool.items():
        since, pk = min(waits)
        full = RoutingDecision.objects.filter(handoff=pk).order_by("-pk").first()
        if full is None:
            continue
        reps = [one["rep"] for one in full.candidates if one["verdict"] == Verdict.FULL]
        later = _assignments().filter(
            pk__gt=full.pk, pool=pool, rep__in=reps, way=Way.ROTATION, handoff__is_hand_raise=raised,
            handoff__waiting_since__gt=since,
        )  # fmt: skip
        found += [
            f"handoff {pk} waits since before decision {later_pk}"
            for later_pk in later.values_list("pk", flat=True)
        ]
    return found


def one_outcome(at: datetime) -> list[str]:
    """What has an outcome is closed, what has none is open, and a decision takes effect when its time comes."""
    ended = [HandoffStatus.EXPIRED, HandoffStatus.REASSIGNED, HandoffStatus.WITHDRAWN]
    turned_down = [HandoffStatus.REJECTED, HandoffStatus.RETURNED]
    unclosed = Handoff.objects.filter(
        Q(status__in=ended) | Q(status__in=turned_down, settle_at=None), closed_at=None
    )
    closed = Handoff.objects.filter(
        status__in=[HandoffStatus.QUEUED, HandoffStatus.OFFERED], closed_at__isnull=False
    )
    unsettled = Handoff.objects.filter(settle_at__lt=at - GRACE)
    return (
        _each("handoff %s has an outcome and is not closed", unclosed.values_list("pk", flat=True))
        + _each("handoff %s is closed without an outcome", closed.values_list("pk", flat=True))
        + _each("the decision on handoff %s did not take effect", unsettled.values_list("pk", flat=True))
    )


def deadlines_kept(at: datetime) -> list[str]:
    """No offer lapsed early or was accepted late, none is overdue, and none went back to who let it go.

    Except once to each, where nobody else could take it.
    """
    offers = Handoff.objects.exclude(accept_by=None)
    early = offers.filter(status=HandoffStatus.EXPIRED, closed_at__lte=F("accept_by"))
    late = offers.filter(status=HandoffStatus.ACCEPTED, decided_at__gt=F("accept_by"))
    overdue = offers.filter(status=HandoffStatus.OFFERED, accept_by__lt=at - GRACE, paused_at=None)
    passed_on = Handoff.objects.filter(
        Q(status=HandoffStatus.EXPIRED) | Q(reason__isnull=False) | Q(contact_rerouted_at__isnull=False),
        cycle=OuterRef("cycle"), rep=OuterRef("rep"),
        attempt__lt=OuterRef("attempt"), closed_at__isnull=False,
    )  # fmt: skip
    decided = RoutingDecision.objects.filter(handoff=OuterRef("pk"))
    by_hand = Exists(decided.filter(way__in=[Way.MANUAL, Way.OVERRIDE]))
    had_again = Handoff.objects.filter(
        Exists(passed_on), cycle=OuterRef("cycle"), rep=OuterRef("rep"), attempt__lt=OuterRef("attempt")
    )
    once_more = Exists(decided.filter(way=Way.AGAIN)) & ~Exists(had_again)
    again = offers.filter(Exists(passed_on)).exclude(by_hand).exclude(once_more)
    return (
        _each("handoff %s lapsed before its deadline", early.values_list("pk", flat=True))
        + _each("handoff %s was accepted after its deadline", late.values_list("pk", flat=True))
        + _each("handoff %s is overdue", overdue.values_list("pk", flat=True))
        + _each("handoff %s went again to a rep who had passed on it", again.values_list("pk", flat=True))
        + _each("handoff %s was offered again although somebody else could take it", _again_too_early())
    )


def _again_too_early() -> list[int]:
    """Return what was offered again before its time, by the candidates as each decision noted them.

    Before whoever had not passed on it; to one who turned it down also before whoever let it lapse, even if a
    seat was all they missed.
    """
    found = []
    again = _assignments().filter(way=Way.AGAIN).order_by("pk")
    for pk, candidates in again.values_list("handoff_id", "candidates").iterator():
        chosen: dict[str, Any] = next((one for one in candidates if one["verdict"] == Verdict.CHOSEN), {})
        before = chosen.get("before")
        others = [one for one in candidates if one is not chosen and one["verdict"] in ABLE]
        first = [one for one in others if one.get("before") != before]
        if before == Verdict.LAPSED:
            first = [one for one in others if not one.get("before") and one["verdict"] != Verdict.FULL]
        if before is None or first:
            found.append(pk)
    return found


def steps_in_time(at: datetime) -> list[str]:
    """Every warning, escalation and re-route by the clock came after it was due, and none that is due is missing."""
    found = []
    for due, done in (
        *((step.due, step.done) for step in STEPS),
        ("contact_reroute_at", "contact_rerouted_at"),
    ):
        early = Handoff.objects.filter(**{f"{done}__lt": F(due)}, paused_at=None).values_list("pk", flat=True)
        found += _each(f"handoff %s has {done} before {due}", early)
    for step in STEPS:
        missed = Handoff.objects.filter(step.rows(at - GRACE)).values_list("pk", flat=True)
        found += _each(f"handoff %s is overdue for {step.done}", missed)
    if hours := Organisation.current().age_alarm_hours:
        silent = overdue(at - GRACE, hours, Promises.read().hours(None))
        found += _each("handoff %s has waited too long without an alarm", (row.pk for row in silent))
    resting = Handoff.objects.filter(paused_until__lt=at - GRACE, closed_at=None).values_list("pk", flat=True)
    return found + _each("handoff %s is still paused", resting)


def _credits_add_up() -> list[str]:
    """No more turns were given back than bad leads were turned down: used and open ones are covered by those."""
    given = Counter(
        Handoff.objects.filter(credited_at__isnull=False).order_by().values_list("pool_id", "rep_id")
    )
    used = Counter(_assignments().filter(way=Way.CREDIT).order_by().values_list("pool_id", "rep_id"))
    for pool, rep, left in PoolMember.objects.filter(credits__gt=0).values_list(
        "pool_id", "rep_id", "credits"
    ):
        used[pool, rep] += left
    return [
        f"rep {rep} of pool {pool} has {count} turns back for {given[pool, rep]} bad leads"
        for (pool, rep), count in sorted(used.items()) if count > given[pool, rep]
    ]  # fmt: skip


def everyone_told(at: datetime) -> list[str]:
    """Each offer has exactly one notice to its rep; no notice tells of an offer that was not made."""
    offers = Handoff.objects.filter(offered_at__isnull=False, rep__isnull=False)
    told = Notice.objects.filter(kind=Kind.OFFERED, handoff=OuterRef("pk"), user=OuterRef("rep__user"))
    untold = offers.filter(~Exists(told)).values_list("pk", flat=True)
    strangers = Notice.objects.filter(kind=Kind.OFFERED).exclude(user=F("handoff__rep__user"))
    return _each("handoff %s was offered without a notice", untold) + _each(
        "notice %s tells somebody of another's offer", strangers.values_list("pk", flat=True)
    )


CHECKS: list[tuple[str, str, Check]] = [
    ("I8", "Every MQL has one routing outcome", one_routing_outcome),
    ("I9", "At most one open handoff per lead", one_open_handoff),
    ("I10", "Owner and handoff agree", owner_agrees),
    ("I11", "No assignment beyond capacity", capacity_kept),
    ("I12", "Rotation within its bound", rotation_is_fair),
    ("I13", "Longest waiting first", longest_waiting_first),
    ("I14", "One outcome per offer", one_outcome),
    ("I15", "Deadlines kept", deadlines_kept),
    ("I17", "Steps by the clock in time", steps_in_time),
    ("I18", "Everybody told once", everyone_told),
]


def _assignments() -> QuerySet[RoutingDecision]:
    return RoutingDecision.objects.filter(outcome=ASSIGNED)


def _each(text: str, ids: Iterable[int]) -> list[str]:
    found = list(ids)
    shown = [text % pk for pk in found[:SHOWN]]
    return shown + ([f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])
