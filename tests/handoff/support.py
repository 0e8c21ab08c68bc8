"""What handoff tests say often."""

from datetime import timedelta

from handoff import clocks, routing, settling
from handoff.checks import CHECKS
from handoff.models import Handoff, RejectionReason
from leads import clock
from tests.factories import AT, make_mqls

LATER = AT + timedelta(minutes=2)


def findings(at=AT):
    """Return what `verify` would find of handoffs."""
    return [found for _, _, check in CHECKS for found in check(at)]


def work(at=AT):
    """Do all that is due, as `manage.py work --until-idle` does."""
    while settling.settle_due(at) + clocks.sweep(at) + routing.drain(at):
        pass


def current(lead):
    return (
        Handoff.objects.select_related("lead", "cycle", "rep__user").filter(lead=lead).order_by("pk").last()
    )


def offers(count):
    """Make so many MQLs and route them, all now; return their offers, in the order they were made."""
    now = clock.now()
    made = make_mqls(count, at=now)
    routing.drain(now)
    routed = Handoff.objects.select_related("lead", "cycle", "rep__user").filter(status="offered")
    found = list(routed.filter(lead__in=made).order_by("pk"))
    assert len(found) == count
    return found


def reason(slug="no_need_now", **fields):
    """Return a seeded reason, also where a flush emptied the table."""
    defaults = {"label": slug.replace("_", " ").capitalize(), "next_path": "nurture"}
    return RejectionReason.objects.update_or_create(
        slug=slug, defaults=fields, create_defaults={**defaults, **fields}
    )[0]
