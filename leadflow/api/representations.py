"""Leads and what belongs to them, as the API writes them. Plain functions: lists are long and asked for often."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from rest_framework.serializers import Serializer

from leads.models import Company, Conversation, Cycle, Event, Lead, Note, StageChange, User
from scoring.models import ScoreOverride

_PLAIN = (
    "first_name", "last_name", "job_title", "role", "seniority", "industry", "employees", "country", "region",
    "tech_stack", "data_maturity", "product_interest", "is_free_mail", "is_competitor", "is_student", "stage",
    "status", "stage_since", "owner_id", "fit_score", "engagement_score", "score", "override_score",
    "shown_score", "grade", "band", "momentum",
    "disqualified_by", "score_version", "scored_on", "wake_on", "wake_signal", "nurture_reason", "next_step",
    "next_step_on", "needs_fit_check", "imported_stage", "source", "medium", "campaign", "last_source",
    "last_medium", "last_campaign", "last_seen_at", "unsubscribed_at", "created_at", "version",
)  # fmt: skip
LEAD_RELATIONS = ("owner", "company", "last_signal")


def lead_json(lead: Lead, *, base: str, pii: bool) -> dict[str, Any]:
    """Return one lead; `base` is the address leads live under. Load it with `LEAD_RELATIONS`."""
    owner, row = lead.owner, lead.__dict__
    return {
        "id": lead.pk,
        "url": f"{base}{lead.pk}/",
        "email": lead.email if pii else None,
        "phone": lead.phone if pii else None,
        **{name: row[name] for name in _PLAIN},
        "company": company_ref(lead.company) if lead.company else None,
        "cycle": lead.cycle_number,
        "owner": owner.email if owner else None,
        "owner_name": owner.name if owner else None,
        "last_signal": lead.last_signal.slug if lead.last_signal else None,
    }


def company_ref(company: Company) -> dict[str, Any]:
    return {"id": company.pk, "name": company.name, "domain": company.domain}


def ledger_line_json(change: StageChange) -> dict[str, Any]:
    """Return one line of the ledger; load it with `by`."""
    names = (
        "seq", "from_stage", "to_stage", "from_status", "to_status", "at", "actor", "reason", "version",
        "fit_score", "engagement_score", "score", "evidence",
    )  # fmt: skip
    plain = {name: getattr(change, name) for name in names}
    return {**plain, "by": email_of(change.by), "cycle": change.cycle_number}


def cycle_json(cycle: Cycle) -> dict[str, Any]:
    """Return one cycle; load it with `owner`."""
    names = (
        "number", "mql_at", "rule", "version", "source", "campaign", "segment", "decision", "reason",
        "decided_at", "contacted_at", "meeting_at", "sql_at", "sql_meaning", "opportunity_at", "won_at",
        "lost_at", "ended_at", "end_reason",
    )  # fmt: skip
    return {**{name: getattr(cycle, name) for name in names}, "owner": email_of(cycle.owner)}


def event_json(event: Event, *, pii: bool) -> dict[str, Any]:
    """Return one event; load it with `source` and `signal`."""
    names = (
        "id", "message_id", "type", "name", "occurred_at", "received_at", "outcome", "outcome_reason", "flags",
    )  # fmt: skip
    return {
        **{name: getattr(event, name) for name in names},
        "lead": event.lead_id,
        "source": event.source.name,
        "signal": event.signal.slug if event.signal else None,
        "object": event.object_key,
        "properties": event.properties if pii else {},
    }


def note_json(note: Note) -> dict[str, Any]:
    """Return one note; load it with `by`."""
    return {
        "id": note.pk, "by": email_of(note.by), "text": note.text, "for_sales": note.for_sales, "at": note.at,
    }  # fmt: skip


def override_json(override: ScoreOverride) -> dict[str, Any]:
    """Return one score set by hand; load it with `by` and `ended_by`."""
    names = ("id", "score", "reason", "set_at", "expires_on", "ending", "ended_at")
    plain = {name: getattr(override, name) for name in names}
    return {**plain, "by": email_of(override.by), "ended_by": email_of(override.ended_by)}


def conversation_json(talk: Conversation) -> dict[str, Any]:
    """Return one conversation; load it with `by`."""
    return {
        "id": talk.pk, "by": email_of(talk.by), "kind": talk.kind, "reached": talk.reached,
        "summary": talk.summary, "at": talk.at,
    }  # fmt: skip


def email_of(user: User | None) -> str | None:
    return user.email if user else None


def plain(row: Model, output: type[Serializer[Any]]) -> dict[str, Any]:
    """Return the columns of a row that `output` names, where it names nothing else."""
    return {str(name): getattr(row, str(name)) for name in output().fields}
