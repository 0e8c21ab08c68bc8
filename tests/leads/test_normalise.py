import random

import pytest

from leads import normalise
from leads.normalise import (
    BadEmail,
    clean_text,
    company_domain,
    is_free_mail,
    normalise_email,
    normalise_phone,
    parse_employees,
    registered_domain,
)
from leads.regions import country_code, region_of
from leads.titles import read_title


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" A@X.com ", "a@x.com"),
        ("\u00a0ada@acme.test\u200b\r\n", "ada@acme.test"),
        ("ada+list@acme.test", "ada+list@acme.test"),
        ("o'brien@a-b.co.uk", "o'brien@a-b.co.uk"),
        ("ada@müller.de", "ada@xn--mller-kva.de"),
        ("ÄDA@acme.test", "äda@acme.test"),
        ("user1@bluefoods0.example", "user1@bluefoods0.example"),
    ],
)
def test_email_is_normalised(text: str, email: str) -> None:
    assert normalise_email(text) == email


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "email_missing"),
        ("  ", "email_missing"),
        ("a@b", "email_invalid"),
        ("x@@y.example", "email_invalid"),
        ("user@", "email_invalid"),
        ("n/a", "email_invalid"),
        ("user 1@z.example", "email_invalid"),
        ("a@x.com.", "email_invalid"),
        ("a..b@x.com", "email_invalid"),
        ("a@-x.com", "email_invalid"),
        ("a@x.com\r\nBcc: b@x.com", "email_invalid"),
        ("a\x00@x.com", "email_invalid"),
        ("\ud800@x.com", "email_invalid"),
        ("a" * 65 + "@x.com", "email_invalid"),
        ("a" * 315 + "@x.com", "email_too_long"),
    ],
)
def test_email_is_refused_with_a_code(text: str, code: str) -> None:
    with pytest.raises(BadEmail) as refused:
        normalise_email(text)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "country", "phone"),
    [
        ("+49 30 1511687", "", "+49301511687"),
        ("+44 (0)20 7946 0958", "", "+442079460958"),
        ("0049 30 123456", "", "+4930123456"),
        ("+1 555-321-8967", "", "+15553218967"),
        ("030 1234567", "DE", "+49301234567"),
        ("030 1234567", "", "030 1234567"),
        ("555-321-8967", "", "555-321-8967"),
        (" 555  321\u00a08967 ", "", "555 321 8967"),
        ("n/a", "", ""),
        ("1234", "", ""),
        ("tel 030 1234567 ask for Ada", "", "0301234567"),
        ("+999999999999999999999999", "", "+9999999999999999999"),
    ],
)
def test_phone_is_e164_where_it_parses(text: str, country: str, phone: str) -> None:
    assert normalise_phone(text, country) == phone


def test_phone_short_cut_says_what_the_library_says() -> None:
    rng = random.Random(7)
    numbers = [
        f"+{rng.choice('1 44 49 33 39 46 31 61 91 358 353'.split())}{rng.randint(10**5, 10**11)}"
        for _ in range(500)
    ]

    assert [normalise_phone(number) for number in numbers] == [
        normalise._e164(number, "") or number for number in numbers
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12", 12), ("1,200", 1200), ("1.200", 1200), ("10'001", 10001), ("1 000 000", 1000000), ("1-10", 1),
        ("51 to 200", 51), ("5000+", 5000), ("12.5", 12), ("", None), ("many", None), ("9" * 12, None),
    ],
)  # fmt: skip
def test_employees_are_read(text: str, count: int | None) -> None:
    assert parse_employees(text) == count


def test_text_is_kept_to_one_storable_line() -> None:
    assert clean_text(" a\x00b\n c\ud800 ", 100) == "a b c"
    assert clean_text("=HYPERLINK(1)", 100) == "=HYPERLINK(1)"
    assert clean_text("Söhne und Töchter", 8) == "Söhne un"


def test_domains_of_companies_and_of_everybody() -> None:
    assert registered_domain("mail.acme.co.uk") == "acme.co.uk"
    assert registered_domain("acme.example") == "acme.example"
    assert company_domain("https://www.acme.de:8080/contact?x=1") == "acme.de"
    assert company_domain("gmail.com") == ""
    assert company_domain("none") == ""
    assert is_free_mail("gmail.com")
    assert is_free_mail("mailinator.com")
    assert not is_free_mail("acme.de")


@pytest.mark.parametrize(
    ("title", "role", "seniority"),
    [
        ("Head of Data Platform", "data", "head"),
        ("CTO", "engineering", "c_level"),
        ("IT Director", "it", "director"),
        ("VP Operations", "operations", "vp"),
        ("Head of BI", "data", "head"),
        ("Data Engineering Manager", "data", "manager"),
        ("Head of Supply Chain", "operations", "head"),
        ("Sr. Software Engineer", "engineering", "senior"),
        ("Software Engineer", "engineering", "specialist"),
        ("Operations Lead", "operations", "lead"),
        ("Head of Demand Generation", "marketing", "head"),
        ("Procurement Specialist", "procurement", "specialist"),
        ("Geschäftsführerin", "management", "c_level"),
        ("Leiter IT", "it", "head"),
        ("Vertriebsleiter", "sales", "head"),
        ("Senior Vice President, Sales", "sales", "vp"),
        ("Assistant to the CEO", "management", "junior"),
        ("Product Owner", "product", "specialist"),
        ("Working Student", "", "student"),
        ("Mr", "", ""),
        ("", "", ""),
    ],
)
def test_title_tells_role_and_seniority(title: str, role: str, seniority: str) -> None:
    read = read_title(title)

    assert (read.role, read.seniority) == (role, seniority)


@pytest.mark.parametrize(
    ("text", "code", "region"),
    [
        ("Germany", "DE", "dach"), ("DE", "DE", "dach"), ("us", "US", "north_america"), ("deu", "DE", "dach"),
        ("United States", "US", "north_america"), ("Österreich", "AT", "dach"), ("UK", "GB", "uk_ireland"),
        ("Sverige", "SE", "nordics"), ("Côte d’Ivoire", "CI", "africa"), ("Atlantis", "", ""), ("", "", ""),
    ],
)  # fmt: skip
def test_country_is_known_by_any_name(text: str, code: str, region: str) -> None:
    assert (country_code(text), region_of(code)) == (code, region)
