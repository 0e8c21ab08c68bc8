"""Who is away, and clocks that stand still."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from handoff import pausing
from handoff.errors import Invalid
from handoff.models import Absence, Rep
from handoff.schedule_forms import AbsenceForm
from handoff.schedule_views import add_absence
from leadflow.api import fields
from leadflow.api.errors import Refused
from leadflow.api.operation import operation
from leadflow.api.pages import every
from leadflow.api.views.administration import RepEndpoint
from leadflow.api.views.handoffs import HandoffEndpoint, HandoffOut
from leads import clock


class AbsenceOut(s.Serializer[Any]):
    """A rep out of the office, from `starts_on` until they are back on `back_on`."""

    id = s.IntegerField()
    starts_on = s.DateField()
    back_on = s.DateField()
    cover = s.CharField(
        allow_null=True, help_text="E-mail address of the rep who takes what is theirs in person."
    )
    note = s.CharField(allow_blank=True)


class AbsenceBody(fields.Body):
    starts_on = s.DateField()
    back_on = s.DateField()
    cover = fields.Line(required=False, allow_null=True, default=None, max_length=254)
    note = fields.Line(required=False, allow_blank=True, default="", max_length=200)


def absence_json(row: Absence) -> dict[str, Any]:
    """Return one absence; load it with its cover's user."""
    return {
        "id": row.pk, "starts_on": row.starts_on, "back_on": row.back_on, "note": row.note,
        "cover": row.cover.user.email if row.cover else None,
    }  # fmt: skip


class RepAbsences(RepEndpoint):
    def _rep(self, pk: int) -> Rep:
        rep: Rep | None = self.rows().filter(pk=pk).first()
        if rep is None:
            raise Refused(404, "not_found", "There is nothing at this address.")
        return rep

    @operation("routing.read", output=AbsenceOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List a rep's absences, the latest first."""
        rows = self._rep(pk).absences.select_related("cover__user").order_by("-starts_on")[:200]
        return every(list(rows), absence_json)

    @operation("routing.edit", body=AbsenceBody, output=AbsenceOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Have a rep away for some days: no new leads meanwhile, and no turns to catch up on afterwards."""
        rep, at = self._rep(pk), clock.now()
        cover = Rep.objects.filter(user__email=(body["cover"] or "").strip().lower()).first()
        if body["cover"] and cover is None:
            raise Invalid({"cover": "There is no such rep."})
        form = AbsenceForm({**body, "cover": cover and cover.pk}, rep=rep, today=clock.day_of(at))
        if not form.is_valid():
            raise Invalid({name: " ".join(map(str, problems)) for name, problems in form.errors.items()})
        add_absence(form.instance, by=self.actor, at=at)
        return absence_json(form.instance)


class PauseBody(fields.Body):
    reason = fields.Line(max_length=300)
    until = s.DateTimeField()


class HandoffPause(HandoffEndpoint):
    @operation("handoffs.reassign", body=PauseBody, output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Stop the running clock until a moment; it goes on by itself then, with what was left."""
        return self.as_json(pausing.pause(self.handoff(pk), self.actor, **body, at=clock.now()))


class HandoffResume(HandoffEndpoint):
    @operation("handoffs.reassign", output=HandoffOut)
    def post(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Let a paused clock go on now."""
        return self.as_json(pausing.resume(self.handoff(pk), self.actor, clock.now()))
