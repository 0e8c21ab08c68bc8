"""The life of a definition: draft → proposed → approved by marketing and by sales → live → retired (R5).

Every step is one transaction that first holds the versions, then looks at the row again. `revision` is what the
caller saw; a step on an older one raises Stale and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from leads.audit import audit
from leads.enums import ApprovalSide, DefinitionStatus, WentLive
from leads.models import Definition, Organisation, User
from leads.permissions import can
from scoring.differences import differences
from scoring.live import Catalogue, live_rules, rules_from, rules_of
from scoring.models import Approval
from scoring.publishing import check_document, publish_draft, save_draft, wait_for_others
from scoring.scenarios import Outcome, broken, run_scenarios

MAX_AUDITED = 60


class NotNow(Exception):
    """The version is not in a state that allows this; the text says why."""

    code = "wrong_status"


class Stale(NotNow):
    """Somebody changed the version since the caller looked; `definition` is how it is now."""

    code = "stale"

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        who = definition.changed_by.name if definition.changed_by else "a command on the server"
        super().__init__(f"Changed by {who} meanwhile. Nothing of yours was saved; look at both and decide.")


class ExamplesBreak(NotNow):
    """At least one example scenario does not hold; `sentences` name them."""

    code = "examples_break"

    def __init__(self, sentences: list[str]) -> None:
        self.sentences = sentences
        super().__init__(" ".join(sentences))


class NotYours(NotNow):
    """This person may not approve for this side of this version."""

    code = "other_side_too"


def draft_from(source: Definition, *, at: datetime, by: User, note: str = "") -> Definition:
    """Start a draft with the document of any version; publishing an old one anew is how to roll back."""
    return save_draft(source.document, at=at, by=by, note=note, based_on=source.version)


@transaction.atomic
def change(
    draft: Definition,
    document: Mapping[str, Any],
    *,
    revision: int,
    at: datetime,
    by: User,
    note: str | None = None,
) -> Definition:
    """Store another document or note; with another document a proposal is a draft again, without approvals.

    Raises InvalidDocument, Stale or NotNow.
    """
    current = _hold(draft, revision)
    check_document(document)
    note = current.note if note is None else note
    if document == current.document and note == current.note:
        return current
    said = _said(current, document)
    if note != current.note:
        said["note"] = (current.note, note)
    if document != current.document:
        _back_to_draft(current, by=by, at=at)
    _save(current, by, at, document=dict(document), note=note, revision=F("revision") + 1)
    audit("definition.change", current, by=by, at=at, changes=said)
    return current


@transaction.atomic
def propose(draft: Definition, *, revision: int, at: datetime, by: User) -> Definition:
    """Ask marketing and sales for their yes; raises ExamplesBreak, Stale or NotNow."""
    current = _hold(draft, revision)
    if current.status != DefinitionStatus.DRAFT:
        raise NotNow(f"Definition {current.version} is proposed already.")
    refuse_broken(current)
    _save(current, None, at, status=DefinitionStatus.PROPOSED, proposed_at=at, proposed_by=by)
    audit("definition.propose", current, by=by, at=at, changes={"status": ("draft", "proposed")})
    return current


@transaction.atomic
def withdraw(draft: Definition, *, revision: int, at: datetime, by: User, reason: str = "") -> Definition:
    """Take a proposal back, or send it back with a reason; it is a draft again, without approvals."""
    current = _hold(draft, revision)
    if current.status != DefinitionStatus.PROPOSED:
        raise NotNow(f"Definition {current.version} is not proposed.")
    _back_to_draft(current, by=by, at=at, reason=reason)
    current.refresh_from_db()
    return current


@transaction.atomic
def approve(draft: Definition, side: str, *, revision: int, at: datetime, by: User) -> Definition:
    """Say yes for one side; the second yes makes the version live.

    Raises NotYours where the role may not, or the same person said yes for the other side; ExamplesBreak where an
    example broke since, Stale or NotNow.
    """
    current = _hold(draft, revision)
    if current.status != DefinitionStatus.PROPOSED:
        raise NotNow(f"Definition {current.version} is not proposed.")
    if why := why_not_approve(current, side, by):
        raise NotYours(why)
    refuse_broken(current)
    Approval.objects.create(definition=current, side=side, by=by, at=at)
    audit(f"definition.approve_{side}", current, by=by, at=at)
    return _go_live(current, by=by, at=at) if is_approved(current) else current


@transaction.atomic
def go_live(draft: Definition, *, revision: int, at: datetime, by: User) -> Definition:
    """Make a proposal live that needs no further yes; raises NotNow, ExamplesBreak or Stale."""
    current = _hold(draft, revision)
    if current.status != DefinitionStatus.PROPOSED:
        raise NotNow(f"Definition {current.version} is not proposed.")
    if not is_approved(current) and Organisation.current().needs_approvals:
        raise NotNow("Marketing and sales have to approve it first.")
    refuse_broken(current)
    return _go_live(current, by=by, at=at)


@transaction.atomic
def discard(draft: Definition, *, revision: int, at: datetime, by: User) -> Definition:
    """Put a draft or a proposal away for good; its number is not used again."""
    current = _hold(draft, revision)
    _back_to_draft(current, by=by, at=at)
    _save(current, by, at, status=DefinitionStatus.DISCARDED)
    audit("definition.discard", current, by=by, at=at)
    return current


def why_not_approve(definition: Definition, side: str, by: User) -> str:
    """Say what keeps this person from approving for this side; empty if nothing does."""
    approvals = {approval.side: approval for approval in definition.approvals.select_related("by")}
    if side not in ApprovalSide.values or not can(by, f"definitions.approve_{side}"):
        return f"Your role does not approve for {side}."
    if side in approvals:
        return f"{approvals[side].by.name} approved for {side} already."
    if any(approval.by_id == by.pk for approval in approvals.values()):
        return "You approved for the other side. Somebody else has to for this one."
    return ""


def is_approved(definition: Definition) -> bool:
    """Tell whether both sides have said yes to this version."""
    return Approval.objects.filter(definition=definition).count() == len(ApprovalSide.values)


def outcomes_of(definition: Definition) -> list[Outcome]:
    """Run the version's examples; one that breaks is compared with the live rules."""
    live = live_rules()
    before = live.rulebook if live else None
    return run_scenarios(rules_of(definition).rulebook, Catalogue.load().facts, before)


