"""Definitions over the API: read, draft, change, propose, approve, publish; the life of each is `scoring.life`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import every, page_of
from leadflow.api.parsing import DocumentParser
from leadflow.api.representations import email_of
from leads import clock
from leads.enums import ApprovalSide, DefinitionStatus, WentLive
from leads.models import Definition
from scoring import life
from scoring.differences import Change, differences
from scoring.live import Catalogue, rules_of
from scoring.publishing import save_draft

_NAMES = (
    "version", "status", "note", "created_at", "based_on", "revision", "changed_at", "proposed_at", "went_live",
    "live_from", "live_until",
)  # fmt: skip


class DefinitionOut(s.Serializer[Any]):
    version = s.IntegerField()
    status = s.ChoiceField(DefinitionStatus.choices)
    note = s.CharField(allow_blank=True)
    author = s.CharField(allow_null=True)
    created_at = s.DateTimeField()
    based_on = s.IntegerField(allow_null=True, help_text="The version it was drafted from.")
    revision = s.IntegerField(help_text="Goes up with every change; also the `ETag`.")
    changed_at = s.DateTimeField(allow_null=True)
    changed_by = s.CharField(allow_null=True)
    proposed_at = s.DateTimeField(allow_null=True)
    proposed_by = s.CharField(allow_null=True)
    went_live = s.ChoiceField(WentLive.choices, allow_blank=True)
    live_from = s.DateTimeField(allow_null=True)
    live_until = s.DateTimeField(allow_null=True)


class ApprovalOut(s.Serializer[Any]):
    side = s.ChoiceField(ApprovalSide.choices)
    by = s.CharField()
    at = s.DateTimeField()


class ExampleOut(s.Serializer[Any]):
    name = s.CharField()
    holds = s.BooleanField()
    said = s.CharField(help_text="What the rules make of it.")


class DefinitionDetailOut(DefinitionOut):
    document = s.DictField()
    approvals = ApprovalOut(many=True)
    examples = ExampleOut(many=True)


class ChangeOut(s.Serializer[Any]):
    section = s.CharField()
    what = s.CharField()
    kind = s.ChoiceField(["added", "removed", "changed"])
    was = s.CharField(allow_blank=True)
    now = s.CharField(allow_blank=True)


class NewBody(fields.Body):
    """A draft of a whole document, or of that of another version; the live one's where neither is given."""

    document = s.JSONField(required=False)
    based_on = fields.Whole(required=False, min_value=1, max_value=fields.MAX_ID)
    note = fields.Text(required=False, allow_blank=True, max_length=2000)


class ChangeBody(fields.Body):
    document = s.JSONField(required=False)
    note = fields.Text(required=False, allow_blank=True, max_length=2000)


class WithdrawBody(fields.Body):
    reason = fields.Text(required=False, allow_blank=True, max_length=2000)


class AgainstQuery(fields.Query):
    against = s.IntegerField(
        required=False, min_value=1, max_value=fields.MAX_ID, help_text="The live one if left out."
    )


def definition_json(definition: Definition) -> dict[str, Any]:
    """Return one version without its document; load it with its people."""
    people = {name: email_of(getattr(definition, name)) for name in ("author", "changed_by", "proposed_by")}
    return {**{name: getattr(definition, name) for name in _NAMES}, **people}


def _whole(definition: Definition) -> dict[str, Any]:
    approvals = definition.approvals.select_related("by")
    return {
        **definition_json(definition),
        "document": definition.document,
        "approvals": [{"side": one.side, "by": email_of(one.by), "at": one.at} for one in approvals],
        "examples": [
            {"name": one.scenario.name, "holds": one.holds, "said": one.said}
            for one in life.outcomes_of(definition)
        ],
    }


class DefinitionEndpoint(Endpoint):
    tag = "definitions"
    parser_classes = (DocumentParser,)
    people = ("author", "changed_by", "proposed_by")

    def one(self, **which: Any) -> Definition:
        """Return the version asked for; 404 without it."""
        found = Definition.objects.select_related(*self.people).filter(**which).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return found

    def answer(self, definition: Definition, status: int = 200) -> Response:
        """Return the whole version as it is now, with its `ETag`."""
        fresh = self.one(pk=definition.pk)
        headers = {"ETag": f'"{fresh.revision}"'}
        if status == 201:
            headers["Location"] = f"/api/v1/definitions/{fresh.version}/"
        return Response(_whole(fresh), status=status, headers=headers)

    def step(self, version: int, act: Callable[..., Definition], *args: Any, **more: Any) -> Response:
        """Take one step of its life on the revision that `If-Match` names, the present one without it."""
        found = self.one(version=version)
        revision = _revision(self.request, found)
        return self.answer(act(found, *args, revision=revision, at=clock.now(), by=self.actor, **more))


