"""What is known of a person: cleaning it, what follows from it, and the one writer of its dated changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from leads.bulk import bulk_insert_values
from leads.clock import day_of
from leads.models import Company, Lead, ProfileChange, User
from leads.normalise import (
    clean_text,
    email_domain,
    is_free_mail,
    normalise_email,
    normalise_phone,
    parse_employees,
)
from leads.regions import country_code, region_of
from leads.signals import activity_recorded
from leads.titles import read_title

# What fit rules read; each change of one is dated in ProfileChange.
FIT_FIELDS: Final = (
    "job_title",
    "role",
    "seniority",
    "industry",
    "employees",
    "country",
    "region",
    "tech_stack",
    "data_maturity",
    "product_interest",
    "is_free_mail",
    "is_competitor",
    "is_student",
)
_FIT: Final = frozenset(FIT_FIELDS)
TEXT_LENGTHS: Final = {
    "first_name": 100,
    "last_name": 100,
    "job_title": 200,
    "role": 50,
    "seniority": 50,
    "industry": 100,
    "region": 50,
    "data_maturity": 50,
    "product_interest": 100,
    "imported_stage": 50,
    "source": 100,
    "medium": 100,
    "campaign": 150,
}
# Every column a list or form can fill.
COLUMNS: Final = frozenset(
    (
        *TEXT_LENGTHS,
        "employees",
        "country",
        "tech_stack",
        "is_free_mail",
        "is_competitor",
        "is_student",
        "phone",
        "company_id",
    )
)
FLAGS: Final = ("is_free_mail", "is_competitor", "is_student")
# Field → the fields that follow from it, unless they are given with it.
FOLLOWERS: Final = {
    "job_title": ("role", "seniority", "is_student"),
    "country": ("region",),
    "email": ("is_free_mail",),
}
_YES = frozenset("true yes y 1 x ja wahr oui si sí".split())
_NO = frozenset("false no n 0 nein falsch non".split())


class StaleProfile(Exception):
    """Somebody changed the lead since the version the caller read; `current` is the version now."""

    def __init__(self, current: int) -> None:
        self.current = current
        super().__init__("The lead was changed in the meantime.")


class EmailTaken(Exception):
    """Another live lead has this address."""


def clean(profile: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values as they are stored, empty ones as "" or None, and a code for each that had to give.

    Codes: `<field>_cut` where a text was too long, `<field>_unreadable` where it made no sense and is left
    out.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field, raw in profile.items():
        if raw is None or raw == "":
            values[field] = None if field == "employees" or field in FLAGS else ""
            continue
        value, problem = _clean_one(field, raw)
        if problem:
            problems.append(f"{field}_{problem}")
        if problem != "unreadable":
            values[field] = value
    return values, problems


def _clean_one(field: str, raw: Any) -> tuple[Any, str]:
    """Return the stored value and what had to give, if anything: "cut" or "unreadable"."""
    if field in TEXT_LENGTHS:
        text = raw if isinstance(raw, str) else str(raw)
        longest = TEXT_LENGTHS[field]
        value = clean_text(text, longest)
        return value, "cut" if len(text) > longest and len(clean_text(text, len(text))) > longest else ""
    if field == "country":
        code = country_code(str(raw))
        return code, "" if code else "unreadable"
    if field == "employees":
        count = raw if isinstance(raw, int) and not isinstance(raw, bool) else parse_employees(str(raw))
        return (count, "") if count is not None and 0 <= count < 2**31 else (None, "unreadable")
    if field in FLAGS:
        flag = _flag(raw)
        return flag, "unreadable" if flag is None else ""
    if field == "tech_stack":
        return _words(raw)
    raise KeyError(field)


def _flag(raw: Any) -> bool | None:
    word = str(raw).strip().lower()
    return True if word in _YES else False if word in _NO else None


def _words(raw: Any) -> tuple[str, str]:
    """Return lower-case words with ", " between, as rules compare them, whole words only."""
    parts = raw if isinstance(raw, list | tuple) else str(raw).replace(";", ",").replace("|", ",").split(",")
    words = dict.fromkeys(clean_text(str(part), 500).lower() for part in parts)
    kept: list[str] = []
    length = 0
    for word in filter(None, words):
        length += len(word) + 2
        if length > 502:
            return ", ".join(kept), "cut"
        kept.append(word)
    return ", ".join(kept), ""


def following(field: str, value: Any) -> dict[str, Any]:
    """Return what follows from one field: role and seniority from the title, region from the country, …"""
    if field == "job_title":
        title = read_title(value)
        return {
            "role": title.role,
            "seniority": title.seniority,
            "is_student": True if title.is_student else None,
        }
    if field == "country":
        return {"region": region_of(value)}
    if field == "email":
        return {"is_free_mail": is_free_mail(email_domain(value)) if value else None}
    return {}


def update_profile(
    lead: Lead,
    changes: Mapping[str, Any],
    *,
    at: datetime,
    by: User | None,
    origin: str,
    version: int | None = None,
) -> dict[str, tuple[Any, Any]]:
    """Set profile fields, also to empty, and return what changed as {field: (old, new)}.

    Takes every field of `clean`, `email`, `phone`, and `company` (a Company or None); `lead` is brought up to
    date. Raises StaleProfile if the lead is no longer at `version`, BadEmail, EmailTaken, KeyError for any other
    field, and ValueError for a value that makes no sense.
    """
    wanted = _wanted(changes)
    try:
        with transaction.atomic():
            current = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
            if version is not None and version != current.version:
                raise StaleProfile(current.version)
            changed = set_values(current, wanted)
            if changed:
                current.version += 1 if by else 0
                current.save(update_fields=[*changed, "version"])
                announce(record_changes([(current, changed)], at=at, by=by, origin=origin), at=at)
    except IntegrityError as error:
        if "email" in wanted:
            raise EmailTaken(wanted["email"]) from error
        raise
    for field in (*changed, "version"):
        setattr(lead, field, getattr(current, field))
    return changed


def _wanted(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Clean the changes and add what follows from them."""
    special = {"email", "phone", "company"}
    wanted, problems = clean({field: value for field, value in changes.items() if field not in special})
    if unreadable := [problem for problem in problems if problem.endswith("_unreadable")]:
        raise ValueError(", ".join(unreadable))
    if "email" in changes:
        wanted["email"] = normalise_email(changes["email"]) if changes["email"] else None
    if "phone" in changes:
        wanted["phone"] = normalise_phone(changes["phone"] or "", wanted.get("country", ""))
    if "company" in changes:
        company: Company | None = changes["company"]
        wanted["company_id"] = company.pk if company else None
    for field in FOLLOWERS:
        if field in wanted:
            wanted = following(field, wanted[field]) | wanted
    return wanted


