from typing import Any

from celery import shared_task

from handoff import byrule, clocks, delivering, digests, mailing, outbox, replays, routing, settling
from leads import clock


@shared_task(name="handoff.tasks.route_waiting")
def route_waiting(**kwargs: Any) -> None:
    """Route what waits for a rep."""
    routing.drain()


@shared_task(name="handoff.tasks.sweep_clocks")
def sweep_clocks(**kwargs: Any) -> None:
    """Let overdue offers lapse and wake deferred leads."""
    clocks.sweep()


@shared_task(name="handoff.tasks.settle_decisions")
def settle_decisions(**kwargs: Any) -> None:
    """Let decisions take effect whose time to undo is over."""
    settling.settle_due()


@shared_task(name="handoff.tasks.deliver_notices")
def deliver_notices(**kwargs: Any) -> None:
    """Mail the notices that are due."""
    mailing.deliver_due()


@shared_task(name="handoff.tasks.deliver_webhooks")
def deliver_webhooks(**kwargs: Any) -> None:
    """Send other systems the facts that are due."""
    delivering.deliver_due()


@shared_task(name="handoff.tasks.forget_facts")
def forget_facts(**kwargs: Any) -> None:
    """Drop old facts with the log of their deliveries."""
    outbox.forget_old(clock.now())


@shared_task(name="handoff.tasks.qualify_by_rule")
def qualify_by_rule(**kwargs: Any) -> None:
    """Make SQLs of the accepted MQLs that meet a rule, where a rule decides."""
    byrule.sweep()


@shared_task(name="handoff.tasks.run_replays")
def run_replays(**kwargs: Any) -> None:
    """Run the replays of a routing that somebody asked for."""
    replays.drain()


@shared_task(name="handoff.tasks.write_digests")
def write_digests(**kwargs: Any) -> None:
    """Write the digests of the day to whoever has not had one."""
    digests.write_due()
