"""Routing over the API: what is in force, the draft, its replays, and the versions before."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from handoff import replays, sentences, versions
from handoff.document_checks import check_change
from handoff.models import QueueReason, RoutingReplay, RoutingVersion
from handoff.planning import ASSIGNED, Verdict, Way
from handoff.tryout import Preview, lead_to_try, preview
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.api.representations import email_of
from leads import clock
from leads.models import Lead

Status = RoutingVersion.Status


class Condition(s.JSONField):
    """A list of accepted values, each a line of text, or a number; `handoff.rules` knows which goes where."""

    def to_internal_value(self, data: Any) -> Any:
        line = fields.Line(max_length=253)
        return [line.run_validation(value) for value in data] if isinstance(data, list) else data


class RuleRow(fields.Body):
    id = fields.Whole(allow_null=True, min_value=1, max_value=fields.MAX_ID)
    name = fields.Line(max_length=100)
    conditions = s.DictField(
        help_text="Field → accepted values; see docs/routing.md. Empty takes everything."
    )
    pool = fields.Line(allow_null=True, max_length=100, help_text="The name of a pool of this document.")
    rep = fields.Whole(allow_null=True, min_value=1, max_value=fields.MAX_ID)
    is_active = fields.Flag()


class PoolRow(fields.Body):
    id = fields.Whole(allow_null=True, min_value=1, max_value=fields.MAX_ID)
    name = fields.Line(max_length=100)
    team = fields.Whole(min_value=1, max_value=fields.MAX_ID)
    is_active = fields.Flag()
    members = s.DictField(child=fields.Whole(), help_text="Rep → weight, 1 to 100.")


class RoutingDocument(fields.Body):
    """A whole routing. Ids are null for what is new; rules are asked in this order."""

    rules = RuleRow(many=True)
    pools = PoolRow(many=True)
    capacity = s.DictField(child=fields.Whole(), help_text="Rep → leads held at once, 0 to 1,000.")


class RoutingOut(s.Serializer[Any]):
    """The routing that is in force; `version` is null before the first draft."""

    version = s.IntegerField(allow_null=True)
    document = s.DictField()


class VersionOut(s.Serializer[Any]):
    number = s.IntegerField()
    status = s.ChoiceField(Status.choices)
    revision = s.IntegerField()
    note = s.CharField(allow_blank=True)
    created_at = s.DateTimeField()
    created_by = s.CharField(allow_null=True)
    published_at = s.DateTimeField(allow_null=True)
    published_by = s.CharField(allow_null=True)


class VersionDetailOut(VersionOut):
    document = s.DictField()
    changes = s.ListField(
        child=s.CharField(), help_text="How it differs from what is in force, in sentences."
    )
    problems = s.ListField(child=s.CharField(), help_text="What keeps it from being published.")


class ReplayOut(s.Serializer[Any]):
    """The MQLs of the last days routed anew; `result` is null until it is done. See docs/routing.md."""

    id = s.IntegerField()
    version = s.IntegerField(allow_null=True, help_text="Null once its draft is discarded.")
    days = s.IntegerField()
    requested_at = s.DateTimeField()
    requested_by = s.CharField(allow_null=True)
    done = s.IntegerField()
    finished_at = s.DateTimeField(allow_null=True)
    error = s.CharField(allow_blank=True)
    result = s.DictField(allow_null=True)


_VERSION = ("number", "status", "revision", "note", "created_at", "published_at")
_REPLAY = ("days", "requested_at", "done", "finished_at", "error")


def version_json(version: RoutingVersion) -> dict[str, Any]:
    """Return one version without its document; load it with its people."""
    people = {name: email_of(getattr(version, name)) for name in ("created_by", "published_by")}
    return {**{name: getattr(version, name) for name in _VERSION}, **people}


def replay_json(replay: RoutingReplay) -> dict[str, Any]:
    """Return one replay; load it with `version` and `requested_by`."""
    return {
        "id": replay.pk,
        **{name: getattr(replay, name) for name in _REPLAY},
        "version": replay.version.number if replay.version else None,
        "requested_by": email_of(replay.requested_by),
        "result": replay.result or None,
    }


def in_force() -> dict[str, Any]:
    """Return the routing in force, read from its rows."""
    live = RoutingVersion.objects.filter(status=Status.LIVE).values_list("number", flat=True).first()
    return {"version": live, "document": versions.document_of_rows()}


class RoutingEndpoint(Endpoint):
    tag = "routing"

    def whole(self, version: RoutingVersion, status: int = 200) -> Response:
        """Return a version with its document, and its revision as `ETag`."""
        document = versions.mended(version.document)
        found = {
            **version_json(version),
            "document": version.document,
            "changes": versions.differences(versions.document_of_rows(), document),
            "problems": versions.problems(document),
        }
        return Response(found, status=status, headers={"ETag": f'"{version.revision}"'})

    def draft(self) -> RoutingVersion:
        """Return the draft, or answer 404."""
        found = RoutingVersion.objects.select_related("created_by", "published_by").filter(
            status=Status.DRAFT
        )
        if draft := found.first():
            return draft
        raise Refused(404, "not_found", "There is no draft. POST to this address begins one.")

    def seen(self) -> RoutingVersion:
        """Return the draft if it is still the one that `If-Match` names."""
        given = self.request.headers.get("If-Match")
        if given is None:
            raise Refused(428, "if_match_required", "Send the ETag you read as If-Match.")
        draft = self.draft()
        etag = f'"{draft.revision}"'
        if given.strip() not in ("*", etag):
            text = f"The draft has changed since: it is at revision {draft.revision} now."
            raise Refused(412, "stale", text, headers={"ETag": etag}, version=draft.revision)
        return draft


class RoutingNow(RoutingEndpoint):
    @operation("routing.read", output=RoutingOut)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Read the rules, pools and capacities in force."""
        return in_force()


