"""What traits and form answers say of a person, as the fields of our profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leads.capture import Incoming, Touch
from leads.enums import Stage

# Spelling → field. Segment's reserved traits, HubSpot's names and our own; compared in lower case without _ and -.
_FIELDS = {
    "firstname": "first_name", "lastname": "last_name", "jobtitle": "job_title", "position": "job_title",
    "role": "role", "jobrole": "role", "seniority": "seniority", "industry": "industry", "employees": "employees",
    "employeecount": "employees", "companysize": "employees", "numberofemployees": "employees", "country": "country",
    "countrycode": "country", "region": "region", "techstack": "tech_stack", "technologies": "tech_stack",
    "datamaturity": "data_maturity", "productinterest": "product_interest", "iscompetitor": "is_competitor",
    "isstudent": "is_student",
}  # fmt: skip
# These mean the person in traits, and may mean anything else among an event's properties.
_IN_TRAITS_ONLY = {"title": "job_title"}
_COMPANY_FIELDS = {
    "industry": "industry",
    "employees": "employees",
    "employeecount": "employees",
    "size": "employees",
}
_NAMES = ("name", "fullname")
_STAGES = {"suspect": Stage.SUSPECT, "subscriber": Stage.SUSPECT}


@dataclass(slots=True)
class Person:
    """What one message says of a person."""

    profile: dict[str, Any] = field(default_factory=dict)
    phone: str = ""
    company_name: str = ""
    company_domain: str = ""

    def __bool__(self) -> bool:
        return bool(self.profile or self.phone or self.company_name or self.company_domain)

    def incoming(self, *, email: str, user_id: str, touch: Touch | None) -> Incoming:
        """Return this as a row to capture."""
        return Incoming(
            email=email or None,
            phone=self.phone,
            profile=self.profile,
            company_name=self.company_name,
            company_domain=self.company_domain,
            touch=touch,
            user_id=user_id or None,
        )


def from_traits(traits: Mapping[str, Any]) -> Person:
    """Read an identify call's traits."""
    person = _read(traits, _FIELDS | _IN_TRAITS_ONLY)
    _split_name(person, traits)
    address = traits.get("address")
    if isinstance(address, dict) and "country" not in person.profile:
        _put(person.profile, "country", address.get("country"))
    return person


def from_answers(properties: Mapping[str, Any]) -> Person:
    """Read a form's answers among an event's properties, where "title" and "name" may be the form's."""
    person = _read(properties, _FIELDS)
    for name in ("fullName", "full_name"):
        _split_name(person, {"name": properties.get(name)})
    return person


def from_group(traits: Mapping[str, Any]) -> Person:
    """Read a group call's traits: they describe the company of the person who calls."""
    person = Person()
    _read_company(person, traits)
    return person


def stage_of(traits: Mapping[str, Any]) -> Stage:
    """Return the stage an identify call asks for: suspect unless it says otherwise; past lead counts as lead."""
    for name in ("stage", "lifecycleStage", "lifecycle_stage", "lifecyclestage"):
        value = traits.get(name)
        if isinstance(value, str) and value.strip():
            return _STAGES.get(value.strip().lower(), Stage.LEAD)
    return Stage.SUSPECT


def _read(source: Mapping[str, Any], fields: Mapping[str, str]) -> Person:
    person = Person()
    for name, value in source.items():
        key = name.lower().replace("_", "").replace("-", "").replace(" ", "")
        if key in fields:
            _put(person.profile, fields[key], value)
        elif key in ("phone", "phonenumber", "mobile") and not person.phone:
            person.phone = _text(value)
        elif key == "company":
            _read_company(person, value if isinstance(value, dict) else {"name": value})
        elif key == "companyname":
            person.company_name = person.company_name or _text(value)
        elif key in ("companydomain", "website"):
            person.company_domain = person.company_domain or _text(value)
    return person


def _read_company(person: Person, company: Mapping[str, Any]) -> None:
    person.company_name = _text(company.get("name")) or person.company_name
    person.company_domain = (
        _text(company.get("domain")) or _text(company.get("website")) or person.company_domain
    )
    for name, value in company.items():
        key = name.lower().replace("_", "")
        if key in _COMPANY_FIELDS and _COMPANY_FIELDS[key] not in person.profile:
            _put(person.profile, _COMPANY_FIELDS[key], value)


def _split_name(person: Person, source: Mapping[str, Any]) -> None:
    """Take a full name apart where no first or last name came with it."""
    if "first_name" in person.profile or "last_name" in person.profile:
        return
    name = next((text for key in _NAMES if (text := _text(source.get(key)))), "")
    first, _, last = name.partition(" ")
    _put(person.profile, "first_name", first)
    _put(person.profile, "last_name", last.strip())


def _put(profile: dict[str, Any], name: str, value: Any) -> None:
    if name == "tech_stack" and isinstance(value, list):
        value = [item for item in value if isinstance(item, str)]
    elif not _is_plain(value) or (isinstance(value, bool) and not name.startswith("is_")):
        return
    if value not in ("", None, []):
        profile[name] = value


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _text(value: Any) -> str:
    return value.strip()[:300] if isinstance(value, str) else ""
