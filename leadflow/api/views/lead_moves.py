"""Moving leads by hand through the one door, one at a time or many."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.operation import operation
from leadflow.api.outputs import BulkOut, LeadOut
from leadflow.api.views.leads import LeadEndpoint
from leads import clock
from leads.enums import Stage, Status
from leads.lifecycle import IllegalMove, Move, check_move, move_many, move_to_stage
from leads.models import Lead, User

MOST = 10_000
NURTURE_DAYS = 90


class MoveBody(fields.Body):
    """`mql` hands the lead to sales; `lead` takes it back; `nurture` and `disqualified` are off-ramps."""

    to = s.ChoiceField([Stage.MQL, Stage.LEAD, Status.NURTURE, Status.DISQUALIFIED])
    reason = fields.Line(max_length=300)
    wake_on = s.DateField(required=False, allow_null=True)
    wake_signal = fields.Line(required=False, allow_blank=True, max_length=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["to"] != Status.NURTURE and (attrs.get("wake_on") or attrs.get("wake_signal")):
            raise s.ValidationError({"wake_on": "Only nurture wakes up again."}, code="not_for_this")
        return attrs


class BulkMoveBody(fields.IdsBody, MoveBody):
    most, what = MOST, "leads"


class LeadMove(LeadEndpoint):
    @operation("stage.marketing", body=MoveBody, output=LeadOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Move a lead by hand.

        What cannot follow the present stage answers 409 `illegal_transition` with the stages that can.
        """
        lead = self.lead(pk)
        at = clock.now()
        move = planned(lead, body, self.actor, at)
        move_to_stage(
            lead, move.stage, at=at, by=move.by, reason=move.reason, evidence=move.evidence, status=move.status,
            wake_on=move.wake_on, wake_signal=move.wake_signal, nurture_reason=move.nurture_reason,
        )  # fmt: skip
        return self.as_json(lead)


class LeadBulkMove(LeadEndpoint):
    @operation("stage.marketing", body=BulkMoveBody, output=BulkOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Move many leads by hand, with a result for each.

        A lead that is not there and one that is not yours answer the same `not_found`; the others go on.
        """
        at = clock.now()
        ids = list(dict.fromkeys(body["ids"]))
        leads = {lead.pk: lead for lead in Lead.objects.visible_to(self.actor).filter(pk__in=ids)}
        moves = {pk: planned(leads[pk], body, self.actor, at) for pk in ids if pk in leads}
        refusals = {pk: refused for pk, move in moves.items() if (refused := _refusal(move))}
        changes = move_many(
            [move for pk, move in moves.items() if pk not in refusals], at=at, skip_refused=True
        )
        moved = {change.lead_id for change in changes}
        results = [_result(pk, pk in moved, refusals.get(pk, ""), known=pk in leads) for pk in ids]
        return {"done": len(moved), "refused": len(ids) - len(moved), "results": results}


def planned(lead: Lead, body: dict[str, Any], by: User, at: datetime) -> Move:
    """Return the step through the door that the request asks for."""
    to, reason = body["to"], body["reason"]
    back = Stage.SUSPECT if lead.stage == Stage.SUSPECT else Stage.LEAD
    move = Move(lead, back, by=by, reason=reason, from_stage=lead.stage)
    if to == Stage.MQL:
        return replace(move, stage=Stage.MQL, evidence=_by_hand(lead, reason, clock.day_of(at)))
    if to == Stage.LEAD:
        return move
    if to == Status.DISQUALIFIED:
        return replace(move, status=Status.DISQUALIFIED)
    signal = body.get("wake_signal", "")
    day = body.get("wake_on") or (None if signal else clock.day_of(at) + timedelta(days=NURTURE_DAYS))
    return replace(move, status=Status.NURTURE, wake_on=day, wake_signal=signal, nurture_reason=reason[:100])


def _by_hand(lead: Lead, reason: str, day: date) -> dict[str, Any]:
    return {
        "rule": "manual", "rule_label": "By hand", "hand_raiser": False, "day": day.isoformat(), "why": reason,
        "fit": lead.fit_score, "engagement": lead.engagement_score, "score": lead.score,
        "grade": lead.grade, "band": lead.band, "momentum": lead.momentum,
    }  # fmt: skip


def _refusal(move: Move) -> str:
    try:
        check_move(move.lead, move.stage, move.status)
    except IllegalMove as refused:
        return str(refused)
    return ""


def _result(pk: int, moved: bool, refusal: str, *, known: bool) -> dict[str, Any]:
    if moved:
        return {"id": pk, "done": True, "code": "", "detail": ""}
    if not known:
        return {"id": pk, "done": False, "code": "not_found", "detail": "There is no such lead."}
    if refusal:
        return {"id": pk, "done": False, "code": "illegal_transition", "detail": refusal}
    return {"id": pk, "done": False, "code": "conflict", "detail": "Somebody else changed the lead."}
