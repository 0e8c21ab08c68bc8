"""Which column of a list means what: known headers of common exports, in English, German and neighbours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Field:
    """Something a column can be imported as; of `many` several columns may be."""

    name: str
    label: str
    headers: str = ""  # as spelled by `header_key`, the better ones first
    many: bool = False


FIELDS = (
    Field(
        "email", "E-mail",
        "email emailaddress mail emailadresse workemail businessemail primaryemail emailid useremail "
        "attendeeemail email1value adresseemail adressemail correo correoelectronico eposta",
    ),
    Field(
        "phone", "Phone",
        "phone phonenumber telefon telefonnummer tel workphone businessphone telephone telefono "
        "téléphone festnetz phone1value workphonenumber",
    ),
    Field(
        "mobile", "Mobile phone",
        "mobilephone mobile mobilephonenumber cell cellphone handy mobil mobilnummer mobiltelefon",
    ),
    Field("first_name", "First name", "firstname vorname givenname prénom prenom fname forename nombre"),
    Field(
        "last_name", "Last name",
        "lastname nachname familyname surname familienname zuname lname nom apellido apellidos",
    ),
    Field(
        "full_name", "Full name",
        "fullname name contactname usernameoriginalname username attendeename ansprechpartner kontakt",
    ),
    Field(
        "company", "Company",
        "companyname company organization organisation organizationname firma firmenname unternehmen "
        "accountname account employer associatedcompany société entreprise empresa",
    ),
    Field(
        "domain", "Company website",
        "companydomainname companydomain website websiteurl domain webseite homepage url",
    ),
    Field(
        "job_title", "Job title",
        "jobtitle title position jobposition berufsbezeichnung funktion stelle role jobrole rolle "
        "poste cargo job",
    ),
    Field("industry", "Industry", "industry branche companyindustry industrie sector sektor"),
    Field(
        "employees", "Employees",
        "numberofemployees noofemployees employees employeecount companysize mitarbeiter "
        "mitarbeiterzahl anzahlmitarbeiter headcount unternehmensgröße firmengröße",
    ),
    Field(
        "country", "Country",
        "country countryregion countryregionname mailingcountry land billingcountry countrycode "
        "othercountry ipcountry pays país staat",
    ),
    Field("tech_stack", "Tech stack", "techstack technologies webtechnologies technologien tools"),
    Field("data_maturity", "Data maturity", "datamaturity datenreife"),
    Field(
        "product_interest", "Product interest",
        "productinterest productofinterest interestedin produktinteresse product produkt interest",
    ),
    Field(
        "source", "Source",
        "originalsource leadsource utmsource source quelle herkunft originalsourcetype",
    ),
    Field("medium", "Medium", "utmmedium medium"),
    Field("campaign", "Campaign", "campaignname utmcampaign campaign kampagne"),
    Field("stage", "Stage elsewhere", "lifecyclestage stage leadstage funnelstage phase contactstage"),
    Field(
        "owner", "Owner",
        "contactowner leadowner owner ownerid hubspotowner assignedto zuständig besitzer accountowner",
    ),
    Field(
        "note", "Note",
        "notes note notiz notizen bemerkung bemerkungen kommentar comment comments remarks description",
    ),
    Field(
        "occurred_at", "Date",
        "visitdate eventdate date datum besuchsdatum scannedat scantime createdtime createdate "
        "createddate timestamp",
    ),
    Field(
        "call_back", "Wants a call back",
        "callback callbackrequested callmeback rückruf rückrufwunsch rückrufgewünscht",
    ),
    Field("attended", "Attended", "attended teilgenommen attendance"),
    Field("approval", "Approval status", "approvalstatus registrationstatus"),
    Field("registered_at", "Registered at", "registrationtime registrationdate registeredat anmeldedatum"),
    Field("joined_at", "Joined at", "jointime joinedat beitrittszeit"),
    Field("left_at", "Left at", "leavetime leftat"),
    Field(
        "minutes", "Minutes attended",
        "timeinsessionminutes insessiondurationminutes timeinsession attendanceminutes",
    ),
    Field("question", "Question asked", "questionsaskedbyattendee questions question frage fragen", many=True),
    Field(
        "opted_out", "Unsubscribed",
        "unsubscribed hasoptedoutofemail emailoptout unsubscribedfromallemail optedout optout "
        "abgemeldet donotemail",
    ),
    Field("form", "Form filled in", "formname"),
    Field("platform", "Advertising platform", "platform plattform"),
    Field("answer", "Answer on the form", many=True),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}
_FIELD_OF = {key: (field.name, rank) for field in FIELDS for rank, key in enumerate(field.headers.split())}
# What deserves a word before somebody says go.
REMARKS = {
    "score": "Scores are worked out here, from what people do; the column is left out.",
    "stage": "Stages made elsewhere are noted, not taken over: an MQL or further comes in as a lead.",
    "owner": "Owners who are sales reps here, by e-mail or full name, are taken over where a lead has none.",
}
_SCORES = frozenset("score leadscore hubspotscore contactscore rating leadrating scoring punkte".split())


def header_key(header: str) -> str:
    """Return what a header is recognised by: its letters and digits, in lower case."""
    return re.sub(r"[\W_]+", "", header.casefold())


def guess_field(header: str) -> tuple[str, int] | None:
    """Return the field a header names and how good a name for it that is (0 is best); None if it names none."""
    key = header_key(header)
    if key in _FIELD_OF:
        return _FIELD_OF[key]
    return ("question", 9) if header.rstrip().endswith("?") or key.startswith("question") else None


def is_score(header: str) -> bool:
    """Tell whether a column holds a score made elsewhere."""
    return header_key(header) in _SCORES


def guess_mapping(headers: Sequence[str], *, layout: str = "") -> list[str]:
    """Return a field, or "" for none, for each column; of several columns for one field the best named is taken."""
    guesses = [guess_field(header) for header in headers]
    best: dict[str, tuple[int, int]] = {}
    for index, guess in enumerate(guesses):
        if guess:
            best[guess[0]] = min(best.get(guess[0], (99, 0)), (guess[1], index))
    fields = [
        guess[0] if guess and (BY_NAME[guess[0]].many or best[guess[0]][1] == index) else ""
        for index, guess in enumerate(guesses)
    ]
    return _meta_answers(headers, fields) if layout == "meta" else fields


def _meta_answers(headers: Sequence[str], fields: Sequence[str]) -> list[str]:
    """In a Meta lead ads export, what stands between the platform and the contact are the form's own questions."""
    keys = [header_key(header) for header in headers]
    start = keys.index("platform") + 1 if "platform" in keys else len(keys)
    known = {"leadstatus", "inboxurl"}
    return [
        "answer" if field in ("", "question") and index >= start and keys[index] not in known else field
        for index, field in enumerate(fields)
    ]


