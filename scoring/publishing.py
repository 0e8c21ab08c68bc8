"""Making a definition live: the pointer flips first, in one transaction with the row of the full pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from leads.audit import audit
from leads.enums import DefinitionStatus, WentLive
from leads.models import Definition, User
from leads.signals import definition_published
from scoring.documents import InvalidDocument, standard_document, validate
from scoring.passes import PUBLISH, start_full_pass


class NotPublishable(Exception):
    """The version is live or retired already; its document can be published again as a new version."""


@transaction.atomic
def save_draft(
    document: Mapping[str, Any],
    *,
    at: datetime,
    by: User | None = None,
    note: str = "",
    based_on: int | None = None,
) -> Definition:
    """Store a document as a draft with the next version number; raises InvalidDocument."""
    check_document(document)
    draft = Definition.objects.create(
        version=_next_version(),
        document=document,
        note=note,
        author=by,
        created_at=at,
        changed_at=at,
        changed_by=by,
        based_on=based_on,
    )
    audit(
        "definition.draft", draft, by=by, at=at, changes={"based on": (None, based_on)} if based_on else None
    )
    return draft


@transaction.atomic
def publish(
    document: Mapping[str, Any], *, at: datetime, by: User | None = None, note: str = ""
) -> Definition:
    """Make a document the live definition as a new version; the old one retires and a full pass begins.

    Raises InvalidDocument and then changes nothing.
    """
    return publish_draft(save_draft(document, at=at, by=by, note=note), at=at, by=by)


@transaction.atomic
def publish_draft(
    draft: Definition, *, at: datetime, by: User | None = None, way: str = WentLive.COMMAND
) -> Definition:
    """Make a stored version the live one, whoever approved it; raises NotPublishable or InvalidDocument.

    The way from the pages and the API is `scoring.life.go_live`.
    """
    wait_for_others()
    current = Definition.objects.get(pk=draft.pk)
    if not current.is_open:
        raise NotPublishable(f"Definition {current.version} is {current.status} already.")
    check_document(current.document)
    Definition.objects.filter(status=DefinitionStatus.LIVE).update(
        status=DefinitionStatus.RETIRED, live_until=at
    )
    Definition.objects.filter(pk=draft.pk).update(status=DefinitionStatus.LIVE, live_from=at, went_live=way)
    draft.refresh_from_db()
    changes = {"status": (current.status, draft.status), "went live": ("", WentLive(way).label)}
    audit("definition.publish", draft, by=by, at=at, changes=changes)
    start_full_pass(PUBLISH, at)
    definition_published.send(sender=Definition, definition=draft, at=at)
    return draft


def ensure_standard_definition(at: datetime) -> Definition | None:
    """Publish the standard definition where none was ever published; return it, or None."""
    with transaction.atomic():
        if Definition.objects.filter(live_from__isnull=False).exists():
            return None
        return publish(standard_document(), at=at, note="The standard definition Leadflow starts with.")


def check_document(document: Any) -> None:
    """Raise InvalidDocument if anything is wrong with it."""
    if problems := validate(document):
        raise InvalidDocument(problems)


def wait_for_others() -> None:
    """Hold all versions until the transaction ends: one change of their states at a time."""
    # Of two publishes at once the later reads what the earlier left, and retires it.
    list(Definition.objects.select_for_update().order_by("pk").values_list("pk"))


def _next_version() -> int:
    wait_for_others()
    return (Definition.objects.aggregate(last=Max("version"))["last"] or 0) + 1
