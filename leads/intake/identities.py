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


@dataclass
class Owners:
    """Who is behind the ids of a batch, and what joining them brought."""

    by_key: dict[Key, int] = field(default_factory=dict)
    leads: dict[int, LeadRow] = field(default_factory=dict)
    joined: set[tuple[int, int | None]] = field(
        default_factory=set
    )  # (lead, signal) of events that had waited
    unknown: set[Key] = field(default_factory=set)  # ids nobody was known by when the batch began

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


def find(events: Sequence[IncomingEvent]) -> Owners:
    """Return who is known behind the events' ids, and lock the ids nobody is known by until the transaction ends.

    An id this batch may link is locked against everybody who records under it, any other against who links it.
    """
    owners = _look_up(events)
    unknown = _unknown(events, owners)
    locked: set[Key] = set()
    while unknown - locked:
        locked |= unknown
        storage.lock_keys(*_modes(events, unknown))
        # What was linked while we waited is known now.
        owners = _look_up(events)
        unknown = _unknown(events, owners)
    owners.unknown = unknown
    return owners


def take_in(
    events: Sequence[IncomingEvent], carriers: Sequence[IncomingEvent], owners: Owners, run: Run
) -> None:
    """Capture the people the events bring, link the ids that came with them, and join what waited under those.

    Brings `owners` up to date. The leads that change must be locked already.
    """
    if not (owners.unknown or carriers):
        return
    _drop_suppressed(events, carriers, owners.unknown)
    carriers = [event for event in carriers if event.reason != SUPPRESSED]
    if carriers:
        people.capture(carriers, owners.of, owners.leads, run)
        found = _look_up(events)
        owners.by_key, owners.leads = found.by_key, found.leads
        _warn_of_conflicts(carriers, owners)
    links = _links(events, owners.unknown, owners)
    storage.link(links, run.received_at)
    # Also what capture linked by itself.
    _join({key: owners.by_key[key] for key in owners.unknown if key in owners.by_key}, owners, run)


def _look_up(events: Iterable[IncomingEvent]) -> Owners:
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
    return Owners(*storage.find_owners(by_kind, ids))


def ids_of(event: IncomingEvent) -> list[Key]:
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
            unknown.update(key for key in ids_of(event) if key not in known)
    return unknown


def _modes(events: Iterable[IncomingEvent], unknown: set[Key]) -> tuple[set[Key], set[Key]]:
    """Tell apart the unknown ids that this batch may link, with their companions, and the others."""
    may_link: set[Key] = set()
    for event in events:
        ids = ids_of(event)
        if len(ids) > 1 or event.email or event.lead_id or event.type in ("identify", "alias"):
            may_link.update(key for key in ids if key in unknown)
    users = [value for kind, value in may_link if kind == USER]
    if users:
        may_link |= storage.companions(users)
    return may_link, unknown - may_link


def _drop_suppressed(
    events: Iterable[IncomingEvent], carriers: Iterable[IncomingEvent], unknown: set[Key]
) -> None:
    """Mark the events of people who must not come back; nothing of them is stored (I23)."""
    emails = {(EMAIL, event.email) for event in carriers if event.email}
    unwanted = suppressed(unknown | emails)
    for event in events if unwanted else ():
        if not unwanted.isdisjoint([*ids_of(event), (EMAIL, event.email)]):
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
            ids = [key for key in ids_of(event) if key in unknown and key not in owners.by_key]
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
        return next((owners.by_key[key] for key in ids_of(event) if key in owners.by_key), None)
    return None


def _join(newly: dict[Key, int], owners: Owners, run: Run) -> None:
    """Give the leads what waited under their new ids, and under the ids that came with it then."""
    while newly:
        rows = storage.join_waiting(newly, run.known_on)
        owners.joined |= {(row.lead_id, row.signal_id) for row in rows if row.is_counted}
        newly = {(ANONYMOUS, row.anonymous_id): row.lead_id for row in rows if row.anonymous_id}
        newly = {key: pk for key, pk in newly.items() if key not in owners.by_key}
        storage.link(newly, run.received_at)
        owners.by_key |= newly
