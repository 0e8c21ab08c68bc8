"""Find out whose each event is, take new people in, and join what waited under their ids (R12).

An event under an id nobody is known by waits without a lead. When the id is linked to a lead, by an identify or
alias call or a form, the events that wait under it are joined in the same transaction. Linking an id excludes
recording under it (`storage.lock_keys`), so no event is left waiting under a linked id, whatever the interleaving.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leads.enums import Outcome
from leads.intake import people, storage
from leads.intake.events import SUPPRESSED, IncomingEvent, Run
from leads.intake.storage import ANONYMOUS, EMAIL, LEAD, USER, Key, LeadRow
from leads.suppression import suppressed


@dataclass(frozen=True)
class Locks:
    """What a batch holds from its beginning on."""

    exclusive: frozenset[Key] = frozenset()  # ids it may link
    shared: frozenset[Key] = frozenset()  # ids unknown to us under which it records
    to_change: bool = False  # it captures people

    def __or__(self, other: Locks) -> Locks:
        exclusive = self.exclusive | other.exclusive
        shared = (self.shared | other.shared) - exclusive
        return Locks(exclusive, shared, self.to_change or other.to_change)


class MoreLocks(Exception):
    """The batch needs locks that it can only take before all others: start again with them."""

    def __init__(self, needed: Locks) -> None:
        super().__init__()
        self.needed = needed


@dataclass
class Owners:
    """Who is behind the ids of a batch, and what joining them brought."""

    by_key: dict[Key, int] = field(default_factory=dict)
    leads: dict[int, LeadRow] = field(default_factory=dict)
    joined: set[tuple[int, int | None]] = field(
        default_factory=set
    )  # (lead, signal) of events that had waited
    linked: set[int] = field(default_factory=set)  # leads that got an id

    def of(self, event: IncomingEvent) -> int | None:
        """Return the lead an event belongs to: of the ids it has, the most explicit one that is known decides."""
        for key in _keys(event):
            if key in self.by_key:
                return self.by_key[key]
        return event.hint_id or self.by_key.get((ANONYMOUS, event.anonymous_id))


def _keys(event: IncomingEvent) -> list[Key]:
    """Return what names an event's person, most explicit first, but for the device."""
    keys = []
    if event.lead_id:
        keys.append((LEAD, str(event.lead_id)))
    if event.user_id:
        keys.append((USER, event.user_id))
    if event.email:
        keys.append((EMAIL, event.email))
    return keys


def find(events: Sequence[IncomingEvent], held: Locks, run: Run) -> Owners:
    """Return the owners of the events, after capturing and linking whom they bring.

    Raises MoreLocks if that needs other locks than those held; call it again in a new transaction then.
    """
    owners = _look_up(events, to_change=held.to_change)
    unknown = _unknown(events, owners)
    carriers = people.carriers(events, owners.of, run)
    needed = held | _locks_for(events, unknown, to_change=bool(carriers))
    if needed != held:
        raise MoreLocks(needed)
    if unknown or carriers:
        _take_in(events, carriers, unknown, owners, run)
    return owners


def _look_up(events: Iterable[IncomingEvent], *, to_change: bool) -> Owners:
    users: set[str] = set()
    devices: set[str] = set()
    emails: set[str] = set()
    ids: set[int] = set()
    for event in events:
        if event.user_id:
            users.add(event.user_id)
        if event.anonymous_id:
            devices.add(event.anonymous_id)
        if event.email:
            emails.add(event.email)
        if event.previous_id:
            users.add(event.previous_id)
            devices.add(event.previous_id)
        if event.lead_id or event.hint_id:
            ids.update(pk for pk in (event.lead_id, event.hint_id) if pk)
    by_kind = {USER: users, ANONYMOUS: devices, EMAIL: emails}
    return Owners(*storage.find_owners(by_kind, ids, to_change=to_change))


def _ids(event: IncomingEvent) -> list[Key]:
    """Return the ids of an event that can be linked."""
    ids = []
    if event.user_id:
        ids.append((USER, event.user_id))
    if event.anonymous_id:
        ids.append((ANONYMOUS, event.anonymous_id))
    if event.previous_id:
        ids += [(ANONYMOUS, event.previous_id), (USER, event.previous_id)]
    return ids


def _unknown(events: Iterable[IncomingEvent], owners: Owners) -> set[Key]:
    known = owners.by_key
    unknown: set[Key] = set()
    for event in events:
        if event.user_id and (USER, event.user_id) not in known:
            unknown.add((USER, event.user_id))
        if event.anonymous_id and (ANONYMOUS, event.anonymous_id) not in known:
            unknown.add((ANONYMOUS, event.anonymous_id))
        if event.previous_id:
            unknown.update(key for key in _ids(event) if key not in known)
    return unknown