def refuse_broken(definition: Definition) -> None:
    """Raise ExamplesBreak, naming every example that does not hold."""
    if sentences := broken(outcomes_of(definition)):
        raise ExamplesBreak(sentences)


def _hold(draft: Definition, revision: int) -> Definition:
    """Return the version as it is now, nobody else changing it until we are done."""
    wait_for_others()
    current = Definition.objects.select_related("changed_by").get(pk=draft.pk)
    if not current.is_open:
        raise NotNow(
            f"Definition {current.version} is {current.get_status_display().lower()}; draft a new one from it."
        )
    if current.revision != revision:
        raise Stale(current)
    return current


def _back_to_draft(current: Definition, *, by: User, at: datetime, reason: str = "") -> None:
    if current.status != DefinitionStatus.PROPOSED:
        return
    dropped, _ = Approval.objects.filter(definition=current).delete()
    _save(current, None, at, status=DefinitionStatus.DRAFT, proposed_at=None, proposed_by=None)
    changes: dict[str, Any] = {"status": ("proposed", "draft"), "approvals": (dropped, 0)}
    if reason:
        changes["reason"] = ("", reason)
    audit("definition.withdraw", current, by=by, at=at, changes=changes)


def _save(current: Definition, by: User | None, at: datetime, **values: Any) -> None:
    """Write the values; with `by`, they are a change of what the version says."""
    if by is not None:
        values |= {"changed_by": by, "changed_at": at}
    Definition.objects.filter(pk=current.pk).update(**values)
    current.refresh_from_db()


def _go_live(current: Definition, *, by: User, at: datetime) -> Definition:
    way = WentLive.APPROVED if is_approved(current) else WentLive.UNAPPROVED
    return publish_draft(current, at=at, by=by, way=way)


def _said(current: Definition, document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what a change says differently, as the audit log keeps it."""
    old, new = rules_of(current).rulebook, rules_from(document).rulebook
    found = differences(old, new, Catalogue.load().facts)[:MAX_AUDITED]
    said: dict[str, tuple[str, str]] = {}
    for change in found:
        again = sum(key.startswith(change.what) for key in said)
        said[f"{change.what} ({again + 1})" if again else change.what] = (change.was, change.now)
    return said
