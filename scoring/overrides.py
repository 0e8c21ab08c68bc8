"""Scores set by hand: beside the computed one, with author, reason and expiry (docs/scoring.md, "Set by hand").

`Lead.override_score` says what is in force, so that lists can sort by it; each function here writes it in the
transaction of the row, with the lead locked first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from leads import clock
from leads.audit import audit
from leads.models import Lead, User
from scoring.models import ScoreOverride

MOST_DAYS = 366
BATCH = 500
Ending = ScoreOverride.Ending


class BadExpiry(ValueError):
    """The day of expiry is not after today, or too far off."""


class NothingToLift(Exception):
    """No override of this lead is in force."""


@transaction.atomic
def set_override(
    lead: Lead, score: int, *, reason: str, expires_on: date, by: User, at: datetime
) -> ScoreOverride:
    """Show `score` for a lead from now until `expires_on`, in place of an override in force.

    Raises BadExpiry.
    """
    today = clock.day_of(at)
    if not today < expires_on <= today + timedelta(days=MOST_DAYS):
        raise BadExpiry(f"The day of expiry lies from tomorrow to {MOST_DAYS} days ahead.")
    _lock([lead.pk])
    before = ScoreOverride.objects.in_force().filter(lead=lead).first()
    if before:
        _end([before], Ending.REPLACED, by=by, at=at)
    made = ScoreOverride.objects.create(
        lead=lead, score=score, reason=reason, by=by, set_at=at, set_on=today, expires_on=expires_on
    )
    Lead.objects.filter(pk=lead.pk).update(override_score=score)
    changes = {
        "override_score": (before and before.score, score),
        "expires_on": (before and before.expires_on.isoformat(), expires_on.isoformat()),
        "reason": (before and before.reason, reason),
    }
    audit("score.override", lead, by=by, at=at, changes=changes)
    return made


@transaction.atomic
def lift_override(lead: Lead, *, by: User, at: datetime) -> ScoreOverride:
    """Show the computed score of a lead again. Raises NothingToLift."""
    _lock([lead.pk])
    before = ScoreOverride.objects.in_force().filter(lead=lead).first()
    if before is None:
        raise NothingToLift("No score set by hand is in force for this lead.")
    _end([before], Ending.LIFTED, by=by, at=at)
    audit("score.override_lift", lead, by=by, at=at, changes={"override_score": (before.score, None)})
    before.refresh_from_db()
    return before


def expire_due(at: datetime | None = None) -> int:
    """End the overrides whose day has come, a batch at a time; return how many. Safe to run at once and again."""
    at = at or clock.now()
    done = 0
    while ended := _expire_some(at):
        done += ended
    return done


@transaction.atomic
def _expire_some(at: datetime) -> int:
    due = ScoreOverride.objects.expired(clock.day_of(at))
    lead_ids = sorted(due.order_by("expires_on").values_list("lead_id", flat=True)[:BATCH])
    if not lead_ids:
        return 0
    _lock(lead_ids)
    # Read anew under the lock: somebody may have set another one meanwhile.
    ended = list(due.filter(lead_id__in=lead_ids))
    _end(ended, Ending.EXPIRED, by=None, at=at)
    return len(lead_ids)


def _lock(lead_ids: Sequence[int]) -> None:
    list(Lead.objects.filter(pk__in=lead_ids).order_by("pk").select_for_update(no_key=True).values("pk"))


def _end(overrides: Sequence[ScoreOverride], ending: Ending, *, by: User | None, at: datetime) -> None:
    ScoreOverride.objects.filter(pk__in=[one.pk for one in overrides]).update(
        ending=ending, ended_at=at, ended_on=clock.day_of(at), ended_by=by
    )
    Lead.objects.filter(pk__in=[one.lead_id for one in overrides]).update(override_score=None)


def override_on(lead: Lead, day: date) -> ScoreOverride | None:
    """Return the override that was in force at the end of `day`."""
    overrides = lead.score_overrides.select_related("by").filter(set_on__lte=day, expires_on__gt=day)
    return next((one for one in overrides if one.holds_on(day)), None)
