"""What the codes of rows mean, in words for people."""

from __future__ import annotations

CODES = {
    "email_invalid": "Not an e-mail address",
    "email_too_long": "The e-mail address is too long",
    "no_contact": "Neither e-mail nor phone",
    "ragged_row": "More cells than headers",
    "not_storable": "The database refused the row",
    "suppressed": "On the list of people who must not be stored",
    "repeated": "Named earlier in the file; the first row won",
    "host": "The host, not a guest",
    "not_approved": "Registration cancelled or not approved",
    "other_section": "Below the list: another section of the report",
    "empty_row": "Nothing in the mapped columns",
    "undone": "Undone",
    "kept": "Kept: something happened since",
    "short_row": "Fewer cells than headers",
    "owner_unknown": "The owner is no sales rep here; left without one",
    "stage_not_taken_over": "The stage was noted, not taken over",
    "phone_mangled": "A spreadsheet turned the phone number into a rounded number; it was left out",
    "date_unreadable": "The date makes no sense",
    "date_in_future": "The date lies in the future; the import's was taken",
    "country_unreadable": "Unknown country",
    "employees_unreadable": "The number of employees makes no sense",
}


def say(code: str) -> str:
    """Return a code in words; an unknown one is at least readable."""
    if code.endswith("_cut"):
        return f"{code.removesuffix('_cut').replace('_', ' ').capitalize()} was too long and was cut"
    return CODES.get(code, code.replace("_", " ").capitalize())
