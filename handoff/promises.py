"""What a rep is asked to do by when: the tier of a lead, and its clocks in the rep's working hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handoff.calendars import Calendars, read_calendars
from handoff.models import ClockTier, Handoff
from handoff.workhours import WorkHours, add_working, spans, working_between
from leads.models import Organisation

# A running clock shows at most so many stretches of work; one that needs more counts plain time on the page.
MOST_SPANS = 60

Changes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is promised for a lead, in working minutes; kept with the offer, so that later edits don't touch it."""

    tier: str
    accept: int
    contact: int
    warn: int = 50  # percent of the time
    escalate: int = 80
    reroute: int | None = None  # after the contact deadline; None leaves it to the manager


@dataclass
class Promises:
    """The tiers and calendars as they stand, read once for any number of handoffs."""

    organisation: Organisation
    tiers: Sequence[ClockTier]
    calendars: Calendars
    _accepting: dict[tuple[Any, ...], Changes] = field(default_factory=dict)

    @classmethod
    def read(cls, organisation: Organisation | None = None) -> Promises:
        return cls(organisation or Organisation.current(), list(ClockTier.objects.all()), read_calendars())

    def terms(self, *, is_hand_raise: bool, score: int) -> Terms:
        """Return what is promised for a lead: by the first tier it fits, else by the organisation's hours."""
        for tier in self.tiers:
            if score >= tier.min_score and (is_hand_raise or not tier.hand_raisers_only):
                return Terms(
                    tier.name, tier.accept_minutes, tier.contact_minutes, tier.warn_percent,
                    tier.escalate_percent, tier.reroute_minutes,
                )  # fmt: skip
        hours = self.organisation
        accept = hours.hand_raise_accept_hours if is_hand_raise else hours.accept_hours
        return Terms("Asked for us" if is_hand_raise else "Everybody", accept * 60, hours.contact_hours * 60)

    def hours(self, calendar_id: int | None) -> WorkHours:
        return self.calendars[calendar_id]

    def accepting(self, calendar_id: int | None, terms: Terms, at: datetime) -> Changes:
        """Return the fields of an offer made now; the same for all offers on these terms."""
        key = (calendar_id, terms, at)
        if key not in self._accepting:
            self._accepting[key] = _accepting(self.hours(calendar_id), terms, at)
        return self._accepting[key]

    def contacting(self, handoff: Handoff, at: datetime) -> Changes:
        """Return the fields of a contact clock that starts now, on the terms of the offer; needs its rep."""
        hours = self.hours(handoff.rep.calendar_id if handoff.rep else None)
        terms = self.terms_of(handoff)
        due = add_working(at, timedelta(minutes=terms.contact), hours)
        later = None if terms.reroute is None else add_working(due, timedelta(minutes=terms.reroute), hours)
        return {
            "contact_by": due,
            "contact_warn_at": _share(at, terms.contact, terms.warn, hours),
            "contact_warned_at": None,
            "contact_escalated_at": None,
            "contact_reroute_at": later,
            "clock_spans": spans_of(at, due, hours),
        }

    def terms_of(self, handoff: Handoff) -> Terms:
        """Return the terms kept with an offer; one made before there were any has the organisation's."""
        if handoff.terms:
            return Terms(**handoff.terms)
        return self.terms(is_hand_raise=handoff.is_hand_raise, score=0)


def _accepting(hours: WorkHours, terms: Terms, at: datetime) -> Changes:
    due = add_working(at, timedelta(minutes=terms.accept), hours)
    return {
        "offered_at": at,
        "accept_by": due,
        "accept_warn_at": _share(at, terms.accept, terms.warn, hours),
        "accept_escalate_at": _share(at, terms.accept, terms.escalate, hours),
        "terms": asdict(terms),
        "clock_spans": spans_of(at, due, hours),
    }


def _share(at: datetime, minutes: int, percent: int, hours: WorkHours) -> datetime:
    return add_working(at, timedelta(seconds=minutes * 60 * percent // 100), hours)


def spans_of(start: datetime, end: datetime, hours: WorkHours) -> list[list[str]]:
    """Return the working time of a clock as a page shows it; nothing if all of it is, or it is too much."""
    found = list(spans(start, end, hours))
    if found == [(start, end)] or len(found) > MOST_SPANS:
        return []
    return [[since.isoformat(), until.isoformat()] for since, until in found]


def prolonged(handoff: Handoff, at: datetime, hours: WorkHours) -> Changes:
    """Return the fields of a clock that goes on now after a pause: what was left then is left now."""
    paused_at = handoff.paused_at or at
    names = (
        "accept_by", "accept_warn_at", "accept_escalate_at", "contact_by", "contact_warn_at",
        "contact_reroute_at",
    )  # fmt: skip
    running = {"offered": names[:3], "accepted": names[3:]}.get(handoff.status, ())
    changes: Changes = {}
    for name in running:
        due = getattr(handoff, name)
        if due and due > paused_at:
            changes[name] = add_working(at, working_between(paused_at, due, hours), hours)
    end = changes.get(running[0]) if running else None
    return changes | ({"clock_spans": spans_of(at, end, hours)} if end else {})
