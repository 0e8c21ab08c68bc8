"""Finding leads by what somebody types."""

from __future__ import annotations

from django.db.models import Q

from leads.models.people import LeadQuerySet

LONGEST_QUERY = 200


class BadQuery(ValueError):
    """The text cannot be searched for; the message says why."""


def check_query(text: str) -> None:
    """Raise BadQuery for a text that `matching` would refuse."""
    if len(text) > LONGEST_QUERY:
        raise BadQuery(f"Search for at most {LONGEST_QUERY} characters.")
    if "\x00" in text:
        raise BadQuery("The search text holds a character that cannot be searched for.")


def matching(leads: LeadQuerySet, text: str) -> LeadQuerySet:
    """Keep the leads of whom every word starts a first name, last name, e-mail or company name, in any case.

    `%`, `_` and `\\` are ordinary characters. Raises BadQuery for a text over 200 characters or with a NUL.
    """
    check_query(text)
    for word in text.split()[:8]:
        leads = leads.filter(
            Q(last_name__istartswith=word)
            | Q(first_name__istartswith=word)
            | Q(email__istartswith=word)
            | Q(company__name__istartswith=word)
            | Q(phone__startswith=word)
        )
    return leads
