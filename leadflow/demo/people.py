"""Invented people and the companies they work for. The same seed always gives the same people."""

from __future__ import annotations

import random
from dataclasses import dataclass

FIRST = (
    "Aiko Ade Amara Anders Aylin Ben Bruno Camille Chiara Daniel Declan Dina Elif Emma Erik Fatou Felix Freja Grace "
    "Hana Helga Hugo Ingrid Isak Jan Jonas Julia Kari Katharina Kofi Laura Lea Leif Lina Luca Maja Marcus Maren Marta "
    "Mateo Mei Milan Mira Nadia Nils Noor Olga Omar Pavel Piotr Priya Rosa Ruben Samuel Sara Sofia Stefan Sunniva "
    "Tariq Teo Tobias Tomas Uma Vera Viktor Wanda Yuki Yusuf Zofia"
).split()
LAST = (
    "Aalto Adeyemi Almeida Andersen Bauer Benali Berg Bianchi Brandt Byrne Carlsen Chao Costa Dahl Delgado Demir Dupont "
    "Eriksen Fischer Fontana Haddad Hansen Hart Holm Ibsen Ilic Ito Jansen Johansson Kaya Keller Kowalski Kramer "
    "Larsen Lefevre Lind Lindqvist Meyer Moreau Murphy Nakamura Nguyen Novak Nowak Nwosu Nyberg Olsen Osei Petrov Raman "
    "Reyes Ricci Rossi Salgado Schmidt Silva Singh Solberg Tanabe Vargas Virtanen Vogel Wagner Watanabe Weber Whitfield "
    "Wit Yilmaz Zhang Zielinski"
).split()
HEADS = "Alpen Atlas Baltic Blue Bright Cobalt Dunav Ever Fern Fjord Formosa Gold Harbour Iris Juno Kessler Lumen Meridian Nord North Oak Ori Polar Quanta Rhine Sava Shannon Silver Terra Tessile Umbra Vela Wave Wisla Zenit".split()
TAILS = {
    "logistics": ["Logistics", "Freight", "Cargo", "Parcel"],
    "retail": ["Retail", "Stores", "Market"],
    "manufacturing": ["Works", "Parts", "Cement", "Mills"],
    "insurance": ["Insurance", "Mutual"],
    "health": ["Health", "Clinics"],
    "finance": ["Bank", "Capital"],
    "software": ["Software", "Labs", "Cloud"],
    "utilities": ["Utilities", "Energy", "Water"],
    "automotive": ["Automotive", "Motors"],
    "food": ["Foods", "Dairy"],
    "consulting": ["Advisory", "Partners"],
    "education": ["Academy", "College"],
}
COUNTRIES = {"DK": 4, "NO": 4, "SE": 4, "FI": 2, "DE": 8, "AT": 2, "CH": 2, "NL": 4, "BE": 2, "GB": 8, "IE": 2, "US": 6,
             "FR": 5, "ES": 4, "IT": 4, "PL": 3, "IN": 3, "BR": 2}  # fmt: skip
GOOD_TITLES = {
    "Head of Data Platform": 5, "CTO": 3, "IT Director": 4, "VP Operations": 3, "Head of BI": 4, "Data Engineering Manager": 5,
    "Director of Analytics": 3, "COO": 2, "Operations Manager": 5, "IT Manager": 6, "Head of Supply Chain": 2,
}  # fmt: skip
OTHER_TITLES = {
    "Data Analyst": 6, "Software Engineer": 5, "Marketing Manager": 4, "Product Manager": 3, "Finance Manager": 3, "Consultant": 3,
    "HR Specialist": 2, "Procurement Specialist": 3, "Student": 2, "Working Student": 1, "": 4,
}  # fmt: skip
SOURCES = {  # source, medium, campaigns
    ("google", "cpc"): ("Spring trial", "Pipelines", "Brand"),
    ("linkedin", "paid-social"): ("Data leaders", "Webinar invites"),
    ("newsletter", "email"): ("Monthly notes",),
    ("website", "organic"): ("",),
    ("partner", "referral"): ("Partner programme",),
}
SOURCE_WEIGHTS = (30, 20, 15, 25, 10)


@dataclass(frozen=True)
class DemoCompany:
    name: str
    domain: str
    industry: str
    employees: int | None
    country: str


@dataclass(frozen=True)
class Person:
    """`need` (0…1) is how real their need is: it drives what they do and what sales finds out, and no score sees it."""

    number: int
    first_name: str
    last_name: str
    email: str
    title: str
    company: DemoCompany
    tech_stack: str
    data_maturity: str
    source: str
    medium: str
    campaign: str
    need: float
    fits: bool

    @property
    def user_id(self) -> str:
        return f"demo-{self.number}"

    @property
    def anonymous_id(self) -> str:
        return f"demo-anon-{self.number}"


def make_companies(rng: random.Random, count: int) -> list[DemoCompany]:
    companies: dict[str, DemoCompany] = {}
    while len(companies) < count:
        industry = rng.choice(list(TAILS))
        name = f"{rng.choice(HEADS)}{rng.choice(['', ' ', 'en ', 'ia '])}{rng.choice(TAILS[industry])}"
        domain = f"{name.lower().replace(' ', '-')}-{len(companies)}.example"
        employees = rng.choices([None, rng.randint(5, 49), rng.randint(50, 199), rng.randint(200, 5000), rng.randint(5001, 20000)],
                                [1, 2, 3, 6, 1])[0]  # fmt: skip
        country = rng.choices(list(COUNTRIES), list(COUNTRIES.values()))[0]
        companies.setdefault(name, DemoCompany(name, domain, industry, employees, country))
    return list(companies.values())


def make_people(rng: random.Random, count: int) -> list[Person]:
    """Make `count` people at about a quarter as many companies."""
    companies = make_companies(rng, max(count // 4, 1))
    return [_make_person(rng, number, rng.choice(companies)) for number in range(1, count + 1)]


def _make_person(rng: random.Random, number: int, company: DemoCompany) -> Person:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    fits = rng.random() < 0.6
    titles = GOOD_TITLES if fits else OTHER_TITLES
    title = rng.choices(list(titles), list(titles.values()))[0]
    (source, medium), campaigns = rng.choices(list(SOURCES.items()), SOURCE_WEIGHTS)[0]
    domain = rng.choice(["gmail.com", "outlook.com"]) if rng.random() < 0.06 else company.domain
    return Person(
        number=number,
        first_name=first,
        last_name=last,
        email=f"{first}.{last}{number}@{domain}".lower(),
        title=title,
        company=company,
        tech_stack=rng.choice(["", "", "snowflake, dbt", "kafka", "excel", "databricks"]),
        data_maturity=rng.choice(["", "", "starting", "growing", "advanced"]),
        source=source,
        medium=medium,
        campaign=rng.choice(campaigns),
        need=_need(rng, fits=fits, partner=source == "partner"),
        fits=fits,
    )


def _need(rng: random.Random, *, fits: bool, partner: bool) -> float:
    need = rng.betavariate(2, 3) + (0.15 if fits else -0.15) + (0.1 if partner else 0)
    return min(max(need, 0.0), 1.0)
