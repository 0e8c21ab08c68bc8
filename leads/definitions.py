"""The definition in force, for everyone who stamps or obeys it."""

from __future__ import annotations

from leads.enums import DefinitionStatus, SqlMeaning
from leads.models import Definition


def live_definition() -> Definition | None:
    """Return the one live definition, or None before the first was published."""
    return Definition.objects.filter(status=DefinitionStatus.LIVE).first()


def sql_meaning() -> str:
    """Return the organisation's one meaning of SQL (R7), a value of `SqlMeaning`."""
    live = Definition.objects.filter(status=DefinitionStatus.LIVE)
    # One word of a long document, asked for often.
    meaning = live.values_list("document__sql__meaning", flat=True).first()
    return str(meaning or SqlMeaning.DISCOVERY)
