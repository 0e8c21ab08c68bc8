"""Whether we know a person already: by e-mail, by user id, and by phone where there is nothing better."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from leads.enums import IdentityKind
from leads.models import Identity, Lead


@dataclass(frozen=True, slots=True)
class Keys:
    """What may tell a person: a normalised e-mail or None, a phone or "", a user id or None, the name."""

    email: str | None
    phone: str
    user_id: str | None
    first_name: str
    last_name: str


class Matcher:
    """Finds the live leads of many people at once, and gives no lead to two of them by phone alone.

    A merged record leads to its survivor. With `lock` the leads found are locked until the transaction ends.
    """

    def __init__(self, people: Sequence[Keys], *, claimed: Collection[int] = (), lock: bool = False) -> None:
        self._claimed = set(claimed)
        emails = {person.email for person in people if person.email}
        users = {person.user_id for person in people if person.user_id}
        phones = {person.phone for person in people if person.phone and not person.email}
        by_email = _ids_by(Lead.objects.filter(email__in=emails), "email") if emails else {}
        identities = Identity.objects.filter(kind=IdentityKind.USER, value__in=users)
        by_user = dict(identities.values_list("value", "lead_id")) if users else {}
        phone_ids = (
            list(Lead.objects.live().filter(phone__in=phones).exclude(phone="").values_list("pk", flat=True))
            if phones
            else []
        )
        leads = _load([*by_email.values(), *by_user.values(), *phone_ids], lock=lock)
        self._by_email = {email: leads[pk] for email, pk in by_email.items() if pk in leads}
        self._by_user = {user: leads[pk] for user, pk in by_user.items() if pk in leads}
        self._by_phone: dict[str, list[Lead]] = defaultdict(list)
        for pk in sorted(phone_ids):
            if pk in leads:
                self._by_phone[leads[pk].phone].append(leads[pk])

    def find(self, person: Keys) -> Lead | None:
        """Return the person's lead, the same object for the same lead, or None."""
        found = self._by_email.get(person.email or "") or self._by_user.get(person.user_id or "")
        if found is None and person.phone and not person.email:
            found = self._find_by_phone(person)
        if found is not None:
            self._claimed.add(found.pk)
        return found

    def _find_by_phone(self, person: Keys) -> Lead | None:
        """The one with this phone and name; else, where a name is missing, the only one with this phone."""
        free = [lead for lead in self._by_phone.get(person.phone, ()) if lead.pk not in self._claimed]
        name = _name(person.first_name, person.last_name)
        for lead in free:
            if _name(lead.first_name, lead.last_name) == name:
                return lead
        if len(free) == 1 and not (name and _name(free[0].first_name, free[0].last_name)):
            return free[0]
        return None


def _name(first: str, last: str) -> str:
    return f"{first} {last}".strip().casefold()


def _ids_by(leads: QuerySet[Lead], field: str) -> dict[str, int]:
    """Map the field to a lead's id; a live record comes before a merged one."""
    rows = leads.order_by("merged_into").values_list(field, "pk", "merged_into")
    found: dict[str, int] = {}
    for value, pk, merged in rows:
        if merged is None or value not in found:
            found[value] = pk
    return found


def _load(ids: Iterable[int], *, lock: bool) -> dict[int, Lead]:
    """Return the live lead behind each id; locked in id order, so that two batches never wait crosswise."""
    wanted = set(ids)
    found: dict[int, Lead] = {}
    behind = {pk: pk for pk in wanted}
    while wanted:
        rows = Lead.objects.filter(pk__in=wanted).order_by("pk")
        if lock:
            # No key of theirs changes, so events may be recorded for them meanwhile.
            rows = rows.select_for_update(of=("self",), no_key=True)
        loaded = {lead.pk: lead for lead in rows}
        merged = {pk: lead.merged_into_id for pk, lead in loaded.items() if lead.merged_into_id}
        found |= {pk: lead for pk, lead in loaded.items() if pk not in merged}
        behind = {pk: merged.get(target, target) for pk, target in behind.items()}
        wanted = set(merged.values()) - found.keys()
    return {pk: found[target] for pk, target in behind.items() if target in found}
