"""From an accepted handoff to the deal: discovery, SQL, opportunity, won or lost."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from handoff import discovery, opportunities, questions
from handoff.models import Discovery, Handoff, Opportunity
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.api.representations import email_of
from leadflow.api.views.handoffs import HandoffEndpoint, HandoffOut
from leads import clock


class RuleSetOut(s.Serializer[Any]):
    label = s.CharField()  # type: ignore[assignment]
    met = s.BooleanField()
    missing = s.ListField(child=s.CharField())


class DiscoveryOut(s.Serializer[Any]):
    """What has been found out, what to ask next, and how far the lead is from an SQL."""

    version = s.IntegerField()
    answers = s.DictField(help_text="By question: value, where it is from, when.")
    still_to_ask = s.ListField(child=s.DictField())
    rule_sets = RuleSetOut(many=True)


class DiscoveryBody(fields.Body):
    answers = s.DictField(
        child=s.JSONField(allow_null=True),
        help_text=f"Any of {', '.join(questions.BY_FIELD)}; null clears one.",
    )


class HandoffDiscovery(HandoffEndpoint):
    @operation("handoffs.list", also=("leads.pii",), output=DiscoveryOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> Response:
        """Read what is known, with the `ETag` of the answers."""
        return _discovery(self.handoff(pk))

    @operation("handoffs.discovery", body=DiscoveryBody, output=DiscoveryOut, refusals=(412,))
    def patch(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> Response:
        """Save answers; those not named stay. With `If-Match`, only on the version that was read."""
        handoff = self.handoff(pk)
        version = _version(handoff)
        given = request.headers.get("If-Match", "*").strip()
        if given not in ("*", f'"{version}"'):
            text = f"The answers have changed since: they are at version {version} now."
            raise Refused(412, "stale", text, headers={"ETag": f'"{version}"'}, version=version)
        discovery.save_answers(handoff, body["answers"], by=self.actor, at=clock.now(), version=version)
        return _discovery(self.handoff(pk))


def _version(handoff: Handoff) -> int:
    return Discovery.objects.filter(cycle=handoff.cycle).values_list("version", flat=True).first() or 0


def _discovery(handoff: Handoff) -> Response:
    answers = discovery.answers_of(handoff)
    version = _version(handoff)
    content = {
        "version": version,
        "answers": answers,
        "still_to_ask": questions.still_to_ask(answers),
        "rule_sets": [
            {"label": result.label, "met": result.met, "missing": list(result.missing)}
            for result in discovery.evaluate_sql(handoff.cycle, at=clock.now())
        ],
    }
    return Response(content, headers={"ETag": f'"{version}"'})


class HandoffQualify(HandoffEndpoint):
    @operation("stage.sales", output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Make the lead an SQL by the organisation's definition; what is missing answers 422."""
        handoff = self.handoff(pk)
        discovery.qualify(handoff, by=self.actor, at=clock.now())
        return self.as_json(handoff)


class OpportunityOut(s.Serializer[Any]):
    """The deal an SQL became."""

    id = s.IntegerField()
    lead = s.IntegerField()
    cycle = s.IntegerField()
    name = s.CharField()
    amount = s.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    currency = s.CharField()
    close_on = s.DateField()
    opened_at = s.DateTimeField()
    opened_by = s.CharField(allow_null=True)
    outcome = s.ChoiceField(["", "won", "lost"])
    outcome_reason = s.CharField(allow_blank=True)
    closed_at = s.DateTimeField(allow_null=True)


def opportunity_json(opportunity: Opportunity) -> dict[str, Any]:
    """Return one opportunity; load it with `cycle` and `opened_by`."""
    names = (
        "id", "name", "currency", "close_on", "opened_at", "outcome", "outcome_reason", "closed_at",
    )  # fmt: skip
    amount = opportunity.amount
    return {
        **{name: getattr(opportunity, name) for name in names},
        "lead": opportunity.cycle.lead_id,
        "cycle": opportunity.cycle.number,
        "amount": None if amount is None else f"{amount:.2f}",
        "opened_by": email_of(opportunity.opened_by),
    }


class OpportunityEndpoint(Endpoint):
    tag = "opportunities"

    def rows(self) -> Any:
        """Return the opportunities of handoffs this caller sees."""
        cycles = Handoff.objects.visible_to(self.actor).values("cycle")
        return Opportunity.objects.filter(cycle__in=cycles).select_related("cycle", "opened_by")


class OpportunityQuery(fields.PageQuery):
    outcome = s.ChoiceField(["open", "won", "lost"], required=False)


class NewOpportunityBody(fields.Body):
    handoff = fields.Whole(min_value=1, max_value=fields.MAX_ID)
    name = fields.Line(max_length=200)
    amount = s.DecimalField(max_digits=12, decimal_places=2, min_value=0, required=False, allow_null=True)
    currency = s.RegexField(r"^[A-Z]{3}\Z")
    close_on = s.DateField()


class OpportunityList(OpportunityEndpoint):
    @operation("handoffs.list", query=OpportunityQuery, output=OpportunityOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List opportunities, the latest first."""
        rows = self.rows()
        if outcome := query.get("outcome"):
            rows = rows.filter(outcome="" if outcome == "open" else outcome)
        return page_of(request, query, rows, opportunity_json)

    @operation("stage.sales", body=NewOpportunityBody, output=OpportunityOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Open an opportunity for the SQL of a handoff, once."""
        number = body.pop("handoff")
        handoff = (
            Handoff.objects.visible_to(self.actor).select_related("lead", "cycle").filter(pk=number).first()
        )
        if handoff is None:
            raise s.ValidationError({"handoff": "There is no such handoff."}, code="not_found")
        opened = opportunities.open_opportunity(
            handoff, by=self.actor, at=clock.now(), **{"amount": None} | body
        )
        return opportunity_json(self.rows().get(pk=opened.pk))


class OpportunityDetail(OpportunityEndpoint):
    @operation("handoffs.list", output=OpportunityOut)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Read one opportunity."""
        return opportunity_json(_found(self.rows(), pk))


class CloseBody(fields.Body):
    outcome = s.ChoiceField(["won", "lost"])
    reason = fields.Line(required=False, allow_blank=True, default="", max_length=200)


class OpportunityClose(OpportunityEndpoint):
    @operation("stage.sales", body=CloseBody, output=OpportunityOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Close an opportunity as won or lost."""
        opportunity = _found(self.rows(), pk)
        opportunities.close_opportunity(opportunity, by=self.actor, at=clock.now(), **body)
        return opportunity_json(self.rows().get(pk=pk))


def _found(rows: Any, pk: int) -> Opportunity:
    found: Opportunity | None = rows.filter(pk=pk).first()
    if found is None:
        raise Refused(404, "not_found", "There is nothing at this address.")
    return found
