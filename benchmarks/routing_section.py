"""P8: ten thousand MQLs given to twenty reps, with decisions, notices and capacity kept."""

from __future__ import annotations

import json

from benchmarks import dataset
from benchmarks.dataset import execute, insert_from
from benchmarks.environment import Bench
from benchmarks.results import Result, compare, timed
from handoff import routing
from handoff.models import Handoff, Pool, PoolMember, Rep, RoutingRule
from leads import clock
from leads.enums import Role
from leads.models import Cycle, Team, User
from scoring.publishing import ensure_standard_definition

REPS = 20
MQLS = 10_000
GOAL = 0.10
# What "one statement of SQL" means here: owners alone, no decision, turn, notice, capacity or lock.
ASSIGN = """
UPDATE leads_lead AS l SET owner_id = r.user_id, pool_team_id = p.team_id
FROM (SELECT lead_id, mod(row_number() OVER (ORDER BY waiting_since, id), %s) AS turn FROM handoff_handoff
      WHERE status = 'queued') AS h
JOIN (SELECT user_id, row_number() OVER (ORDER BY id) - 1 AS turn FROM handoff_rep) AS r USING (turn)
CROSS JOIN (SELECT team_id FROM handoff_pool LIMIT 1) AS p
WHERE l.id = h.lead_id"""


def measure(bench: Bench) -> list[Result]:
    """Measure leads routed a second."""
    leads = bench.size(MQLS, 100)
    fill_queue(leads)

    def rate(work: object) -> float:
        _start_anew()
        return leads / timed(work)  # type: ignore[arg-type]

    def ours() -> None:
        routed = routing.drain(clock.now())
        if routed != leads:
            raise AssertionError(f"{routed} of {leads} leads were routed.")

    name = f"route {leads:,} MQLs to {REPS} reps"
    floor = lambda: rate(lambda: execute(ASSIGN, [REPS]))  # noqa: E731
    return [compare(name, "leads/s", GOAL, floor, lambda: rate(ours), bench.runs, faster_is_more=True)]


def fill_queue(leads: int) -> None:
    """Let so many MQLs wait for the reps of one pool, who have seats for all of them."""
    at = clock.now()
    # Whoever sold in a section before, and all that hangs on them.
    execute("TRUNCATE leads_team CASCADE")
    ensure_standard_definition(at)
    _make_sales(capacity=leads // REPS + 1)
    dataset.fill_leads(leads, at)
    execute("UPDATE leads_lead SET stage = 'mql', cycle_number = 1")
    moment = f"timestamptz '{at.isoformat()}'"
    insert_from(
        Cycle, "leads_lead", lead_id="id", number="1", mql_at=moment, rule="'score_fit'", version="1",
        source="source",
    )  # fmt: skip
    # Built after the lead was last seen, as it is for a lead that has just become an MQL.
    context = json.dumps({"built_at": at.isoformat()})
    insert_from(
        Handoff, "leads_cycle", lead_id="lead_id", cycle_id="id", attempt="1", queue_reason="'new'",
        waiting_since="mql_at - mod(id, 1000) * interval '1 second'", context=f"'{context}'::jsonb",
    )  # fmt: skip


def _make_sales(capacity: int) -> None:
    team = Team.objects.create(name="Benchmark")
    pool = Pool.objects.create(name="Benchmark", team=team)
    for number in range(REPS):
        user = User.objects.create_user(
            f"rep{number}@example.com", name=f"Rep {number}", role=Role.REP, team=team
        )
        rep = Rep.objects.create(user=user, capacity=capacity)
        PoolMember.objects.create(pool=pool, rep=rep, weight=1)
    RoutingRule.objects.create(position=1, name="Everybody", pool=pool)


def _start_anew() -> None:
    """Put everything back into the queue, with nobody's turn taken."""
    execute("TRUNCATE handoff_routingdecision, handoff_notice, handoff_rotationstate CASCADE")
    execute("UPDATE handoff_poolmember SET turns = 0, arrears = 0")
    execute("UPDATE leads_lead SET owner_id = NULL, pool_team_id = NULL")
    execute("UPDATE leads_cycle SET rep_id = NULL, team_id = NULL")
    execute(
        "UPDATE handoff_handoff SET status = 'queued', queue_reason = 'new', rep_id = NULL, pool_id = NULL, "
        "rule_id = NULL, offered_at = NULL, accept_by = NULL"
    )
    dataset.settle("leads_lead", "leads_cycle", "handoff_handoff")
