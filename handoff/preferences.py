"""How each user wants to be told of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from handoff.errors import Invalid
from handoff.notices import Kind
from handoff.personal import Mail, NoticePreference
from leads.audit import audit, diff
from leads.enums import Role
from leads.models import User

_REP, _MANAGER, _ADMIN, _MARKETER = Role.REP, Role.MANAGER, Role.ADMIN, Role.MARKETER
# Who gets which; kinds not named here are for those who sell.
ROLES: dict[str, set[str]] = {
    Kind.OFFERED: {_REP}, Kind.EXPIRED: {_REP}, Kind.REASSIGNED: {_REP}, Kind.WITHDRAWN: {_REP},
    Kind.DEFERRAL_OVER: {_REP}, Kind.WOKEN: {_REP, _MANAGER}, Kind.QUEUED: {_MANAGER, _ADMIN},
    Kind.WAITS_LONG: {_MANAGER, _ADMIN, _MARKETER},
    Kind.RETURNED: {_MARKETER}, Kind.WEBHOOK_OFF: {_ADMIN},
}  # fmt: skip
SELLING = {_REP, _MANAGER}


@dataclass(frozen=True)
class Wish:
    """How one kind of notice is told."""

    in_app: bool = True
    mail: str = Mail.NOW


def kinds_for(user: User) -> list[Kind]:
    """Return the kinds a user of this role can be told of, without the digest."""
    return [kind for kind in Kind if kind != Kind.DIGEST and user.role in ROLES.get(kind, SELLING)]


def has_digest(user: User) -> bool:
    return user.role in SELLING


def wishes_of(user: User) -> dict[str, Wish]:
    """Return how the user is told of each kind, the digest among them."""
    stored = {row.kind: Wish(row.in_app, row.mail) for row in NoticePreference.objects.filter(user=user)}
    kinds = [*kinds_for(user), *([Kind.DIGEST] if has_digest(user) else [])]
    return {kind: stored.get(kind, Wish()) for kind in kinds}


@transaction.atomic
def save(user: User, wishes: Mapping[str, Wish], at: datetime) -> None:
    """Store wishes; raises Invalid for one by which an offer would reach nobody."""
    before = wishes_of(user)
    _check(before | dict(wishes))
    for kind, wish in wishes.items():
        NoticePreference.objects.update_or_create(
            user=user, kind=kind, defaults={"in_app": wish.in_app, "mail": wish.mail}
        )
    changes = diff(_plain(before), _plain(wishes_of(user)))
    if changes:
        audit("preferences.edit", user, by=user, at=at, changes=changes)


def _check(wishes: Mapping[str, Wish]) -> None:
    problems: dict[str, str] = {}
    offer = wishes.get(Kind.OFFERED)
    if offer and not offer.in_app and offer.mail != Mail.NOW:
        problems[Kind.OFFERED] = "An offer has a deadline: see it here, or have it mailed at once."
    digest = wishes.get(Kind.DIGEST)
    if digest is None or digest.mail == Mail.OFF:
        for kind, wish in wishes.items():
            if wish.mail == Mail.DIGEST and kind not in problems:
                problems[kind] = "You get no digest. Turn it on, or choose another way."
    if problems:
        raise Invalid(problems)


def _plain(wishes: Mapping[str, Wish]) -> dict[str, Any]:
    return {kind: f"{'in app, ' if wish.in_app else ''}mail {wish.mail}" for kind, wish in wishes.items()}
