"""Taking events out of the score and letting them back in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request

from leadflow.api import fields
from leadflow.api.operation import Endpoint, operation
from leadflow.api.outputs import BulkOut
from leads import clock
from leads.quarantine import MOST, Result, quarantine, release


class EventsBody(fields.IdsBody):
    most, what = MOST, "events"


class EventsQuarantine(Endpoint):
    tag = "events"

    @operation("events.quarantine", body=EventsBody, output=BulkOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Take counted events out of the score from today on, with a result for each."""
        return _answer(quarantine(body["ids"], at=clock.now(), by=self.actor))


class EventsRelease(Endpoint):
    tag = "events"

    @operation("events.quarantine", body=EventsBody, output=BulkOut)
    def post(self, request: Request, query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Let events out of quarantine, with a result for each: they count from today on."""
        return _answer(release(body["ids"], at=clock.now(), by=self.actor))


def _answer(results: Sequence[Result]) -> dict[str, Any]:
    rows = [
        {"id": one.event_id, "done": not one.problem, "code": _code(one), "detail": one.problem}
        for one in results
    ]
    done = sum(not one.problem for one in results)
    return {"done": done, "refused": len(rows) - done, "results": rows}


def _code(result: Result) -> str:
    if not result.problem:
        return ""
    return "not_found" if result.event is None else "nothing_to_do"
