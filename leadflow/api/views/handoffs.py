"""Handoffs: the list, one with its context note, what its rep decides, what a manager changes."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers as s
from rest_framework.request import Request

from handoff import contact, waiting, workflow
from handoff.errors import Invalid
from handoff.models import Handoff, HandoffStatus, QueueReason, RejectionReason, Rep
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.api.representations import email_of
from leadflow.formatting import time_within
from leads import clock
from leads.models import User

_RELATIONS = ("rep__user", "pool", "rule", "reason", "decided_by", "cycle", "lead")


class HandoffOut(s.Serializer[Any]):
    """One attempt to hand an MQL to sales. `context` is null without leads:read_pii."""

    id = s.IntegerField()
    lead = s.IntegerField()
    cycle = s.IntegerField()
    attempt = s.IntegerField()
    status = s.ChoiceField(HandoffStatus.choices)
    version = s.IntegerField()
    is_hand_raise = s.BooleanField()
    queue_reason = s.ChoiceField(["", *QueueReason.values])
    waiting_since = s.DateTimeField()
    pool = s.CharField(allow_null=True)
    rule = s.CharField(allow_null=True)
    rep = s.CharField(allow_null=True, help_text="E-mail address of the rep.")
    offered_at = s.DateTimeField(allow_null=True)
    accept_by = s.DateTimeField(allow_null=True)
    decided_at = s.DateTimeField(allow_null=True)
    decided_by = s.CharField(allow_null=True)
    reason = s.CharField(allow_null=True)
    note = s.CharField(allow_blank=True)
    missing = s.ListField(child=s.CharField())
    settle_at = s.DateTimeField(allow_null=True, help_text="Until then the decision can be undone.")
    contact_by = s.DateTimeField(allow_null=True)
    first_contact_at = s.DateTimeField(allow_null=True)
    working_minutes_left = s.IntegerField(
        allow_null=True,
        help_text="Of the clock that runs, in the rep's working time; negative once it is late.",
    )
    paused_until = s.DateTimeField(allow_null=True)
    pause_reason = s.CharField(allow_blank=True)
    deferred_until = s.DateField(allow_null=True)
    next_step = s.CharField(allow_blank=True)
    next_step_at = s.DateTimeField(allow_null=True)
    closed_at = s.DateTimeField(allow_null=True)
    context = s.DictField(allow_null=True)  # type: ignore[assignment]


class WhyOut(s.Serializer[Any]):
    """Why nobody has the lead, as the pages say it: of the rules, seats and absences of this moment."""

    sentence = s.CharField()
    considered = s.ListField(child=s.CharField(), help_text="Each candidate with what keeps them from it.")
    helps = s.ListField(
        child=s.CharField(),
        help_text="What would help; empty without leads:read_pii, as it may name what is known of the lead.",
    )


class HandoffDetailOut(HandoffOut):
    """One handoff with `context`, null without leads:read_pii, and, while it is queued, why it waits."""

    why_waiting = WhyOut(allow_null=True)


_PLAIN = [
    str(name) for name in HandoffOut().fields
    if name not in ("lead", "cycle", "working_minutes_left", "pool", "rule", "rep", "decided_by", "reason", "context")
]  # fmt: skip


def minutes_left(handoff: Handoff) -> int | None:
    """Return the whole working minutes to the deadline that runs now; None if none does."""
    due = {"offered": handoff.accept_by, "accepted": handoff.contact_by}.get(handoff.status)
    if (
        due is None
        or handoff.closed_at
        or handoff.paused_at
        or (handoff.status == "accepted" and handoff.first_contact_at)
    ):
        return None
    # For show; what is late is decided by the database's clock.
    now = timezone.now()
    left = due - now if now > due else time_within(handoff.clock_spans, now, due)
    return int(left.total_seconds() // 60)


def handoff_json(handoff: Handoff, *, pii: bool) -> dict[str, Any]:
    """Return one handoff; load it with its relations."""
    return {
        **{name: getattr(handoff, name) for name in _PLAIN},
        "lead": handoff.lead_id,
        "cycle": handoff.cycle.number,
        "working_minutes_left": minutes_left(handoff),
        "pool": handoff.pool.name if handoff.pool else None,
        "rule": handoff.rule.name if handoff.rule else None,
        "rep": handoff.rep.user.email if handoff.rep else None,
        "decided_by": email_of(handoff.decided_by),
        "reason": handoff.reason.slug if handoff.reason else None,
        "context": handoff.context if pii else None,
    }


class HandoffQuery(fields.PageQuery):
    status = s.ChoiceField(HandoffStatus.choices, required=False)
    rep = s.CharField(required=False, max_length=254, help_text="E-mail address of the rep.")
    lead = s.IntegerField(required=False, min_value=1, max_value=fields.MAX_ID)
    open = s.BooleanField(required=False, allow_null=True, default=None)


class HandoffEndpoint(Endpoint):
    """Base of what concerns one handoff."""

    tag = "handoffs"

    def handoff(self, pk: int) -> Handoff:
        """Return the handoff if it is this caller's to see; else 404, as for one that is not there."""
        rows = Handoff.objects.visible_to(self.actor).select_related(*_RELATIONS)
        found = rows.filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return found

    def as_json(self, handoff: Handoff) -> dict[str, Any]:
        fresh = Handoff.objects.select_related(*_RELATIONS).get(pk=handoff.pk)
        return handoff_json(fresh, pii=self.may("leads.pii"))


