"""The decisions a rep can take on a handoff, as the pages offer them: word, key, form and what it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms

from handoff import workflow
from handoff.forms import AcceptForm, DeferForm, RejectForm, ReturnForm
from handoff.models import Handoff, HandoffStatus
from leads import clock
from leads.models import User

OFFERED, ACCEPTED = HandoffStatus.OFFERED, HandoffStatus.ACCEPTED


@dataclass(frozen=True)
class DecisionAction:
    """One decision. `done` is the toast's verb; `statuses` are those in which it is open to the handoff's rep."""

    slug: str
    label: str
    key: str
    explain: str
    done: str
    statuses: tuple[str, ...]
    form: type[forms.Form]
    run: Callable[[Handoff, User, Mapping[str, Any], datetime], Handoff]
    primary: bool = False


def _accept(handoff: Handoff, by: User, data: Mapping[str, Any], at: datetime) -> Handoff:
    return workflow.accept(
        handoff, by=by, at=at, next_step=data["next_step"], next_step_at=data["next_step_at"]
    )


def _reject(handoff: Handoff, by: User, data: Mapping[str, Any], at: datetime) -> Handoff:
    return workflow.reject(
        handoff, by=by, at=at, reason=data["reason"], note=data["note"], missing=data["missing"],
        wake_on=data["wake_on"],
    )  # fmt: skip


def _return(handoff: Handoff, by: User, data: Mapping[str, Any], at: datetime) -> Handoff:
    return workflow.return_to_marketing(handoff, by=by, at=at, missing=data["missing"], note=data["note"])


def _defer(handoff: Handoff, by: User, data: Mapping[str, Any], at: datetime) -> Handoff:
    return workflow.defer(handoff, by=by, at=at, until=data["until"], next_step=data["next_step"])


DECISIONS = {
    decision.slug: decision
    for decision in (
        DecisionAction(
            "accept", "Accept", "a", "They become yours. First contact is the next promise.", "accepted", (OFFERED,),
            AcceptForm, _accept, primary=True,
        ),
        DecisionAction(
            "reject", "Reject", "r", "The reason decides what happens to them next.", "rejected", (OFFERED, ACCEPTED),
            RejectForm, _reject,
        ),
        DecisionAction(
            "return", "Return", "t", "For a lead that may be good, but is not ready to work.", "returned to marketing",
            (OFFERED, ACCEPTED), ReturnForm, _return,
        ),
        DecisionAction(
            "defer", "Defer", "d", "They stay yours and come back by themselves. The clock stops until then.",
            "deferred",
            (ACCEPTED,), DeferForm, _defer,
        ),
    )
}  # fmt: skip


def open_to(handoff: Handoff, user: User) -> list[DecisionAction]:
    """Return the decisions this user can take on the handoff now: those of its rep, while it is open."""
    if handoff.rep is None or handoff.rep.user_id != user.pk or handoff.closed_at is not None:
        return []
    return [decision for decision in DECISIONS.values() if handoff.status in decision.statuses]


def form_for(decision: DecisionAction, handoff: Handoff, data: Any = None) -> forms.Form:
    """Return the decision's form, bound to `data` if there is any."""
    if decision.form is DeferForm:
        return DeferForm(data, today=clock.today())
    if decision.form is RejectForm:
        return RejectForm(data, rule=handoff.cycle.rule, today=clock.today())
    return decision.form(data)
