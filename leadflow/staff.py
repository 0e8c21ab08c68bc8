"""Users: adding, changing and deactivating them, without leaving leads or the organisation orphaned."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from handoff import workflow
from handoff.models import Handoff, HandoffStatus, Rep
from leads.audit import audit, diff, snapshot
from leads.enums import Role
from leads.models import User

FIELDS = ("email", "name", "role", "team", "is_active")


class NotPossible(Exception):
    """The change would leave nobody in charge, or leads with nobody; the message says what to do."""


class NeedsHeir(NotPossible):
    """The rep still has open handoffs; say who gets them."""

    def __init__(self, user: User, count: int) -> None:
        self.count = count
        leads = "one lead" if count == 1 else f"{count} leads"
        super().__init__(f"{user} still has {leads} handed over. Choose who gets them.")


def create_user(fields: Mapping[str, Any], *, by: User, at: datetime) -> User:
    """Add a user with a password nobody knows; they set their own by a link."""
    with transaction.atomic():
        user = User.objects.create_user(password=secrets.token_urlsafe(32), **fields)
        _keep_rep(user)
        audit("user.create", user, by=by, at=at, changes=diff({}, snapshot(user, FIELDS)))
    return user


def change_user(
    user: User, fields: Mapping[str, Any], *, by: User, at: datetime, heir: Rep | None = None
) -> None:
    """Set the given fields. A rep who stops being one passes open handoffs on to `heir`.

    Raises NotPossible for the last admin and for one's own role or access, NeedsHeir for a rep with open handoffs.
    """
    with transaction.atomic():
        # In one order for everybody, so that two admins cannot remove each other at the same moment.
        admins = User.objects.select_for_update().filter(role=Role.ADMIN, is_active=True).order_by("pk")
        others = [admin for admin in admins if admin.pk != user.pk]
        current = User.objects.get(pk=user.pk)
        before = snapshot(current, FIELDS)
        for name, value in fields.items():
            setattr(current, name, value)
        _check(current, before, by, others_in_charge=bool(others))
        if before["role"] == Role.REP and before["is_active"] and not _takes_leads(current):
            _pass_on(current, heir, by, at)
        current.save(update_fields=list(fields))
        _keep_rep(current)
        if changes := diff(before, snapshot(current, FIELDS)):
            audit("user.edit", current, by=by, at=at, changes=changes)


def _takes_leads(user: User) -> bool:
    return user.role == Role.REP and user.is_active


def _check(user: User, before: Mapping[str, Any], by: User, *, others_in_charge: bool) -> None:
    in_charge = user.role == Role.ADMIN and user.is_active
    was_in_charge = before["role"] == Role.ADMIN and before["is_active"]
    if was_in_charge and not in_charge and not others_in_charge:
        raise NotPossible("This is the last admin. Make somebody else an admin first.")
    if user.pk == by.pk and (user.role != before["role"] or not user.is_active):
        raise NotPossible("You cannot take away your own role or access. Ask another admin.")


def _pass_on(user: User, heir: Rep | None, by: User, at: datetime) -> None:
    held = Handoff.objects.filter(rep__user=user, status__in=[HandoffStatus.OFFERED, HandoffStatus.ACCEPTED])
    handoffs = list(
        held.filter(closed_at=None).select_related("lead", "cycle", "rep__user").order_by("lead_id")
    )
    if handoffs and heir is None:
        raise NeedsHeir(user, len(handoffs))
    for handoff in handoffs:
        assert heir is not None
        workflow.reassign(
            handoff, by=by, rep=heir, reason=f"{user} no longer takes leads", at=at, override_capacity=True
        )


def _keep_rep(user: User) -> None:
    if _takes_leads(user):
        Rep.objects.get_or_create(user=user)
