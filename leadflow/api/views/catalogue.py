"""What leads are read against: companies, events, signals, rejection reasons."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from rest_framework import serializers as s
from rest_framework.request import Request

from handoff.models import NextPath, RejectionReason
from leadflow.api import fields, outputs
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import every, page_of
from leadflow.api.representations import email_of, event_json, plain
from leads.enums import FunnelStage, Outcome
from leads.models import Company, Event, Lead, NurtureTrack, Signal


class CompanyOut(s.Serializer[Any]):
    id = s.IntegerField()
    name = s.CharField()
    domain = s.CharField(allow_null=True)
    industry = s.CharField(allow_blank=True)
    employees = s.IntegerField(allow_null=True)
    country = s.CharField(allow_blank=True)
    owner = s.CharField(allow_null=True)
    created_at = s.DateTimeField()


def company_json(company: Company) -> dict[str, Any]:
    """Return one company; load it with `owner`."""
    names = ("id", "name", "domain", "industry", "employees", "country", "created_at")
    return {**{name: getattr(company, name) for name in names}, "owner": email_of(company.owner)}


class CompanyEndpoint(Endpoint):
    tag = "companies"

    def rows(self) -> Any:
        """Return the companies whose leads the caller sees; those who see all leads see all companies."""
        companies = Company.objects.select_related("owner")
        if self.actor.is_admin or self.actor.is_marketer:
            return companies
        theirs = Lead.objects.visible_to(self.actor).filter(company=OuterRef("pk"))
        return companies.filter(Exists(theirs))


class CompanyQuery(fields.PageQuery):
    domain = s.CharField(required=False, max_length=253)
    name = s.CharField(required=False, max_length=200, help_text="How the name starts, in any case.")


class CompanyList(CompanyEndpoint):
    @operation("leads.read", query=CompanyQuery, output=CompanyOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List companies, the latest first."""
        rows = self.rows()
        if "domain" in query:
            rows = rows.filter(domain=query["domain"].strip().lower())
        if "name" in query:
            rows = rows.filter(name__istartswith=query["name"])
        return page_of(request, query, rows, company_json)


class CompanyDetail(CompanyEndpoint):
    @operation("leads.read", output=CompanyOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Read one company."""
        found = self.rows().filter(pk=pk).first()
        if found is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return company_json(found)


class EventQuery(fields.PageQuery, fields.SpanQuery):
    lead = s.IntegerField(required=False, min_value=1, max_value=fields.MAX_ID)
    signal = s.CharField(required=False, max_length=50)
    outcome = s.ChoiceField(Outcome.choices, required=False)
    received_from = s.DateTimeField(required=False)
    received_to = s.DateTimeField(required=False)


_EVENT_LOOKUPS = {
    "lead": "lead_id", "signal": "signal__slug", "outcome": "outcome",
    "received_from": "received_at__gte", "received_to": "received_at__lt",
}  # fmt: skip


class EventList(Endpoint):
    tag = "events"

    @operation("events.read", query=EventQuery, output=outputs.EventOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List events, the latest received first: those of leads one may see, and for marketing all."""
        events = Event.objects.select_related("source", "signal")
        if not (self.actor.is_admin or self.actor.is_marketer):
            events = events.filter(lead__in=Lead.objects.visible_to(self.actor))
        events = events.filter(
            **{lookup: query[name] for name, lookup in _EVENT_LOOKUPS.items() if name in query}
        )
        pii = self.may("leads.pii")
        order = ("-received_at", "-id")
        return page_of(request, query, events, lambda event: event_json(event, pii=pii), order=order)


class SignalOut(s.Serializer[Any]):
    slug = s.CharField()
    label = s.CharField()  # type: ignore[assignment]
    position = s.IntegerField()
    intent = s.IntegerField(min_value=0, max_value=3)
    funnel_stage = s.ChoiceField(FunnelStage.choices)
    topic = s.CharField(allow_blank=True)
    is_engagement = s.BooleanField()
    is_hand_raise = s.BooleanField()
    is_active = s.BooleanField()
    match = s.DictField()


class SignalList(Endpoint):
    tag = "definitions"

    @operation("signals.read", output=SignalOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the signal catalogue in the order in which events are matched."""
        return every(Signal.objects.all(), lambda row: plain(row, SignalOut))


class ReasonOut(s.Serializer[Any]):
    slug = s.CharField()
    label = s.CharField()  # type: ignore[assignment]
    next_path = s.ChoiceField(NextPath.choices)
    nurture_days = s.IntegerField()
    gives_turn_back = s.BooleanField()
    needs_note = s.BooleanField()
    is_active = s.BooleanField()


class ReasonList(Endpoint):
    tag = "definitions"

    @operation("reasons.read", output=ReasonOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the rejection reasons in their order."""
        return every(
            RejectionReason.objects.all(),
            lambda row: plain(row, ReasonOut),
        )


class TrackOut(s.Serializer[Any]):
    """How leads rest; an empty list of rules or reasons takes any."""

    id = s.IntegerField()
    name = s.CharField()
    purpose = s.CharField()
    rules = s.ListField(child=s.CharField(), help_text="Ids of the MQL rule sets it is for.")
    reasons = s.ListField(child=s.CharField(), help_text="Slugs of the rejection reasons it is for.")
    days = s.IntegerField(allow_null=True, help_text="Null: as many as the rejection reason says.")
    wakes_by_date = s.BooleanField()
    wake_signal = s.CharField()
    is_active = s.BooleanField()


class TrackList(Endpoint):
    tag = "definitions"

    @operation("reasons.read", output=TrackOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the nurture tracks in the order they are asked."""
        return every(NurtureTrack.objects.all(), lambda row: plain(row, TrackOut))