class VersionList(RoutingEndpoint):
    @operation("routing.read", query=fields.PageQuery, output=VersionOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the routings that are or were in force, the latest first."""
        rows = RoutingVersion.objects.exclude(status=Status.DRAFT).select_related(
            "created_by", "published_by"
        )
        return page_of(request, query, rows.defer("document"), version_json, order=("-number",))


class VersionDetail(RoutingEndpoint):
    @operation("routing.read", output=VersionDetailOut)
    def get(self, request: Request, query: dict[str, Any], number: int) -> Response:
        """Read one routing that is or was in force."""
        rows = RoutingVersion.objects.exclude(status=Status.DRAFT).select_related(
            "created_by", "published_by"
        )
        found = rows.filter(number=number).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return self.whole(found)


class DraftBody(fields.Body):
    based_on = fields.Whole(
        required=False, min_value=1, max_value=2**31 - 1, help_text="A version to bring back."
    )


class Draft(RoutingEndpoint):
    @operation("routing.edit", output=VersionDetailOut, refusals=(404,))
    def get(self, request: Request, query: dict[str, Any]) -> Response:
        """Read the draft: its document, what would change, and what keeps it from being published."""
        return self.whole(self.draft())

    @operation("routing.edit", body=DraftBody, output=VersionDetailOut, status=201, refusals=(404,))
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Begin a draft of what is in force, or go on with the one there is; or bring an old version back."""
        at = clock.now()
        if "based_on" in body:
            old = RoutingVersion.objects.exclude(status=Status.DRAFT).filter(number=body["based_on"]).first()
            if old is None:
                raise Refused(404, "not_found", "There is no such version.")
            versions.roll_back(old, self.actor, at)
        else:
            versions.open_draft(self.actor, at)
        return self.whole(self.draft(), 201)

    @operation("routing.edit", body=RoutingDocument, output=VersionDetailOut, refusals=(404, 409, 412, 428))
    def patch(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Put a whole document in the place of the draft's; give the `ETag` you read as `If-Match`.

        A manager changes the pools and capacities of the own team. Nothing happens to any lead before it is
        published.
        """
        draft = self.seen()
        document = _plain(body)
        check_change(draft.document, document, self.actor)
        versions.change(draft, document)
        return self.whole(self.draft())


def _plain(body: dict[str, Any]) -> versions.Document:
    rows = {kind: [dict(row) for row in body[kind]] for kind in ("rules", "pools")}
    for pool in rows["pools"]:
        pool["members"] = dict(pool["members"])
    return {**rows, "capacity": dict(body["capacity"])}


class PublishBody(fields.Body):
    note = fields.Line(max_length=300, help_text="Why; it stands in the history of versions.")


class DraftPublish(RoutingEndpoint):
    @operation("routing.edit", body=PublishBody, output=VersionDetailOut, refusals=(404, 409, 412, 428))
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Put the draft in force; what waits for a rep is routed anew. Needs `If-Match`."""
        draft = self.seen()
        versions.publish(draft, self.actor, body["note"], clock.now())
        return self.whole(
            RoutingVersion.objects.select_related("created_by", "published_by").get(pk=draft.pk)
        )


class DraftDiscard(RoutingEndpoint):
    @operation("routing.edit", output=RoutingOut, refusals=(404, 412, 428))
    def post(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Throw the draft away, and return what stays in force. Needs `If-Match`."""
        versions.discard(self.seen(), self.actor, clock.now())
        return in_force()


class ReplayBody(fields.Body):
    days = fields.Whole(min_value=1, max_value=replays.MOST_DAYS, help_text="How far back.")


class DraftReplays(RoutingEndpoint):
    @operation("routing.edit", body=ReplayBody, output=ReplayOut, status=201, refusals=(404,))
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Route the MQLs of the last days anew under the draft as it stands, in the background."""
        asked = replays.request(self.draft(), body["days"], self.actor, clock.now())
        return Response(
            replay_json(asked), status=201, headers={"Location": f"/api/v1/routing-replays/{asked.pk}/"}
        )


class PreviewQuery(fields.Query):
    """One lead, named one way."""

    lead = s.IntegerField(required=False, min_value=1, max_value=fields.MAX_ID)
    email = s.CharField(required=False, max_length=320, help_text="Exactly this address, in any case.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise s.ValidationError({"lead": "Name one lead, by `lead` or by `email`."}, code="one_lead")
        return attrs


class CandidateOut(s.Serializer[Any]):
    rep = s.IntegerField()
    name = s.CharField()
    verdict = s.ChoiceField(Verdict.choices)
    why = s.CharField(help_text="The verdict as people read it.")
    seats = s.IntegerField(help_text="Taken now, before this lead.")
    capacity = s.IntegerField()
    weight = s.IntegerField()


class PreviewOut(s.Serializer[Any]):
    """Where a lead would go if it became an MQL now; `outcome` is `assigned` or why it would wait."""

    lead = s.IntegerField()
    revision = s.IntegerField(help_text="Of the draft that was asked.")
    outcome = s.ChoiceField([(ASSIGNED, "Assigned"), *QueueReason.choices])
    rule = s.CharField(allow_null=True)
    pool = s.CharField(allow_null=True)
    rep = s.IntegerField(allow_null=True)
    way = s.ChoiceField(Way.choices, allow_blank=True, help_text="How the rep was chosen.")
    sentence = s.CharField()
    candidates = CandidateOut(many=True)


_CANDIDATE = ("rep", "name", "verdict", "seats", "capacity", "weight")


def preview_json(lead: Lead, draft: RoutingVersion, found: Preview) -> dict[str, Any]:
    """Return where the lead would go under the draft, and who else was considered."""
    plan = found.plan
    return {
        "lead": lead.pk,
        "revision": draft.revision,
        "outcome": str(plan.outcome),
        "rule": plan.rule.name if plan.rule else None,
        "pool": plan.pool.name if plan.pool else None,
        "rep": plan.rep.id if plan.rep else None,
        "way": str(plan.way),
        "sentence": found.sentence,
        "candidates": [
            {**{name: one[name] for name in _CANDIDATE}, "why": sentences.verdict(one)}
            for one in plan.candidates
        ],
    }


class DraftPreview(RoutingEndpoint):
    @operation("routing.edit", query=PreviewQuery, output=PreviewOut, refusals=(404,))
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Say where one lead would go under the draft, with the seats taken now; nothing happens to it.

        Rotations begin anew. A manager tries leads of the own team and those nobody has yet.
        """
        draft = self.draft()
        lead = lead_to_try(self.actor, pk=query.get("lead"), email=query.get("email", ""))
        if lead is None:
            raise Refused(404, "not_found", "There is no such lead.")
        return preview_json(lead, draft, preview(lead, clock.now(), draft.document))


class ReplayDetail(RoutingEndpoint):
    @operation("routing.edit", output=ReplayOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Say how far a replay is, and what it found once it is done."""
        found = RoutingReplay.objects.select_related("version", "requested_by").filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return replay_json(found)
