"""A person's life with us, newest first: signals, stages, handoffs, conversations, notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.urls import reverse

from handoff.models import Handoff, HandoffStatus
from leads.enums import Outcome, Stage, Status
from leads.intake.signatures import REASONS
from leads.models import Asset, Conversation, Definition, Event, Lead, Note, StageChange
from scoring.models import ScoreOverride

Row = TypeVar("Row", bound=Model)
MOST = 120
EVENTS = 2 * MOST  # read for a part, as the same signal of one day is one entry
EVENT_COLUMNS = (
    "type",
    "name",
    "object_key",
    "occurred_at",
    "occurred_on",
    "outcome",
    "outcome_reason",
    "properties",
    "signal__label",
)
# What of one moment came first: a signal makes a stage, a stage an offer, an offer a decision.
ORDER = (
    "definition",
    "profile",
    "note",
    "signal",
    "override",
    "stage",
    "handoff",
    "conversation",
    "decision",
)


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `kind` is one of `ORDER`."""

    at: datetime
    kind: str
    text: str
    detail: str = ""
    stage: str = ""
    muted: bool = False
    url: str = ""
    since: datetime | None = None  # of the first, where the line stands for several signals


@dataclass(frozen=True)
class Life:
    """A part of a timeline, newest first; entries before `older` are left out, None where there are none."""

    entries: list[Entry]
    older: datetime | None


def life(lead: Lead, *, before: datetime | None = None) -> Life:
    """Return about `MOST` newest entries before a moment, in a fixed number of queries and rows."""
    events, older = _events(lead, before)
    versions = Definition.objects.filter(live_from__gt=lead.created_at).only("version", "live_from", "note")
    entries = [
        *_signals(events),
        *_stages(_newest(StageChange.objects.filter(lead=lead).select_related("by"), before, "at")),
        *_handoffs(_newest(lead.handoffs.select_related("rep__user", "reason"), before, "waiting_since")),
        *_conversations(_newest(lead.conversations.select_related("by"), before, "at")),
        *_notes(_newest(lead.notes.select_related("by"), before, "at")),
        *_overrides(_newest(lead.score_overrides.select_related("by", "ended_by"), before, "set_at")),
        # Since we know the person: their score changed its meaning then.
        *_definitions(_newest(versions, before, "live_from")),
    ]
    entries = [
        entry
        for entry in entries
        if (before is None or entry.at < before) and (older is None or entry.at >= older)
    ]
    entries.sort(key=lambda entry: (entry.at, ORDER.index(entry.kind)), reverse=True)
    if len(entries) > MOST:
        # Whatever happened within a line of several signals comes along, or the next part would miss it.
        older = min(entry.since or entry.at for entry in entries[:MOST])
        entries = [entry for entry in entries if entry.at >= older]
    return Life(entries, older)


def _newest(rows: QuerySet[Row], before: datetime | None, moment: str) -> QuerySet[Row]:
    """Return the newest rows before a moment: one more than are shown, so that more are known of."""
    rows = rows.filter(**{f"{moment}__lt": before}) if before else rows
    return rows.order_by(f"-{moment}", "-pk")[: MOST + 1]


def _events(lead: Lead, before: datetime | None) -> tuple[list[Event], datetime | None]:
    """Return the newest signals before a moment and, if there are more, how far back these go."""
    events = Event.objects.filter(lead=lead).exclude(type__in=["identify", "group", "alias"])
    events = events.filter(occurred_at__lt=before) if before else events
    rows = list(events.select_related("signal").only(*EVENT_COLUMNS).order_by("-occurred_at")[: EVENTS + 1])
    if len(rows) <= EVENTS:
        return rows, None
    # A moment is shown whole or later, unless it alone is too much.
    whole = [row for row in rows if row.occurred_at > rows[-1].occurred_at] or rows
    return whole, whole[-1].occurred_at


def _signals(rows: Sequence[Event]) -> Iterator[Entry]:
    titles = dict(Asset.objects.filter(key__in={row.object_key for row in rows}).values_list("key", "title"))
    for _, group in groupby(
        rows, key=lambda row: (row.occurred_on, row.signal_id, row.object_key, row.outcome)
    ):
        same = list(group)
        yield replace(_signal(same[0], len(same), titles), since=same[-1].occurred_at)