class HandoffList(HandoffEndpoint):
    @operation("handoffs.list", query=HandoffQuery, output=HandoffOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List handoffs, the latest first."""
        rows = Handoff.objects.visible_to(self.actor)
        if query["open"] is not None:
            rows = rows.open() if query["open"] else rows.exclude(pk__in=Handoff.objects.open().values("pk"))
        for name, lookup in (("status", "status"), ("lead", "lead_id")):
            if name in query:
                rows = rows.filter(**{lookup: query[name]})
        if "rep" in query:
            rows = rows.filter(rep__user__email=query["rep"].strip().lower())
        pii = self.may("leads.pii")
        return page_of(
            request, query, rows.select_related(*_RELATIONS), lambda row: handoff_json(row, pii=pii)
        )


class HandoffDetail(HandoffEndpoint):
    @operation("handoffs.list", output=HandoffDetailOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Read one handoff with its context note and, while it is queued, why nobody has the lead."""
        handoff, pii = self.handoff(pk), self.may("leads.pii")
        why = waiting.explain([handoff], clock.today()).get(handoff.pk)
        return {**handoff_json(handoff, pii=pii), "why_waiting": why and _why_json(why, pii=pii)}


def _why_json(why: waiting.Why, *, pii: bool) -> dict[str, Any]:
    return {
        "sentence": why.sentence,
        "considered": why.considered,
        "helps": why.helps if pii else [],
    }


class AcceptBody(fields.Body):
    next_step = fields.Line(required=False, allow_blank=True, default="", max_length=300)
    next_step_at = s.DateTimeField(required=False, allow_null=True, default=None)


class HandoffAccept(HandoffEndpoint):
    @operation("handoffs.respond", body=AcceptBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Accept an offer.

        After the deadline 409 `expired`; once somebody decided, 409 with `current_status`, `by` and `at`.
        """
        return self.as_json(workflow.accept(self.handoff(pk), by=self.actor, at=clock.now(), **body))


class AcceptManyBody(fields.Body):
    handoffs = s.ListField(
        child=s.IntegerField(min_value=1, max_value=fields.MAX_ID), min_length=1, max_length=200
    )


class RefusedOut(s.Serializer[Any]):
    handoff = s.IntegerField()
    detail = s.CharField()


class AcceptManyOut(s.Serializer[Any]):
    accepted = HandoffOut(many=True)
    refused = RefusedOut(many=True, help_text="Those that could not be accepted, and why.")


class HandoffAcceptMany(HandoffEndpoint):
    @operation("handoffs.respond", body=AcceptManyBody, output=AcceptManyOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Accept several offers, each by itself; numbers that are not the caller's are refused as not found."""
        mine = Handoff.objects.visible_to(self.actor).filter(pk__in=body["handoffs"])
        rows = {row.pk: row for row in mine.select_related(*_RELATIONS)}
        accepted, refused = workflow.accept_many(rows.values(), by=self.actor, at=clock.now())
        unknown = [number for number in dict.fromkeys(body["handoffs"]) if number not in rows]
        return {
            "accepted": [self.as_json(row) for row in accepted],
            "refused": [
                *({"handoff": row.pk, "detail": why} for row, why in refused),
                *({"handoff": number, "detail": "There is no such handoff."} for number in unknown),
            ],
        }


class ContactBody(fields.Body):
    what = s.ChoiceField(choices=[(one.slug, one.label) for one in contact.CONTACTS.values()])
    summary = fields.Text(required=False, allow_blank=True, default="", max_length=5000)


class HandoffContact(HandoffEndpoint):
    @operation("conversations.log", body=ContactBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Log a call, mail, meeting or note with the lead; the rep's first one stops the contact clock."""
        handoff = self.handoff(pk)
        contact.log_contact(handoff, **body, by=self.actor, at=clock.now())
        return self.as_json(handoff)


class RejectBody(fields.Body):
    reason = fields.Line(max_length=50, help_text="Slug of a rejection reason; it decides what happens next.")
    note = fields.Text(required=False, allow_blank=True, default="", max_length=2000)
    missing = s.ListField(child=fields.Line(max_length=200), required=False, default=list, max_length=20)
    wake_on = s.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Where the reason nurtures: the day to look again.",
    )

    def validate_reason(self, slug: str) -> RejectionReason:
        found = RejectionReason.objects.filter(slug=slug, is_active=True).first()
        if found is None:
            known = ", ".join(RejectionReason.objects.filter(is_active=True).values_list("slug", flat=True))
            raise s.ValidationError(f"There is no such reason. There are: {known}.", code="not_found")
        return found


class HandoffReject(HandoffEndpoint):
    @operation("handoffs.respond", body=RejectBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Reject an offer or an accepted lead, with a reason."""
        return self.as_json(workflow.reject(self.handoff(pk), by=self.actor, at=clock.now(), **body))


class ReturnBody(fields.Body):
    missing = s.ListField(child=fields.Line(max_length=200), required=False, default=list, max_length=20)
    note = fields.Text(required=False, allow_blank=True, default="", max_length=2000)


class HandoffReturn(HandoffEndpoint):
    @operation("handoffs.respond", body=ReturnBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Return a lead to marketing, saying what is missing."""
        handoff = self.handoff(pk)
        return self.as_json(workflow.return_to_marketing(handoff, by=self.actor, at=clock.now(), **body))


class DeferBody(fields.Body):
    until = s.DateField()
    next_step = fields.Line(max_length=300)


class HandoffDefer(HandoffEndpoint):
    @operation("handoffs.respond", body=DeferBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Put an accepted lead off until a day, with a soft next step."""
        return self.as_json(workflow.defer(self.handoff(pk), by=self.actor, at=clock.now(), **body))


class HandoffUndo(HandoffEndpoint):
    @operation("handoffs.respond", output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Take back one's last decision, within a few seconds of it."""
        return self.as_json(workflow.undo(self.handoff(pk), by=self.actor, at=clock.now()))


class ReassignBody(fields.Body):
    rep = fields.Line(max_length=254, help_text="E-mail address of the rep who gets it.")
    reason = fields.Line(max_length=300)
    override_capacity = fields.Flag(required=False, default=False)


class HandoffReassign(HandoffEndpoint):
    @operation("handoffs.reassign", body=ReassignBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Offer an open handoff to another rep; answers the new offer.

        A rep without a free seat answers 409 `capacity_reached`, unless that is overridden.
        """
        handoff = self.handoff(pk)
        body["rep"] = _rep(body["rep"], self.actor)
        return self.as_json(workflow.reassign(handoff, by=self.actor, at=clock.now(), **body))


def _rep(email: str, by: User) -> Rep:
    reps = Rep.objects.filter(user__team=by.team) if by.is_manager else Rep.objects.all()
    found = reps.filter(user__email=email.strip().lower()).first()
    if found is None:
        raise Invalid({"rep": "There is no such rep."})
    return found


class ReleaseBody(fields.Body):
    note = fields.Text(required=False, allow_blank=True, default="", max_length=2000)


class HandoffRelease(HandoffEndpoint):
    @operation("handoffs.release", body=ReleaseBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Have a handoff that waits for marketing routed again, with a comment for the rep if there is one."""
        found = Handoff.objects.filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return self.as_json(workflow.release_to_sales(found, by=self.actor, at=clock.now(), **body))
