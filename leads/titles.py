"""Read role and seniority out of a job title, in English and German and a few words of their neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Title:
    """What a job title says; "" where it says nothing, so "unknown" stays apart from "no"."""

    role: str = ""
    seniority: str = ""
    is_student: bool = False


def _words(text: str) -> re.Pattern[str]:
    """Compile words and phrases with commas between; a dash at the end leaves the end of the word open."""
    ended = (f"{word[:-1]}\\w*" if word.endswith("-") else word for word in text.split(", "))
    return re.compile(rf"(?<![\w&])(?:{'|'.join(ended)})(?![\w&])")


# Asked in this order: a "Data Engineering Manager" belongs to data.
ROLES = {
    role: _words(text)
    for role, text in {
        "data": (
            "data, analytics, analyst, bi, cdo, cdao, business intelligence, machine learning, ml, ai, "
            "insights, daten-, data-, datenanalys-"
        ),
        "marketing": (
            "marketing-, cmo, demand generation, growth, brand, communications, kommunikation-, pr, seo, "
            "content, campaign-"
        ),
        "it": (
            "it, cio, ciso, sysadmin, system administrator, systems administrator, systemadministrator-, "
            "edv, informatik-, information technology, information security, helpdesk, help desk, "
            "infrastructure"
        ),
        "sales": (
            "sales, vertrieb-, cro, account executive, business development, account manager, key account, "
            "verkauf-, ventes, revenue, commercial"
        ),
        "procurement": "procurement, einkauf-, einkäufer-, purchasing, sourcing, buyer, achats, cpo",
        "hr": "hr, human resources, people, personal, personalleit-, recruit-, talent, chro",
        "legal": "legal, counsel, lawyer, jurist-, recht, compliance",
        "finance": (
            "finance-, financial, cfo, controller, controlling, accounting, accountant, buchhalt-, finanz-, "
            "treasur-, audit-"
        ),
        "product": "product, produkt, produktmanage-, ux",
        "operations": (
            "operations, operation, ops, coo, supply chain, logistics, logistik-, production, produktion-, "
            "betrieb, betriebsleit-, warehouse, fulfilment, plant, process, quality, qualität-"
        ),
        "engineering": (
            "engineer-, cto, developer-, entwickl-, software-, devops, architect-, architekt-, technical, "
            "technology, technik-, technisch-, programm-, ingenieur-, sre"
        ),
        "customer": "customer, support, service, client, kunden-, success",
        "research": "research-, scientist-, forsch-, professor-, lecturer, wissenschaft-",
        "consulting": "consult-, berat-, advisor, adviser",
        "management": (
            "ceo, (?<!product )(?<!process )owner, founder-, co-founder, cofounder, president, "
            "geschäftsführ-, geschaeftsfuehr-, inhaber-, gründer-, managing director, general manager, "
            "vorstand-, partner, proprietor, pdg, executive"
        ),
    }.items()
}
# The first that is found counts, so "vice president" is asked before "president".
SENIORITIES = [
    (seniority, _words(text))
    for seniority, text in (
        (
            "intern",
            "intern, internship, trainee, apprentice, praktikant-, azubi, auszubildende-, stagiaire",
        ),
        ("vp", "vp, svp, evp, avp, vice-president, vice president, vizepräsident-"),
        (
            "c_level",
            "ceo, coo, cto, cfo, cio, cmo, cdo, cdao, cro, cpo, chro, ciso, chief, "
            "(?<!product )(?<!process )owner, founder-, co-founder, cofounder, president, geschäftsführ-, "
            "geschaeftsfuehr-, inhaber-, gründer-, managing director, vorstand-, proprietor, pdg",
        ),
        ("director", "director, direktor-, directeur, directrice"),
        ("head", "head, leiter-, leitung, bereichsleit-, abteilungsleit-, \\w+leiter, \\w+leiterin"),
        ("manager", "manager-, supervisor"),
        ("lead", "lead, leader, principal, teamlead"),
        ("senior", "senior, sr, snr, staff, expert-"),
        ("junior", "junior, jr, assistant, assistent-, entry, graduate"),
    )
]
_STUDENT = _words(
    "student-, werkstudent-, schüler-, pupil, phd candidate, doctoral candidate, undergraduate, étudiant-"
)
# The assistant to the CEO is not the CEO.
_ASSISTANT = re.compile(r"\b(?:assistant|assistent(?:in)?|secretary|pa) (?:to|of|der|des)\b")


@lru_cache(maxsize=32768)
def read_title(title: str) -> Title:
    """Return role, seniority and whether it is a student; a role without a rank is a `specialist`."""
    text = title.casefold().replace(".", "")
    if not text.strip():
        return Title()
    if _STUDENT.search(text):
        return Title(seniority="student", is_student=True)
    role = next((role for role, words in ROLES.items() if words.search(text)), "")
    if _ASSISTANT.search(text):
        return Title(role, "junior")
    seniority = next((seniority for seniority, words in SENIORITIES if words.search(text)), "")
    return Title(role, seniority or ("specialist" if role else ""))
