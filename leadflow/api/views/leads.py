"""Leads: the list, one lead, its profile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, Q
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from leadflow.api import fields
from leadflow.api.errors import InvalidQuery, Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.outputs import LeadOut
from leadflow.api.pages import page_of
from leadflow.api.representations import LEAD_RELATIONS, lead_json
from leadflow.problems import FieldError
from leads import clock
from leads.audit import audit
from leads.capture import Incoming, Touch, capture_leads
from leads.enums import Stage, Status
from leads.lifecycle import IllegalMove, allowed_stages, check_move
from leads.models import Lead, User
from leads.models.people import LeadQuerySet
from leads.normalise import BadEmail, normalise_email
from leads.permissions import can
from leads.profile import EmailTaken, StaleProfile, update_profile
from leads.search import BadQuery, matching

ORDERS = {
    "-created_at": ("-created_at", "-id"),
    "created_at": ("created_at", "id"),
    "-score": ("-score", "-id"),
    "score": ("score", "id"),
    "-shown_score": ("-shown_score", "-id"),
    "shown_score": ("shown_score", "id"),
    "last_name": ("last_name", "id"),
    "-last_name": ("-last_name", "-id"),
    "id": ("id",),
    "-id": ("-id",),
}
NEXT_STEP = ("next_step", "next_step_on")
# Parameter → lookup, where the one is all there is to the other.
_LOOKUPS = {
    "stage": "stage",
    "status": "status",
    "grade": "grade",
    "company": "company_id",
    "score_min": "score__gte",
    "score_max": "score__lte",
    "source": "source__iexact",
    "campaign": "campaign__iexact",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
    "seen_from": "last_seen_at__gte",
    "seen_to": "last_seen_at__lt",
    "moved_from": "stage_since__gte",
    "moved_to": "stage_since__lt",
}


class LeadQuery(fields.PageQuery, fields.SpanQuery):
    email = s.CharField(required=False, max_length=320, help_text="Exactly this address, in any case.")
    stage = s.ChoiceField(Stage.choices, required=False)
    status = s.ChoiceField(Status.choices, required=False)
    owner = s.CharField(
        required=False, max_length=254, help_text="The owner's e-mail address or id, `me` or `none`."
    )
    grade = s.ChoiceField(["A", "B", "C", "D"], required=False)
    company = s.IntegerField(required=False, min_value=1, max_value=fields.MAX_ID)
    score_min = s.IntegerField(required=False, min_value=0, max_value=100)
    score_max = s.IntegerField(required=False, min_value=0, max_value=100)
    source = s.CharField(required=False, max_length=100)  # type: ignore[assignment]
    campaign = s.CharField(required=False, max_length=150)
    q = s.CharField(
        required=False, max_length=200, help_text="Words that start a name, address or company; needs PII."
    )
    created_from = s.DateTimeField(required=False)
    created_to = s.DateTimeField(required=False)
    seen_from = s.DateTimeField(required=False)
    seen_to = s.DateTimeField(required=False)
    moved_from = s.DateTimeField(required=False, help_text="The stage or status changed since.")
    moved_to = s.DateTimeField(required=False)
    ordering = s.ChoiceField(list(ORDERS), required=False, default="-created_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("score_min", 0) > attrs.get("score_max", 100):
            raise s.ValidationError({"score_min": "This lies above score_max."}, code="empty_span")
        return super().validate(attrs)


class ProfileBody(fields.Body):
    """What may be said of a person."""

    phone = fields.Line(required=False, allow_blank=True, max_length=40)
    first_name = fields.Line(required=False, allow_blank=True, max_length=100)
    last_name = fields.Line(required=False, allow_blank=True, max_length=100)
    job_title = fields.Line(required=False, allow_blank=True, max_length=200)
    role = fields.Line(required=False, allow_blank=True, max_length=50)
    seniority = fields.Line(required=False, allow_blank=True, max_length=50)
    industry = fields.Line(required=False, allow_blank=True, max_length=100)
    employees = fields.Whole(required=False, allow_null=True, min_value=0, max_value=2_000_000_000)
    country = fields.Line(
        required=False, allow_blank=True, max_length=60, help_text="Two letters, or a name."
    )
    tech_stack = fields.Line(required=False, allow_blank=True, max_length=500)
    data_maturity = fields.Line(required=False, allow_blank=True, max_length=50)
    product_interest = fields.Line(required=False, allow_blank=True, max_length=100)
    is_competitor = fields.Flag(required=False, allow_null=True)
    is_student = fields.Flag(required=False, allow_null=True)


class NewLeadBody(ProfileBody):
    email = fields.Line(required=False, allow_null=True, max_length=320)
    stage = s.ChoiceField([Stage.SUSPECT, Stage.LEAD], required=False, default=Stage.SUSPECT)
    company_name = fields.Line(required=False, allow_blank=True, max_length=200)
    company_domain = fields.Line(required=False, allow_blank=True, max_length=253)
    source = fields.Line(required=False, allow_blank=True, max_length=100)  # type: ignore[assignment]
    medium = fields.Line(required=False, allow_blank=True, max_length=100)
    campaign = fields.Line(required=False, allow_blank=True, max_length=150)


class LeadPatchBody(ProfileBody):
    """`stage` and `owner` are known here only to say where they are changed."""

    email = fields.Line(required=False, allow_null=True, max_length=320)
    next_step = fields.Line(required=False, allow_blank=True, max_length=300)
    next_step_on = s.DateField(required=False, allow_null=True)
    stage = s.ChoiceField(Stage.choices, required=False)
    owner = s.JSONField(required=False)


class LeadEndpoint(Endpoint):
    """Base of what concerns one lead."""

    tag = "leads"

    def lead(self, pk: int) -> Lead:
        """Return the lead if it is this caller's to see; else 404, as for one that is not there."""
        found = Lead.objects.visible_to(self.actor).select_related(*LEAD_RELATIONS).filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return found

    def as_json(self, lead: Lead) -> dict[str, Any]:
        return lead_json(lead, base=self.base, pii=self.may("leads.pii"))

    @property
    def base(self) -> str:
        return reverse("api:leads", request=self.request)