def _locks_for(events: Iterable[IncomingEvent], unknown: set[Key], *, to_change: bool) -> Locks:
    """Ids that this batch may link need an exclusive lock; those it only records under, a shared one."""
    exclusive: set[Key] = set()
    for event in events if unknown else ():
        ids = _ids(event)
        if len(ids) > 1 or event.email or event.lead_id or event.type in ("identify", "alias"):
            exclusive.update(key for key in ids if key in unknown)
    users = [value for kind, value in exclusive if kind == USER]
    if users:
        exclusive |= storage.companions(users)
    return Locks(frozenset(exclusive), frozenset(unknown - exclusive), to_change)


def _take_in(
    events: Sequence[IncomingEvent],
    carriers: Sequence[IncomingEvent],
    unknown: set[Key],
    owners: Owners,
    run: Run,
) -> None:
    """Capture the people the events bring, link the ids that came with them, and join what waited."""
    _drop_suppressed(events, carriers, unknown)
    carriers = [event for event in carriers if event.reason != SUPPRESSED]
    if carriers:
        people.capture(carriers, owners.of, owners.leads, run)
        found = _look_up(events, to_change=True)
        owners.by_key, owners.leads = found.by_key, found.leads
        _warn_of_conflicts(carriers, owners)
    links = _links(events, unknown, owners)
    storage.link(links, run.received_at)
    # Also what capture linked by itself.
    _join({key: owners.by_key[key] for key in unknown if key in owners.by_key}, owners, run)


def _drop_suppressed(
    events: Iterable[IncomingEvent], carriers: Iterable[IncomingEvent], unknown: set[Key]
) -> None:
    """Mark the events of people who must not come back; nothing of them is stored (I23)."""
    emails = {(EMAIL, event.email) for event in carriers if event.email}
    unwanted = suppressed(unknown | emails)
    for event in events if unwanted else ():
        if not unwanted.isdisjoint([*_ids(event), (EMAIL, event.email)]):
            event.outcome, event.reason = Outcome.IGNORED, SUPPRESSED


def _warn_of_conflicts(carriers: Iterable[IncomingEvent], owners: Owners) -> None:
    for event in carriers:
        by_user, by_email = owners.by_key.get((USER, event.user_id)), owners.by_key.get((EMAIL, event.email))
        if not (by_user and event.email) or by_user == by_email:
            continue
        if by_email:
            event.warnings.append("identity_conflict: userId and e-mail address belong to different people")
        elif owners.leads[by_user].email:
            event.warnings.append("email_kept: this userId is known with another e-mail address")


def _links(events: Iterable[IncomingEvent], unknown: set[Key], owners: Owners) -> dict[Key, int]:
    """Return the unknown ids whose lead the batch tells, and note them in `owners`."""
    links: dict[Key, int] = {}
    found = True
    while found:  # again, as an alias may lead on to the next
        found = False
        for event in events:
            ids = [key for key in _ids(event) if key in unknown and key not in owners.by_key]
            target = _target(event, owners) if ids else None
            if target is not None:
                links |= dict.fromkeys(ids, target)
                owners.by_key |= dict.fromkeys(ids, target)
                found = True
    return links


def _target(event: IncomingEvent, owners: Owners) -> int | None:
    """Return the lead whose ids those of the event are, if it says so."""
    if event.outcome == Outcome.QUARANTINED or event.reason == SUPPRESSED:
        return None
    for key in _keys(event):
        if key in owners.by_key:
            return owners.by_key[key]
    if event.hint_id:
        return event.hint_id
    if event.type in ("identify", "alias"):
        return next((owners.by_key[key] for key in _ids(event) if key in owners.by_key), None)
    return None


def _join(newly: dict[Key, int], owners: Owners, run: Run) -> None:
    """Give the leads what waited under their new ids, and under the ids that came with it then."""
    while newly:
        owners.linked.update(newly.values())
        rows = storage.join_waiting(newly, run.known_on)
        owners.joined |= {(row.lead_id, row.signal_id) for row in rows if row.is_counted}
        newly = {(ANONYMOUS, row.anonymous_id): row.lead_id for row in rows if row.anonymous_id}
        newly = {key: pk for key, pk in newly.items() if key not in owners.by_key}
        storage.link(newly, run.received_at)
        owners.by_key |= newly
