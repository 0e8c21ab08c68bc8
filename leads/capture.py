"""Take people in, from wherever they come: known ones are brought up to date, new ones made (R2, R12)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from leads.bulk import bulk_insert
from leads.companies import CompanyKey, company_key, find_or_create
from leads.enums import IdentityKind, Stage
from leads.lifecycle import Move, enter_leads, move_many
from leads.matching import Keys, Matcher
from leads.models import Identity, Lead, User
from leads.normalise import BadEmail, normalise_email, normalise_phone
from leads.profile import FOLLOWERS, announce, clean, following, record_changes, save_columns
from leads.suppression import EMAIL, USER, suppressed

# Others may create the same address between our look and our insert; each time, at least one gets through.
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Touch:
    """Where a person came from this time."""

    source: str = ""
    medium: str = ""
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One person as received; `profile` takes the fields of `leads.profile.clean` and may leave out any.

    `stage` differs from the call's where this row alone is to come in as another; `may_replace` names columns of
    a known lead that this row may change although the call does not overwrite.
    """

    email: str | None
    phone: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)
    company_name: str = ""
    company_domain: str = ""
    touch: Touch | None = None
    user_id: str | None = None
    anonymous_ids: Sequence[str] = ()
    stage: str | None = None
    may_replace: Collection[str] = ()


Change = dict[str, tuple[Any, Any]]


@dataclass(slots=True)
class Captured:
    """What became of one row.

    `error`: `email_invalid`, `email_too_long`, `no_contact` where there is neither e-mail nor phone, or
    `suppressed` for somebody who must not be stored; then `lead` is None. `proposed` holds
    {field: (kept, offered)} where something else was known and kept.
    """

    lead: Lead | None
    created: bool = False
    changed: Change = field(default_factory=dict)
    error: str | None = None
    proposed: Change = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """One row, normalised."""

    keys: Keys
    values: dict[str, Any]
    derived: dict[str, dict[str, Any]]  # field → what follows from it
    company: CompanyKey | None
    row: Incoming
    warnings: list[str]


def capture_leads(
    rows: Sequence[Incoming],
    *,
    stage: str,
    at: datetime,
    by: User | None,
    origin: str,
    overwrite: bool,
    claimed: Collection[int] = (),
    profile_day: date | None = None,
) -> list[Captured]:
    """Create or update the lead of each row, in a constant number of statements; results in the rows' order.

    A row is matched by e-mail, else by user id, else, having no e-mail, by phone, where names must not differ
    and a lead is given to one row at most (never one in `claimed`). New leads start as `stage`, suspect or
    lead; a suspect met again as a lead becomes one. Unknown fields are filled; known ones change only with
    `overwrite`, and an empty value never erases. `profile_day` dates the first profile of new leads earlier:
    for histories.
    """
    results = [prepare(row) for row in rows]
    people = [(index, person) for index, person in enumerate(results) if isinstance(person, Person)]
    captured = [
        Captured(None, error=error) if isinstance(error, str) else Captured(None) for error in results
    ]
    with transaction.atomic():
        companies = find_or_create((person.company for _, person in people if person.company), at=at)
        for attempt in range(1, ATTEMPTS + 1):
            batch = _Batch(stage, at, companies, overwrite=overwrite)
            batch.take_all(people, captured, claimed)
            try:
                with transaction.atomic():
                    batch.write(edited_by_person=by is not None)
            except IntegrityError:
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        batch.finish(by=by, origin=origin, profile_day=profile_day)
    return captured


def prepare(row: Incoming) -> Person | str:
    """Normalise one row, or return the code of its error."""
    email, error = None, ""
    if row.email:
        try:
            email = normalise_email(row.email)
        except BadEmail as bad:
            error = "" if bad.code == "email_missing" else bad.code
    values, warnings = clean(row.profile)
    values = {name: value for name, value in values.items() if value not in ("", None)}
    phone = normalise_phone(row.phone, values.get("country", "")) if row.phone else ""
    if email is None and not phone and not row.user_id:
        return error or "no_contact"
    if error:
        warnings.append(error)
    if phone:
        values["phone"] = phone
    derived = {name: following(name, values[name]) for name in FOLLOWERS if name in values}
    if email:
        derived["email"] = following("email", email)
    company = company_key(row.company_name, row.company_domain, email or "", values)
    keys = Keys(email, phone, row.user_id, values.get("first_name", ""), values.get("last_name", ""))
    return Person(keys, values, derived, company, row, warnings)


