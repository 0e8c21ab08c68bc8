"""Who was gained and lost, by name, for those who may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from leads.models import Lead, User
from scoring.backtest import Entry, Promotion


def named(entries: Sequence[Entry], *, gained: bool) -> list[dict[str, Any]]:
    """Return the leads that only the draft has, or only the live versions, in the order of their day."""
    side, other = ("draft", "live") if gained else ("live", "draft")
    only = [entry for entry in entries if getattr(entry, side) and not getattr(entry, other)]
    only.sort(key=lambda entry: (getattr(entry, side).day, entry.lead))
    leads = Lead.objects.select_related("company").in_bulk([entry.lead for entry in only])
    return [_line(leads[entry.lead], getattr(entry, side)) for entry in only]


def _line(lead: Lead, promotion: Promotion) -> dict[str, Any]:
    outcome = promotion.outcome
    return {
        "lead": lead.pk,
        "name": lead.name,
        "email": lead.email,
        "company": lead.company.name if lead.company else "",
        "on": promotion.day.isoformat(),
        "rule": promotion.rule,
        "decision": outcome.decision if outcome and outcome.decision else "undecided",
        "reason": outcome.reason if outcome else "",
        "sql": bool(outcome and outcome.is_sql),
        "won": bool(outcome and outcome.is_won),
    }


def reps_by_name(reps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the load with each rep's name in place of their number."""
    rows = list(reps)
    names = {user.pk: str(user) for user in User.objects.filter(pk__in=[row["rep"] for row in rows])}
    return [{**row, "rep": names.get(row["rep"], "nobody yet")} for row in rows]
