"""Facts for other systems, written in the transaction in which they happen and sent after it (I18).

Whoever changes a handoff calls `announce` under the lead's lock. Nothing is written of what nobody wants.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import prefetch_related_objects

from handoff.models import Handoff
from handoff.outgoing import Delivery, Destination, Fact, What
from leads.enums import Stage
from leads.models import Definition, Lead, StageChange
from leads.wakeup import wake

# Entering these is news; going back to lead is told by the handoff that ended.
STAGES = {
    Stage.MQL: What.MQL, Stage.SQL: What.SQL, Stage.OPPORTUNITY: What.OPPORTUNITY,
    Stage.WON: What.WON, Stage.LOST: What.LOST,
}  # fmt: skip


def announce(kind: What, handoffs: Iterable[int], at: datetime) -> None:
    """Tell what happened to these handoffs, to whoever wants to know."""
    ids = list(handoffs)
    if not (ids and (listeners := _listeners(kind))):
        return
    rows = Handoff.objects.select_related("lead__company", "rep__user", "reason", "cycle", "decided_by")
    found = {handoff.pk: handoff for handoff in rows.filter(pk__in=ids)}
    _write(
        [
            _fact(kind, f"handoff:{pk}", found[pk].lead, at, {"handoff": handoff_data(found[pk])})
            for pk in ids
        ],
        listeners,
    )


def announce_step(kind: What, handoffs: Sequence[Handoff], clock: str, due: str, at: datetime) -> None:
    """Tell that a step by the clock was taken: whose clock, and when it runs out (the column `due`).

    A clock that began anew after a deferral may be told of again, so the moment belongs to the subject.
    """
    if not (handoffs and (listeners := _listeners(kind))):
        return
    rows = Handoff.objects.select_related("lead__company", "rep__user", "reason", "cycle")
    found = rows.filter(pk__in=[handoff.pk for handoff in handoffs]).order_by("pk")
    facts = [
        _fact(
            kind, f"handoff:{one.pk}:{clock}:{at:%Y%m%dT%H%M%S.%f}", one.lead, at,
            {"handoff": handoff_data(one), "clock": clock, "due": _iso(getattr(one, due))},
        )
        for one in found
    ]  # fmt: skip
    _write(facts, listeners)


def announce_stages(changes: Sequence[StageChange]) -> None:
    """Tell of leads that entered a stage worth telling."""
    entered = [change for change in changes if is_news(change.from_stage, change.to_stage)]
    for kind in {STAGES[Stage(change.to_stage)] for change in entered}:
        if listeners := _listeners(kind):
            mine = [change for change in entered if STAGES[Stage(change.to_stage)] == kind]
            prefetch_related_objects([change.lead for change in mine], "company")
            _write([_stage_fact(kind, change) for change in mine], listeners)


def is_news(from_stage: str, to_stage: str) -> bool:
    """Tell whether a ledger line is announced."""
    return to_stage in STAGES and from_stage != to_stage


def announce_definition(definition: Definition, at: datetime) -> None:
    """Tell that another definition is in force."""
    if listeners := _listeners(What.DEFINITION):
        data = {"definition": {"version": definition.version, "note": definition.note}}
        _write([_fact(What.DEFINITION, f"definition:{definition.pk}", None, at, data)], listeners)


def announce_test(destination: Destination, at: datetime) -> Delivery:
    """Have a made-up event sent to one destination, whatever it wants."""
    uid = _uid()
    fact = Fact(uid=uid, kind=What.TEST, subject=uid, at=at, data={"message": "A test from Leadflow."})
    (delivery,) = _write([fact], [destination])
    return delivery


def forget_old(at: datetime) -> int:
    """Drop facts with their deliveries once they are old; what still waits stays."""
    old = Fact.objects.filter(at__lt=at - timedelta(days=settings.LEADFLOW_WEBHOOK_DAYS))
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING, destination__is_active=True)
    return old.exclude(pk__in=waiting.values("fact")).delete()[1].get("handoff.Fact", 0)


def handoff_data(handoff: Handoff) -> dict[str, Any]:
    """Return what others are told of a handoff; load it with what `announce` loads."""
    rep, reason = handoff.rep, handoff.reason
    return {
        "id": handoff.pk,
        "attempt": handoff.attempt,
        "cycle": handoff.cycle.number,
        "status": handoff.status,
        "rep": {"name": rep.user.name, "email": rep.user.email} if rep else None,
        "offered_at": _iso(handoff.offered_at),
        "accept_by": _iso(handoff.accept_by),
        "contact_by": _iso(handoff.contact_by),
        "decided_at": _iso(handoff.decided_at),
        "reason": {"slug": reason.slug, "label": reason.label} if reason else None,
        "note": handoff.note,
        "missing": handoff.missing,
        "url": f"{_base()}/handoffs/{handoff.pk}/",
    }


def lead_data(lead: Lead) -> dict[str, Any]:
    """Return what others are told of a lead; load it with its company."""
    return {
        "id": lead.pk,
        "email": lead.email,
        "name": lead.name,
        "job_title": lead.job_title,
        "company": lead.company.name if lead.company else None,
        "stage": lead.stage,
        "status": lead.status,
        "fit_score": lead.fit_score,
        "engagement_score": lead.engagement_score,
        "score": lead.score,
        "override_score": lead.override_score,
        "shown_score": lead.shown_score,
        "grade": lead.grade,
        "url": f"{_base()}/leads/{lead.pk}/",
    }


def _stage_fact(kind: What, change: StageChange) -> Fact:
    data = {
        "change": {
            "seq": change.seq, "from": change.from_stage, "to": change.to_stage, "cycle": change.cycle_number,
            "reason": change.reason, "definition": change.version, "rule": change.evidence.get("rule"),
            "why": change.evidence.get("why"), "score": change.score,
        }
    }  # fmt: skip
    return _fact(kind, f"lead:{change.lead_id}:{change.seq}", change.lead, change.at, data)


def _fact(kind: What, subject: str, lead: Lead | None, at: datetime, data: dict[str, Any]) -> Fact:
    about = {"lead": lead_data(lead)} if lead else {}
    return Fact(uid=_uid(), kind=kind, subject=subject, lead=lead, at=at, data={**about, **data})


def _uid() -> str:
    return f"msg_{secrets.token_hex(12)}"


def _listeners(kind: What) -> list[Destination]:
    return [one for one in Destination.objects.filter(is_active=True) if one.wants(kind)]


def _write(facts: Sequence[Fact], listeners: Sequence[Destination]) -> list[Delivery]:
    Fact.objects.bulk_create(facts, batch_size=500)
    deliveries = Delivery.objects.bulk_create(
        [
            Delivery(fact=fact, destination=destination, due_at=fact.at, created_at=fact.at)
            for fact in facts
            for destination in listeners
        ],
        batch_size=500,
    )
    wake("handoff.tasks.deliver_webhooks")
    return deliveries


def _base() -> str:
    return settings.LEADFLOW_PUBLIC_URL.rstrip("/")


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
