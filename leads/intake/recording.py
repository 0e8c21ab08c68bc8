"""Record events: once each, on the right lead, counted by day, in one transaction and a fixed number of statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import uuid4

from django.db import DatabaseError, connection, transaction

from leads.enums import Outcome
from leads.intake import catalogue, effects, identities, people, setting, signatures, storage
from leads.intake.events import (
    AUTOMATED,
    CONFLICT,
    SUPPRESSED,
    TOO_OLD,
    UNMATCHED,
    IncomingEvent,
    ItemResult,
    Rejection,
    Run,
)
from leads.intake.setting import Setting
from leads.intake.storage import Account
from leads.intake.strict_json import encoder
from leads.intake.times import LOOK_BACK, TOLERANCE
from leads.intake.touches import touch_of
from leads.models import Source

ATTEMPTS = 4
# Serialization failure, deadlock.
_PASSING = ("40001", "40P01")
_ON_PERSONS = ("identify", "group", "alias")
_encode = encoder()
T = TypeVar("T")


def record_events(
    items: Sequence[IncomingEvent],
    *,
    source: Source | int,
    received_at: datetime,
    origin: str = "api",
    known_on: date | None = None,
    rejected: Sequence[Rejection] = (),
    now: Setting | None = None,
) -> list[ItemResult]:
    """Record a batch and return what became of each item, in the order of their indexes.

    Atomic; safe to repeat with the same message ids. An event belongs to its `lead_id` (or that lead's survivor), else
    to whoever its user id, e-mail address or anonymous id names; it waits without a lead while nobody is known.
    `known_on` is the day the leads have these events from, by default that of `received_at`. `rejected` items
    are written down beside the others. Sends `activity_recorded` once, for leads whose day counts changed.
    """
    now = now or setting.read()
    run = Run(
        source if isinstance(source, int) else source.pk, received_at, known_on or now.day_of(received_at)
    )
    first = _prepare(items, run, now)
    batch = _Batch(run, origin, now, items, first, rejected)
    return retrying(batch.record)


def _prepare(items: Sequence[IncomingEvent], run: Run, now: Setting) -> dict[str, IncomingEvent]:
    """Name each event, fix its outcome and return the first of each message id."""
    first: dict[str, IncomingEvent] = {}
    context: dict[str, Any] = {}
    context_json = "{}"
    for event in items:
        if not event.classified:
            classify(event, now)
        _judge(event, run)
        event.properties_json = _encode(event.properties) if event.properties else "{}"
        if event.context != context:  # a sender's events mostly share one
            context = event.context
            context_json = _encode(context)
        event.context_json = context_json
        event.fingerprint = _fingerprint(event)
        event.message_id = event.message_id or f"server-{uuid4().hex}"
        first.setdefault(event.message_id, event)
    return first


def classify(event: IncomingEvent, now: Setting) -> None:
    """Name the event's signal and object by the catalogue, and settle whose address its properties hold."""
    properties, context = event.properties, event.context
    path = catalogue.path_of(properties, context) if event.type == "page" else ""
    user_agent = context.get("userAgent")
    event.machine = signatures.marked(properties) or (
        signatures.kind_of(user_agent) if isinstance(user_agent, str) else ""
    )
    if event.machine:
        entry = now.catalogue.by_slug.get(catalogue.AUTOMATED)
    else:
        entry = now.catalogue.match(event.type, event.name, path)
    if entry is not None:
        event.object_key = catalogue.object_key(entry, event.name, path, properties, context)
    if event.type == "page" and not event.name:
        event.name = path[:128]
    if event.own_email and not event.email and (entry or not (event.user_id or event.anonymous_id)):
        event.email = event.own_email
    event.touch = touch_of(properties, context)
    event.entry, event.classified = entry, True


def _judge(event: IncomingEvent, run: Run) -> None:
    if event.occurred_at - run.received_at > TOLERANCE:
        event.occurred_at = run.received_at
        event.flags.append("clock_clamped")
    if event.machine or (event.entry is not None and event.entry.slug == catalogue.AUTOMATED):
        event.outcome, event.reason = Outcome.QUARANTINED, event.machine or AUTOMATED
    elif run.received_at - event.occurred_at > LOOK_BACK and event.known_on is None:
        event.outcome, event.reason = Outcome.IGNORED, TOO_OLD
    elif event.entry is None and event.type not in _ON_PERSONS:
        event.outcome, event.reason = Outcome.IGNORED, UNMATCHED


def _fingerprint(event: IncomingEvent) -> str:
    # Without the context: SDKs add to it when they send again.
    parts = (event.type, event.name, event.user_id, event.anonymous_id, event.sent_as, event.properties_json)
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def retrying(work: Callable[[], T]) -> T:
    """Call `work`, which opens its own transaction, again after a deadlock or serialization failure."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except DatabaseError as error:
            passing = getattr(error.__cause__, "pgcode", None) in _PASSING
            # Inside somebody else's transaction there is nothing left to repeat in.
            if not passing or attempt == ATTEMPTS or connection.in_atomic_block:
                raise
    raise AssertionError("unreachable")


class _Batch:
    """One call of `record_events`; `record` may run again after a rollback."""

    def __init__(
        self,
        run: Run,
        origin: str,
        now: Setting,
        items: Sequence[IncomingEvent],
        first: dict[str, IncomingEvent],
        rejected: Sequence[Rejection],
    ) -> None:
        self._run, self._origin, self._now = run, origin, now
        self._items, self._first, self._rejected = items, first, rejected
        self._added: set[str] = set()  # the message ids that are new

    def record(self) -> list[ItemResult]:
        """Write everything in one transaction."""
        run, events = self._run, list(self._first.values())
        with transaction.atomic():
            owners = self._find_owners(events)
            events = [event for event in events if event.reason != SUPPRESSED]
            for event in events:
                event.owner_id = owners.of(event)
            results, account, batch_id = self._insert(events, owners)
            new = [event for event in events if event.message_id in self._added]
            effects.apply(new, owners, run, self._now)
            batch_id = batch_id or effects.write_account(account, run)
            effects.finish(batch_id, self._rejected, seen=account.seen)
        return results

    def _find_owners(self, events: Sequence[IncomingEvent]) -> identities.Owners:
        """Find out whose the events are, lock what will change, and take new people in."""
        owners = identities.find(events)
        for event in events:
            event.hint_id, event.owner_id = None, owners.of(event)
        carriers = people.carriers(events, owners.of, self._run)
        storage.lock_leads(effects.will_change(events, carriers, owners))
        identities.take_in(events, carriers, owners, self._run)
        return owners

    def _insert(
        self, events: Sequence[IncomingEvent], owners: identities.Owners
    ) -> tuple[list[ItemResult], Account, int | None]:
        self._added = {event.message_id for event in events}
        results = self._results()
        account = effects.account_of(results, self._origin, effects.seen_by(events, owners))
        if not events:
            return results, account, None
        added, batch_id = storage.insert_events(events, self._run, self._now.day_of, account)
        if added != self._added:
            self._added = added
            results = self._results()
            new = [event for event in events if event.message_id in added]
            account = effects.account_of(results, self._origin, effects.seen_by(new, owners))
        return results, account, batch_id

    def _results(self) -> list[ItemResult]:
        stored = self._fingerprints_of_known()
        results = [self._result(event, stored) for event in self._items]
        results += [
            ItemResult(one.index, Outcome.REJECTED, one.code, pointer=one.pointer, detail=one.detail)
            for one in self._rejected
        ]
        return sorted(results, key=lambda result: result.index) if self._rejected else results

    def _fingerprints_of_known(self) -> dict[str, str]:
        dropped = {one.message_id for one in self._first.values() if one.reason == SUPPRESSED}
        known = self._first.keys() - self._added - dropped
        return storage.stored_fingerprints(self._run.source_id, sorted(known)) if known else {}

    def _result(self, event: IncomingEvent, stored: dict[str, str]) -> ItemResult:
        first = self._first[event.message_id]
        if first is event and (event.message_id in self._added or event.reason == SUPPRESSED):
            return ItemResult(event.index, event.outcome, event.reason, event.message_id, event.warnings)
        kept = stored.get(event.message_id) or first.fingerprint
        reason = "" if kept == event.fingerprint else CONFLICT
        return ItemResult(event.index, Outcome.DUPLICATE, reason, event.message_id, event.warnings)
