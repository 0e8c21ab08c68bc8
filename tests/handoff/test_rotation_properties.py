"""For any weights, capacities, absences and edits in mid-run: the bound, capacity, order, and a replay that agrees.

The planner plays on a roster in memory, as it does within the transaction that gives seats; what is edited in
between is edited as a publish or a manager would.
"""

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handoff.planning import ASSIGNED, Planner, Verdict, Way
from handoff.roster import PoolCard, RepCard, Roster
from handoff.rotation import Rotation, state_key
from handoff.rules import LeadFacts, Rule

REPS = st.integers(1, 7)


class KeptPool(PoolCard):
    """A pool whose states are kept in memory instead of in the database."""

    def _stored(self, key, weights):
        return self.rotations.get(key) or Rotation(weights)


class Routing(RuleBasedStateMachine):
    """A pool of reps, leads that come and wait, seats that free, people who leave and return, edits."""

    @initialize(weights=st.lists(st.integers(1, 9), min_size=2, max_size=7), capacity=st.integers(1, 4))
    def begin(self, weights, capacity):
        self.reps = {
            n: RepCard(n, n, f"Rep {n}", 1, capacity, 0, "", frozenset()) for n in range(1, len(weights) + 1)
        }
        self.pool = KeptPool(1, "Pool", 1, True, weights=dict(enumerate(weights, 1)))
        self.waiting, self.held, self.decisions, self.next_lead = [], defaultdict(list), [], 1

    def rep(self, number):
        return self.reps[(number - 1) % len(self.reps) + 1]

    @rule(count=st.integers(1, 12))
    def leads_come(self, count):
        self.waiting += range(self.next_lead, self.next_lead + count)
        self.next_lead += count
        self.route()

    def route(self):
        """Serve what waits, the longest waiting first; each decision is kept with the state it was made in."""
        planner = Planner(Roster(self.reps, {1: self.pool}), [Rule(1, "All", 1, None, (), None)])
        left = []
        for lead in self.waiting:
            before = {n: (rep.seats, rep.capacity, rep.absence) for n, rep in self.reps.items()}
            plan = planner.decide(LeadFacts(lead_id=lead))
            self.decisions.append((lead, plan, before, dict(self.pool.weights)))
            if plan.rep:
                self.held[plan.rep.id].append(lead)
            else:
                left.append(lead)
        self.waiting = left

    @rule(number=REPS)
    def a_seat_frees(self, number):
        rep = self.rep(number)
        if self.held[rep.id]:
            self.held[rep.id].pop(0)
            rep.seats -= 1
            self.route()

    @rule(number=REPS, verdict=st.sampled_from(["", "away", "unavailable", "inactive"]))
    def somebody_leaves_or_returns(self, number, verdict):
        self.rep(number).absence = verdict
        self.route()

    @rule(number=REPS, capacity=st.integers(0, 6))
    def capacity_is_edited(self, number, capacity):
        self.rep(number).capacity = capacity
        self.route()

    @rule(number=REPS, weight=st.integers(1, 9))
    def a_weight_is_edited(self, number, weight):
        self.pool.weights[self.rep(number).id] = weight
        self.pool.keys.clear()  # another run reads the pool anew; the states stay

    @rule(number=REPS)
    def a_bad_lead_gives_the_turn_back(self, number):
        self.pool.credits[self.rep(number).id] = self.pool.credits.get(self.rep(number).id, 0) + 1

    @precondition(lambda self: self.decisions)
    @invariant()
    def every_state_keeps_its_bound(self):
        for rotation in self.pool.rotations.values():
            assert len(rotation.weights) == 1 or rotation.breaches() == []

    @invariant()
    def nobody_was_given_more_than_they_could_take_then(self):
        for _, plan, before, _ in getattr(self, "decisions", []):
            if plan.rep:
                seats, capacity, absence = before[plan.rep.id]
                assert seats < capacity
                assert not absence

    @invariant()
    def nobody_waits_while_somebody_could_take_it(self):
        if getattr(self, "waiting", None):
            assert not any(not rep.absence and rep.seats < rep.capacity for rep in self.reps.values())

    def teardown(self):
        self.leads_went_in_their_order()
        self.a_replay_of_the_decisions_reproduces_each()

    def leads_went_in_their_order(self):
        given = [lead for lead, plan, _, _ in getattr(self, "decisions", []) if plan.outcome == ASSIGNED]
        # One pool, one kind of lead: whoever came first was served first.
        assert given == sorted(given)

    def a_replay_of_the_decisions_reproduces_each(self):
        """From what a decision records alone, as `verify` reads it, the next rep comes out the same."""
        states, arrears, overall = {}, defaultdict(int), defaultdict(int)
        for _, plan, _, _ in getattr(self, "decisions", []):
            if plan.way != Way.ROTATION:
                continue
            weights = {
                one["rep"]: one["weight"]
                for one in plan.candidates
                if one["verdict"] in (Verdict.CHOSEN, Verdict.NOT_NEXT)
            }
            assert plan.state_key == state_key(weights)
            state = states.setdefault(plan.state_key, Rotation(weights))
            assert {one["rep"]: one["turns"] for one in plan.candidates if one["rep"] in weights} == {
                rep: state.turns.get(rep, 0) for rep in weights
            }
            assert state.next_rep(arrears, overall) == plan.rep.id
            state.take(plan.rep.id)
            overall[plan.rep.id] += 1
            total = sum(weights.values())
            for rep, weight in weights.items():
                arrears[rep] += 1_000_000 * weight // total
            arrears[plan.rep.id] -= 1_000_000


Routing.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_any_run_of_the_rotation = Routing.TestCase
