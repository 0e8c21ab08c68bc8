"""Which of many leads are worth asking the rule sets about: a cheap condition that no lead to promote fails.

One statement finds who recently gave a signal that rule sets ask for; the rest are comparisons of the lead's own
score columns. The exact answer follows in `scoring.promotion`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import F, Q

from leads.enums import Stage, Status
from leads.models import EngagementDay, Lead
from leads.models.people import LeadQuerySet
from scoring.live import Catalogue, Rules
from scoring.rulebook import GRADES, Condition, RuleSet
from scoring.storing import Chosen

OPEN_STATUSES = (Status.ACTIVE, Status.NURTURE)
COLUMNS = {
    "score_at_least": "score__gte",
    "fit_at_least": "fit_score__gte",
    "engagement_at_least": "engagement_score__gte",
    "band_at_least": "band__gte",
    "momentum_at_least": "momentum__gte",
}
SIGNAL_KINDS = ("signal", "form_with_product")
Given = dict[int, dict[int, date]]  # signal id → lead id → the latest day


def open_leads() -> LeadQuerySet:
    """Return the leads that can become an MQL at all."""
    return Lead.objects.live().filter(stage=Stage.LEAD, status__in=OPEN_STATUSES)


def candidates(
    chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue, *, overnight: bool
) -> list[int]:
    """Return the ids of the chosen leads, scored as of `day`, that may qualify, wake, leave or need a fit check.

    `overnight` says that only the date changed since the last time. Then a rule set can come to hold in three
    ways only: something negative fades, the momentum turns, or a cool-down ends.
    """
    sieve = _Sieve(chosen, day, rules, catalogue, overnight)
    wanted = Q(needs_fit_check=True) | Q(unsubscribed_at__gt=F("stage_since"))
    if not overnight:
        wanted |= Q(status=Status.NURTURE)
    for rule_set in rules.rulebook.mql:
        wanted |= sieve.may_hold(rule_set)
    found = open_leads().filter(chosen.condition, wanted).order_by("pk").values_list("pk", "cycle_number")
    return [pk for pk, cycles in found if sieve.may_have_changed(pk, cycles)]


class _Sieve:
    def __init__(
        self, chosen: Chosen, day: date, rules: Rules, catalogue: Catalogue, overnight: bool
    ) -> None:
        self.chosen, self.day, self.catalogue = chosen, day, catalogue
        self.rule_sets = rules.rulebook.mql
        self.fading_rules = [rule for rule in rules.rulebook.engagement_rules if rule.points < 0]
        momentum = any(asked.kind == "momentum_at_least" for one in self.rule_sets for asked in one.all)
        self.only_fading = overnight and not momentum
        self.given = self._given(dict(self._asked_for()))
        self.fading = self._fading() if self.only_fading else set()

    def may_have_changed(self, lead_id: int, cycles: int) -> bool:
        return not self.only_fading or cycles > 0 or lead_id in self.fading

    def may_hold(self, rule_set: RuleSet) -> Q:
        condition = Q() if rule_set.hand_raiser else Q(disqualified_by="")
        for asked in rule_set.all:
            condition &= self._may_be(asked)
        return condition

    def _may_be(self, asked: Condition) -> Q:
        if column := COLUMNS.get(asked.kind):
            return Q(**{column: asked.value})
        if asked.kind == "grade_at_least":
            return Q(grade__in=list(GRADES[: GRADES.index(asked.value) + 1]))
        if asked.kind in SIGNAL_KINDS:
            return Q(pk__in=self._gave(asked.signals or ("form",), asked.within_days))
        return Q()

    def _gave(self, signals: tuple[str, ...], within_days: int) -> set[int]:
        since = self.day - timedelta(days=within_days)
        latest = (
            self.given[self.catalogue.ids[signal]] for signal in signals if signal in self.catalogue.ids
        )
        return {lead_id for days in latest for lead_id, day in days.items() if day > since}

    def _fading(self) -> set[int]:
        # A day more than the window: a line that left it over night has risen to nothing.
        return {pk for rule in self.fading_rules for pk in self._gave((rule.signal,), rule.window_days + 1)}

    def _asked_for(self) -> Iterator[tuple[int, int]]:
        """The signals the sieve must know of, and for how many days back."""
        longest: dict[str, int] = defaultdict(int)
        for rule_set in self.rule_sets:
            for asked in rule_set.all:
                if asked.kind in SIGNAL_KINDS:
                    for signal in asked.signals or ("form",):
                        longest[signal] = max(longest[signal], asked.within_days)
        for rule in self.fading_rules if self.only_fading else ():
            longest[rule.signal] = max(longest[rule.signal], rule.window_days + 1)
        for signal, days in longest.items():
            if signal in self.catalogue.ids:
                yield self.catalogue.ids[signal], days

    def _given(self, asked_for: dict[int, int]) -> Given:
        given: Given = {signal_id: {} for signal_id in asked_for}
        if not asked_for:
            return given
        recent = Q()
        for signal_id, days in asked_for.items():
            recent |= Q(signal_id=signal_id, occurred_on__gt=self.day - timedelta(days=days))
        rows = EngagementDay.objects.filter(self.chosen.on("lead_id"), recent, occurred_on__lte=self.day)
        for signal_id, lead_id, day in rows.values_list("signal_id", "lead_id", "occurred_on").order_by(
            "occurred_on"
        ):
            given[signal_id][lead_id] = day
        return given