class _Batch:
    """The leads of one call, as they will be, and what changes."""

    def __init__(
        self, stage: str, at: datetime, companies: Mapping[tuple[str, str], int], *, overwrite: bool
    ) -> None:
        self._stage, self._at, self._companies, self._overwrite = stage, at, companies, overwrite
        self._new: list[Lead] = []
        self._new_by_email: dict[str, Lead] = {}
        self._new_by_user: dict[str, Lead] = {}
        self._known: dict[int, Lead] = {}
        self._changes: dict[int, tuple[Lead, Change]] = {}  # by the object's id(): new leads have no key yet
        self._engaged: dict[int, Lead] = {}  # known leads met as leads
        self._identities: list[tuple[str, str, Lead]] = []

    def take_all(
        self, people: Sequence[tuple[int, Person]], captured: Sequence[Captured], claimed: Collection[int]
    ) -> None:
        """Put every row on its lead; fills in `captured`."""
        keys = [person.keys for _, person in people]
        self._matcher = Matcher(keys, claimed=claimed, lock=True)
        self._kept_out = kept_out(keys)
        for index, person in people:
            self._take(person, captured[index])

    def _take(self, person: Person, captured: Captured) -> None:
        captured.warnings, captured.error = list(person.warnings), None
        keys = person.keys
        if self._kept_out and not self._kept_out.isdisjoint(_ids(keys)):
            captured.lead, captured.error = None, "suppressed"
            return
        lead = self._matcher.find(keys) or self._new_by_email.get(keys.email or "")
        lead = lead or self._new_by_user.get(keys.user_id or "")
        if lead is None and not (keys.email or keys.phone):
            captured.lead, captured.error = None, "no_contact"
            return
        captured.lead, captured.created = lead, lead is None
        captured.changed, captured.proposed = {}, {}
        if lead is None:
            captured.lead = lead = self._create(person)
            captured.changed = self._changes[id(lead)][1].copy()
        else:
            self._update(lead, person, captured)
            if lead.pk and (person.row.stage or self._stage) == Stage.LEAD:
                self._engaged[lead.pk] = lead
            elif not lead.pk and person.row.stage == Stage.LEAD:
                lead.stage = Stage.LEAD
        self._remember_ids(person.row, lead)

    def write(self, *, edited_by_person: bool) -> None:
        """Insert the new leads, by e-mail so that two batches do not wait crosswise; update the changed."""
        self._new.sort(key=lambda lead: (lead.email or "~", lead.phone))
        bulk_insert(self._new)
        known = [lead for pk, lead in sorted(self._known.items()) if self._changes[id(lead)][1]]
        columns = {name for lead in known for name in self._changes[id(lead)][1]}
        if edited_by_person:
            for lead in known:
                lead.version += 1
            columns.add("version")
        save_columns(known, columns)

    def finish(self, *, by: User | None, origin: str, profile_day: date | None) -> None:
        """Write what hangs on the leads: ledger lines, dated profile, ids; then announce it all."""
        if self._new:
            enter_leads(self._new, at=self._at, by=by, actor=origin)
        self._promote_suspects(by, origin)
        new = [self._changes[id(lead)] for lead in self._new]
        known = [self._changes[id(lead)] for lead in self._known.values()]
        record_changes(new, at=self._at, by=by, origin=origin, day=profile_day)
        changed = record_changes(known, at=self._at, by=by, origin=origin)
        announce(sorted([lead.pk for lead in self._new] + changed), at=self._at)
        Identity.objects.bulk_create(
            [
                Identity(kind=kind, value=value, lead=lead, since=self._at)
                for kind, value, lead in self._identities
            ],
            ignore_conflicts=True,
        )

    def _create(self, person: Person) -> Lead:
        values = {name: value for follows in person.derived.values() for name, value in follows.items()}
        values = {name: value for name, value in values.items() if value not in ("", None)} | person.values
        if company := self._company(person):
            values["company_id"] = company
        if touch := person.row.touch:
            values |= _touched(touch, first=True)
        stage = person.row.stage or self._stage
        lead = Lead(email=person.keys.email, stage=stage, stage_since=self._at, created_at=self._at, **values)
        self._new.append(lead)
        if lead.email:
            self._new_by_email[lead.email] = lead
        if person.keys.user_id:
            self._new_by_user[person.keys.user_id] = lead
        self._changes[id(lead)] = (lead, {name: (None, value) for name, value in values.items()})
        return lead

    def _update(self, lead: Lead, person: Person, captured: Captured) -> None:
        # What an earlier row of this call set, a later one may set anew.
        own = self._changes[id(lead)][1] if id(lead) in self._changes else {}
        for name, value in self._offered(lead, person).items():
            old = getattr(lead, name)
            if old == value:
                continue
            if old in ("", None) or self._overwrite or name in own or name in person.row.may_replace:
                captured.changed[name] = (old, value)
            else:
                captured.proposed[name] = (old, value)
        for name, follows in person.derived.items():
            captured.changed |= _follow(lead, name, follows, person.values, captured.changed)
        if touch := person.row.touch:
            values = _touched(touch, first=not (lead.source or lead.medium or lead.campaign))
            captured.changed |= {n: (getattr(lead, n), v) for n, v in values.items() if getattr(lead, n) != v}
        for name, (_, value) in captured.changed.items():
            setattr(lead, name, value)
        self._keep_changes(lead, captured.changed)

    def _offered(self, lead: Lead, person: Person) -> dict[str, Any]:
        offered = dict(person.values)
        if company := self._company(person):
            offered["company_id"] = company
        if person.keys.email and not lead.email:
            offered["email"] = person.keys.email
        return offered

    def _keep_changes(self, lead: Lead, changed: Change) -> None:
        """Add to what changed on this lead in the whole call: the first old value and the last new one."""
        if lead.pk:
            self._known[lead.pk] = lead
        _, kept = self._changes.setdefault(id(lead), (lead, {}))
        for name, (old, new) in changed.items():
            kept[name] = (kept[name][0] if name in kept else old, new)

    def _company(self, person: Person) -> int | None:
        return self._companies.get(person.company.identity) if person.company else None

    def _remember_ids(self, row: Incoming, lead: Lead) -> None:
        if row.user_id:
            self._identities.append((IdentityKind.USER, row.user_id, lead))
        self._identities += [(IdentityKind.ANONYMOUS, value, lead) for value in row.anonymous_ids]

    def _promote_suspects(self, by: User | None, origin: str) -> None:
        moves = [
            # Its status stays as it is: being on a list again does not undo a disqualification.
            Move(
                lead, Stage.LEAD, lead.status, by=by, actor=origin, reason=f"Met as a lead ({origin})",
                wake_on=lead.wake_on, wake_signal=lead.wake_signal, nurture_reason=lead.nurture_reason,
                from_stage=Stage.SUSPECT,
            )
            for lead in self._engaged.values()
            if lead.stage == Stage.SUSPECT
        ]  # fmt: skip
        for change in move_many(moves, at=self._at, skip_refused=True) if moves else ():
            self._known[change.lead_id].stage = change.to_stage


def kept_out(people: Sequence[Keys]) -> set[tuple[str, str]]:
    """Return those ids of the people, as (kind, value), that must not be stored."""
    return suppressed({pair for keys in people for pair in _ids(keys)})


def _ids(keys: Keys) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in ((EMAIL, keys.email), (USER, keys.user_id)) if value]


def _touched(touch: Touch, *, first: bool) -> dict[str, str]:
    last = {
        "last_source": touch.source[:100],
        "last_medium": touch.medium[:100],
        "last_campaign": touch.campaign[:150],
    }
    return last | ({name.removeprefix("last_"): value for name, value in last.items()} if first else {})


def _follow(
    lead: Lead, name: str, follows: Mapping[str, Any], given: Mapping[str, Any], changed: Mapping[str, Any]
) -> Change:
    """What follows from a field changes with it, is filled in where the field was known, and else stays."""
    if name not in changed and name != "email" and getattr(lead, name) != given.get(name):
        return {}
    result = {}
    for follower, value in follows.items():
        old = getattr(lead, follower)
        known, fills = old not in ("", None), value not in ("", None)
        if old != value and follower not in given and ((name in changed) if known else fills):
            result[follower] = (old, value)
    return result