def _revision(request: Request, found: Definition, *, required: bool = False) -> int:
    given = request.headers.get("If-Match")
    if given is None and required:
        raise Refused(428, "if_match_required", "Send the ETag you read as If-Match.")
    if given is None or given.strip() == "*":
        return found.revision
    number = given.strip().strip('"')
    # What is no revision of ours is none that anybody read.
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


class DefinitionList(DefinitionEndpoint):
    @operation("definitions.read", query=fields.PageQuery, output=DefinitionOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the versions of the definition, the latest first."""
        rows = Definition.objects.select_related(*self.people).defer("document")
        return page_of(request, query, rows, definition_json, order=("-version",))

    @operation("definitions.edit", body=NewBody, output=DefinitionDetailOut, status=201, refusals=(404,))
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Start a draft from a document, from any version, or from the one in force."""
        at, note = clock.now(), body.get("note", "")
        based_on = body.get("based_on")
        if "document" in body:
            draft = save_draft(body["document"], at=at, by=self.actor, note=note, based_on=based_on)
        else:
            which = {"version": based_on} if based_on else {"status": DefinitionStatus.LIVE}
            draft = life.draft_from(self.one(**which), at=at, by=self.actor, note=note)
        return self.answer(draft, 201)


class DefinitionLive(DefinitionEndpoint):
    @operation("definitions.read", output=DefinitionDetailOut, refusals=(404,))
    def get(self, request: Request, query: dict[str, Any]) -> Response:
        """Read the definition in force."""
        return self.answer(self.one(status=DefinitionStatus.LIVE))


class DefinitionDetail(DefinitionEndpoint):
    @operation("definitions.read", output=DefinitionDetailOut)
    def get(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Read one version, with its approvals and what its examples make of it."""
        return self.answer(self.one(version=version))

    @operation("definitions.edit", body=ChangeBody, output=DefinitionDetailOut, refusals=(404, 409, 412, 428))
    def patch(self, request: Request, query: dict[str, Any], body: dict[str, Any], version: int) -> Response:
        """Change a draft's document or note. Another document takes a proposal back to draft.

        Send the `ETag` you read as `If-Match`.
        """
        found = self.one(version=version)
        changed = life.change(
            found, body.get("document", found.document), note=body.get("note"), at=clock.now(), by=self.actor,
            revision=_revision(request, found, required=True),
        )  # fmt: skip
        return self.answer(changed)


class DefinitionChanges(DefinitionEndpoint):
    @operation("definitions.read", query=AgainstQuery, output=ChangeOut, many=True)
    def get(self, request: Request, query: dict[str, Any], version: int) -> dict[str, Any]:
        """List in words what a version says differently from another."""
        against = query.get("against")
        shown = rules_of(self.one(version=version)).rulebook
        which = {"version": against} if against else {"status": DefinitionStatus.LIVE}
        other = rules_of(self.one(**which)).rulebook
        return every(differences(other, shown, Catalogue.load().facts), _change_json)


def _change_json(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ("section", "what", "kind", "was", "now")}


class DefinitionPropose(DefinitionEndpoint):
    @operation("definitions.edit", output=DefinitionDetailOut, refusals=(404, 409, 412))
    def post(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Propose a draft; 409 `examples_break` names the examples that do not hold."""
        return self.step(version, life.propose)


class DefinitionWithdraw(DefinitionEndpoint):
    @operation(
        "definitions.withdraw", body=WithdrawBody, output=DefinitionDetailOut, refusals=(404, 409, 412)
    )
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], version: int) -> Response:
        """Take a proposal back, or send it back with a reason."""
        return self.step(version, life.withdraw, reason=body.get("reason", ""))


class ApproveForMarketing(DefinitionEndpoint):
    @operation("definitions.approve_marketing", output=DefinitionDetailOut, refusals=(404, 409, 412))
    def post(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Approve a proposal for marketing. The second side's approval makes it live."""
        return self.step(version, life.approve, ApprovalSide.MARKETING)


class ApproveForSales(DefinitionEndpoint):
    @operation("definitions.approve_sales", output=DefinitionDetailOut, refusals=(404, 409, 412))
    def post(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Approve a proposal for sales; nobody approves for both sides. The second approval makes it live."""
        return self.step(version, life.approve, ApprovalSide.SALES)


class DefinitionPublish(DefinitionEndpoint):
    @operation("definitions.edit", output=DefinitionDetailOut, refusals=(404, 409, 412))
    def post(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Make a proposal live that needs no more approvals."""
        return self.step(version, life.go_live)


class DefinitionDiscard(DefinitionEndpoint):
    @operation("definitions.edit", output=DefinitionDetailOut, refusals=(404, 409, 412))
    def post(self, request: Request, query: dict[str, Any], version: int) -> Response:
        """Put a draft away for good."""
        return self.step(version, life.discard)
