"""Which company a person works for: found by its domain, else by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads.models import Company
from leads.normalise import clean_text, company_domain, email_domain, is_free_mail, registered_domain


@dataclass(frozen=True, slots=True)
class CompanyKey:
    """What is known of a company. The same domain, or without one the same name, is the same company."""

    domain: str
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def identity(self) -> tuple[str, str]:
        return ("domain", self.domain) if self.domain else ("name", self.name)


def company_key(
    name: str, domain: str, email: str, facts: Mapping[str, Any] | None = None
) -> CompanyKey | None:
    """Tell which company this is; None if nothing says so. A free-mail address says nothing."""
    found = company_domain(domain) if domain else ""
    if not found and email and not is_free_mail(email_domain(email)):
        found = registered_domain(email_domain(email))
    called = clean_text(name, 200)
    return CompanyKey(found, called, facts or {}) if found or called else None


def find_or_create(keys: Iterable[CompanyKey], *, at: datetime) -> dict[tuple[str, str], int]:
    """Return the id of each key's company by its `identity`; new ones take the key's facts."""
    wanted: dict[tuple[str, str], CompanyKey] = {}
    for key in keys:
        known = wanted.get(key.identity)
        if known is None or (key.name and not known.name):
            wanted[key.identity] = key
    found = _find(wanted)
    missing = [key for identity, key in wanted.items() if identity not in found]
    if missing:
        # Sorted, so that two batches with the same new companies do not wait for each other crosswise.
        missing.sort(key=lambda key: key.identity)
        Company.objects.bulk_create([_new(key, at) for key in missing], ignore_conflicts=True)
        found |= _find({key.identity: key for key in missing})
    return found


def _find(wanted: Mapping[tuple[str, str], CompanyKey]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    domains = [value for kind, value in wanted if kind == "domain"]
    names = [value for kind, value in wanted if kind == "name"]
    if domains:
        by_domain = Company.objects.filter(domain__in=domains).values_list("domain", "pk")
        found |= {("domain", domain or ""): pk for domain, pk in by_domain}
    if names:
        # Oldest last, so that it is the one taken where several are called the same.
        by_name = Company.objects.filter(name__in=names).order_by("-id").values_list("name", "pk")
        found |= {("name", name): pk for name, pk in by_name}
    return found


def _new(key: CompanyKey, at: datetime) -> Company:
    facts = {name: key.facts[name] for name in ("industry", "employees", "country") if key.facts.get(name)}
    return Company(name=key.name or key.domain, domain=key.domain or None, created_at=at, **facts)