class LeadList(LeadEndpoint):
    @operation("leads.read", query=LeadQuery, output=LeadOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List leads."""
        leads = filtered(Lead.objects.visible_to(self.actor), query, self.actor, pii=self.may("leads.pii"))
        base, pii = self.base, self.may("leads.pii")
        return page_of(
            request, query, leads.select_related(*LEAD_RELATIONS),
            lambda lead: lead_json(lead, base=base, pii=pii), order=ORDERS[query["ordering"]],
        )  # fmt: skip

    @operation("leads.create", body=NewLeadBody, output=LeadOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> Response:
        """Add a lead.

        An address we know answers 409 `duplicate` with the address of that lead, and changes nothing.
        """
        at = clock.now()
        (captured,) = capture_leads(
            [incoming(body)], stage=body["stage"], at=at, by=self.actor, origin="api", overwrite=False
        )
        if captured.lead is None:
            code = captured.error or "invalid"
            raise unusable("email", code, f"This contact cannot be added: {code.replace('_', ' ')}.")
        _refuse_unread(captured.warnings)
        if not captured.created:
            raise self.duplicate(captured.lead)
        lead = self.lead_made(captured.lead)
        given = {name: (None, value) for name, value in body.items()}
        audit("lead.create", captured.lead, by=self.actor, at=at, changes=given)
        return Response(self.as_json(lead), status=201, headers=headers_of(lead, self.base))

    def lead_made(self, lead: Lead) -> Lead:
        return Lead.objects.select_related(*LEAD_RELATIONS).get(pk=lead.pk)

    def duplicate(self, lead: Lead) -> Refused:
        """Say that the person is here already, with the address if the caller may see them."""
        mine = Lead.objects.visible_to(self.actor).filter(pk=lead.pk).exists()
        link = f"{self.base}{lead.pk}/" if mine else None
        return Refused(409, "duplicate", "There is a lead with this address already.", lead=link)


def filtered(leads: LeadQuerySet, query: dict[str, Any], user: User, *, pii: bool) -> LeadQuerySet:
    """Keep the leads that the parameters ask for. Raises InvalidQuery."""
    leads = leads.filter(**{lookup: query[name] for name, lookup in _LOOKUPS.items() if name in query})
    if "email" in query:
        leads = leads.filter(email=_email(query["email"]))
    if "owner" in query:
        leads = leads.filter(_owner(query["owner"], user))
    if "q" in query:
        if not pii:
            # Else whoever may not read addresses could spell them out letter by letter.
            raise Refused(403, "forbidden", "Searching by q needs the scope leads:read_pii.")
        try:
            leads = matching(leads, query["q"])
        except BadQuery as wrong:
            raise InvalidQuery(FieldError("?q", "invalid", str(wrong))) from wrong
    return leads


def _email(text: str) -> str:
    try:
        return normalise_email(text)
    except ValueError as wrong:
        raise InvalidQuery(
            FieldError("?email", "invalid", "email: This is not an e-mail address.")
        ) from wrong


def _owner(text: str, user: User) -> Q:
    if text == "me":
        return Q(owner=user)
    if text == "none":
        return Q(owner=None)
    if text.isascii() and text.isdigit() and len(text) < 19:
        return Q(owner_id=int(text))
    return Q(owner__email=text.strip().lower())


def incoming(body: dict[str, Any]) -> Incoming:
    """Turn a checked body into what capture takes."""
    names = ProfileBody().fields.keys() - {"phone"}
    touch = {name: body[name] for name in ("source", "medium", "campaign") if body.get(name)}
    return Incoming(
        email=body.get("email") or None,
        phone=body.get("phone", ""),
        profile={name: body[name] for name in names if body.get(name) not in (None, "")},
        company_name=body.get("company_name", ""),
        company_domain=body.get("company_domain", ""),
        touch=Touch(**touch) if touch else None,
    )


def _refuse_unread(warnings: list[str]) -> None:
    # An import keeps the rest of such a row; a program is told to mend it.
    for warning in warnings:
        name, _, fault = warning.rpartition("_")
        if warning.startswith("email_"):
            raise unusable("email", warning, "This is not an e-mail address.")
        if fault == "unreadable":
            raise unusable(name, fault, "This cannot be read.")


def headers_of(lead: Lead, base: str) -> dict[str, str]:
    return {"Location": f"{base}{lead.pk}/", "ETag": etag(lead)}


def etag(lead: Lead) -> str:
    return f'"{lead.version}"'


class LeadDetail(LeadEndpoint):
    @operation("leads.read", output=LeadOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> Response:
        """Read one lead. The `ETag` names its version, for a later change."""
        lead = self.lead(pk)
        return Response(self.as_json(lead), headers={"ETag": etag(lead)})

    @operation("leads.edit", body=LeadPatchBody, output=LeadOut, refusals=(412, 428))
    def patch(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> Response:
        """Change a lead's profile.

        Send the `ETag` you read as `If-Match`. A stage changes through `move`, an owner through a handoff.
        """
        lead = self.lead(pk)
        _refuse_elsewhere(self, lead, body)
        version = _expected_version(request, lead)
        at = clock.now()
        changed = _change_profile(lead, body, by=self.actor, at=at, version=version)
        changed |= _change_next_step(lead, body)
        if changed:
            audit("lead.edit", lead, by=self.actor, at=at, changes=changed)
        fresh = self.lead(pk)
        return Response(self.as_json(fresh), headers={"ETag": etag(fresh)})


def _change_profile(
    lead: Lead, body: dict[str, Any], *, by: User, at: datetime, version: int
) -> dict[str, tuple[Any, Any]]:
    changes = {name: value for name, value in body.items() if name not in NEXT_STEP}
    try:
        return update_profile(lead, changes, at=at, by=by, origin="api", version=version)
    except StaleProfile as stale:
        raise _stale(Lead.objects.get(pk=lead.pk)) from stale
    except EmailTaken as taken:
        raise Refused(409, "duplicate", "Another lead has this address.") from taken
    except BadEmail as wrong:
        raise unusable("email", wrong.code, str(wrong)) from wrong
    except ValueError as wrong:
        name = str(wrong).partition("_unreadable")[0]
        raise unusable(name, "unreadable", "This cannot be read.") from wrong


def _change_next_step(lead: Lead, body: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    step = {name: body[name] for name in NEXT_STEP if name in body and body[name] != getattr(lead, name)}
    if step:
        Lead.objects.filter(pk=lead.pk).update(**step, version=F("version") + 1)
    return {name: (getattr(lead, name), value) for name, value in step.items()}


def unusable(name: str, code: str, detail: str) -> Refused:
    """Return the refusal of one field."""
    return Refused(422, "invalid", detail, errors=(FieldError(f"/{name}", code, detail),))


def _refuse_elsewhere(view: LeadEndpoint, lead: Lead, body: dict[str, Any]) -> None:
    if "owner" in body:
        if not can(view.actor, "handoffs.reassign"):
            error = FieldError("/owner", "forbidden_field", "Your role may not change the owner.")
            raise Refused(403, "forbidden_field", error.detail, errors=(error,))
        error = FieldError("/owner", "use_reassign", "An owner changes by reassigning the handoff.")
        raise Refused(422, "invalid", error.detail, errors=(error,))
    stage = body.get("stage")
    if stage:
        if stage not in allowed_stages(lead):
            raise IllegalMove(lead, stage, allowed_stages(lead))
        check_move(lead, stage, Status.ACTIVE)
        error = FieldError("/stage", "use_move", "A stage changes through POST …/move/.")
        raise Refused(422, "invalid", error.detail, errors=(error,))


def _expected_version(request: Request, lead: Lead) -> int:
    given = request.headers.get("If-Match")
    if given is None:
        raise Refused(428, "if_match_required", "Send the ETag you read as If-Match.")
    if given.strip() == "*":
        return lead.version
    if given.strip() != etag(lead):
        raise _stale(lead)
    return lead.version


def _stale(lead: Lead) -> Refused:
    text = f"The lead has changed since: it is at version {lead.version} now."
    return Refused(412, "stale", text, headers={"ETag": etag(lead)}, version=lead.version)
