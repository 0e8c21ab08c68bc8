"""The definition in force, for everyone who stamps or obeys it."""

from __future__ import annotations

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from leads.enums import DefinitionStatus, SqlMeaning
from leads.models import Definition


def live_definition() -> Definition | None:
    """Return the one live definition, or None before the first was published."""
    return _live().first()


def live_text() -> tuple[int, str] | None:
    """Return version and document of the live definition, the document as the database spells it; else None.

    For who asks for every batch: a text that was parsed before need not be parsed again.
    """
    return _live().values_list("version", Cast("document", TextField())).first()


def sql_meaning() -> str:
    """Return the organisation's one meaning of SQL (R7), a value of `SqlMeaning`."""
    # One word of a long document, asked for often.
    meaning = _live().values_list("document__sql__meaning", flat=True).first()
    return str(meaning or SqlMeaning.DISCOVERY)


def _live() -> QuerySet[Definition]:
    return Definition.objects.filter(status=DefinitionStatus.LIVE)