def problems(fields: Sequence[str], headers: Sequence[str]) -> list[str]:
    """Say what is wrong with a mapping: nothing to reach people by, or two columns for one field."""
    found = []
    if not {"email", "phone", "mobile"} & set(fields):
        named = ", ".join(header for header in headers if header) or "none"
        found.append(f"No column is mapped to E-mail or Phone. The columns found are: {named}.")
    for name in sorted({field for field in fields if field and list(fields).count(field) > 1}):
        if not BY_NAME[name].many:
            found.append(f"Two columns are mapped to {BY_NAME[name].label}; choose one.")
    return found


def notices(headers: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Say which columns are not taken in, and why where there is a reason."""
    found = [REMARKS["score"]] if any(is_score(header) for header in headers) else []
    if "owner" in fields:
        found.append(REMARKS["owner"])
    if "stage" in fields:
        found.append(
            "Stages made elsewhere are noted, not taken over: whoever was an MQL or further comes in as a lead."
        )
    ignored = [header for header, field in zip(headers, fields, strict=True) if header and not field]
    if ignored:
        found.append(f"Not imported: {', '.join(ignored)}.")
    return found


@lru_cache(maxsize=1)
def choices() -> list[tuple[str, str]]:
    """Return what a column can be mapped to, for a select box."""
    return [("", "Leave out"), *((field.name, field.label) for field in FIELDS)]


def with_overrides(headers: Sequence[str], fields: Sequence[str], wanted: Mapping[str, str]) -> list[str]:
    """Apply `{header: field}` to a mapping; a field that moves leaves its old column. Raises KeyError, ValueError."""
    by_key = {header_key(header): index for index, header in enumerate(headers)}
    result = list(fields)
    for header, name in wanted.items():
        if header_key(header) not in by_key:
            raise KeyError(header)
        if name and name not in BY_NAME:
            raise ValueError(name)
        if name and not BY_NAME[name].many:
            result = ["" if field == name else field for field in result]
        result[by_key[header_key(header)]] = name
    return result
