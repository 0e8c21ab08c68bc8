"""What belongs to one lead: score, events, ledger, cycles, notes, timeline."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from rest_framework import serializers as s
from rest_framework.request import Request

from leadflow.api import fields, outputs
from leadflow.api import representations as as_
from leadflow.api.errors import InvalidQuery, Refused
from leadflow.api.operation import operation
from leadflow.api.pages import every, page_of
from leadflow.api.views.leads import LeadEndpoint
from leadflow.lead_pages.life import life
from leadflow.problems import FieldError
from leads import clock
from leads.enums import Outcome
from leads.models import Definition, Event
from leads.notes import write_note
from scoring.explain import breakdown, outlook
from scoring.overrides import lift_override, override_on, set_override


class ScoreQuery(fields.Query):
    as_of = s.DateField(required=False, help_text="The score as it was at the end of that day.")
    definition = s.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Under this version; else the live one."
    )


class LeadScore(LeadEndpoint):
    @operation("score.read", query=ScoreQuery, output=outputs.ScoreOut, refusals=(409,))
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Open a score up, line by line; the lines add up to it."""
        lead = self.lead(pk)
        today = clock.today()
        day = query.get("as_of", today)
        if day > today:
            raise InvalidQuery(FieldError("?as_of", "in_future", "as_of: This day is yet to come."))
        definition = self._definition(query)
        score = breakdown(lead, day, definition)
        if score is None:
            raise Refused(409, "no_definition", "Nothing is scored before a first definition is published.")
        override = override_on(lead, day)
        return {
            "lead": pk,
            "day": day,
            "definition": definition and definition.version,
            **as_score(score),
            "override": override and as_.override_json(override),
        }

    def _definition(self, query: dict[str, Any]) -> Definition | None:
        if "definition" not in query:
            return Definition.objects.filter(status="live").first()
        found = Definition.objects.filter(version=query["definition"]).first()
        if found is None:
            raise InvalidQuery(
                FieldError("?definition", "not_found", "definition: There is no such version.")
            )
        return found


def as_score(score: Any) -> dict[str, Any]:
    """Return a breakdown of the engine as plain data."""
    names = ("fit", "engagement", "score", "grade", "band")
    lines = [
        {name: getattr(line, name) for name in ("label", "kind", "points", "detail")} for line in score.lines
    ]
    return {**{name: getattr(score, name) for name in names}, "lines": lines}


class OverrideBody(fields.Body):
    """`expires_on` is the first day without it: from tomorrow to 366 days ahead."""

    score = fields.Whole(min_value=0, max_value=100)
    reason = fields.Line(max_length=300)
    expires_on = s.DateField()


