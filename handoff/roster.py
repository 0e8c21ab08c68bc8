"""The reps and pools as routing sees them at one moment, with seats and turns counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, F

from handoff.locks import lock_pools, lock_reps
from handoff.models import Absence, Handoff, Pool, PoolMember, Rep, RotationState
from handoff.rotation import Rotation, charge, state_key
from leads.enums import Role


@dataclass(slots=True)
class RepCard:
    """One rep. `absence` is empty for somebody who takes leads today."""

    id: int
    user_id: int
    name: str
    team_id: int | None
    capacity: int
    seats: int
    absence: str
    territories: frozenset[str]
    calendar_id: int | None = None
    back_on: date | None = None  # of whoever is away
    cover: int | None = None  # takes what would go to this rep in person while they are away
    # Was full for leads that wait longer, so takes none of the later ones in the same run (I13).
    is_closed: bool = False

    @property
    def is_full(self) -> bool:
        return self.is_closed or self.seats >= self.capacity

    def covers(self, country: str, region: str) -> bool:
        """Tell whether the lead is in the rep's territory; none takes any, and an unknown place fits all."""
        places = {country.lower(), region.lower()} - {""}
        return not self.territories or not places or bool(places & self.territories)


@dataclass(slots=True)
class PoolCard:
    """One pool and where its rotations stand; what changed is written back by `save_rotations`."""

    id: int
    name: str
    team_id: int
    is_active: bool
    members: dict[int, int] = field(default_factory=dict)  # rep id → membership id
    weights: dict[int, int] = field(default_factory=dict)
    turns: dict[int, int] = field(default_factory=dict)
    credits: dict[int, int] = field(default_factory=dict)  # turns given back, not yet used
    arrears: dict[int, int] = field(default_factory=dict)
    rotations: dict[str, Rotation] = field(default_factory=dict)
    keys: dict[tuple[int, ...], str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    used: Counter[int] = field(default_factory=Counter)  # credits used in this run, by rep
    is_trial: bool = False  # a try-out starts every rotation anew

    def rotation(self, eligible: tuple[int, ...]) -> tuple[str, Rotation]:
        """Return the rotation of this eligible set, read on first use."""
        key = self.keys.get(eligible)
        if key is None:
            weights = {rep: self.weights[rep] for rep in eligible}
            key = self.keys[eligible] = state_key(weights)
            self.rotations[key] = Rotation(weights) if self.is_trial else self._stored(key, weights)
        return key, self.rotations[key]

    def _stored(self, key: str, weights: dict[int, int]) -> Rotation:
        state = RotationState.objects.filter(pool_id=self.id, key=key).first()
        if state is None:
            return Rotation(weights)
        return Rotation(weights, {int(rep): turns for rep, turns in state.turns.items()}, state.total)

    def take_turn(self, key: str, rep: int) -> None:
        """Count one turn for the rep, in this rotation and over the whole pool."""
        rotation = self.rotations[key]
        rotation.take(rep)
        charge(self.arrears, rotation.weights, rep)
        self.turns[rep] = self.turns.get(rep, 0) + 1
        self.changed.add(key)

    def use_credit(self, rep: int) -> None:
        """Count one turn given back as used."""
        self.credits[rep] -= 1
        self.used[rep] += 1


@dataclass(slots=True)
class Roster:
    reps: dict[int, RepCard]
    pools: dict[int, PoolCard]
    by_user: dict[int, RepCard] = field(init=False)

    def __post_init__(self) -> None:
        self.by_user = {rep.user_id: rep for rep in self.reps.values()}

    def with_free_seat(self) -> set[int]:
        """Return the ids of reps who could take a lead now."""
        return {rep.id for rep in self.reps.values() if not rep.absence and not rep.is_full}


def load_roster(day: date, *, lock: bool, closed: Iterable[int] = ()) -> Roster:
    """Read reps, pools, seats and turns; with `lock`, in a transaction that gives seats, so that they hold.

    Reps in `closed` count as full. Rotation states are read when first needed.
    """
    pools = lock_pools() if lock else list(Pool.objects.order_by("pk"))
    reps = lock_reps() if lock else list(Rep.objects.select_related("user").order_by("pk"))
    seats = seats_taken()
    away = {row.rep_id: row for row in Absence.objects.on(day).order_by("-back_on")}
    cards = {rep.pk: _rep_card(rep, seats.get(rep.pk, 0), day, away.get(rep.pk)) for rep in reps}
    for rep_id in closed:
        if rep_id in cards:
            cards[rep_id].is_closed = True
    return Roster(cards, _pool_cards(pools))


def free_seats(day: date) -> int:
    """Count the seats that reps who take leads on this day have free, all together."""
    reps = load_roster(day, lock=False).reps.values()
    return sum(max(0, rep.capacity - rep.seats) for rep in reps if not rep.absence)


def seats_taken(reps: Iterable[int] | None = None) -> dict[int, int]:
    """Count the seats taken by each rep who has any."""
    taken = Handoff.objects.seats()
    if reps is not None:
        taken = taken.filter(rep_id__in=list(reps))
    return dict(taken.order_by().values_list("rep_id").annotate(Count("pk")))


def absence(rep: Rep, day: date, is_away: bool = False) -> str:
    """Say why the rep takes no leads on this day; empty if they do. Away until a day means back on it.

    `is_away`: an `Absence` holds on the day.
    """
    if not rep.user.is_active or rep.user.role != Role.REP:
        return "inactive"
    if not rep.is_available:
        return "unavailable"
    return "away" if is_away or (rep.away_until and day < rep.away_until) else ""


def save_rotations(roster: Roster) -> None:
    """Write back the turns taken, in the transaction that gave the seats."""
    for pool in roster.pools.values():
        if pool.changed:
            _save_states(pool)
            _save_members(pool)
            pool.changed.clear()
        # Subtracted rather than set: a decision that settles meanwhile may give another one back.
        for rep, used in pool.used.items():
            PoolMember.objects.filter(pk=pool.members[rep]).update(credits=F("credits") - used)
        pool.used.clear()


def _save_states(pool: PoolCard) -> None:
    states = [
        RotationState(
            pool_id=pool.id,
            key=key,
            turns={str(rep): turns for rep, turns in pool.rotations[key].turns.items()},
            total=pool.rotations[key].total,
        )
        for key in sorted(pool.changed)
    ]
    RotationState.objects.bulk_create(
        states, update_conflicts=True, unique_fields=["pool", "key"], update_fields=["turns", "total"]
    )


def _save_members(pool: PoolCard) -> None:
    members = [
        PoolMember(pk=member, turns=pool.turns[rep], arrears=pool.arrears[rep])
        for rep, member in pool.members.items()
    ]
    PoolMember.objects.bulk_update(members, ["turns", "arrears"])


def _rep_card(rep: Rep, seats: int, day: date, away: Absence | None) -> RepCard:
    territories = frozenset(str(place).strip().lower() for place in rep.territories)
    return RepCard(
        rep.pk,
        rep.user_id,
        str(rep.user),
        rep.user.team_id,
        rep.capacity,
        seats,
        absence(rep, day, away is not None),
        territories,
        rep.calendar_id,
        away.back_on if away else rep.away_until,
        away.cover_id if away else None,
    )


def _pool_cards(pools: list[Pool]) -> dict[int, PoolCard]:
    cards = {pool.pk: PoolCard(pool.pk, pool.name, pool.team_id, pool.is_active) for pool in pools}
    for member in PoolMember.objects.filter(pool_id__in=cards).order_by("rep_id"):
        card = cards[member.pool_id]
        card.members[member.rep_id] = member.pk
        card.weights[member.rep_id] = member.weight
        card.turns[member.rep_id] = member.turns
        card.arrears[member.rep_id] = member.arrears
        if member.credits:
            card.credits[member.rep_id] = member.credits
    return cards
