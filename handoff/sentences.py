"""What routing and handoffs did, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from handoff.models import QueueReason, RoutingDecision
from handoff.planning import ASSIGNED, Verdict, Way

NARROW = 3  # candidates named in a sentence before the rest is counted


def day(value: date, today: date | None = None) -> str:
    """Write a date as people say it: 10 Mar, with the year unless it is this one."""
    year = "" if today and value.year == today.year else f" {value.year}"
    return f"{value.day} {value:%b}{year}"


def moment(at: datetime, zone: str, today: date | None = None) -> str:
    """Write a moment in the given time zone: 10 Mar 09:38."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{day(local.date(), today or local.date())} {local:%H:%M}"


def who(name: str, job_title: str = "", company: str = "") -> str:
    """Write a person with what they do: Maren Solberg, Head of Data Platform at Nordhavn Logistics."""
    work = f"{job_title} at {company}" if job_title and company else job_title or company
    return f"{name}, {work}" if work else name


def decision(row: RoutingDecision) -> str:
    """Say where a lead went and why, or why it waits."""
    return outcome(row.outcome, row.way, row.rule_name, row.candidates, row.reason)


def outcome(result: str, way: str, rule: str, candidates: Sequence[dict[str, Any]], reason: str = "") -> str:
    """Say the outcome of a decision, stored or only planned."""
    if result != ASSIGNED:
        return _waits(result, rule, candidates)
    chosen = next(one for one in candidates if one["verdict"] == Verdict.CHOSEN)
    because = reason or _because(way, chosen, candidates)
    seats = f"{chosen['seats'] + 1} of {chosen['capacity']} seats"
    return f"{chosen['name']}: {', '.join(part for part in (rule, seats, because) if part)}"


def verdict(candidate: dict[str, Any]) -> str:
    """Say why one candidate was or was not chosen."""
    said = str(Verdict(candidate["verdict"]).label)
    if candidate["verdict"] == Verdict.FULL:
        said += f", {candidate['seats']} of {candidate['capacity']} seats"
    if before := candidate.get("before"):
        said += f", {Verdict(before).label.lower()}"
    return said


def _because(way: str, chosen: dict[str, Any], candidates: Sequence[dict[str, Any]]) -> str:
    if way != Way.ROTATION:
        return str(Way(way).label).lower()
    eligible = [one for one in candidates if one["verdict"] in (Verdict.CHOSEN, Verdict.NOT_NEXT)]
    if len(eligible) == 1:
        return "only one free"
    same_weight = len({one["weight"] for one in eligible}) == 1
    fewest = chosen["turns"] == min(one["turns"] for one in eligible)
    return "fewest turns" if same_weight and fewest else f"next in turn, weight {chosen['weight']}"


def _waits(result: str, rule: str, candidates: Sequence[dict[str, Any]]) -> str:
    label = str(QueueReason(result).label)
    named = [f"{one['name']} ({verdict(one).lower()})" for one in candidates[:NARROW]]
    if len(candidates) > NARROW:
        named.append(f"{len(candidates) - NARROW} more")
    where = f"{rule}: " if rule else ""
    return f"{where}{label}" + (f": {', '.join(named)}." if named else ".")
