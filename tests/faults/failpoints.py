"""Named points inside the product's transactions at which a test has the process raise, or kill itself.

A point is a function of the product and a side: before its body runs, or after, when what it wrote is not
committed yet unless it is the one that commits. The product knows nothing of them: `watch` gives the functions
other code objects in the process that plays.
"""

from __future__ import annotations

import importlib
import inspect
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

# Area: what is watched; "-" where the point lies before the function's body.
AREAS = {
    "intake": """
        leads.intake.identities:find leads.intake.people:capture leads.lifecycle:enter_leads
        leads.profile:record_changes leads.intake.storage:link leads.intake.storage:join_waiting
        leads.intake.identities:take_in -leads.intake.storage:insert_events leads.intake.storage:insert_events
        leads.intake.storage:update_touches leads.intake.effects:promote_engaged -scoring.receivers:mark
        scoring.receivers:mark leads.intake.effects:finish leads.intake.recording:record_events leads.seen:_write
    """,
    "quarantine": """
        leads.quarantine:locked leads.intake.storage:add_days leads.quarantine:correct leads.quarantine:_quarantine
        leads.quarantine:_release
    """,
    "scoring": """
        scoring.rescoring:_claim -scoring.storing:store_scores scoring.storing:store_scores
        scoring.promotion:_promote scoring.promotion:promote_scored -scoring.rescoring:_mark_for_tomorrow
        scoring.rescoring:_mark_for_tomorrow scoring.rescoring:_attempt scoring.publishing:publish_draft
        scoring.passes:_end_of_chunk scoring.passes:_next_chunk scoring.overrides:set_override
    """,
    "stage": """
        leads.lifecycle:_ledger_lines leads.lifecycle:_write_leads leads.lifecycle:_write_cycles
        scoring.receivers:note_boundaries handoff.outbox:announce_stages handoff.opening:open_handoffs
        handoff.opening:close_for_sql handoff.opening:close_with_cycle leads.lifecycle:move_many
    """,
    "routing": """
        handoff.roster:load_roster handoff.routing:_read handoff.assigning:_write_offers
        handoff.assigning:_write_queued handoff.assigning:_write_owners -handoff.roster:save_rotations
        handoff.roster:save_rotations handoff.outbox:announce handoff.notices:notify handoff.assigning:record
        handoff.routing:_route_batch handoff.routing:drain
    """,
    "decisions": """
        leadflow.api.idempotency:_claim -handoff.workflow:_decide handoff.workflow:_decide handoff.workflow:accept
        handoff.workflow:reject handoff.workflow:return_to_marketing handoff.workflow:defer handoff.workflow:undo
        handoff.reassigning:reassign -leadflow.api.idempotency:_finish leadflow.api.idempotency:_finish
        leadflow.api.idempotency:run_once
    """,
    "settling": """
        -handoff.settling:_accepted handoff.settling:_keep_next_step handoff.settling:_close
        handoff.settling:_give_turn_back handoff.settling:_decide_cycle handoff.opening:queue_again
        handoff.settling:_nurture handoff.settling:settle handoff.settling:_settle_one
    """,
    "sales": """
        handoff.receivers:_note_contact leads.conversations:log_conversation handoff.discovery:_save
        handoff.discovery:become_sql handoff.opportunities:open_opportunity handoff.opportunities:close_opportunity
    """,
    "clocks": """
        handoff.clock_steps:_take -handoff.clocks:_tell_former handoff.clocks:_expire_batch
        handoff.clocks:_end_deferrals handoff.clocks:sweep
    """,
    "imports": """
        leads.imports.chunks:ChunkWriter._capture leads.imports.chunks:ChunkWriter._record_events
        leads.imports.chunks:ChunkWriter._write_rows leads.imports.runner:_write leads.imports.runner:_take
        -leads.imports.runner:_finish leads.imports.runner:_finish leads.imports.jobs:start
    """,
    "delivery": """
        handoff.outbox:_write handoff.delivering:_take tests.faults.company_day:Sink.send
        -handoff.delivering:_write handoff.standing:succeeded handoff.delivering:_write
        handoff.delivering:Run._release
    """,
    "mail": """
        handoff.mailing:_claim tests.faults.company_day:Post.send_messages handoff.mailing:_deliver
        handoff.digests:_write
    """,
}  # fmt: skip
POINTS = [point for points in AREAS.values() for point in points.split()]


class Disturbed(Exception):
    """What a point raises: nothing of the product expects it."""


class Watch:
    """Counts how often each point is come by; one that is armed goes off at its `hit`-th, once."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self._armed: tuple[str, str, int] | None = None
        self._mark = Path()

    def arm(self, point: str, how: str, hit: int, mark: Path) -> None:
        """Have the point raise or kill; `mark` is written when it does."""
        self._armed, self._mark = (point, how, hit), mark

    def come_by(self, point: str) -> None:
        self.hits[point] += 1
        if self._armed is None:
            return
        wanted, how, hit = self._armed
        if (point, self.hits[point]) != (wanted, hit):
            return
        self._armed = None
        self._mark.touch()
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise Disturbed(point)


WATCH = Watch()


def watch() -> None:
    """Have WATCH told of every point from now on, wherever its function is called from."""
    for name in {point.removeprefix("-") for point in POINTS}:
        _wrap(name)


def _wrap(name: str) -> None:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    target = inspect.unwrap(found)
    original = FunctionType(target.__code__, target.__globals__, target.__name__, target.__defaults__)
    original.__kwdefaults__, original.__annotations__ = target.__kwdefaults__, target.__annotations__
    _ORIGINALS[name] = original
    # Others have imported the function or keep it in tables, so not the name is replaced but what it does.
    made: dict[str, Any] = {}
    exec(
        f"def told(*args, **kwargs):\n"
        f"    from tests.faults.failpoints import call\n"
        f"    return call({name!r}, args, kwargs)\n",
        made,
    )
    target.__code__ = made["told"].__code__


_ORIGINALS: dict[str, Callable[..., Any]] = {}


def call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Stand in for a watched function."""
    WATCH.come_by(f"-{name}")
    original = _ORIGINALS[name]
    result = original(*args, **kwargs)
    # One that answers says by an empty answer that there was nothing to do, and so nothing to disturb.
    if result or original.__annotations__.get("return") == "None":
        WATCH.come_by(name)
    return result
