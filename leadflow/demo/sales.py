"""How the demo's reps work: they take, decide and work handoffs through the same functions as the pages.

What they decide follows from the lead's hidden need and fit plus chance, never from the score, so that the
reports and back-tests have something true to find.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet

from handoff import discovery, opportunities, workflow
from handoff.errors import HandoffConflict, Invalid
from handoff.models import Handoff, HandoffStatus, NextPath, Opportunity, QueueReason, RejectionReason
from leadflow.demo.people import Person
from leads.conversations import log_conversation
from leads.enums import Stage
from leads.lifecycle import IllegalMove
from leads.models import User

STUDENT = "competitor"  # part of the slug of the reason for false data
LAPSE = 0.05
MEETS, MET = 0.7, "They showed us their feeds."
# Minutes from accepting to the first call; those of a day are left for the next mornings.
CALLED_AFTER = [3, 20, 45, 90, 150, 240, 400, 1440, 1440, 1440, 1440, 1440]
SUMMARIES = {
    True: "Good call: the need is real and they know by when.",
    False: "Friendly call, but nothing is planned yet.",
}
PROBLEMS = [
    "Late feeds break the morning report.", "Two tools do the same work and nobody trusts either.",
    "An audit asks who changed what.", "The nightly job takes until noon.",
]  # fmt: skip
STEPS = ["Show it on their own feed", "Call with the platform team", "Security review", "Workshop on site"]
WITH = ("lead", "rep__user", "cycle", "reason")  # what a decision reads of a handoff
LOST = ["Went with what they had", "Budget was cut", "Chose another vendor"]


@dataclass
class SalesFloor:
    """Everything the reps know: who the people are, and the reasons they may give."""

    rng: random.Random
    people: Mapping[str, Person]  # by e-mail
    reasons: Mapping[str, RejectionReason]
    promised: dict[int, datetime] = field(default_factory=dict)  # handoff id → when to look at it again

    def work(self, at: datetime) -> None:
        """Let every rep spend the moment `at` on what lies open."""
        self._answer_offers(at)
        self._contact_and_qualify(at)
        self._move_deals(at)

    def _answer_offers(self, at: datetime) -> None:
        offers = Handoff.objects.filter(status=HandoffStatus.OFFERED, settle_at=None, accept_by__gte=at)
        # Some are overlooked: the clock takes those on.
        seen = [pk for pk in _ids(offers) if self.rng.random() >= LAPSE]
        for handoff in offers.filter(pk__in=seen).select_related(*WITH).order_by("id"):
            self._answer(handoff, at)

    def _answer(self, handoff: Handoff, at: datetime) -> None:
        by = handoff.rep.user if handoff.rep else None
        person = self.people.get(handoff.lead.email or "")
        if by is None:
            return
        try:
            if self.rng.random() < self._appeal(person):
                workflow.accept(handoff, by=by, at=at)
            elif self.rng.random() < 0.12:
                workflow.return_to_marketing(
                    handoff, by=by, at=at, missing=["role"], note="Who decides there?"
                )
            else:
                reason = self._reason(person)
                note = "Found out on the phone." if reason.needs_note or self.rng.random() < 0.4 else ""
                missing = ["role"] if reason.next_path == NextPath.FIX_DATA else []
                workflow.reject(handoff, by=by, at=at, reason=reason, note=note, missing=missing)
        except (HandoffConflict, Invalid):
            return

    def _appeal(self, person: Person | None) -> float:
        """How likely a rep takes this lead: what shows of their need, and whether they fit at all."""
        if person is None:
            return 0.5
        partner = 0.12 if person.source == "partner" else 0
        return min(0.95, 0.25 + 0.75 * person.need + (0.15 if person.fits else -0.25) + partner)

    def _reason(self, person: Person | None) -> RejectionReason:
        weights = dict.fromkeys(self.reasons, 1.0)
        for slug in weights:
            if "need" in slug or "timeline" in slug:
                weights[slug] = 5 * (1.2 - (person.need if person else 0.5))
            if "person" in slug or "fit" in slug:
                weights[slug] = 1 if person and person.fits else 4
            if STUDENT in slug:
                weights[slug] = 6 if person and "tudent" in person.title else 0.2
        return self.reasons[self.rng.choices(list(weights), list(weights.values()))[0]]

    def call_at_once(self, at: datetime, until: datetime) -> None:
        """Let the quicker reps call whom they accepted at the moment `at`, none later than `until`."""
        fresh = _worked().filter(first_contact_at=None).exclude(pk__in=self.promised)
        calls = {pk: at + timedelta(minutes=self.rng.choice(CALLED_AFTER)) for pk in _ids(fresh)}
        calls = {pk: when for pk, when in calls.items() if when < min(at + timedelta(hours=8), until)}
        quick = fresh.filter(pk__in=calls).select_related(*WITH)
        for handoff in sorted(quick, key=lambda one: calls[one.pk]):
            self._next_step(handoff, calls[handoff.pk])

    def _contact_and_qualify(self, at: datetime) -> None:
        mine = _worked()
        due = [pk for pk in _ids(mine) if self.promised.setdefault(pk, self._first_look(at)) <= at]
        for handoff in mine.filter(pk__in=due).select_related(*WITH).order_by("id"):
            self._next_step(handoff, at)

    def _first_look(self, at: datetime) -> datetime:
        return at + timedelta(hours=self.rng.choice([0, 0, 24, 24, 48]))

    def _next_step(self, handoff: Handoff, at: datetime) -> None:
        by, person = (handoff.rep.user if handoff.rep else None), self.people.get(handoff.lead.email or "")
        if by is None:
            return
        need = person.need if person else 0.5
        if handoff.first_contact_at is None:
            reached = self.rng.random() < 0.8
            log_conversation(
                handoff.lead,
                kind="call",
                reached=reached,
                at=at,
                by=by,
                summary=SUMMARIES[need > 0.5] if reached else "",
            )
            self.promised[handoff.pk] = at + timedelta(days=self.rng.randint(2, 9))
            return
        try:
            self._conclude(handoff, by, need, at)
        except (HandoffConflict, Invalid, IllegalMove):
            self.promised[handoff.pk] = at + timedelta(days=7)

    def _conclude(self, handoff: Handoff, by: User, need: float, at: datetime) -> None:
        chance = self.rng.random()
        if chance < need * 0.9 + 0.08:
            self._qualify(handoff, by, at)
        elif chance < need * 0.9 + 0.25:
            until = (at + timedelta(days=self.rng.randint(10, 40))).date()
            workflow.defer(handoff, by=by, at=at, until=until, next_step=self.rng.choice(STEPS))
            self.promised[handoff.pk] = at + timedelta(days=(until - at.date()).days + 1)
        else:
            reason = self._reason(self.people.get(handoff.lead.email or ""))
            workflow.reject(handoff, by=by, at=at, reason=reason, note="After two calls.")

    def _qualify(self, handoff: Handoff, by: User, at: datetime) -> None:
        answers = {
            "need_problem": self.rng.choice(PROBLEMS),
            "timing": self.rng.choice(["in 3 months", "in 2 months", "this quarter", "in 5 months"]),
            "next_step": self.rng.choice(STEPS),
        }
        if self.rng.random() < 0.7:
            answers |= {"decision_maker": "Head of data", "stakeholders": "Platform lead, Finance"}
        if self.rng.random() < 0.5:
            answers["budget"] = self.rng.choice(["25-75 k", "under 25 k", "over 75 k"])
        if self.rng.random() < MEETS:
            log_conversation(
                handoff.lead,
                kind="meeting",
                reached=True,
                at=at,
                by=by,
                summary=MET,
            )
        discovery.save_answers(handoff, answers, by=by, at=at)
        discovery.qualify(handoff, by=by, at=at)
        self.promised.pop(handoff.pk, None)

    def _move_deals(self, at: datetime) -> None:
        sqls = Handoff.objects.filter(
            lead__stage=Stage.SQL, cycle__sql_at__lte=at - timedelta(days=3), cycle__ended_at=None
        )
        sqls = sqls.filter(status=HandoffStatus.ACCEPTED, lead__owner=F("rep__user"))
        ready = [pk for pk in _ids(sqls) if self.rng.random() < 0.1]
        for handoff in sqls.filter(pk__in=ready).select_related("lead__company", *WITH).order_by("id"):
            if handoff.rep:
                name = handoff.lead.company.name if handoff.lead.company else handoff.lead.name
                opportunities.open_opportunity(
                    handoff, by=handoff.rep.user, at=at, name=f"{name}: Pipelines",
                    amount=Decimal(self.rng.randint(8, 90) * 1000), currency="EUR",
                    close_on=(at + timedelta(days=60)).date(),
                )  # fmt: skip
        self._close_deals(at)

    def _close_deals(self, at: datetime) -> None:
        deals = Opportunity.objects.filter(outcome="", opened_at__lte=at - timedelta(days=14))
        decided = [pk for pk in _ids(deals) if self.rng.random() <= 0.03]
        for deal in deals.filter(pk__in=decided).select_related("cycle__lead", "opened_by").order_by("id"):
            if deal.opened_by is None:
                continue
            person = self.people.get(deal.cycle.lead.email or "")
            won = self.rng.random() < (0.25 + 0.5 * (person.need if person else 0.5))
            opportunities.close_opportunity(
                deal,
                by=deal.opened_by,
                at=at,
                outcome="won" if won else "lost",
                reason="" if won else self.rng.choice(LOST),
            )


def mend_returned(marketer: User, at: datetime, rng: random.Random) -> None:
    """Let marketing answer what sales gave back: most go to sales again, a few wait."""
    returned = Handoff.objects.filter(
        status=HandoffStatus.QUEUED, queue_reason=QueueReason.RETURNED, closed_at=None,
        waiting_since__lte=at - timedelta(days=2),
    )  # fmt: skip
    mended = [pk for pk in _ids(returned) if rng.random() < 0.5]
    for handoff in returned.filter(pk__in=mended).select_related("lead").order_by("id"):
        workflow.release_to_sales(handoff, by=marketer, at=at, note="They lead the team that would use it.")


def _worked() -> QuerySet[Handoff]:
    """Return the accepted handoffs whose acceptance nobody can take back any more."""
    return Handoff.objects.filter(status=HandoffStatus.ACCEPTED, closed_at=None, settle_at=None)


def _ids(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by("id").values_list("id", flat=True))
