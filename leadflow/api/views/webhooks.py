"""Where facts are sent, and what became of each; made and changed on the pages alone, with the password."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from handoff.outgoing import CHOICES, Delivery, Destination, What
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import page_of
from leadflow.webhook_forms import shown_address


class WebhookOut(s.Serializer[Any]):
    """A destination of facts. Of its address only the host is shown, and never a secret."""

    id = s.IntegerField()
    name = s.CharField()
    kind = s.ChoiceField(Destination.Kind.choices)
    address = s.CharField()
    events = s.ListField(child=s.ChoiceField(CHOICES))
    is_active = s.BooleanField()
    disabled_reason = s.CharField(allow_blank=True)
    failures_in_a_row = s.IntegerField()
    failing_since = s.DateTimeField(allow_null=True)
    created_at = s.DateTimeField()


class DeliveryOut(s.Serializer[Any]):
    """One event on its way to one destination."""

    id = s.IntegerField()
    webhook_id = s.CharField()
    sequence = s.IntegerField()
    event = s.ChoiceField(What.choices)
    lead = s.IntegerField(allow_null=True)
    status = s.ChoiceField(Delivery.Status.choices)
    attempts = s.IntegerField()
    next_try_at = s.DateTimeField(allow_null=True)
    delivered_at = s.DateTimeField(allow_null=True)
    created_at = s.DateTimeField()


class WebhookList(Endpoint):
    tag = "administration"

    @operation("webhooks.manage", query=fields.PageQuery, output=WebhookOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List webhooks and how they are doing; for admins signed in, not for keys."""
        return page_of(request, query, Destination.objects.all(), webhook_json)


class DeliveryQuery(fields.PageQuery):
    status = s.ChoiceField(Delivery.Status.choices, required=False)


class WebhookDeliveries(Endpoint):
    tag = "administration"

    @operation("webhooks.manage", query=DeliveryQuery, output=DeliveryOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List what was sent to one webhook, the latest first."""
        if not Destination.objects.filter(pk=pk).exists():
            raise Refused(404, "not_found", "There is nothing at this address.")
        rows = Delivery.objects.filter(destination=pk).select_related("fact")
        if "status" in query:
            rows = rows.filter(status=query["status"])
        return page_of(request, query, rows, delivery_json)


def webhook_json(row: Destination) -> dict[str, Any]:
    names = (
        "id", "name", "kind", "events", "is_active", "disabled_reason", "failing_since", "created_at",
    )  # fmt: skip
    plain = {name: getattr(row, name) for name in names}
    return {**plain, "address": shown_address(row), "failures_in_a_row": row.failures}


def delivery_json(row: Delivery) -> dict[str, Any]:
    """Return one delivery; load it with its fact."""
    fact = row.fact
    return {
        "id": row.pk, "webhook_id": fact.uid, "sequence": fact.pk, "event": fact.kind, "lead": fact.lead_id,
        "status": row.status, "attempts": row.attempts, "next_try_at": row.due_at,
        "delivered_at": row.delivered_at, "created_at": row.created_at,
    }  # fmt: skip