class LeadOverrides(LeadEndpoint):
    @operation("score.read", query=fields.PageQuery, output=outputs.OverrideOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List a lead's scores set by hand, the latest first, with how each ended."""
        overrides = self.lead(pk).score_overrides.select_related("by", "ended_by")
        return page_of(request, query, overrides, as_.override_json, order=("-set_at", "-id"))

    @operation("score.adjust", body=OverrideBody, output=outputs.OverrideOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Show a score set by hand until a day, in place of one in force. No rule or routing reads it."""
        return as_.override_json(set_override(self.lead(pk), **body, by=self.actor, at=clock.now()))


class LeadOverrideLift(LeadEndpoint):
    @operation("score.adjust", output=outputs.OverrideOut, refusals=(409,))
    def post(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Show the computed score again. Answers 409 `not_overridden` where it is shown already."""
        return as_.override_json(lift_override(self.lead(pk), by=self.actor, at=clock.now()))


class ActionOut(s.Serializer[Any]):
    text = s.CharField()
    signal = s.CharField(allow_blank=True)
    field = s.CharField(allow_blank=True)
    value = s.CharField(allow_null=True)


class SuggestionOut(s.Serializer[Any]):
    text = s.CharField()
    actions = ActionOut(many=True)
    score = s.IntegerField()
    rule_set = s.CharField()


class OutlookOut(s.Serializer[Any]):
    """The smallest sets of next steps that make the lead an MQL, and when its score falls below the line."""

    lead = s.IntegerField()
    suggestions = SuggestionOut(many=True)
    line = s.IntegerField(allow_null=True)
    is_at_the_line = s.BooleanField()
    falls_below_on = s.DateField(
        allow_null=True, help_text="If nothing happens; null if not within 400 days."
    )


class LeadOutlook(LeadEndpoint):
    @operation("score.read", output=OutlookOut, refusals=(409,))
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """Say what would make a lead an MQL today, and until when its score holds if nothing happens."""
        found = outlook(self.lead(pk), clock.today())
        if found is None:
            raise Refused(409, "no_definition", "Nothing is scored before a first definition is published.")
        return {
            "lead": pk,
            "suggestions": [
                {
                    "text": one.text,
                    "actions": [
                        {
                            "text": action.label,
                            "signal": action.signal,
                            "field": action.field,
                            "value": None if action.value is None else str(action.value),
                        }
                        for action in one.actions
                    ],
                    "score": one.score,
                    "rule_set": one.rule_set,
                }
                for one in found.suggestions
            ],
            "line": found.line,
            "is_at_the_line": found.fall is not None,
            "falls_below_on": found.fall.on if found.fall else None,
        }


class EventQuery(fields.PageQuery):
    signal = s.CharField(required=False, max_length=50)
    outcome = s.ChoiceField(Outcome.choices, required=False)


class LeadEvents(LeadEndpoint):
    @operation("events.read", query=EventQuery, output=outputs.EventOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List a lead's events, the latest first."""
        events = Event.objects.filter(lead=self.lead(pk)).select_related("source", "signal")
        if "signal" in query:
            events = events.filter(signal__slug=query["signal"])
        if "outcome" in query:
            events = events.filter(outcome=query["outcome"])
        pii = self.may("leads.pii")
        order = ("-occurred_at", "-id")
        return page_of(request, query, events, lambda event: as_.event_json(event, pii=pii), order=order)


class LeadLedger(LeadEndpoint):
    @operation("leads.read", query=fields.PageQuery, output=outputs.LedgerLineOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List a lead's changes of stage and status, the latest first. Nothing here is ever rewritten."""
        lines = self.lead(pk).stage_changes.select_related("by")
        return page_of(request, query, lines, as_.ledger_line_json, order=("-seq",))


class LeadCycles(LeadEndpoint):
    @operation("leads.read", query=fields.PageQuery, output=outputs.CycleOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List the times a lead became an MQL and what came of each, the latest first."""
        cycles = self.lead(pk).cycles.select_related("owner")
        return page_of(request, query, cycles, as_.cycle_json, order=("-number",))


class TimelineQuery(fields.Query):
    before = s.DateTimeField(required=False)


class LeadTimeline(LeadEndpoint):
    @operation(
        "leads.read",
        also=("leads.pii", "events.read"),
        query=TimelineQuery,
        output=outputs.TimelineEntryOut,
        many=True,
    )
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List everything that happened with a lead in words, the latest first; go on with `before`."""
        story = life(self.lead(pk), before=query.get("before"))
        return every(story.entries, _entry) | {"next": _older(request, story.older)}


def _older(request: Request, older: datetime | None) -> str | None:
    if older is None:
        return None
    return request.build_absolute_uri(f"{request.path}?{urlencode({'before': older.isoformat()})}")


def _entry(entry: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if name not in ("muted", "since")}


class NoteBody(fields.Body):
    text = fields.Text(max_length=5000)
    for_sales = fields.Flag(required=False, default=False, help_text="Shown with the handoff.")


class LeadNotes(LeadEndpoint):
    @operation("leads.read", also=("leads.pii",), query=fields.PageQuery, output=outputs.NoteOut, many=True)
    def get(self, request: Request, query: dict[str, Any], pk: int) -> dict[str, Any]:
        """List the notes on a lead, the latest first."""
        notes = self.lead(pk).notes.select_related("by")
        return page_of(request, query, notes, as_.note_json, order=("-at", "-id"))

    @operation("conversations.log", body=NoteBody, output=outputs.NoteOut, status=201)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any], pk: int) -> dict[str, Any]:
        """Write a note on a lead."""
        note = write_note(self.lead(pk), by=self.actor, at=clock.now(), **body)
        return as_.note_json(note)
