"""The deal an SQL becomes, once per cycle, and how it ended (R27)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from handoff.discovery import become_sql, must_work
from handoff.errors import HandoffConflict, Invalid, NotAllowed
from handoff.locks import atomic, lock_lead
from handoff.models import Handoff, HandoffStatus, Opportunity
from leads import clock
from leads.definitions import sql_meaning
from leads.enums import SqlMeaning, Stage
from leads.lifecycle import move_to_stage
from leads.models import Organisation, User

LARGEST = Decimal("9999999999.99")


@atomic
def open_opportunity(
    handoff: Handoff,
    *,
    by: User,
    at: datetime,
    name: str,
    close_on: date,
    amount: Decimal | None = None,
    currency: str = "",
) -> Opportunity:
    """Put an SQL in the forecast. Where an SQL is a conversation put in the pipeline, this makes it one, too.

    A second one for the same cycle raises HandoffConflict.
    """
    must_work(handoff, by)
    currency = (currency or Organisation.current().currency).strip().upper()
    _check(name, amount, currency, close_on, at)
    lead = lock_lead(handoff.lead_id)
    existing = Opportunity.objects.filter(cycle=handoff.cycle_id).first()
    if existing:
        raise HandoffConflict("opportunity", f"There is an opportunity already: {existing.name}.")
    if lead.stage == Stage.MQL and sql_meaning() == SqlMeaning.CONVERSATION:
        lead = become_sql(handoff, by=by, at=at)
    if lead.stage != Stage.SQL or lead.cycle_number != handoff.cycle.number:
        raise HandoffConflict(
            lead.stage, f"{lead.name} is {lead.get_stage_display()}; only an SQL becomes one."
        )
    opportunity = Opportunity.objects.create(
        cycle_id=handoff.cycle_id,
        name=name.strip(),
        amount=amount,
        currency=currency,
        close_on=close_on,
        opened_at=at,
        opened_by=by,
    )
    evidence = {"opportunity": opportunity.pk, "amount": str(amount or ""), "currency": currency}
    move_to_stage(lead, Stage.OPPORTUNITY, at=at, by=by, reason=opportunity.name, evidence=evidence)
    return opportunity


@atomic
def close_opportunity(
    opportunity: Opportunity, *, by: User, at: datetime, outcome: str, reason: str = ""
) -> Opportunity:
    """Note that the deal was won or lost, once; a lost one says why."""
    reason = reason.strip()
    if outcome not in ("won", "lost"):
        raise Invalid({"outcome": "A deal is won or lost."})
    if outcome == "lost" and not reason:
        raise Invalid({"reason": "Say why it was lost: it is what the rules learn from."})
    if len(reason) > 200:
        raise Invalid({"reason": f"That is {len(reason)} characters long; 200 fit here."})
    lead = lock_lead(opportunity.cycle.lead_id)
    _must_own(opportunity, by)
    still_open = Opportunity.objects.filter(pk=opportunity.pk, outcome="")
    if not still_open.update(outcome=outcome, outcome_reason=reason, closed_at=at):
        opportunity.refresh_from_db()
        raise HandoffConflict(
            opportunity.outcome, f"It was {opportunity.outcome} already.", when=opportunity.closed_at
        )
    stage = Stage.WON if outcome == "won" else Stage.LOST
    move_to_stage(
        lead, stage, at=at, by=by, reason=reason or opportunity.name, evidence={"opportunity": opportunity.pk}
    )
    opportunity.refresh_from_db()
    return opportunity


def handoff_of(opportunity: Opportunity) -> Handoff | None:
    """Return the accepted handoff the deal came from."""
    accepted = Handoff.objects.filter(cycle=opportunity.cycle_id, status=HandoffStatus.ACCEPTED)
    return accepted.select_related("rep__user", "cycle").order_by("-attempt").first()


def _must_own(opportunity: Opportunity, by: User) -> None:
    handoff = handoff_of(opportunity)
    if handoff:
        must_work(handoff, by)
    elif not (by.is_active and by.is_admin):
        raise NotAllowed("Only an admin can close a deal nobody was handed.")


def _check(name: str, amount: Decimal | None, currency: str, close_on: date, at: datetime) -> None:
    problems = {}
    if not 0 < len(name.strip()) <= 200:
        problems["name"] = "Give it a name of 1 to 200 characters."
    if amount is not None and not (amount.is_finite() and 0 <= amount <= LARGEST):
        problems["amount"] = "The amount is 0 or more, and below ten thousand million."
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        problems["currency"] = "Write the currency as three letters, for example EUR."
    if close_on < clock.day_of(at):
        problems["close_on"] = "That day is over. Pick today or later."
    if problems:
        raise Invalid(problems)