def _signal(event: Event, times: int, titles: dict[str, str]) -> Entry:
    name = event.signal.label if event.signal else event.name or event.type
    thing = titles.get(event.object_key) or event.object_key.replace("#", ", ")
    text = f"{name}: {thing}" if thing else name
    if times > 1:
        text += f", {times} times"
    counts = event.outcome == Outcome.COUNTED
    reason = REASONS.get(event.outcome_reason) or event.outcome_reason.replace("_", " ") or event.outcome
    held = "in quarantine, does not count" if event.outcome == Outcome.QUARANTINED else "does not count"
    why = "" if counts else f"{held}: {reason}"
    return Entry(event.occurred_at, "signal", text, _words(event) or why, muted=not counts)


def _words(event: Event) -> str:
    """Return what the person wrote, if the event carries it."""
    said = event.properties.get("message") or event.properties.get("question") or ""
    return f"“{str(said)[:300]}”" if said else ""


def _stages(rows: Iterable[StageChange]) -> Iterator[Entry]:
    for change in rows:
        yield Entry(
            change.at,
            "stage",
            _stage_text(change),
            change.evidence.get("why", "") or change.reason,
            change.to_stage,
        )


def _stage_text(change: StageChange) -> str:
    who = f" by {change.by}" if change.by else ""
    rule = change.evidence.get("rule_label", "")
    if not change.from_stage:
        return f"Added as a {Stage(change.to_stage).label.lower()}{who}"
    if change.to_status != Status.ACTIVE and change.to_status != change.from_status:
        return f"Put into nurture{who}" if change.to_status == Status.NURTURE else f"Disqualified{who}"
    if change.to_stage == change.from_stage:
        return f"Active again{who}"
    if change.to_stage == Stage.MQL:
        times = f", time {change.cycle_number}" if change.cycle_number > 1 else ""
        return f"Became MQL{times}{f' by rule {rule}' if rule else ''}, definition {change.version}"
    return f"Became {Stage(change.to_stage).label}{who}"


HANDOFF_WORDS = {
    HandoffStatus.ACCEPTED: "accepted",
    HandoffStatus.REJECTED: "rejected",
    HandoffStatus.RETURNED: "returned to marketing",
    HandoffStatus.EXPIRED: "let it lapse",
    HandoffStatus.REASSIGNED: "handed on",
    HandoffStatus.WITHDRAWN: "withdrawn",
}


def _handoffs(rows: Iterable[Handoff]) -> Iterator[Entry]:
    for handoff in rows:
        name = str(handoff.rep.user) if handoff.rep else "Nobody"
        if handoff.offered_at:
            yield Entry(handoff.offered_at, "handoff", f"Offered to {name}")
        if handoff.decided_at and handoff.status in HANDOFF_WORDS:
            reason = handoff.reason.label if handoff.reason else ""
            detail = ". ".join(filter(None, [reason, handoff.note]))
            yield Entry(
                handoff.decided_at,
                "decision",
                f"{name} {HANDOFF_WORDS[HandoffStatus(handoff.status)]}",
                detail,
            )


def _conversations(rows: Iterable[Conversation]) -> Iterator[Entry]:
    for talk in rows:
        reached = "" if talk.reached else ", not reached"
        yield Entry(
            talk.at,
            "conversation",
            f"{talk.get_kind_display()} with {talk.by or 'us'}{reached}",
            talk.summary,
        )


def _notes(rows: Iterable[Note]) -> Iterator[Entry]:
    for note in rows:
        yield Entry(
            note.at,
            "note",
            f"Note by {note.by or 'somebody'}{' for sales' if note.for_sales else ''}",
            note.text,
        )


def _overrides(rows: Iterable[ScoreOverride]) -> Iterator[Entry]:
    for one in rows:
        yield Entry(one.set_at, "override", one.in_words(), one.reason)
        if one.ended_at and one.ending_in_words():
            yield Entry(one.ended_at, "override", one.ending_in_words())


def _definitions(rows: Iterable[Definition]) -> Iterator[Entry]:
    for one in rows:
        assert one.live_from  # one that went live has its moment
        url = reverse("scoring:definition", args=[one.version])
        yield Entry(
            one.live_from, "definition", f"Definition {one.version} went live", one.note[:300], url=url
        )
