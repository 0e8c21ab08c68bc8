"""How a destination stands: failures in a row, left alone for a while, switched off, changed by an admin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from handoff import notices
from handoff.destinations import DeliveryError, signing
from handoff.models import Notice
from handoff.notices import Kind
from handoff.outgoing import Delivery, Destination
from leads.audit import audit, diff, snapshot
from leads.enums import Role
from leads.models import User
from leads.wakeup import wake

# An old secret signs beside the new one for this long, so that the receiver can change over in peace.
OVERLAP = timedelta(hours=24)
PATIENCE = 3  # failures in a row after which all its messages wait
SHORTEST, LONGEST = timedelta(seconds=10), timedelta(minutes=10)
AUDITED = ("name", "kind", "events", "is_active", "disabled_reason")


def succeeded(destination: Destination) -> None:
    """Note that something arrived: the failures before it no longer count."""
    if destination.failures:
        destination.failures, destination.failing_since, destination.paused_until = 0, None, None
        Destination.objects.filter(pk=destination.pk).update(
            failures=0, failing_since=None, paused_until=None
        )


def failed(destination: Destination, error: DeliveryError, at: datetime) -> None:
    """Note a failure: leave the destination alone for a while, or switch it off when there is no hope."""
    destination.failures += 1
    destination.failing_since = destination.failing_since or at
    destination.paused_until = _pause(destination.failures, at)
    row = Destination.objects.filter(pk=destination.pk)
    row.update(
        failures=F("failures") + 1,
        failing_since=destination.failing_since,
        paused_until=destination.paused_until,
    )
    patience = timedelta(hours=settings.LEADFLOW_WEBHOOK_DISABLE_HOURS)
    if error.gone:
        switch_off(destination, "It answered 410 Gone.", at)
    elif at - destination.failing_since >= patience:
        hours = settings.LEADFLOW_WEBHOOK_DISABLE_HOURS
        switch_off(destination, f"Nothing arrived there for {hours} hours. Last: {error}"[:200], at)


def _pause(failures: int, at: datetime) -> datetime | None:
    if failures < PATIENCE:
        return None
    return at + min(SHORTEST * 2 ** min(failures - PATIENCE, 10), LONGEST)


def switch_off(destination: Destination, reason: str, at: datetime, by: User | None = None) -> None:
    """Stop sending, once; what waits stays. The admins are told unless one of them did it."""
    active = Destination.objects.filter(pk=destination.pk, is_active=True)
    if not active.update(is_active=False, disabled_reason=reason):
        return
    destination.is_active, destination.disabled_reason = False, reason
    audit(
        "webhook.disable",
        destination,
        by=by,
        at=at,
        changes={"is_active": (True, False)},
        via="" if by else "system",
    )
    if by is None:
        text = f"The webhook “{destination.name}” was switched off. {reason}"[:300]
        admins = User.objects.filter(is_active=True, role=Role.ADMIN)
        notices.notify(
            Notice(user=admin, kind=Kind.WEBHOOK_OFF, text=text, created_at=at) for admin in admins
        )


@transaction.atomic
def switch_on(destination: Destination, by: User, at: datetime) -> None:
    """Send again: what waited since it was switched off, and what happens from now on."""
    if Destination.objects.filter(pk=destination.pk, is_active=False).update(
        is_active=True,
        disabled_reason="",
        listening_since=at,
        failures=0,
        failing_since=None,
        paused_until=None,
    ):
        audit("webhook.enable", destination, by=by, at=at, changes={"is_active": (False, True)})
        wake("handoff.tasks.deliver_webhooks")


@transaction.atomic
def create(name: str, kind: str, url: str, events: Sequence[str], *, by: User, at: datetime) -> Destination:
    """Add a destination; the secret of a signed one is on the row returned. The address was checked."""
    secret = signing.new_secret() if kind == Destination.Kind.WEBHOOK else ""
    made = Destination.objects.create(
        name=name, kind=kind, url=url, events=list(events), secret=secret, listening_since=at, created_at=at
    )
    audit("webhook.create", made, by=by, at=at, changes=diff({}, snapshot(made, AUDITED)))
    return made


@transaction.atomic
def change(destination: Destination, values: dict[str, Any], *, by: User, at: datetime) -> None:
    """Change name, address or events. An address may hold a secret, so the log says only that it changed."""
    before = snapshot(destination, AUDITED)
    moved = values.get("url", destination.url) != destination.url
    if set(values.get("events", [])) - set(destination.events):
        values = {**values, "listening_since": at}
    for field, value in values.items():
        setattr(destination, field, value)
    destination.save(update_fields=list(values))
    changes = diff(before, snapshot(destination, AUDITED)) | ({"url": ["…", "changed"]} if moved else {})
    if changes:
        audit("webhook.edit", destination, by=by, at=at, changes=changes)


@transaction.atomic
def rotate(destination: Destination, *, by: User, at: datetime) -> str:
    """Give it a new secret and return it; the old one signs beside it for a day."""
    secret = signing.new_secret()
    Destination.objects.filter(pk=destination.pk).update(
        old_secret=F("secret"), old_secret_until=at + OVERLAP, secret=secret
    )
    audit("webhook.rotate", destination, by=by, at=at)
    return secret


@transaction.atomic
def remove(destination: Destination, *, by: User, at: datetime) -> None:
    """Remove a destination with its log."""
    audit("webhook.delete", destination, by=by, at=at)
    destination.delete()


@transaction.atomic
def send_again(delivery: Delivery, *, by: User, at: datetime) -> None:
    """Have a delivery sent again from the beginning, under the same id, whether it had arrived or not."""
    Delivery.objects.filter(pk=delivery.pk).update(
        status=Delivery.Status.WAITING, attempts=0, due_at=at, delivered_at=None
    )
    Destination.objects.filter(pk=delivery.destination_id).update(paused_until=None)
    audit("webhook.resend", delivery.destination, by=by, at=at, changes={"delivery": (None, delivery.pk)})
    wake("handoff.tasks.deliver_webhooks")


@transaction.atomic
def send_failed_again(destination: Destination, *, by: User, at: datetime) -> int:
    """Have everything tried again that was given up; return how many."""
    given_up = destination.deliveries.filter(status=Delivery.Status.FAILED)
    count = given_up.update(status=Delivery.Status.WAITING, attempts=0, due_at=at)
    Destination.objects.filter(pk=destination.pk).update(paused_until=None)
    audit("webhook.resend", destination, by=by, at=at, changes={"deliveries": (None, count)})
    wake("handoff.tasks.deliver_webhooks")
    return count