def set_values(lead: Lead, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Set the values that differ on the object and return {field: (old, new)}; nothing is saved."""
    changed = {
        field: (getattr(lead, field), value)
        for field, value in values.items()
        if getattr(lead, field) != value
    }
    for field, (_, value) in changed.items():
        setattr(lead, field, value)
    return changed


def save_columns(leads: Sequence[Lead], columns: Iterable[str]) -> None:
    """Save these columns of leads that exist and are locked, each with values of its own, in one statement."""
    if leads:
        # An upsert that always meets its row.
        Lead.objects.bulk_create(
            leads, update_conflicts=True, unique_fields=["id"], update_fields=sorted(columns)
        )


def record_changes(
    changed: Iterable[tuple[Lead, Mapping[str, tuple[Any, Any]]]],
    *,
    at: datetime,
    by: User | None,
    origin: str,
    day: date | None = None,
) -> list[int]:
    """Date the changes of fit fields and return the leads that have any; call it in their transaction.

    `day` dates the values earlier than today: only for leads whose profile nobody has read before.
    """
    day = day or day_of(at)
    by_id = by.pk if by else None
    rows = [
        (lead.pk, field, new, day, at, by_id, origin)
        for lead, fields in changed
        for field, (_, new) in fields.items()
        if field in _FIT
    ]
    bulk_insert_values(ProfileChange, ("lead_id", "field", "value", "day", "at", "by_id", "origin"), rows)
    return sorted({row[0] for row in rows})


def announce(lead_ids: list[int], *, at: datetime) -> None:
    """Tell the other apps whose profile changed; call it in the transaction of the change."""
    if lead_ids:
        activity_recorded.send(sender=Lead, lead_ids=lead_ids, day=day_of(at), at=at)
