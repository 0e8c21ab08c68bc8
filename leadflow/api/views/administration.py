"""Who is asking, reps and their capacity, sources, the audit log."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers as s
from rest_framework.request import Request

from handoff.models import Handoff, Rep
from handoff.opening import wake_routing
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import Endpoint, operation
from leadflow.api.pages import every, page_of
from leadflow.api.representations import email_of, plain
from leadflow.models import ApiKey
from leads import clock
from leads.audit import audit, diff, snapshot
from leads.enums import Role
from leads.models import AuditEntry, Source
from leads.permissions import ACTIONS, SCOPES


class MeOut(s.Serializer[Any]):
    """Who this request acts as, and what it may do."""

    id = s.IntegerField()
    email = s.CharField()
    name = s.CharField()
    role = s.ChoiceField(Role.choices)
    team = s.CharField(allow_null=True)
    key = s.CharField(allow_null=True)
    scopes = s.ListField(child=s.ChoiceField(list(SCOPES)), allow_null=True)
    actions = s.ListField(child=s.ChoiceField(list(ACTIONS)))


class Me(Endpoint):
    tag = "me"

    @operation("me.read", output=MeOut)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """Read who is asking and what they may do."""
        user, key = self.actor, request.auth if isinstance(request.auth, ApiKey) else None
        return {
            "id": user.pk, "email": user.email, "name": user.name, "role": user.role,
            "team": user.team.name if user.team else None,
            "key": key.name if key else None, "scopes": key.scopes if key else None,
            "actions": [action for action in ACTIONS if self.may(action)],
        }  # fmt: skip


class RepOut(s.Serializer[Any]):
    """What routing knows of somebody who takes leads."""

    id = s.IntegerField()
    email = s.CharField()
    name = s.CharField()
    team = s.CharField(allow_null=True)
    is_active = s.BooleanField()
    capacity = s.IntegerField()
    seats_taken = s.IntegerField()
    is_available = s.BooleanField()
    away_until = s.DateField(allow_null=True)
    territories = s.ListField(child=s.CharField())


def rep_json(rep: Rep, seats: int) -> dict[str, Any]:
    """Return one rep; load it with `user` and the user's team."""
    user = rep.user
    return {
        "id": rep.pk, "email": user.email, "name": user.name, "team": user.team.name if user.team else None,
        "is_active": user.is_active, "capacity": rep.capacity, "seats_taken": seats,
        "is_available": rep.is_available, "away_until": rep.away_until, "territories": rep.territories,
    }  # fmt: skip


class RepEndpoint(Endpoint):
    tag = "routing"

    def rows(self) -> Any:
        """Return the reps one may see: a manager the own team's, others all."""
        reps = Rep.objects.select_related("user__team").order_by("user__name", "pk")
        if not self.actor.is_manager:
            return reps
        return reps.filter(user__team=self.actor.team) if self.actor.team else reps.none()


class RepList(RepEndpoint):
    @operation("routing.read", output=RepOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List reps with their capacity and the seats they have taken."""
        reps = list(self.rows())
        taken: dict[int, int] = {}
        for rep_id in Handoff.objects.filter(rep__in=reps).seats().values_list("rep_id", flat=True):
            taken[rep_id] = taken.get(rep_id, 0) + 1
        return every(reps, lambda rep: rep_json(rep, taken.get(rep.pk, 0)))


class RepBody(fields.Body):
    capacity = fields.Whole(required=False, min_value=0, max_value=1000)
    is_available = fields.Flag(required=False)
    away_until = s.DateField(required=False, allow_null=True)


class RepDetail(RepEndpoint):
    @operation("routing.edit", body=RepBody, output=RepOut)
    def patch(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Change how many leads a rep takes, and whether. What is handed over already stays."""
        rep = self.rows().filter(pk=pk).first()
        if rep is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        before = snapshot(rep, body)
        for name, value in body.items():
            setattr(rep, name, value)
        with transaction.atomic():
            rep.save(update_fields=list(body))
            audit("rep.edit", rep, by=self.actor, at=clock.now(), changes=diff(before, snapshot(rep, body)))
            wake_routing()
        return rep_json(rep, Handoff.objects.filter(rep=rep).seats().count())


class SourceOut(s.Serializer[Any]):
    """Something that sends events. Its write key is shown once, when it is made."""

    id = s.IntegerField()
    name = s.CharField()
    key_prefix = s.CharField()
    allowed_origins = s.ListField(child=s.CharField())
    is_active = s.BooleanField()
    created_at = s.DateTimeField()


class SourceList(Endpoint):
    tag = "administration"

    @operation("sources.read", query=fields.PageQuery, output=SourceOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List the sources of events."""
        return page_of(request, query, Source.objects.all(), lambda row: plain(row, SourceOut))


class AuditOut(s.Serializer[Any]):
    """Who changed what."""

    id = s.IntegerField()
    at = s.DateTimeField()
    by = s.CharField(allow_null=True)
    via = s.CharField(allow_blank=True)
    action = s.CharField()
    object_type = s.CharField(allow_blank=True)
    object_id = s.CharField(allow_blank=True)
    label = s.CharField(allow_blank=True)  # type: ignore[assignment]
    changes = s.DictField()
    request_id = s.CharField(allow_blank=True)


class AuditQuery(fields.PageQuery, fields.SpanQuery):
    action = s.CharField(required=False, max_length=60)
    object_type = s.CharField(required=False, max_length=40)
    object_id = s.CharField(required=False, max_length=40)
    at_from = s.DateTimeField(required=False)
    at_to = s.DateTimeField(required=False)


_AUDIT_LOOKUPS = {
    "action": "action", "object_type": "object_type", "object_id": "object_id",
    "at_from": "at__gte", "at_to": "at__lt",
}  # fmt: skip


class AuditList(Endpoint):
    tag = "administration"

    @operation("audit.read", query=AuditQuery, output=AuditOut, many=True)
    def get(self, request: Request, query: dict[str, Any]) -> dict[str, Any]:
        """List who changed what, the latest first; a manager sees what the team did."""
        rows = AuditEntry.objects.visible_to(self.actor).select_related("by")
        rows = rows.filter(
            **{lookup: query[name] for name, lookup in _AUDIT_LOOKUPS.items() if name in query}
        )
        return page_of(request, query, rows, audit_json)


def audit_json(entry: AuditEntry) -> dict[str, Any]:
    """Return one entry; load it with `by`."""
    names = ("id", "at", "via", "action", "object_type", "object_id", "label", "changes", "request_id")
    return {**{name: getattr(entry, name) for name in names}, "by": email_of(entry.by)}
